"""When each claim holds: one rule for each kind of claim, from published tables alone.

``holds``: every condition of the claim. ``fails``: the interval of the claim's own quantity lies wholly at or below its
null. ``not-tested``: an input or an arm is missing. Else ``inconclusive``. See docs/claims.md for every row.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import pandas as pd

from shared_affect.results.claims.families import Family
from shared_affect.results.claims.finding import (
    FAILS,
    HOLDS,
    INCONCLUSIVE,
    Beside,
    Estimate,
    Finding,
    Tested,
    not_tested,
    number,
    verdict_of,
)
from shared_affect.results.people import yardstick
from shared_affect.study.checks import ALPHA
from shared_affect.study.vocabulary import PRIMARY_SPEC


@dataclass(frozen=True)
class Setting:
    """What of the study's settings the claims are asked in.

    Attributes
    ----------
    models, languages : sequence of str
    pair : sequence of str
        The two languages of the analyses across languages, or none.
    sae, human, norms : str
        The primary SAE, and the datasets of judgements and of ratings.
    margin : float
        Of r, within which two arms count as equal.
    steering_margin : float
        Of the target rate, by which the concept vector may be worse than difference of means.
    """

    models: Sequence[str]
    languages: Sequence[str]
    pair: Sequence[str]
    sae: str
    human: str
    norms: str
    margin: float
    steering_margin: float


@dataclass(frozen=True)
class Evidence:
    """All that verdicts rest on.

    Attributes
    ----------
    tables : mapping of table name -> DataFrame
    setting : Setting
    unbuilt : mapping of (model, language) -> {arm: reason}
        Rating arms that could not be built.
    steering : DataFrame or None
        Rows of `steering.statistics.claim_summary` for every steered model and language.
    """

    tables: Mapping[str, pd.DataFrame]
    setting: Setting
    unbuilt: Mapping[tuple[str, str], Mapping[str, str]] = field(default_factory=dict)
    steering: pd.DataFrame | None = None

    def row(self, table: str, **keys: str) -> pd.Series | None:
        """The row of the main study's primary configuration with these words, None where there is none."""
        return one_row(self.tables.get(table), spec=PRIMARY_SPEC, control="none", sae=self.setting.sae, **keys)

    def people(self, direction: str, dimension: str) -> str:
        """How far people of the two languages agree themselves, in words; "" where the study does not ask."""
        found = self.tables.get("human_agreement")
        said = "" if found is None else yardstick(found, direction.split("-"), dimension)
        return f"people themselves: {said}" if said else ""

    def steered(self, claim: str, case: Case) -> pd.Series | None:
        """The summary of the steered texts for a claim."""
        return one_row(self.steering, claim=claim, model=case.model, language=case.language)


@dataclass(frozen=True)
class Case:
    """A claim as it is asked of one model in one language or direction.

    Attributes
    ----------
    claim : str
        Its id.
    family : Family or None
        The tests that it reads.
    """

    claim: str
    model: str
    language: str
    family: Family | None = None

    @property
    def who(self) -> dict[str, str]:
        return {"model": self.model, "language": self.language}

    @property
    def tests(self) -> Family:
        """Its family.

        Raises
        ------
        ValueError
            If its row in the table of claims has none.
        """
        if self.family is None:
            raise ValueError(f"claim {self.claim} has no family; needed: one, for its rule (results/claims/table.py)")
        return self.family


def one_row(frame: pd.DataFrame | None, **keys: str) -> pd.Series | None:
    """The one row with these words, None where there is none.

    Raises
    ------
    ValueError
        If there are several.
    """
    if frame is None:
        return None
    found = frame
    for k, v in keys.items():
        found = found[found[k] == v]
    if len(found) > 1:
        raise ValueError(f"{len(found)} rows with {keys}; needed: at most one")
    return found.iloc[0] if len(found) else None


def _beside(name: str, row: pd.Series | None, value: str) -> Beside:
    return Beside() if row is None else Beside(name, Estimate.of(row, value))


