"""What must hold before a model's words are read: its tokenizer has the script, its SAEs stand for what they read."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence

import numpy as np

from shared_affect.base.log import LOG
from shared_affect.features.extraction import Extractor
from shared_affect.models.fidelity import check_fidelity
from shared_affect.models.pieces import check_script


def check_gates(
    extractor: Extractor,
    words: Sequence[str],
    fidelity_texts: Sequence[str],
    neutral_texts: Sequence[str],
    limits: Mapping[str, Mapping],
    *,
    max_broken_share: float,
    model: str,
) -> dict[str, dict[str, np.ndarray]]:
    """Everything that must hold before a model's words are read; what it measures stands in the journal afterwards.

    Parameters
    ----------
    extractor : Extractor
    words : sequence of str
        All concept words of the language.
    fidelity_texts, neutral_texts
        As in `Extractor.running_text`.
    limits : mapping of SAE name -> limits of `fidelity.check_fidelity`
    max_broken_share : float
        Limit of `pieces.check_script`.
    model : str
        Row named in messages.

    Returns
    -------
    dict
        As `Extractor.running_text`.

    Raises
    ------
    ValueError
        If the tokenizer cannot read the words, or an SAE does not stand for the residual it reads.
    """
    check_script(extractor.tokenizer, list(words), max_broken_share, model, extractor.language)
    running = extractor.running_text(fidelity_texts, neutral_texts)
    for sae, facts in running.items():
        LOG.info("fidelity %s %s: %s", sae, extractor.language, describe(facts))
        check_fidelity(facts, limits[sae], f"config/saes.tsv, model {model}, sae {sae}, language {extractor.language}")
    return running


def describe(facts: Mapping[str, np.ndarray]) -> str:
    """One line of the fidelity facts, for logs."""
    return json.dumps({k: round(float(v[0]), 4) for k, v in facts.items() if v.shape == (1,)})
