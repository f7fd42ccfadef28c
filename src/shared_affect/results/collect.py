"""From files by wildcard to published tables: identity columns from the path, families and Holm-adjusted p."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from shared_affect.base.tables import read_tsv
from shared_affect.results.claims.families import adjust, families
from shared_affect.results.contracts import CONTRACTS
from shared_affect.study.vocabulary import PRIMARY_SPEC

# What the folders below the kind of file stand for, and the last part without its ending.
LAYOUTS = {
    "rsa": ("model", "sae", "language", "human"),
    "rsa_differences": ("model", "sae", "language", "human"),
    "human_ceilings": ("human", "-"),
    "dimensions": ("model", "sae", "language", "human"),
    "features": ("model", "sae", "language", "emotion"),
    "feature_use": ("model", "sae", "language"),
    "concept_words": ("model", "language", "-"),
    "control_balance": ("model", "language", "-"),
    "reproducibility": ("model", "sae", "language"),
    "sae_fidelity": ("model", "sae", "language", "-"),
    "ratings": ("model", "sae", "language", "norms", "dimension"),
    "rating_differences": ("model", "sae", "language", "norms", "-"),
    "shared_features": ("model", "sae", "-"),
    "shared_overlap": ("model", "sae", "-"),
    "cultures": ("model", "sae", "norms"),
    "steering": ("model", "sae", "language", "emotion", "-"),
    "steering_chosen": ("model", "sae", "language", "-"),
    "steering_differences": ("model", "sae", "language", "-"),
    "steering_pooled": ("model", "sae", "language", "-"),
    "steering_confusion": ("model", "sae", "language", "-"),
    "judges": ("language",),
}


def identity_of(path: str | Path, table: str, root: str | Path) -> dict[str, str]:
    """Wildcard values of a file, with ``variant_kind`` and ``variant`` where it belongs to a spec or a control."""
    parts = list(Path(path).relative_to(root).with_suffix("").parts)
    found = {"variant_kind": "", "variant": ""}
    if parts[0] in ("spec", "control"):
        found = {"variant_kind": parts[0], "variant": parts[1]}
        parts = parts[2:]
    layout = LAYOUTS[table]
    if len(parts) != len(layout) + 1:
        raise ValueError(f"{path} does not fit the layout of table {table}: {'/'.join(layout)}")
    return found | {k: v for k, v in zip(layout, parts[1:], strict=True) if k != "-"}


def refuse_mismatch(frame: pd.DataFrame, who: Mapping[str, str], path: str | Path) -> None:
    """Raise ValueError where a file's own column says something else than its path: one of the two is another's."""
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


def collect(table: str, paths: Sequence[str | Path], identities: Mapping) -> pd.DataFrame:
    """One published table from its files.

    Parameters
    ----------
    table : str
        Name in `tables.CONTRACTS`.
    paths : sequence of path
    identities : mapping
        ``study_root`` (folder of the study), ``controls`` (model -> control), ``human_language`` (language -> language
        of the raters), ``root_seed``.

    Returns
    -------
    DataFrame in the columns of the contract
    """
    parts = []
    for path in paths:
        who = identity_of(path, table, identities["study_root"])
        frame = _read(path)
        if table == "shared_features":
            frame = _shared_rows(frame)
        control = (
            who["variant"] if who["variant_kind"] == "control" else identities["controls"].get(who.get("model"), "none")
        )
        spec = who["variant"] if who["variant_kind"] == "spec" else PRIMARY_SPEC
        who = {k: v for k, v in who.items() if not k.startswith("variant")}
        if "human" in who and "language" in who:
            who["human_language"] = identities["human_language"][who["language"]]
        refuse_mismatch(frame, who, path)
        parts.append(frame.assign(**{"control": control, "spec": spec, "root_seed": identities["root_seed"]} | who))
    frame = pd.concat(parts, ignore_index=True)
    contract = CONTRACTS[table]
    if "family" in contract.columns:
        frame["family"] = families(table, frame)
        frame["p_adjusted"] = adjust(frame)
    if "nuisances" in contract.columns:
        frame["nuisances"] = frame["nuisances"].fillna("")
    return frame[[c for c in contract.columns if c in frame]]
