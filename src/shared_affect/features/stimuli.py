"""What an extraction reads: lists of concept words, of control words and of rated words, each under its name."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import pandas as pd

from shared_affect.base.tables import group_words
from shared_affect.words.files import CONCEPTS


def read_sets(paths: Mapping[str, str | Path], emotions: Sequence[str]) -> dict[str, dict[str, list[str]]]:
    """Concept-sets of several sources: folder of a source's codes -> emotion -> words."""
    return {folder: group_words(CONCEPTS.read(p), emotions) for folder, p in paths.items()}


def group_controls(frame: pd.DataFrame) -> dict[str, list[str]]:
    """Control words of each emotion from a frame ``emotion, control``."""
    return {str(e): g["control"].tolist() for e, g in frame.groupby("emotion", sort=False)}


def extraction_lists(sets: Mapping[str, Mapping[str, Sequence[str]]], rated: Sequence[str]) -> dict[str, list[str]]:
    """Word lists of an extraction job from sets by folder: ``{folder}/{emotion}`` and, in blocks of `norm_blocks`,
    ``norms/{number}``.

    Examples
    --------
    >>> extraction_lists({"concepts": {"joy": ["glad", "merry"]}}, ["sun", "rain"])
    {'concepts/joy': ['glad', 'merry'], 'norms/0': ['rain', 'sun']}
    """
    return {f"{folder}/{e}": list(w) for folder, own in sets.items() for e, w in own.items()} | {
        f"norms/{k}": b for k, b in enumerate(norm_blocks(rated))
    }


def norm_blocks(words: Sequence[str], size: int = 256) -> list[list[str]]:
    """Rated words in blocks by code-point order, the unit of extraction."""
    ordered = sorted(words)
    return [ordered[i : i + size] for i in range(0, len(ordered), size)]
