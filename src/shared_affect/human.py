"""Human data in one standard form, whoever published it and however.

Standard norms: ``word, valence, arousal, valence_sd, valence_n, arousal_sd, arousal_n`` on a common scale of -1..1.
Standard judgements: ``rater, emotion_a, emotion_b, dissimilarity``, every rater on every pair.
Standard affect of emotions: ``emotion, valence, arousal, valence_class``.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import pandas as pd

TEXT_COLUMNS = ("word", "rater", "emotion", "emotion_a", "emotion_b")
NORM_COLUMNS = ["word", "valence", "arousal", "valence_sd", "valence_n", "arousal_sd", "arousal_n"]


def _read(path: str | Path, columns: Sequence[str]) -> pd.DataFrame:
    frame = pd.read_csv(path, sep="\t", encoding="utf-8-sig", keep_default_na=False, na_values=[""])
    if missing := [c for c in columns if c not in frame]:
        raise ValueError(f"{path}: column {missing[0]!r} is missing; found: {', '.join(map(str, frame.columns))}")
    if frame.empty:
        raise ValueError(f"{path}: no rows; expected columns {', '.join(columns)}")
    for c in columns:
        if frame[c].isna().any():
            raise ValueError(f"{path}: column {c!r} is empty in line {int(frame[c].isna().idxmax()) + 2}")
        if c not in TEXT_COLUMNS:
            bad = ~np.isfinite(pd.to_numeric(frame[c], errors="coerce"))
            if bad.any():
                raise ValueError(f"{path}: column {c!r} is {str(frame[c][bad].iloc[0])!r} in line {int(bad.idxmax()) + 2}; allowed: a finite number")
    return frame


def read_norms(path: str | Path) -> pd.DataFrame:
    """Word ratings in standard form, sorted by word in code-point order.

    Raises
    ------
    ValueError
        Missing column, empty cell, something that is no number, a word rated twice, a mean outside -1..1.
    """
    frame = _read(path, NORM_COLUMNS)[NORM_COLUMNS]
    if frame["word"].duplicated().any():
        raise ValueError(f"{path}: word {frame['word'][frame['word'].duplicated()].iloc[0]!r} is rated twice; allowed: once")
    for c in ("valence", "arousal"):
        bad = frame[frame[c].abs() > 1]
        if len(bad):
            raise ValueError(f"{path}: {c} of {bad['word'].iloc[0]!r} is {bad[c].iloc[0]}; allowed: means on the scale -1..1")
    return frame.sort_values("word", ignore_index=True)


def read_judgements(path: str | Path, emotions: Sequence[str]) -> pd.DataFrame:
    """Pairwise judgements in standard form, limited to pairs of the given emotions.

    Raises
    ------
    ValueError
        Missing column, empty cell, something that is no number, or none of the emotions judged.
    """
    frame = _read(path, ["rater", "emotion_a", "emotion_b", "dissimilarity_1to9"])
    frame = frame[frame["emotion_a"].isin(emotions) & frame["emotion_b"].isin(emotions)]
    if frame.empty:
        raise ValueError(f"{path}: no pair of the study's emotions is judged; found: {', '.join(list(emotions)[:5])} ... in config.yaml, key emotions")
    return frame.rename(columns={"dissimilarity_1to9": "dissimilarity"})[["rater", "emotion_a", "emotion_b", "dissimilarity"]].reset_index(drop=True)


def read_affect(path: str | Path, emotions: Sequence[str], split: float) -> pd.DataFrame:
    """Valence and arousal of the emotions and the valence class they fall in (above `split` = positive).

    Raises
    ------
    ValueError
        Missing column, empty cell, something that is no number, an emotion twice, or none of the emotions.
    """
    frame = _read(path, ["emotion", "valence", "arousal"])
    frame = frame[frame["emotion"].isin(emotions)].reset_index(drop=True)
    if frame.empty or frame["emotion"].duplicated().any():
        found = f"emotion {frame['emotion'][frame['emotion'].duplicated()].iloc[0]!r} twice; allowed: once" if len(frame) else "none of the study's emotions (config.yaml, key emotions)"
        raise ValueError(f"{path} has {found}")
    frame["valence_class"] = np.where(frame["valence"] > split, "positive", "negative")
    return frame[["emotion", "valence", "arousal", "valence_class"]]


def shuffle_emotions(judgements: pd.DataFrame, affect: pd.DataFrame, rng: np.random.Generator) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Rename the emotions of the human side by one permutation: its geometry stays, its labels are void (negative control).

    Raises
    ------
    ValueError
        If an emotion was judged whose valence is not known.
    """
    names = affect["emotion"].tolist()
    if unknown := sorted(set(judgements[["emotion_a", "emotion_b"]].to_numpy().ravel()) - set(names)):
        raise ValueError(f"emotion {unknown[0]!r} was judged but has no valence; found: {', '.join(names)} (config/human.tsv, column valence_norm)")
    new = dict(zip(names, rng.permutation(names).tolist(), strict=True))
    judgements = judgements.assign(emotion_a=judgements["emotion_a"].map(new), emotion_b=judgements["emotion_b"].map(new))
    return judgements, affect.assign(emotion=affect["emotion"].map(new))


def shuffle_norms(norms: pd.DataFrame, rng: np.random.Generator) -> pd.DataFrame:
    """Permute the ratings over the words (negative control)."""
    order = rng.permutation(len(norms))
    return norms[["word"]].reset_index(drop=True).join(norms.drop(columns="word").iloc[order].reset_index(drop=True))


def extraction_lists(sets: Mapping[str, Sequence[str]], rated: Sequence[str]) -> dict[str, list[str]]:
    """Word lists of an extraction job: ``concepts/{emotion}`` and, in blocks of `norm_blocks`, ``norms/{number}``."""
    return {f"concepts/{e}": list(w) for e, w in sets.items()} | {f"norms/{k}": b for k, b in enumerate(norm_blocks(rated))}


def norm_blocks(words: Sequence[str], size: int = 256) -> list[list[str]]:
    """Rated words in blocks by code-point order, the unit of extraction."""
    ordered = sorted(words)
    return [ordered[i : i + size] for i in range(0, len(ordered), size)]