def reproducible(e: Evidence, case: Case) -> Finding:
    """Held-out AUROC above what shuffled concept-sets reach."""
    keys = {**case.who, "quantity": "held_out_auroc"}
    r = e.row("reproducibility", arm="observed", **keys)
    c = e.row("reproducibility", arm="shuffled-concepts", **keys)
    if r is None:
        return not_tested("no reproducibility table")
    return Finding(
        verdict_of([r["ci_low"] > r["shuffled_high"]], r["ci_high"], r["shuffled_high"]),
        "held-out AUROC",
        Estimate.of(r, "value", "n_emotions"),
        beside=_beside("shuffled-concepts", c, "value"),
        table="reproducibility.csv",
    )


def congruent(e: Evidence, case: Case) -> Finding:
    """Congruence with raters over the family's pairs, tested by two nulls."""
    tests, human = case.tests, e.setting.human
    pairs = tests.where["pairs"]
    r = e.row("rsa", human=human, **tests.where, **case.who)
    if r is None:
        return not_tested(f"no pairs {pairs} in rsa.csv")
    shuffled = {**tests.where, "representation": "shuffled-concepts"}
    return Finding(
        verdict_of([r["p_adjusted"] < ALPHA], r["ci_high"]),
        f"rho-a, mean over raters, pairs {pairs}",
        Estimate.of(r, tests.statistic, "n_emotions"),
        # it rejects where both nulls do, so the larger p stands for the two
        Tested(
            max(r["p"], r["p_codes"]),
            r["p_adjusted"],
            r["family"],
            min(r["n_permutations"], r["n_code_permutations"]),
        ),
        _beside("shuffled-concepts", e.row("rsa", human=human, **shuffled, **case.who), "rho"),
        table="rsa.csv",
        human=human,
        reason=f"p {r['p']:.2g} (labels permuted), {r['p_codes']:.2g} (codes permuted over words)",
    )


def beyond_baselines(e: Evidence, case: Case) -> Finding:
    """The emotion space against static embeddings, over all pairs."""
    keys = {**case.who, "human": e.setting.human, "statistic": "rho-a", "pairs": "all"}
    r = e.row("rsa_differences", representation_a="sae-space", representation_b="static", **keys)
    if r is None:
        return not_tested("no difference sae-space - static in rsa_differences.csv")
    return Finding(
        verdict_of([r["ci_low"] > 0], r["ci_high"]),
        "difference of rho-a, sae-space - static",
        Estimate.of(r, "difference", "n_emotions"),
        beside=_beside("static", e.row("rsa", representation="static", **keys), "rho"),
        table="rsa_differences.csv",
        human=e.setting.human,
    )


def dimension(e: Evidence, case: Case, *, of: str, other: str) -> Finding:
    """The plane of the space predicts a dimension of left-out emotions, also beyond the other dimension."""
    keys = {**case.who, "human": e.setting.human}
    own = case.tests.where["quantity"]
    r, beyond, turned = (e.row("dimensions", quantity=q, **keys) for q in (own, f"{own}_beyond_{other}", f"r_{of}"))
    if r is None or beyond is None:
        return not_tested(f"no {own} in dimensions.csv")
    if number(r["p"]) is None:
        return not_tested(
            f"{int(r['n_emotions'])} emotions, or values of them that do not differ enough, for the regression"
        )
    beside = Beside()
    if turned is not None:
        name = f"r of the axis turned to it, permuted labels: mean (in-sample r is {turned['value']:.2f})"
        beside = Beside(name, Estimate(turned["null_mean"], None, turned["null_high"]))
    return Finding(
        verdict_of([r["p_adjusted"] < ALPHA, r["ci_low"] > 0, beyond["ci_low"] > 0], r["ci_high"]),
        "R2 of left-out emotions from the plane of the space",
        Estimate.of(r, "value", "n_emotions"),
        Tested.of(r),
        beside,
        table="dimensions.csv",
        human=e.setting.human,
        reason=(
            f"beyond {other} R2 {beyond['value']:.2f} [{beyond['ci_low']:.2f}, {beyond['ci_high']:.2f}]; p"
            f" {r['p_alone']:.2g} alone, {r['p_beyond']:.2g} beyond {other}"
        ),
    )


