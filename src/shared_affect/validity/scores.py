"""Scores of texts for emotions by the codes of the emotions' features, and those of features beside as controls."""

from __future__ import annotations

import logging
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from shared_affect.base.log import LOG
from shared_affect.features.codes import LanguageCodes
from shared_affect.features.random_features import random_features
from shared_affect.features.select import select
from shared_affect.words.concept_sets import shuffle_membership

if TYPE_CHECKING:
    from scipy.sparse import csr_matrix


def scores(codes: csr_matrix, features: pd.DataFrame, emotions: Sequence[str]) -> np.ndarray:
    """Weighted sums of the codes of each emotion's features, ``[n_texts, n_emotions]``.

    The weights are those of the emotion's steering vector: what the features' codes of its words exceed those of other
    words by.

    Parameters
    ----------
    codes : csr_matrix, ``[n_texts, d_sae]``
    features : DataFrame ``emotion, feature, weight``
    emotions : sequence of str

    Examples
    --------
    >>> from scipy.sparse import csr_matrix
    >>> own = pd.DataFrame({"emotion": ["joy", "joy", "fear"], "feature": [0, 2, 1], "weight": [0.5, 0.5, 1.0]})
    >>> scores(csr_matrix([[4.0, 0, 2], [0, 1, 0]]), own, ["joy", "fear"])
    array([[3., 0.],
           [0., 1.]])
    """
    found = np.zeros((codes.shape[0], len(emotions)))
    for e, emotion in enumerate(emotions):
        own = features[features["emotion"] == emotion]
        x = codes[:, own["feature"].to_numpy(int)].toarray().astype(float)
        found[:, e] = x @ own["weight"].to_numpy(float)
    return found


def drawn_features(
    codes: LanguageCodes, selected: pd.DataFrame, emotions: Sequence[str], n: int, rng: np.random.Generator
) -> Iterator[pd.DataFrame]:
    """Features outside the selection that fire on any concept word, as often on neutral text as those they stand for;
    the emotion's weights in random order.
    """
    outside = np.setdiff1d(codes.concepts.live(), selected["feature"].to_numpy(int))
    for _ in range(n):
        parts = []
        for emotion in emotions:
            own = selected[selected["emotion"] == emotion]
            found = random_features(own["feature"].to_numpy(int), outside, codes.density, rng)
            weights = rng.permutation(own["weight"].to_numpy(float))[: len(found)]
            parts.append(pd.DataFrame({"emotion": emotion, "feature": found, "weight": weights}))
        yield pd.concat(parts, ignore_index=True)


def features_of_shuffled_sets(
    codes: LanguageCodes, contrast: Collection[str], settings: Mapping, n: int, rng: np.random.Generator
) -> Iterator[pd.DataFrame]:
    """Features selected as ever, with the concept words permuted over the concept-sets."""
    for _ in range(n):
        drawn = replace(codes, membership=shuffle_membership(codes.membership, rng))
        level = LOG.level
        LOG.setLevel(logging.WARNING)  # what each draw selects is of no interest
        try:
            found = select(drawn, contrast, settings)
        finally:
            LOG.setLevel(level)
        yield found
