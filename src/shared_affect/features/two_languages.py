"""The codes of one model and SAE in two languages side by side, in the ids of the SAE's features."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np
import pandas as pd

from shared_affect.features.codes import LanguageCodes
from shared_affect.features.overlap import jaccard_overlap
from shared_affect.features.shared import LanguageWords, SharedFeatures, shared_features


def _live(codes: Mapping[str, LanguageCodes]) -> np.ndarray:
    first, second = codes.values()
    return np.union1d(first.concepts.live(), second.concepts.live())


def shared_between(
    codes: Mapping[str, LanguageCodes],
    covariates: Mapping[str, pd.DataFrame],
    *,
    min_active: float,
    n_permutations: int,
    rng: np.random.Generator,
    words_rng: np.random.Generator,
) -> SharedFeatures:
    """`shared_features` among those active on any concept word of either language.

    Parameters
    ----------
    codes : mapping of two languages
        The emotions are those of the first.
    covariates : mapping of language -> DataFrame
        Properties of the concept words, of `frequencies.word_covariates`.
    min_active, n_permutations, rng, words_rng
        As of `shared_features`.
    """
    live, emotions = _live(codes), next(iter(codes.values())).emotions
    found = shared_features(
        {k: LanguageWords(c.concepts.only(live), c.members(emotions), covariates[k]) for k, c in codes.items()},
        emotions,
        min_active=min_active,
        n_permutations=n_permutations,
        rng=rng,
        words_rng=words_rng,
    )
    own = found.features.assign(feature=live[found.features["feature"].to_numpy(int)])
    return replace(found, features=own)


def overlap_between(
    codes: Mapping[str, LanguageCodes], selected: Mapping[str, Mapping[str, set[int]]], rng: np.random.Generator
) -> pd.DataFrame:
    """`jaccard_overlap` of the features selected in two languages, among all live or selected ones.

    Parameters
    ----------
    codes : mapping of two languages
    selected : mapping of language -> emotion -> feature ids
    rng : Generator
    """
    first, second = codes.values()
    pool = np.union1d(_live(codes), [f for s in selected.values() for ids in s.values() for f in ids])
    density = (first.density + second.density)[pool] / 2
    return jaccard_overlap(*(selected[k] for k in codes), pool=pool, density=density, rng=rng)