def ratings(e: Evidence, case: Case) -> Finding:
    """Features of the space predict ratings, and better than matched features outside it."""
    tests, norms = case.tests, e.setting.norms
    arm, dim = tests.where["arm"], tests.where["dimension"]
    keys = {**case.who, "norms": norms, "dimension": dim}
    r = e.row("ratings", arm=arm, **keys)
    if r is None:
        return not_tested(f"no arm {arm} for {dim} in ratings.csv")
    matched = "outside-matched"
    d, beside = e.row("rating_differences", arm_a=arm, arm_b=matched, **keys), Beside()
    if d is None:
        why = e.unbuilt.get((case.model, case.language), {}).get(matched, "arm missing")
        verdict, reason = INCONCLUSIVE, f"{matched} could not be drawn: {why}"
    else:
        verdict = verdict_of([r["p_adjusted"] < ALPHA, d["ci_low"] > 0], d["ci_high"])
        reason = f"difference to {matched} {d['difference']:.3f} [{d['ci_low']:.3f}, {d['ci_high']:.3f}]"
        beside = _beside(matched, e.row("ratings", arm=matched, **keys), "r")
    return Finding(
        verdict,
        f"r, arm {arm}, unseen words",
        Estimate.of(r, tests.statistic, "n_words"),
        Tested.of(r),
        beside,
        table="ratings.csv",
        human=norms,
        reason=reason,
    )


def shared_suffices(e: Evidence, case: Case) -> Finding:
    """Shared features are equivalent to all features within a margin."""
    keys, margin = {**case.who, "norms": e.setting.norms, "dimension": "valence"}, e.setting.margin
    d = e.row("rating_differences", arm_a="shared", arm_b="all", **keys)
    if d is None:
        return not_tested("no difference between arms all and shared")
    low, high = d["ci90_low"], d["ci90_high"]
    inside, apart = -margin < low and high < margin, low > margin or high < -margin
    worse = "shared worse" if d["difference"] < 0 else "shared not worse"
    return Finding(
        HOLDS if inside else FAILS if apart else INCONCLUSIVE,
        f"difference of r, {d['arm_a']} - {d['arm_b']}, 90 % interval",
        Estimate(d["difference"], low, high),
        beside=_beside("all", e.row("ratings", arm="all", **keys), "r"),
        table="rating_differences.csv",
        human=e.setting.norms,
        reason=f"margin +-{margin}; {worse}",
    )


def shared_universal(e: Evidence, case: Case) -> Finding:
    """More shared features than permutations give, where word frequency is known."""
    tests = case.tests
    r = e.row(tests.table, model=case.model, **tests.where)
    if r is None:
        return not_tested("fewer than two languages")
    known = bool(r["frequency_known"])
    by = "words" if r["p_words"] >= r["p_labels"] else "emotion labels"
    reason = f"p {r['p_labels']:.2g} by labels, {r['p_words']:.2g} by words"
    if not known:
        reason += (
            "; word frequency unknown in a language, so that sets of like frequency could do this alone"
            " (config.yaml, key word_properties)"
        )
    return Finding(
        verdict_of([r["p_adjusted"] < ALPHA, known], None),
        "number of shared features",
        Estimate(r[tests.statistic]),
        Tested.of(r),
        Beside(f"permuted {by}", Estimate(r["expected"], None, r["null_high"])),
        table="shared_features.csv",
        reason=reason,
    )


