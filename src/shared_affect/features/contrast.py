"""One emotion's words against those of all others: what every selection of features rests on.

Membership is a boolean table words x emotions; a word of several sets enters nothing (`concept_sets.own_words`). Codes
are words x features, dense or sparse; what is looked at for every feature is made of what is not 0 (`ColumnCodes`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
from scipy.sparse import csr_matrix

from shared_affect.base.stats import midranks
from shared_affect.features.columns import Codes, ColumnCodes, all_finite, labels_of
from shared_affect.words.concept_sets import own_words

AnyCodes = TypeVar("AnyCodes", np.ndarray, csr_matrix, Codes)

MIN_ACTIVE_WORDS = 2
PLACE = "resources/concepts/<language>.tsv"


@dataclass(frozen=True)
class SelectionRule:
    """Which features are candidates, and how many of them are kept.

    Attributes
    ----------
    max_density : float
        Largest firing rate on neutral text, 0..1; features above it are no candidates.
    n_features : int
        How many to keep for each emotion, by AUROC (ties: mean difference, then feature id).
    fdr : float
        Level of Benjamini-Hochberg over the candidates of an emotion, one-sided Mann-Whitney p.
    """

    max_density: float
    n_features: int = 10
    fdr: float = 0.05


def check_concepts(codes: AnyCodes, membership: np.ndarray, emotions: Sequence[str]) -> tuple[AnyCodes, np.ndarray]:
    """Codes and membership of the words that stand in one set; words of several are read by nothing here.

    Raises
    ------
    ValueError
        For misfitting shapes, doubled emotions, codes that are not finite, words of no emotion, or an emotion with
        fewer than 2 words of its own.
    """
    membership = np.asarray(membership)
    if membership.dtype != bool or codes.ndim != 2 or membership.shape != (codes.shape[0], len(emotions)):
        raise ValueError(
            f"codes {codes.shape}, membership {membership.shape} {membership.dtype}, {len(emotions)} emotions; "
            "allowed: codes [words, features], boolean membership [words, emotions]"
        )
    if len(set(emotions)) != len(emotions):
        raise ValueError(f"emotions are doubled: {sorted(emotions)} ({PLACE})")
    if not all_finite(codes):
        raise ValueError("codes hold values that are not finite; allowed: finite numbers (check the extraction)")
    if not membership.any(1).all():
        raise ValueError(
            f"{(~membership.any(1)).sum()} words belong to no emotion; allowed: concept words only ({PLACE})"
        )
    own = own_words(membership)
    for emotion, n_own, n in zip(emotions, own.sum(0), membership.sum(0)):
        if n_own < 2:
            raise ValueError(
                f"emotion {emotion!r} has {n} words, {n_own} of them in no other set; allowed: at least 2 words of its"
                f" own ({PLACE})"
            )
    kept = np.flatnonzero(own.any(1))
    return (codes, own) if len(kept) == len(own) else (codes[kept], own[kept])


def auroc_by_emotion(codes: np.ndarray, membership: np.ndarray) -> np.ndarray:
    """AUROC [emotions, features] of an emotion's words against those of the others, each word in one set.

    All emotions share one table of ranks, which is what makes repeated halves and shuffles cheap.

    Examples
    --------
    >>> codes = np.array([[3.0, 0.0], [2.0, 1.0], [0.0, 1.0], [1.0, 5.0]])
    >>> joy_or_fear = np.array([[True, False], [True, False], [False, True], [False, True]])
    >>> auroc_by_emotion(codes, joy_or_fear)
    array([[1.   , 0.125],
           [0.   , 0.875]])
    """
    n1 = membership.sum(0)[:, None]
    return (membership.T.astype(float) @ midranks(codes, axis=0) - n1 * (n1 + 1) / 2) / (n1 * (len(codes) - n1))


def feature_aurocs(codes: ColumnCodes, membership: np.ndarray) -> np.ndarray:
    """`auroc_by_emotion` of sparse codes; columns of features that are 0 on all words hold 1/2."""
    n, n1 = len(membership), membership.sum(0)[:, None]
    sums = codes.rank_sums(labels_of(membership), membership.shape[1])
    return (sums - n1 * (n1 + 1) / 2) / (n1 * (n - n1))


def mean_difference(codes: ColumnCodes, membership: np.ndarray) -> np.ndarray:
    """Mean code of an emotion's words minus mean over the words of the others, [emotions, features]."""
    n1, sums = membership.sum(0)[:, None], codes.sums(labels_of(membership), membership.shape[1])
    return sums / n1 - (sums.sum(0) - sums) / (len(membership) - n1)


def best_candidates(auroc: np.ndarray, difference: np.ndarray, candidates: np.ndarray, n_features: int) -> np.ndarray:
    """Ids of the best candidates: AUROC, then mean difference, then the smaller id."""
    if len(candidates) > n_features:  # sorting all features for every emotion and half is most of the time
        least = np.partition(auroc[candidates], -n_features)[-n_features]
        candidates = candidates[auroc[candidates] >= least]
    order = np.lexsort((candidates, -difference[candidates], -auroc[candidates]))
    return candidates[order[:n_features]]


def positive_weights(difference: np.ndarray) -> tuple[np.ndarray, bool]:
    """Positive part of the differences, summing to 1; equal weights (and True) where none is positive."""
    positive = np.clip(difference, 0, None)
    if positive.sum() == 0:
        return np.full(len(positive), 1 / len(positive)), True
    return positive / positive.sum(), False


def find_candidates(codes: ColumnCodes, density: np.ndarray, max_density: float) -> np.ndarray:
    """Ids of the features that are active on enough concept words and not on everything."""
    found = np.flatnonzero((codes.active() >= MIN_ACTIVE_WORDS) & (density <= max_density))
    if not len(found):
        live = int((codes.active() > 0).sum())
        raise ValueError(
            f"no feature is active on >= {MIN_ACTIVE_WORDS} concept words with density <= {max_density}"
            f" ({live} of {len(density)} fire on any word); allowed: at least one (config.yaml, the largest density, or"
            " another SAE in config/saes.tsv). An SAE that was made for another model may fire nowhere or everywhere,"
            " as on an untrained twin: give that one of its own (source = trained), or take it out of control_models"
        )
    return found


def check_density(density: np.ndarray, n_features: int) -> np.ndarray:
    """One firing rate for each feature, as float64."""
    density = np.asarray(density, float)
    if density.shape != (n_features,) or not ((density >= 0) & (density <= 1)).all():
        raise ValueError(
            f"density has shape {density.shape}; allowed: one firing rate in 0..1 for each of {n_features} features"
        )
    return density
