"""From files by wildcard to published tables: whose each file is comes with it; families and Holm-adjusted p."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pandas as pd

from shared_affect.base.files import read_arrays, read_json
from shared_affect.base.tables import read_tsv
from shared_affect.results.claims.families import adjust, families
from shared_affect.results.contracts import CONTRACTS


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
        arrays = read_arrays(path)
        return pd.DataFrame(
            [(k, float(v[0])) for k, v in arrays.items() if v.shape == (1,)], columns=["quantity", "value"]
        )
    if str(path).endswith(".json"):
        facts = read_json(path)
        return pd.DataFrame(
            [(k, float(v)) for k, v in facts.items() if isinstance(v, (int, float)) and not isinstance(v, bool)],
            columns=["quantity", "value"],
        )
    return read_tsv(path)


OF_SHARED = ("n_active_both", "n_language", "n_language_shared")
"""What is told beside the number of shared features: n_shared and n_language_shared are that number before features
that tell the language were taken out.
"""


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
            *({"quantity": k, "value": r[k], "n_permutations": 0} for k in OF_SHARED),
        ]
    )


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
