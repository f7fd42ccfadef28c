"""The claims of a study: one row each. Families, verdicts, negative controls, figures and reports read this table.

A new claim is a row here (in the order of claims.json), with a rule in `rules` and, where it is tested, a family in
`families`. What each claim means, and when it holds, stands in docs/claims.md.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import partial

from shared_affect.results.claims import families, rules
from shared_affect.results.claims.families import Family
from shared_affect.results.claims.finding import Finding
from shared_affect.results.claims.rules import Case, Evidence, Setting

Rule = Callable[[Evidence, Case], Finding]


def each_language(s: Setting) -> Iterator[tuple[str, str]]:
    """Every model in every language."""
    return ((m, k) for m in s.models for k in s.languages)


def each_direction(s: Setting) -> Iterator[tuple[str, str]]:
    """Every model in both directions of the pair, where there is one."""
    directions = [f"{a}-{b}" for a, b in (s.pair, s.pair[::-1])] if s.pair else []
    return ((m, k) for m in s.models for k in directions)


def each_model(s: Setting) -> Iterator[tuple[str, str]]:
    """Every model, over the pair of languages."""
    return ((m, "-".join(s.pair) or "-") for m in s.models)


def once(s: Setting) -> Iterator[tuple[str, str]]:
    """One verdict for all models and languages."""
    return iter([("all", "all")])


@dataclass(frozen=True)
class Claim:
    """A row of the table.

    Attributes
    ----------
    id, statement : str
    asked_of : function of the setting
        The models and languages that it is asked of.
    rule : function or None
        When it holds; None for a negative control, whose rule is that of all of them (`controls`).
    family : Family or None
        Tests that it reads.
    is_controlled : bool
        A negative control must not show it: its tests count in the verdicts on the controls, and figures show them
        beside the main study's.
    untouched : mapping of control -> reason
        Controls that cannot void it, so that its tests do not count there.
    control : str
        Of a negative control's claim: the control that must come back empty.
    """

    id: str
    statement: str
    asked_of: Callable[[Setting], Iterator[tuple[str, str]]] = each_language
    rule: Rule | None = None
    family: Family | None = None
    is_controlled: bool = False
    untouched: Mapping[str, str] = field(default_factory=dict)
    control: str = ""


OWN_CODES = "ratings are predicted from the words' own codes, which the shuffle leaves alone"
ROWS = (
    Claim(
        "reproducible",
        "Features selected on half of the concept words mark the other half.",
        rule=rules.reproducible,
    ),
    Claim(
        "structure",
        "The emotion space is congruent with human judgements.",
        rule=rules.congruent,
        family=families.STRUCTURE,
        is_controlled=True,
    ),
    Claim(
        "fine-structure",
        "It is congruent with them also inside a valence class.",
        rule=rules.congruent,
        family=families.FINE_STRUCTURE,
        is_controlled=True,
    ),
    Claim(
        "beyond-baselines",
        "It carries more of them than the model's static embeddings do.",
        rule=rules.beyond_baselines,
    ),
    Claim(
        "dimension-valence",
        "Valence organises the space.",
        rule=partial(rules.dimension, of="valence", other="arousal"),
        family=families.DIMENSION_VALENCE,
    ),
    Claim(
        "dimension-arousal",
        "Arousal organises the space.",
        rule=partial(rules.dimension, of="arousal", other="valence"),
        family=families.DIMENSION_AROUSAL,
    ),
    Claim(
        "ratings-valence",
        "Features of the space predict the valence of unseen words.",
        rule=rules.ratings,
        family=families.RATINGS_VALENCE,
        is_controlled=True,
        untouched={"shuffled-concepts": OWN_CODES},
    ),
    Claim(
        "ratings-arousal",
        "Features of the space predict the arousal of unseen words.",
        rule=rules.ratings,
        family=families.RATINGS_AROUSAL,
        is_controlled=True,
        untouched={"shuffled-concepts": OWN_CODES},
    ),
    Claim(
        "shared-suffices",
        "Features shared by both languages predict valence as well as all features.",
        rule=rules.shared_suffices,
    ),
    Claim(
        "shared-universal",
        "More features are shared by both languages than chance explains.",
        each_model,
        rule=rules.shared_universal,
        family=families.SHARED_UNIVERSAL,
        is_controlled=True,
        untouched={"shuffled-norms": "no ratings enter it"},
    ),
    Claim(
        "transfer",
        "Valence ratings transfer across languages by shared features.",
        each_direction,
        rule=rules.transfer,
        family=families.TRANSFER,
        is_controlled=True,
        untouched={"shuffled-concepts": "features that pass as shared by chance still carry valence in both languages"},
    ),
    Claim("steering", "The concept vector brings its emotion.", rule=rules.steers),
    Claim("expression", "It does so not only by naming the emotion.", rule=rules.expresses),
    Claim(
        "beyond-means",
        "It brings it at least as well as difference of means does.",
        rule=partial(rules.beyond_means, steering="steering"),
    ),
    Claim("carried", "So does a vector carried over from the other architecture.", once, rule=rules.not_built),
    Claim(
        "empty-untrained",
        "Negative control: an untrained model shows none of it.",
        once,
        control="untrained",
    ),
    Claim(
        "empty-norms",
        "Negative control: shuffled ratings and judgements show none of it.",
        once,
        control="shuffled-norms",
    ),
    Claim(
        "empty-concepts",
        "Negative control: shuffled concept-sets show none of it.",
        once,
        control="shuffled-concepts",
    ),
    Claim(
        "empty-world",
        "Negative control: a model of a world without affect shows none of it.",
        once,
        control="no-affect",
    ),
)
CLAIMS = {c.id: c for c in ROWS}
EMPTY = {c.id: c.control for c in ROWS if c.control}
"""Claims that a negative control is empty, with the control of each."""


def _controlled() -> dict[str, Family]:
    found = {c.id: c.family for c in ROWS if c.is_controlled and c.family}
    tables = list(dict.fromkeys(f.table for f in found.values()))
    return dict(sorted(found.items(), key=lambda x: tables.index(x[1].table)))


CONTROLLED = _controlled()
"""Claims that a negative control must not show, with their families; those of one table stand together."""
TESTED_TABLES = tuple(dict.fromkeys(f.table for f in CONTROLLED.values()))
"""Published tables in which a negative control is tested."""


def left_out(control: str) -> dict[str, str]:
    """Claims that a control cannot void, with the reason of each.

    Examples
    --------
    >>> left_out("shuffled-norms")
    {'shared-universal': 'no ratings enter it'}
    """
    return {c.id: c.untouched[control] for c in ROWS if control in c.untouched}
