"""The profile of layers and widths: what fidelity, features, RSA and ratings say of one SAE, each beside its control.

The control beside a number is the one that stands beside the claim of its kind (docs/claims.md). Every one of them is
computed with the SAE's own codes: nothing here is compared with another SAE's chance.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from shared_affect.features.files import FEATURE_USE, REPRODUCIBILITY, RUNNING_TEXT
from shared_affect.ratings.files import NOTES, RATINGS
from shared_affect.results.files import LAYER_PROFILE, ROLES
from shared_affect.spaces.files import RSA
from shared_affect.spaces.rungs import PRIMARY
from shared_affect.study.vocabulary import STATISTICS

SHUFFLED, ARM, OUTSIDE = "shuffled-concepts", "emotion-space", "outside-matched"
"""Rung and arm of words permuted over the sets; arm that makes claims; features outside the space, matched to it."""

Rows = list[dict[str, Any]]


@dataclass(frozen=True)
class Measured:
    """What was measured with one SAE in one language.

    Attributes
    ----------
    running : mapping of str -> ndarray
        `features.files.RUNNING_TEXT`.
    use, reproducibility, rsa, ratings : DataFrame
        By the contracts of these names; `ratings` of all dimensions.
    notes : mapping
        `ratings.files.NOTES`.
    """

    running: Mapping[str, np.ndarray]
    use: pd.DataFrame
    reproducibility: pd.DataFrame
    rsa: pd.DataFrame
    ratings: pd.DataFrame
    notes: Mapping[str, Any]


def read_measured(
    running: str | Path,
    use: str | Path,
    reproducibility: str | Path,
    rsa: str | Path,
    ratings: Sequence[str | Path],
    notes: str | Path,
) -> Measured:
    """Read what was measured with one SAE in one language.

    Raises
    ------
    ContractError
        If a file is not what its contract says.
    """
    return Measured(
        RUNNING_TEXT.read(running),
        FEATURE_USE.read(use),
        REPRODUCIBILITY.read(reproducibility),
        RSA.read(rsa),
        pd.concat([RATINGS.read(p) for p in ratings], ignore_index=True),
        NOTES.read(notes),
    )


def profile(
    measured: Measured, layer: int, people: Mapping[str, Mapping[str, str]], *, is_primary: bool
) -> pd.DataFrame:
    """Rows of one SAE in one language.

    Parameters
    ----------
    measured : Measured
    layer : int
        Block whose output the SAE reads, from 0.
    people : mapping of {"rho", "r"} -> mapping
        ``dataset, human_language`` of the judgements and of the ratings.
    is_primary : bool
        Whether it is the SAE that makes claims.

    Returns
    -------
    DataFrame in the columns of `results.files.LAYER_PROFILE`
    """
    rows = [*_fidelity(measured), *_features(measured), *_reproducibility(measured), *_rsa(measured)]
    rows += _ratings(measured)
    who: dict[str, Any] = {
        "layer": layer,
        "d_sae": len(measured.running["density"]),
        "role": ROLES[0 if is_primary else 1],
    }
    untested: dict[str, Any] = {"of": "-", "n_permutations": 0, "n_code_permutations": 0}
    return pd.DataFrame([untested | r | who | dict(people.get(r["quantity"], {})) for r in rows]).reindex(
        columns=LAYER_PROFILE.columns
    )


def _fidelity(m: Measured) -> Rows:
    n = int(m.running["n_tokens"][0])
    return [
        {"quantity": q, "value": float(m.running[q][0]), "n": n, "unit": "tokens"} for q in ("explained_variance", "l0")
    ]


def _features(m: Measured) -> Rows:
    """Features that are active on rated words, and how many were selected for the emotions."""
    use = m.use.set_index("quantity")["value"]
    n = {"n": int(use["n_emotions"]), "unit": "emotions"}
    return [
        {"quantity": "n_live", "value": float(m.notes["n_live"]), "n": len(m.running["density"]), "unit": "features"},
        {"quantity": "n_selected", "value": float(use["n_features"])} | n,
        {"quantity": "share_passed_fdr", "value": float(use["share_passed_fdr"])} | n,
    ]


def _reproducibility(m: Measured) -> Rows:
    """Each quantity beside the same on shuffled concept-sets, whose upper end is that of single draws."""
    arms = _by(m.reproducibility, "quantity", "arm")
    out = []
    for quantity in dict.fromkeys(m.reproducibility["quantity"]):
        found, chance = arms[quantity, "observed"], arms[quantity, SHUFFLED]
        row = {"quantity": quantity, "value": found["value"], "n": int(found["n_emotions"]), "unit": "emotions"}
        row |= _interval("ci", found["ci_low"], found["ci_high"])
        out.append(row | _beside(SHUFFLED, chance["value"], chance["ci_low"], chance["shuffled_high"]))
    return out


def _rsa(m: Measured) -> Rows:
    """Every pair set of the space that makes claims, beside the same features with words permuted over the sets."""
    rungs = _by(m.rsa[m.rsa["statistic"] == STATISTICS[0]], "representation", "pairs")
    out = []
    for (representation, pairs), r in rungs.items():
        if representation != PRIMARY:
            continue
        row = {"quantity": "rho", "of": pairs, "value": r["rho"], "n": int(r["n_emotions"]), "unit": "emotions"}
        row |= {k: r[k] for k in ("ci_low", "ci_high", "p", "p_codes", "n_permutations", "n_code_permutations")}
        row |= {k: r[k] for k in ("ceiling_low", "ceiling_high")}
        if chance := rungs.get((SHUFFLED, pairs)):
            row |= _beside(SHUFFLED, chance["rho"], chance["ci_low"], chance["ci_high"])
        out.append(row)
    return out


def _ratings(m: Measured) -> Rows:
    """The arm that makes claims, beside features outside the space where they could be drawn."""
    arms = _by(m.ratings, "arm", "dimension")
    out = []
    for (arm, dimension), r in arms.items():
        if arm != ARM:
            continue
        row = {"quantity": "r", "of": dimension, "value": r["r"], "p": r["p"], "n": int(r["n_words"]), "unit": "words"}
        row |= _interval("ci", r["ci_low"], r["ci_high"]) | _interval("ceiling", r["ceiling"], r["ceiling"])
        row["n_permutations"] = 0 if pd.isna(r["n_permutations"]) else int(r["n_permutations"])
        if outside := arms.get((OUTSIDE, dimension)):
            row |= _beside(OUTSIDE, outside["r"], outside["ci_low"], outside["ci_high"])
        out.append(row)
    return out


def _by(frame: pd.DataFrame, first: str, second: str) -> dict[tuple[str, str], dict[str, Any]]:
    """Rows by two columns that are unique together, in the frame's order."""
    return {(r[first], r[second]): {str(k): v for k, v in r.items()} for r in frame.to_dict("records")}


def _interval(name: str, low: float, high: float) -> dict[str, float]:
    return {f"{name}_low": low, f"{name}_high": high}


def _beside(name: str, value: float, low: float, high: float) -> dict[str, Any]:
    return {"beside": name, "beside_value": value} | _interval("beside", low, high)
