"""Negative controls on the human side: labels and ratings that belong to others."""

from __future__ import annotations

import numpy as np
import pandas as pd


def shuffle_emotions(
    judgements: pd.DataFrame, affect: pd.DataFrame, rng: np.random.Generator
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Rename the emotions of the human side by one permutation: its geometry stays, its labels are void (negative
    control).

    An emotion that was judged but has no affect takes part in the permutation: its name may fall on one that has.
    """
    new = _new_names(affect, judgements[["emotion_a", "emotion_b"]].to_numpy().ravel(), rng)
    judgements = judgements.assign(
        emotion_a=judgements["emotion_a"].map(new), emotion_b=judgements["emotion_b"].map(new)
    )
    return judgements, affect.assign(emotion=affect["emotion"].map(new))


def shuffle_names(
    profiles: pd.DataFrame, affect: pd.DataFrame, rng: np.random.Generator
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """`shuffle_emotions` of profiles: one permutation renames the emotions of every wording and of their affect."""
    new = _new_names(affect, profiles["emotion"].to_numpy(), rng)
    return profiles.assign(emotion=profiles["emotion"].map(new)), affect.assign(emotion=affect["emotion"].map(new))


def _new_names(affect: pd.DataFrame, others: np.ndarray, rng: np.random.Generator) -> dict[str, str]:
    """Each emotion's new name, those with affect first."""
    names = affect["emotion"].tolist()
    names += sorted(set(others) - set(names))
    return dict(zip(names, rng.permutation(names).tolist(), strict=True))


def shuffle_norms(norms: pd.DataFrame, rng: np.random.Generator) -> pd.DataFrame:
    """Permute the ratings over the words (negative control)."""
    order = rng.permutation(len(norms))
    return norms[["word"]].reset_index(drop=True).join(norms.drop(columns="word").iloc[order].reset_index(drop=True))
