"""The files of generated texts: one line a text, written by one job and read by another."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from pathlib import Path

import numpy as np
import pandas as pd

from shared_affect.base.contracts import as_read
from shared_affect.base.files import reading_from, write_text
from shared_affect.steering.files import GENERATIONS
from shared_affect.steering.plan import NO_EMOTION, baselines, written_arms
from shared_affect.study.inputs import SPLITS

_KEY = ["emotion", "arm", "strength", "prompt", "sample"]
_COLUMNS = [*_KEY, "split", "direction", "text", "nll", "n_tokens"]


def write_generations(path: str | Path, emotion: str, texts: Mapping[tuple[str, str, float], list[dict]]) -> None:
    """The texts of one emotion (or of `NO_EMOTION`) as JSON lines."""
    rows = [r for name, records in texts.items() if name[0] == emotion for r in records]
    GENERATIONS.check(pd.DataFrame(rows), path)
    write_text(path, "".join(json.dumps(r, ensure_ascii=False) + "\n" for r in rows))


def read_generations(paths: Iterable[str | Path]) -> pd.DataFrame:
    """Texts of one model, SAE and language from its emotions' ``generations.jsonl`` and ``baselines.jsonl``.

    Unsteered texts and random directions belong to no emotion: theirs is ``-``.

    Returns
    -------
    DataFrame
        ``emotion arm strength prompt sample split direction text nll n_tokens``; `strength` in mean residual norms,
        `nll` in nats per token, `direction` -1 where there was only one.

    Raises
    ------
    ValueError
        If a field is missing, a word is outside its vocabulary, `nll` is not finite, a text stands there twice, or an
        arm stands under an emotion that it cannot have.
    """
    files = []
    for path in paths:
        with reading_from(path), open(path, encoding="utf-8") as f:
            files.append((path, [json.loads(line) for line in f if line.strip()]))
    records = [r for _, own in files for r in own]
    if not records:
        raise ValueError("no generated text in the files given; needed: at least one (config.yaml, key steering)")
    frame = check_generations(pd.DataFrame(records))
    for path, own in files:
        with as_read(path):
            GENERATIONS.check(pd.DataFrame(own), path)
    return frame


def check_generations(frame: pd.DataFrame) -> pd.DataFrame:
    """The records of `read_generations` from a frame of raw ones; raises as it does."""
    if missing := [c for c in _COLUMNS if c not in frame]:
        raise ValueError(
            f"generated texts lack the field {missing[0]!r}; found: {', '.join(frame.columns)} (generations.jsonl)"
        )
    frame = frame[_COLUMNS].copy()
    of_none = [a.name for a in baselines()]
    for column, words in (("arm", [a.name for a in written_arms()]), ("split", SPLITS)):
        bad = frame.loc[~frame[column].isin(words), column]
        if len(bad):
            raise ValueError(f"generated texts: {column} is {bad.iloc[0]!r}; allowed: {', '.join(words)}")
    if not np.isfinite(frame["nll"].to_numpy(float)).all():
        raise ValueError("generated texts: nll is not finite somewhere; allowed: nats per token of every text")
    frame["direction"] = frame["direction"].astype(float).fillna(-1).astype(int)
    misplaced = frame[frame["arm"].isin(of_none) != (frame["emotion"] == NO_EMOTION)]
    if len(misplaced):
        raise ValueError(
            f"generated texts: arm {misplaced['arm'].iloc[0]} under the emotion {misplaced['emotion'].iloc[0]!r};"
            f" allowed: {', '.join(of_none)} under {NO_EMOTION!r} and no other arm there"
        )
    doubled = frame[frame.duplicated(_KEY)]
    if len(doubled):
        raise ValueError(
            f"generated texts: two different ones for {doubled[_KEY].iloc[0].to_dict()}; allowed: one (were files of"
            " several runs mixed?)"
        )
    if (frame.groupby("prompt")["split"].nunique() > 1).any():
        raise ValueError(
            "generated texts: a prompt stands in both splits; allowed: one of choose, score"
            " (resources/prompts/<set>/<language>.tsv)"
        )
    return frame.reset_index(drop=True)
