"""Published and own datasets in standard form, each read by its own loader.

A loader takes the dataset's files and returns the columns of its kind (docs/data.md). `LOADERS` says which there are;
a row of config/human.tsv names one of them (column ``loader``), and `load` calls it.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Sequence
from pathlib import Path

import pandas as pd

from shared_affect.base.log import LOG
from shared_affect.human import (
    associations,
    frequencies,
    judgements,
    labelled_texts,
    lexicons,
    norare,
    norms,
    profiles,
    standard,
    vignettes,
)

LOADERS: dict[str, dict[str, Callable[..., pd.DataFrame]]] = {
    "norms": {
        "standard": standard.read_norms,
        "warriner": norms.read_warriner,
        "nrc-vad": norms.read_nrc_vad,
        "nrc-vad-2": norms.read_nrc_vad_2,
        "xu2022": norms.read_xu2022,
        "cvaw": norms.read_cvaw,
        "norare": norare.read_norms,
    },
    "concept-ratings": {"standard": standard.read_concepts, "norare": norare.read_concepts},
    "judgements": {"standard": standard.read_judgements, "li2024": judgements.read_li2024},
    "profiles": {"standard": profiles.read_profiles, "song2026": profiles.read_song2026},
    "attributes": {"li2024-attributes": judgements.read_li2024_attributes},
    "association": {
        "usf": associations.read_usf,
        "swow-en": associations.read_swow_en,
        "swow-zh": associations.read_swow_zh,
    },
    "lexicon": {"wordnet-affect": lexicons.read_wordnet_affect, "dutir": lexicons.read_dutir},
    "dictionary": {"cedict": lexicons.read_cedict},
    "frequency": {"subtlex-us": frequencies.read_subtlex_us, "subtlex-ch": frequencies.read_subtlex_ch},
    "concreteness": {"brysbaert": frequencies.read_concreteness},
    "labelled-text": {
        "goemotions": labelled_texts.read_goemotions,
        "clue-emotion": labelled_texts.read_clue_emotion,
        "brighter": labelled_texts.read_brighter,
    },
    "vignettes": {"aipsy": vignettes.read_aipsy},
}
"""Kind -> loader's name -> function of the dataset's files, in the order of the column ``path``."""

SCRIPT = "script"
"""Argument of a loader that reads more than one language."""


def loader_of(kind: str, loader: str, paths: Sequence[str | Path]) -> Callable[..., pd.DataFrame]:
    """What reads a dataset's files.

    Raises
    ------
    ValueError
        Unknown kind or loader, or another number of files than the loader takes.
    """
    if kind not in LOADERS or loader not in LOADERS[kind]:
        allowed = "; ".join(f"{k}: {', '.join(v)}" for k, v in LOADERS.items())
        raise ValueError(f"loader {loader!r} for kind {kind!r}; allowed: {allowed} (config/human.tsv, column loader)")
    function = LOADERS[kind][loader]
    try:
        inspect.signature(function).bind(*paths)
    except TypeError:
        raise ValueError(
            f"loader {loader!r} was given {len(paths)} file(s); expected"
            f" {', '.join(p for p in inspect.signature(function).parameters if p != SCRIPT)} (config/human.tsv, column"
            " path)"
        ) from None
    return function


def load(kind: str, loader: str, paths: Sequence[str | Path], script: str | None = None) -> pd.DataFrame:
    """A dataset of one kind, read by its own loader.

    Parameters
    ----------
    kind : str
        Key of `LOADERS`.
    loader : str
        One of that kind.
    paths : sequence of path
        The dataset's files in the order of config/human.tsv, column ``path``.
    script : str, optional
        Of the language, for a loader that reads several: words in another are refused.

    Returns
    -------
    DataFrame
        As the loader documents.

    Raises
    ------
    ValueError
        Unknown kind or loader, another number of files than the loader takes, or whatever the loader refuses.
    """
    function = loader_of(kind, loader, paths)
    several = SCRIPT in inspect.signature(function).parameters
    frame = function(*paths, **({SCRIPT: script} if several else {}))
    LOG.info("%s %s: %d rows, columns %s", kind, loader, len(frame), ", ".join(map(str, frame)))
    return frame
