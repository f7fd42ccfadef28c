"""The words of the study, one record each: what a control, a representation, a pair set, an arm or a judge is.

A word that stands in a published table stands here first, with what figures call it and how they draw it. Its order
here is its order in figures. Who needs the words alone takes the tuples (`CONTROLS`, `REPRESENTATIONS`, `PAIR_SETS`,
`RATING_ARMS`, `STEERING_ARMS`, `JUDGES`); who needs what a word is looks it up by its name.

How an arm is computed is no matter of this room: that stands with the arms (`ratings`, `steering`).

Examples
--------
>>> RATING_ARM["outside-matched"].label
'outside, matched'
>>> [a for a in STEERING_ARMS if not STEERING_ARM[a].of_emotion]
['random', 'none']
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Protocol, TypeVar

# Okabe & Ito's palette for all kinds of colour vision
BLACK, GREY, BLUE, ORANGE = "#000000", "#8a8a8a", "#0072B2", "#E69F00"
GREEN, PURPLE, SKY, RED = "#009E73", "#CC79A7", "#56B4E9", "#D55E00"
PALE = "#bdbdbd"


class Named(Protocol):
    """A record with a name."""

    @property
    def name(self) -> str: ...


N = TypeVar("N", bound=Named)


def _by_name(records: Iterable[N]) -> dict[str, N]:
    return {r.name: r for r in records}


# ---- negative controls


@dataclass(frozen=True)
class Control:
    """A negative control, or ``none``: the main study.

    Attributes
    ----------
    is_model : bool
        It is a row of config/models.tsv, with a label of its own; else the main study's models on shuffled inputs.
    """

    name: str
    label: str
    is_model: bool = False


CONTROL = _by_name(
    [
        Control("none", "main study", is_model=True),
        Control("untrained", "untrained model", is_model=True),
        Control("shuffled-norms", "shuffled human data"),
        Control("shuffled-concepts", "shuffled concept-sets"),
        Control("no-affect", "world without affect", is_model=True),
    ]
)
CONTROLS = tuple(CONTROL)
PRIMARY_SPEC = "primary"
"""The study's own settings, in published tables beside its robustness specifications; claims read them alone."""


# ---- spaces


@dataclass(frozen=True)
class Representation:
    """A rung of the ladder: what emotions are compared in.

    Attributes
    ----------
    component : int
        Which principal component of the residual it is alone; 0: none. Figures draw these beside the ladder.
    """

    name: str
    label: str
    component: int = 0


COMPONENTS = 10
"""Principal components of the residual that are looked at one by one: valence may lie on a late one."""

REPRESENTATION = _by_name(
    [
        Representation("sae-space", "SAE emotion space"),
        Representation("sae-all", "SAE, all features"),
        Representation("dense", "residual stream"),
        Representation("static", "static embeddings"),
        Representation("random-sae", "random SAE features"),
        Representation("shuffled-concepts", "shuffled concept-sets"),
        Representation("non-emotion", "sets that are no emotions"),
        Representation("valence-sign", "human valence sign"),
        Representation("valence-arousal", "human valence, arousal"),
        Representation("association", "word association"),
        Representation("set-overlap", "overlap of the word sets"),
        Representation("with-shared-words", "SAE, shared words kept"),
        Representation("frequency", "word frequency"),
        Representation("word-length", "word length"),
        Representation("sae-euclidean", "SAE, Euclidean distance"),
        Representation("sae-beyond-static", "SAE, static taken out"),
        Representation("dense-beyond-static", "residual, static taken out"),
        *(Representation(f"dense-pc{k}", f"residual, component {k}", k) for k in range(1, COMPONENTS + 1)),
    ]
)
REPRESENTATIONS = tuple(REPRESENTATION)
NUISANCES = (
    *("valence-sign", "valence", "arousal", "valence-arousal", "set-overlap", "frequency", "word-length"),
    "static",
)
"""Dissimilarities that ``rsa.nuisances`` may name, to be taken out of partial correlations."""


