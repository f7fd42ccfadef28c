"""What extraction leaves for other rules: arrays of every list of words, and what was measured on running text."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

import numpy as np

from shared_affect.features.files import RUNNING_TEXT, WORD_ARRAYS
from shared_affect.features.readout import average, join_blocks


def write_lists(
    folder: str | Path,
    norms: str,
    lists: Iterable[tuple[str, Mapping[str, np.ndarray]]],
    readouts: Sequence[tuple[Sequence[str], str]],
) -> None:
    """Write the arrays of one SAE: a file for every emotion of every source, one with all rated words.

    Residuals are written as the means that the study reads; those of every template stand in the journal.

    Parameters
    ----------
    folder : path
        Of the SAE and language.
    norms : str
        Name of the dataset of rated words.
    lists : iterable of (list, arrays of `extraction.Extractor.words`)
        Named as by `stimuli.extraction_lists`; the rated words come in blocks ``norms/...``.
    readouts : sequence of (templates, read-out)
        Over which some variant of the study averages.
    """
    rated = []
    for name, every in lists:
        arrays = average(every, readouts)
        if name.startswith("norms/"):
            rated.append(arrays)
        else:
            WORD_ARRAYS.write(f"{folder}/{name}.npz", arrays)
    WORD_ARRAYS.write(f"{folder}/norms/{norms}.npz", join_blocks(rated))


def write_running(folder: str | Path, facts: Mapping[str, np.ndarray]) -> None:
    """Write what was measured on running text."""
    RUNNING_TEXT.write(f"{folder}/running_text.npz", facts)
