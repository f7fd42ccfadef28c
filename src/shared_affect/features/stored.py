"""What extraction leaves for other rules: arrays of every list of words, and what was measured on running text."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np

from shared_affect.features.files import RUNNING_TEXT, WORD_ARRAYS
from shared_affect.features.readout import join_blocks


def write_lists(folder: str | Path, norms: str, lists: Mapping[str, Mapping[str, np.ndarray]]) -> None:
    """Write the arrays of one SAE: a file for every emotion of every source, one with all rated words.

    Parameters
    ----------
    folder : path
        Of the SAE and language.
    norms : str
        Name of the dataset of rated words.
    lists : mapping of list -> arrays of `extraction.Extractor.words`
        Named as by `stimuli.extraction_lists`; the rated words come in blocks ``norms/...``.
    """
    rated = []
    for name, arrays in lists.items():
        if name.startswith("norms/"):
            rated.append(arrays)
        else:
            WORD_ARRAYS.write(f"{folder}/{name}.npz", arrays)
    WORD_ARRAYS.write(f"{folder}/norms/{norms}.npz", join_blocks(rated))


def write_running(folder: str | Path, facts: Mapping[str, np.ndarray]) -> None:
    """Write what was measured on running text."""
    RUNNING_TEXT.write(f"{folder}/running_text.npz", facts)
