"""Emotion features from `LanguageCodes`: which features, for which emotion, against which contrast.

Features of an emotion are chosen against the words of the *contrast* emotions (resources/emotions.tsv). An emotion
added with ``contrast = false`` is itself chosen against them but changes nothing for the others.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

import numpy as np
import pandas as pd

from shared_affect.features.codes import LanguageCodes
from shared_affect.features.features import select_emotion_features
from shared_affect.features.files import SELECTED


def select(
    codes: LanguageCodes,
    contrast: Collection[str],
    settings: Mapping,
    *,
    wanted: Sequence[str] | None = None,
    words: Collection[str] | None = None,
    controls: Mapping[str, Sequence[str]] | None = None,
) -> pd.DataFrame:
    """Features of the wanted emotions.

    Parameters
    ----------
    codes : LanguageCodes
    contrast : collection of str
        Emotions whose words stand for "the other emotions".
    settings : mapping
        ``per_emotion``, ``fdr``, ``max_density`` (config key features).
    wanted : sequence of str, optional
        Emotions to return; all of `codes` by default.
    words : collection of str, optional
        Concept words to use; all by default. Steering vectors use half.
    controls : mapping of emotion -> rated words, optional
        Control words matched to the emotion's, for `auroc_neutral`.

    Returns
    -------
    DataFrame
        Columns of `features.select_emotion_features`, feature ids of the SAE.
    """
    wanted = list(codes.emotions if wanted is None else wanted)
    live = np.union1d(codes.concepts.live(), codes.rated.live())
    x = codes.concepts.columns(live)
    beside = {e: codes.rated.rows(w).columns(live) for e, w in (controls or {}).items()}
    use = np.array([words is None or w in words for w in codes.concepts.words])
    groups = [[e for e in wanted if e in contrast]] + [[e] for e in wanted if e not in contrast]
    parts = []
    for group in groups:
        if not group:
            continue
        among = [e for e in codes.emotions if e in contrast or e in group]
        membership = codes.members(among)
        rows = use & membership.any(1)
        frame = select_emotion_features(
            x[rows],
            membership[rows],
            among,
            control_codes=beside,
            density=codes.density[live],
            max_density=settings["max_density"],
            n_features=settings["per_emotion"],
            fdr=settings["fdr"],
        )
        parts.append(frame[frame["emotion"].isin(group)])
    frame = pd.concat(parts, ignore_index=True)
    return frame.assign(feature=live[frame["feature"].to_numpy()])


def read_selected(paths: Sequence[str]) -> pd.DataFrame:
    """Emotion features of several emotions in one frame."""
    return pd.concat([SELECTED.read(p) for p in paths], ignore_index=True)


def group_features(frame: pd.DataFrame) -> dict[str, set[int]]:
    """Feature ids of each emotion from a frame ``emotion, feature``."""
    return {str(e): set(g["feature"].astype(int)) for e, g in frame.groupby("emotion", sort=False)}
