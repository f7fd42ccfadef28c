"""The arms of rating prediction: what each is made of and what it is compared with. A new arm is one record of `ARMS`.

All arms of a language go through the same folds and resamples of words; whatever else an arm draws comes from a stream
of its own name, so that an arm more moves no number of another.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
import pandas as pd
from scipy.sparse import csr_matrix

from shared_affect.base.log import LOG
from shared_affect.base.seeds import Seeds
from shared_affect.features.codes import WordCodes
from shared_affect.ratings.matched import matched_draws
from shared_affect.ratings.ridge import Predictors

MIN_WORDS_A_FOLD = 20
"""Fewest words a fold for an arm that knows some of the words only."""


@dataclass(frozen=True, eq=False)
class Sources:
    """What arms are made of beside the codes of the words.

    Attributes
    ----------
    space : int array
        Union of the emotions' features.
    shared : DataFrame ``feature, shared`` or None
        Features that two languages share; None in a study of one language.
    associations : (words, vectors) or None
        Words in lower case.
    """

    space: np.ndarray = field(default_factory=lambda: np.empty(0, int))
    shared: pd.DataFrame | None = None
    associations: tuple[Sequence[str], np.ndarray] | None = None


@dataclass(frozen=True, eq=False)
class Material:
    """The rated words of one language and what a model knows of them.

    Attributes
    ----------
    rated : WordCodes of n words
    features : int array [F]
        Ids of the live features; of both languages where one predicts the other.
    sources : Sources
    n_folds : int
    n_matched : int
        Draws of features matched to the space.
    seeds : Seeds
        Of the whole analysis.
    """

    rated: WordCodes
    features: np.ndarray
    sources: Sources
    n_folds: int
    n_matched: int
    seeds: Seeds

    @cached_property
    def codes(self) -> csr_matrix:
        """SAE codes of the live features, [n, F], sparse: dense ones of 25,000 words and 100,000 features are 10 GB."""
        codes = self.rated.only(self.features)
        if not np.isfinite(codes.data).all() or (codes.data < 0).any():
            raise ValueError(
                f"codes {codes.shape} are negative or not finite somewhere; allowed: SAE codes [words, features] >= 0"
            )
        return codes

    def places(self, features: np.ndarray | pd.Series) -> np.ndarray:
        """Which columns of `codes` belong to these features; those that fire on no rated word have none."""
        return np.flatnonzero(np.isin(self.features, np.asarray(features, int)))


@dataclass(frozen=True, eq=False)
class Design:
    """Predictors of one arm.

    Attributes
    ----------
    X : array or sparse matrix [k, F]
        As they go into the ridge (log1p of codes).
    rows : int array [k] or None
        Places of the words a partial arm knows; None: all n.
    draws : list of int arrays or None
        Columns of X in each random draw of an arm that stands for many; None: all columns, once.
    notes : mapping
        What is told of the arm beside its numbers.
    """

    X: Predictors
    rows: np.ndarray | None = None
    draws: Sequence[np.ndarray] | None = None
    notes: Mapping[str, object] = field(default_factory=dict)


@dataclass(frozen=True)
class Untested:
    """Why an arm that was asked for could not be made, with the counts."""

    reason: str
    notes: Mapping[str, object] = field(default_factory=dict)


Made = Design | Untested | None
"""What `Arm.make` gives; None where a study does not ask for the arm."""

NO_FEATURE = Untested("no feature in this arm")


@dataclass(frozen=True)
class Arm:
    """One way of predicting ratings.

    Attributes
    ----------
    name : str
        A word of `vocabulary.RATING_ARMS`.
    make : callable
        Predictors of the words of a language, `Untested`, or None.
    differences : tuple of (arm, arm)
        The first's r minus the second's, reported where both are there; for a partial arm over the words it knows.
    partial : bool
        Whether it knows only some of the words: it is fitted on these alone, with inner folds and resamples of its own,
        and has no stored predictions.
    transfers : bool
        Whether it means the same in two languages, so that one can be predicted from the other.
    tested, tested_across : bool
        Whether ratings are permuted for a p within a language, and from one language to the other: a claim reads it.
    """

    name: str
    make: Callable[[Material], Made]
    differences: tuple[tuple[str, str], ...] = ()
    partial: bool = False
    transfers: bool = False
    tested: bool = False
    tested_across: bool = False


def predictors(arm: Arm, material: Material) -> Made:
    """What an arm makes of the words of a language, checked: predictors without a column are no arm.

    Raises
    ------
    ValueError
        If predictors are not [words, F], or an arm is partial in one sense and not in the other.
    """
    made = arm.make(material)
    if not isinstance(made, Design):
        return made
    n = len(material.rated.words) if made.rows is None else len(made.rows)
    if made.X.ndim != 2 or made.X.shape[0] != n:
        raise ValueError(f"arm {arm.name!r} has shape {made.X.shape}; allowed: a matrix [{n}, F]")
    if arm.partial != (made.rows is not None):
        raise ValueError(f"arm {arm.name!r}: partial is {arm.partial}; allowed: rows of words where it is, else none")
    return made if made.X.shape[1] else NO_FEATURE


def _log_codes(material: Material, features: np.ndarray | pd.Series | None = None) -> Design:
    """log1p of the codes of some features, or of all live ones."""
    places = np.arange(len(material.features)) if features is None else material.places(features)
    return Design(_log(material.codes[:, places]))


def _log(codes: csr_matrix) -> csr_matrix:
    """log1p in float64: what is 0 stays 0."""
    out = codes.astype(float)
    out.data = np.log1p(out.data)
    return out


def _norms(codes: csr_matrix) -> np.ndarray:
    """Norm of each column in float32, its words added in order."""
    total = np.zeros(codes.shape[1], np.float32)
    np.add.at(total, codes.indices, codes.data * codes.data)
    return np.sqrt(total)


def _shared(material: Material) -> Made:
    shared = material.sources.shared
    return None if shared is None else _log_codes(material, shared["feature"][shared["shared"]])


def _outside_matched(material: Material) -> Made:
    """Draws of features outside the space: r, spearman, r2 and rmse are medians over draws; interval, differences and
    stored predictions are those of the draw whose r is nearest to the median, chosen for each dimension.
    """
    x, inside = material.codes, material.places(material.sources.space)
    matched = matched_draws(
        inside,
        np.setdiff1d(np.arange(x.shape[1]), inside),
        np.bincount(x.indices[x.data > 0], minlength=x.shape[1]) / x.shape[0],
        _norms(x),
        n_draws=material.n_matched,
        rng=material.seeds.rng("outside-matched"),
    )
    notes = {"balance": matched.balance.to_dict("records"), "n_beyond": matched.n_beyond, "caliper": matched.caliper}
    if matched.reason:
        return Untested(matched.reason, notes)
    return Design(_log(x), draws=matched.draws, notes=notes)


def _association(material: Material) -> Made:
    """Vectors of the words that have associations."""
    if material.sources.associations is None:
        return None
    known, vectors = material.sources.associations
    place = {w: i for i, w in enumerate(known)}
    words = material.rated.words
    found = [(row, place[w.lower()]) for row, w in enumerate(words) if w.lower() in place]
    if len(found) < MIN_WORDS_A_FOLD * material.n_folds:
        return Untested(
            f"{len(found)} of {len(words)} rated words have associations; needed: {MIN_WORDS_A_FOLD * material.n_folds}"
        )
    LOG.info("association: %d of %d rated words", len(found), len(words))
    rows, at = np.array(found, int).T
    return Design(np.asarray(vectors[at], float), rows=rows)


ARMS: tuple[Arm, ...] = (
    Arm("all", _log_codes, differences=(("shared", "all"),), transfers=True),
    Arm(
        "emotion-space",
        lambda m: _log_codes(m, m.sources.space),
        differences=(
            ("emotion-space", "outside-matched"),
            ("emotion-space", "all"),
            ("emotion-space", "static"),
        ),
        tested=True,
    ),
    Arm("dense", lambda m: Design(m.rated.dense.astype(float)), transfers=True),
    Arm("static", lambda m: Design(m.rated.static.astype(float))),
    Arm("shared", _shared, differences=(("shared", "outside-matched"),), transfers=True, tested_across=True),
    Arm("outside-matched", _outside_matched),
    Arm(
        "association",
        _association,
        differences=(("all", "association"), ("emotion-space", "association"), ("static", "association")),
        partial=True,
    ),
)
"""In the order of the tables' rows, their differences too."""