@dataclass(frozen=True)
class PairSet:
    """Pairs of emotions that are compared.

    Attributes
    ----------
    colour : str
        In figures; "" where no figure shows the set.
    is_asked_for : bool
        A study names it in ``rsa.pairs``; ``partial`` comes by itself where ``rsa.nuisances`` names some.
    """

    name: str
    label: str
    colour: str = ""
    is_asked_for: bool = True


PAIR_SET = _by_name(
    [
        PairSet("all", "all pairs", BLUE),
        PairSet("within-valence", "pairs within a valence class", RED),
        PairSet("within-positive", "pairs of positive emotions"),
        PairSet("within-negative", "pairs of negative emotions"),
        PairSet("partial", "all pairs, nuisances taken out", is_asked_for=False),
    ]
)
PAIR_SETS = tuple(PAIR_SET)
STATISTICS = ("rho-a", "spearman")
"""Rank correlations of a space with raters; claims read the first."""


# ---- ratings


@dataclass(frozen=True)
class Dimension:
    """A rated dimension of affect."""

    name: str
    colour: str


DIMENSION = _by_name([Dimension("valence", BLUE), Dimension("arousal", RED)])
DIMENSIONS = tuple(DIMENSION)


@dataclass(frozen=True)
class RatingArm:
    """What ratings of words are predicted from."""

    name: str
    label: str


RATING_ARM = _by_name(
    [
        RatingArm("all", "all features"),
        RatingArm("emotion-space", "emotion space"),
        RatingArm("shared", "shared features"),
        RatingArm("outside-matched", "outside, matched"),
        RatingArm("dense", "residual stream"),
        RatingArm("static", "static embeddings"),
        RatingArm("association", "word association"),
        RatingArm("covariates", "covariates only"),
        RatingArm("valence-quadratic", "quadratic in valence"),
    ]
)
RATING_ARMS = tuple(RATING_ARM)


# ---- steering


@dataclass(frozen=True)
class SteeringArm:
    """How texts are written.

    Attributes
    ----------
    of_emotion : bool
        Its texts belong to one emotion; else the same texts stand beside all emotions.
    has_strength : bool
        It is written at every strength of the study; else once.
    """

    name: str
    label: str
    colour: str
    of_emotion: bool = True
    has_strength: bool = True


STEERING_ARM = _by_name(
    [
        SteeringArm("concept", "concept vector", BLUE),
        SteeringArm("output-filtered", "output-filtered", SKY),
        SteeringArm("diff-means", "difference of means", ORANGE),
        SteeringArm("wrong-emotion", "wrong emotion", PURPLE),
        SteeringArm("random", "random direction", GREY, of_emotion=False),
        SteeringArm("random-features", "random-features", GREEN),
        SteeringArm("prompt", "prompt", "#9b7a01", has_strength=False),
        SteeringArm("none", "not steered", BLACK, of_emotion=False, has_strength=False),
        SteeringArm("negative", "negative", RED),
        SteeringArm("ablation", "ablation", "#5c3d8a", has_strength=False),
        SteeringArm("cross-language", "cross-language", "#00624a"),
        SteeringArm("carried", "carried", "#7a3300"),
    ]
)
STEERING_ARMS = tuple(STEERING_ARM)


@dataclass(frozen=True)
class Judge:
    """Who says which emotion a text has: those of every study. Others are rows of config/judges.tsv."""

    name: str
    label: str


JUDGE = _by_name(
    [
        Judge("lexicon", "lexicon"),
        Judge("lexicon-held-out", "held-out lexicon"),
        Judge("embedded", "trained judge"),
    ]
)
JUDGES = tuple(JUDGE)
JUDGE_LEVELS = ("fine", "basic")
"""Labels a judge gives: the study's emotions, or the basic ones."""

TESTED_ON = ("held-out", "unseen", "seen", "unknown")
"""Texts that a judge is tested on: kept from it, of a corpus that it never saw, of one that it learned from, not known.
"""

VERDICTS = ("holds", "fails", "inconclusive", "not-tested")
"""What is said of a claim."""
