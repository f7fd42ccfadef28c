"""From files by wildcard to published tables: whose each file is comes with it; families and Holm-adjusted p."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from shared_affect.base.stats import holm
from shared_affect.base.tables import read_tsv
from shared_affect.results.contracts import CONTRACTS
from shared_affect.study.checks import ALPHA

PRIMARY_SPEC = "primary"

def refuse_mismatch(frame: pd.DataFrame, who: Mapping[str, str], path: str | Path) -> None:
    """Raise ValueError where a file's own column says something else than where it stands: one is another's."""
    for column in frame.columns.intersection(list(who)):
        if len(wrong := frame[column][frame[column].astype(str) != who[column]]):
            raise ValueError(
                f"{path}: column {column} says {wrong.iloc[0]!r}, the path says {who[column]!r}; needed: the same."
                " Remove the file and run again"
            )


def _read(path: str | Path) -> pd.DataFrame:
    if str(path).endswith(".npz"):
        with np.load(path) as z:
            return pd.DataFrame(
                [(k, float(z[k][0])) for k in z.files if z[k].shape == (1,)], columns=["quantity", "value"]
            )
    if str(path).endswith(".json"):
        facts = json.loads(Path(path).read_text(encoding="utf-8"))
        return pd.DataFrame(
            [(k, float(v)) for k, v in facts.items() if isinstance(v, (int, float)) and not isinstance(v, bool)],
            columns=["quantity", "value"],
        )
    return read_tsv(path)


def _shared_rows(frame: pd.DataFrame) -> pd.DataFrame:
    r = frame.iloc[0]
    return pd.DataFrame(
        [
            {
                "quantity": "n_shared",
                "value": r["n_shared"],
                **{
                    k: r[k]
                    for k in (
                        "expected",
                        "null_high",
                        "p",
                        "p_labels",
                        "p_words",
                        "n_permutations",
                        "n_word_permutations",
                        "frequency_known",
                    )
                },
            },
            *({"quantity": k, "value": r[k], "n_permutations": 0} for k in ("n_active_both", "n_language")),
        ]
    )


def families(table: str, frame: pd.DataFrame) -> pd.Series:
    """Family of every tested row: its claim, and in a control the control too; "" for rows that make no claim."""
    none = pd.Series("", index=frame.index)
    if table == "rsa":
        main = (frame["statistic"] == "rho-a") & frame["pairs"].isin(["all", "within-valence"])
        claim = frame["pairs"].map({"all": "structure", "within-valence": "fine-structure"})
        claim = claim.where(frame["representation"] == "sae-space", claim + " (sae-all)")
        main &= frame["representation"].isin(["sae-space", "sae-all"])
    elif table == "ratings":
        cross = frame["language"].str.contains("-")
        main = (frame["arm"] == "emotion-space") & ~cross | (frame["arm"] == "shared") & cross
        claim = pd.Series(
            np.where(cross, "transfer-" + frame["dimension"], "ratings-" + frame["dimension"]), index=frame.index
        ).replace("transfer-valence", "transfer")
    elif table == "dimensions":
        claim = frame["quantity"].map({f"loo_r2_{d}": f"dimension-{d}" for d in ("valence", "arousal")})
        main = claim.notna()
    elif table == "shared_features":
        main, claim = frame["quantity"] == "n_shared", pd.Series("shared-universal", index=frame.index)
    else:
        return none
    main &= (frame["spec"] == PRIMARY_SPEC) & frame["p"].notna()
    named = claim.where(frame["control"] == "none", claim + " | " + frame["control"])
    return named.where(main, "")


def adjust(frame: pd.DataFrame, alpha: float = ALPHA) -> pd.Series:
    """Holm-adjusted p within each family; NaN where there is no family.

    A row with a second null (`p_codes` beside `p`) has the larger of the two adjusted p: it rejects where both do.

    Raises
    ------
    ValueError
        If a family is so large for its number of permutations that nothing in it could be rejected at `alpha`.
    """
    out = pd.Series(np.nan, index=frame.index)
    for family, group in frame[frame["family"] != ""].groupby("family"):
        adjusted = []
        for p, n in (("p", "n_permutations"), ("p_codes", "n_code_permutations")):
            if p not in group:
                continue
            if group[p].isna().any():
                raise ValueError(
                    f"family {family!r}: {int(group[p].isna().sum())} of {len(group)} tests have no {p}; needed: all"
                    f" (config.yaml, {n} of rsa)"
                )
            smallest = 1 / (group[n].min() + 1)
            if smallest * len(group) >= alpha:
                raise ValueError(
                    f"family {family!r}: {len(group)} tests with {int(group[n].min())} permutations cannot reject at"
                    f" {alpha}; needed: at least {int(np.ceil(len(group) / alpha))} (config.yaml, {n} of"
                    f" {'rsa' if p == 'p_codes' else 'rsa, ratings or shared'})"
                )
            adjusted.append(holm(group[p].to_numpy()))
        out[group.index] = np.max(adjusted, axis=0)
    return out


def collect(table: str, files: Mapping[str | Path, Mapping[str, str]], root_seed: int) -> pd.DataFrame:
    """One published table from its files.

    Parameters
    ----------
    table : str
        Name in `contracts.CONTRACTS`.
    files : mapping of path -> identity
        Columns of the table and their value in every row of the file: ``control``, ``spec``, and what the file is about
        (``model``, ``sae``, ``language``, ...). The table has the files' order.
    root_seed : int

    Returns
    -------
    DataFrame in the columns of the contract

    Raises
    ------
    ValueError
        If a column of a file contradicts its identity, or a family of tests is too large (`adjust`).
    """
    parts = []
    for path, who in files.items():
        frame = _read(path)
        if table == "shared_features":
            frame = _shared_rows(frame)
        refuse_mismatch(frame, who, path)
        parts.append(frame.assign(root_seed=root_seed, **who))
    frame = pd.concat(parts, ignore_index=True)
    contract = CONTRACTS[table]
    if "family" in contract.columns:
        frame["family"] = families(table, frame)
        frame["p_adjusted"] = adjust(frame)
    if "nuisances" in contract.columns:
        frame["nuisances"] = frame["nuisances"].fillna("")
    return frame[[c for c in contract.columns if c in frame]]