def transfer(e: Evidence, case: Case) -> Finding:
    """Shared features predict ratings of the other language."""
    tests = case.tests
    keys = {**case.who, "norms": e.setting.norms, "dimension": tests.where["dimension"]}
    arm = tests.where["arm"]
    r = e.row("ratings", arm=arm, **keys)
    if r is None:
        return not_tested("no shared feature, or no such direction, in ratings.csv")
    return Finding(
        verdict_of([r["p_adjusted"] < ALPHA], r["ci_high"]),
        f"r, arm {arm}, {tests.where['dimension']}",
        Estimate.of(r, tests.statistic, "n_words"),
        Tested.of(r),
        _beside("dense", e.row("ratings", arm="dense", **keys), "r"),
        table="ratings.csv",
        human=e.setting.norms,
        reason=e.people(case.language, tests.where["dimension"]),
    )


def _summary(e: Evidence, case: Case) -> pd.Series | Finding:
    """The summary of the steered texts, or what is missing."""
    r = e.steered(case.claim, case)
    if r is None:
        return not_tested("no steered texts in this study")
    return r if r["n_emotions"] else not_tested("the judge has no label for any steered emotion")


def _steered(r: pd.Series, verdict: str, passing: str = "pass", more: str = "") -> Finding:
    n = f"{int(r['n_passing'])} of {int(r['n_emotions'])} emotions"
    beside = Estimate(r["control_value"], r["control_ci_low"], r["control_ci_high"])
    return Finding(
        verdict,
        r["statistic"],
        Estimate.of(r, "value", "n_prompts"),
        beside=Beside(r["control_name"], beside),
        table="steering_differences.csv",
        reason=f"{n} {passing}; nll_ratio {r['nll_ratio']:.2f}{more}",
    )


def steers(e: Evidence, case: Case) -> Finding:
    """The concept vector brings two thirds of the emotions."""
    r = _summary(e, case)
    if isinstance(r, Finding):
        return r
    verdict = verdict_of([r["n_passing"] / r["n_emotions"] >= 2 / 3], r["ci_high"])
    return _steered(r, verdict, more=_baseline(e, case))


def _baseline(e: Evidence, case: Case) -> str:
    """What unsteered texts show already, where that is much."""
    table = e.tables.get("steering_baseline")
    if table is None:
        return ""
    here = (table["model"] == case.model) & (table["language"] == case.language) & (table["sae"] == e.setting.sae)
    high = table[here & table["high"].astype(bool)]
    if not len(high):
        return ""
    # an emotion says more than some emotion
    r = high.assign(last=high["emotion"] == "any").sort_values(["last", "rate"], ascending=[True, False]).iloc[0]
    others = f" and {len(high) - 1} more" if len(high) > 1 else ""
    return (
        f"; high baseline: unsteered texts of the prompts {r['prompts']} show {r['emotion']} in {r['rate']:.2f} (judge"
        f" {r['judge']}){others}, steering_baseline.csv"
    )


def expresses(e: Evidence, case: Case) -> Finding:
    """It brings them also to a judge that sees no concept word, in the mean over emotions."""
    r = _summary(e, case)
    return r if isinstance(r, Finding) else _steered(r, verdict_of([r["ci_low"] > 0.0], r["ci_high"]))


def beyond_means(e: Evidence, case: Case, *, steering: str) -> Finding:
    """It is not worse than difference of means by more than a margin, and steers at all: the claim named `steering`."""
    r, margin = _summary(e, case), e.setting.steering_margin
    if isinstance(r, Finding):
        return r
    # where nothing steers, one vector is as good as the other: no evidence of anything
    against_random = e.steered(steering, case)
    steers = against_random is not None and against_random["ci_low"] > 0
    return _steered(
        r,
        verdict_of([r["ci_low"] > -margin, steers], r["ci_high"], -margin),
        f"above 0; margin {margin:g}" if margin else "pass",
        "" if steers else "; the concept vector itself is not above random directions",
    )


def not_built(e: Evidence, case: Case) -> Finding:
    """No verdict in this version."""
    return not_tested("not built: this version has no vectors carried between models")
