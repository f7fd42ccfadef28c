"""Which pairs of emotions are compared, which labels may be exchanged under the null, and what stands beside."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from shared_affect.spaces.rdm import RDM, RaterRDMs, require_same_labels
from shared_affect.study.vocabulary import PAIR_SETS

CLASSES = ("positive", "negative")
MIN_PAIRS = 3


def _require_known(name: str) -> None:
    if name not in PAIR_SETS:
        raise ValueError(f"pair set {name!r}; allowed: {', '.join(PAIR_SETS)}")


@dataclass(frozen=True, eq=False)
class PairSet:
    """Which pairs of which labels are compared, and which labels may be exchanged under the null.

    Attributes
    ----------
    name : str, one of `PAIR_SETS`
    labels : tuple of str, length n; only those that stand in a pair
    first, second : ndarray of int, shape (P,); positions in `labels`, first < second
    groups : list of ndarray of int; labels are permuted inside each
    """

    name: str
    labels: tuple[str, ...]
    first: np.ndarray
    second: np.ndarray
    groups: list[np.ndarray]

    def values(self, rdm: RDM) -> np.ndarray:
        """Dissimilarities of the pairs, (P,)."""
        square = rdm.subset(self.labels).values
        return square[self.first, self.second]

    def condensed(self) -> np.ndarray:
        """Where the pairs stand among all pairs of the labels, in the order of ``np.triu_indices``, (P,)."""
        n, i, j = len(self.labels), self.first, self.second
        return i * n - i * (i + 1) // 2 + j - i - 1

    def of_raters(self, raters: RaterRDMs) -> np.ndarray:
        """Every rater's judgements of the pairs, (R, P)."""
        return raters.subset(self.labels).values[:, self.condensed()]

    def of_nuisances(self, nuisances: Mapping[str, RDM]) -> np.ndarray:
        """Nuisance values of the pairs, (q, P); none but for ``partial``."""
        if self.name != "partial":
            return np.empty((0, self.first.size))
        return np.stack([self.values(r) for r in nuisances.values()])


def select_pairs(name: str, labels: Sequence[str], classes: Mapping[str, str]) -> PairSet:
    """Pairs of one set; for ``within-*`` a label without a class is left out.

    Parameters
    ----------
    name : str
        ``all`` and ``partial``: every pair. ``within-valence``: both labels of one class;
        ``within-positive``, ``within-negative``: both of that class.
    labels : sequence of str
    classes : mapping of label to "positive" or "negative"

    Raises
    ------
    ValueError
        If the set or a class is unknown, or fewer than 3 pairs remain.
    """
    _require_known(name)
    unknown = sorted(set(classes.values()) - set(CLASSES))
    if unknown:
        raise ValueError(f"classes {unknown}; allowed: {', '.join(CLASSES)}")
    if name in ("all", "partial"):
        kept = list(labels)
        groups = [np.arange(len(kept))]
    else:
        wanted = CLASSES if name == "within-valence" else (name.removeprefix("within-"),)
        members = [[x for x in labels if classes.get(x) == c] for c in wanted]
        inside = {x for group in members if len(group) > 1 for x in group}
        kept = [x for x in labels if x in inside]
        groups = [np.array([kept.index(x) for x in group]) for group in members if len(group) > 1]
    group_of = np.zeros(len(kept), int)
    for number, members_at in enumerate(groups):
        group_of[members_at] = number
    i, j = np.triu_indices(len(kept), 1)
    same = group_of[i] == group_of[j]
    if same.sum() < MIN_PAIRS:
        raise ValueError(
            f"pair set {name!r} has {int(same.sum())} pairs over {len(kept)} labels; allowed: at least "
            f"{MIN_PAIRS} (leave the set out, or give more labels a class)"
        )
    return PairSet(name, tuple(kept), i[same], j[same], groups)


def lacking_pairs(name: str, labels: Sequence[str], classes: Mapping[str, str]) -> str:
    """Why a pair set of these labels is too small to be compared with an interval; "" where it is not.

    Every label is left out once for the interval: without any one of them 3 pairs must be left.

    Examples
    --------
    >>> lacking_pairs("all", "abcd", {})
    ''
    >>> lacking_pairs("all", "abc", {})
    "without 'a' it has 1 pairs; needed: 3 or more, every emotion is left out once for the interval"
    """
    try:
        chosen = select_pairs(name, labels, classes)
    except ValueError as error:
        return str(error)
    n, of = chosen.first.size, np.bincount([*chosen.first, *chosen.second])
    if (n - of >= MIN_PAIRS).all():
        return ""
    return (
        f"without {chosen.labels[int(of.argmax())]!r} it has {n - of.max()} pairs; needed: {MIN_PAIRS} or more, every"
        " emotion is left out once for the interval"
    )


@dataclass(frozen=True, eq=False)
class PairSets:
    """The pair sets of one comparison.

    Attributes
    ----------
    names : sequence of str
        ``all``, ``within-valence``, ``within-positive``, ``within-negative``, ``partial``; each once.
    classes : mapping of label to "positive" or "negative"
        A label without a class is left out of the ``within-*`` sets; say so in the log.
    nuisances : mapping of name to RDM
        What ``partial`` takes out of the mid-ranks of both sides (with an intercept); may be empty otherwise.
    """

    names: Sequence[str]
    classes: Mapping[str, str] = field(default_factory=dict)
    nuisances: Mapping[str, RDM] = field(default_factory=dict)

    def check(self, models: Mapping[str, RDM], raters: RaterRDMs) -> None:
        """Raise ValueError for a doubled set, ``partial`` without nuisances, or other labels than the raters'."""
        if len(set(self.names)) != len(self.names):
            raise ValueError(f"pair sets {list(self.names)}; allowed: each once")
        if "partial" in self.names and not self.nuisances:
            raise ValueError("pair set 'partial' without nuisances; allowed: at least one nuisance RDM")
        for kind, matrices in (("model", models), ("nuisance", self.nuisances)):
            for name, rdm in matrices.items():
                require_same_labels(f"{kind} {name!r} against the raters", rdm.labels, raters.labels)

    def streams(self, rng: np.random.Generator) -> list[tuple[str, np.random.Generator]]:
        """A stream for each pair set, the same whichever others are asked for."""
        own = dict(zip(PAIR_SETS, rng.spawn(len(PAIR_SETS)), strict=True))  # by place: a new set is added at the end
        for name in self.names:
            _require_known(name)
        return [(name, own[name]) for name in self.names]

    def select(self, name: str, labels: Sequence[str]) -> PairSet:
        """`select_pairs` with the classes of the comparison."""
        return select_pairs(name, labels, self.classes)
