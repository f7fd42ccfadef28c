"""The contract of every published table.

A published table is long and tidy: one row is one estimate, the columns of its key are unique together, and words in
a column of fixed vocabulary are checked when it is written.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import pandas as pd

from shared_affect.base.contracts import Published, Table
from shared_affect.base.files import atomic_path
from shared_affect.results.published import axes_of, published_files
from shared_affect.steering.files import OF_JUDGES
from shared_affect.study.vocabulary import (
    CONTROLS,
    JUDGE_LEVELS,
    PAIR_SETS,
    RATING_ARMS,
    REPRESENTATIONS,
    STATISTICS,
    TESTED_ON,
)

IDENTITY = ("control", "spec", "root_seed", "model", "sae")


@dataclass(frozen=True)
class Contract:
    """Columns of a table, the ones that are unique together, and allowed words.

    Attributes
    ----------
    key, values : tuple of str
        Columns, in order.
    words : mapping of column -> allowed words
    """

    key: tuple[str, ...]
    values: tuple[str, ...]
    words: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    @property
    def columns(self) -> list[str]:
        return [*self.key, *self.values]


CONTRACTS: dict[str, Contract] = {
    "rsa": Contract(
        (*IDENTITY, "language", "human", "human_language", "representation", "pairs", "statistic"),
        (
            "rho",
            "ci_low",
            "ci_high",
            "p",
            "p_codes",
            "p_adjusted",
            "family",
            "n_permutations",
            "n_code_permutations",
            "n_bootstrap",
            "rho_group",
            "rho_group_ci_low",
            "rho_group_ci_high",
            "ceiling_low",
            "ceiling_high",
            "ceiling_group",
            "n_emotions",
            "n_pairs",
            "n_raters",
            "nuisances",
        ),
        {"representation": REPRESENTATIONS, "pairs": PAIR_SETS, "statistic": STATISTICS},
    ),
    "rsa_differences": Contract(
        (
            *IDENTITY,
            "language",
            "human",
            "human_language",
            "pairs",
            "statistic",
            "representation_a",
            "representation_b",
        ),
        ("difference", "ci_low", "ci_high", "n_emotions"),
        {"representation_a": REPRESENTATIONS, "representation_b": REPRESENTATIONS, "pairs": PAIR_SETS},
    ),
    "human_ceilings": Contract(
        ("control", "spec", "root_seed", "human", "human_language", "pairs", "quantity", "statistic"),
        ("value", "n", "n_raters"),
        {"pairs": (*PAIR_SETS, "words")},
    ),
    "dimensions": Contract(
        (*IDENTITY, "language", "human", "quantity"),
        (
            "value",
            "ci_low",
            "ci_high",
            "p",
            "p_alone",
            "p_beyond",
            "p_adjusted",
            "family",
            "null_mean",
            "null_high",
            "n_permutations",
            "n_emotions",
        ),
    ),
    "sae_fidelity": Contract((*IDENTITY, "language", "quantity"), ("value",)),
    "shared_features": Contract(
        (*IDENTITY, "quantity"),
        (
            "value",
            "expected",
            "null_high",
            "p",
            "p_labels",
            "p_words",
            "p_adjusted",
            "family",
            "n_permutations",
            "n_word_permutations",
            "frequency_known",
        ),
    ),
    "ratings": Contract(
        (*IDENTITY, "language", "norms", "dimension", "arm"),
        (
            "r",
            "ci_low",
            "ci_high",
            "p",
            "p_adjusted",
            "family",
            "n_permutations",
            "spearman",
            "r2",
            "rmse",
            "n_words",
            "ceiling",
            "r_over_ceiling",
        ),
        {"arm": RATING_ARMS},
    ),
    "rating_differences": Contract(
        (*IDENTITY, "language", "norms", "dimension", "arm_a", "arm_b"),
        ("difference", "ci_low", "ci_high", "ci90_low", "ci90_high", "equivalent", "margin"),
        {"arm_a": RATING_ARMS, "arm_b": RATING_ARMS},
    ),
    "judges": Contract(
        ("control", "spec", "root_seed", "language", "judge", "corpus", "texts", "judge_level", "of", "quantity"),
        ("value", "n"),
        {"texts": TESTED_ON, "judge_level": JUDGE_LEVELS, "quantity": OF_JUDGES},
    ),
}


def as_collected(published: Published, files: Table) -> Contract:
    """Contract of a table whose files are collected as they are."""
    axes = axes_of(files.place)
    key = ("control", "spec", "root_seed", *axes, *(c for c in files.key if c not in axes))
    return Contract(key, tuple(c for c in files.columns if c not in key), published.words)


CONTRACTS |= {name: as_collected(*own) for name, own in published_files().items()}


def write_table(path: str | Path, name: str, frame: pd.DataFrame) -> None:
    """Write a published table as CSV after checking it against its contract.

    Raises
    ------
    ValueError
        Missing or unknown column, doubled key, or a word outside the vocabulary.

    Examples
    --------
    >>> rows = pd.DataFrame({"control": ["placebo"], "spec": "primary", "root_seed": 0, "language": "en"})
    >>> rows = rows.assign(model="m", sae="s", quantity="l0", value=9.0)
    >>> write_table("sae_fidelity.csv", "sae_fidelity", rows)  # doctest: +ELLIPSIS
    Traceback (most recent call last):
    ValueError: table sae_fidelity: control is 'placebo'; allowed: none, untrained, ...
    """
    contract = CONTRACTS[name]
    if missing := [c for c in contract.columns if c not in frame]:
        raise ValueError(
            f"table {name}: column {missing[0]!r} is missing; found: {', '.join(frame.columns)}"
            " (shared_affect/results/contracts.py)"
        )
    if unknown := [c for c in frame if c not in contract.columns]:
        raise ValueError(
            f"table {name}: column {unknown[0]!r} is not in its contract; allowed: {', '.join(contract.columns)}"
            " (shared_affect/results/contracts.py)"
        )
    doubled = frame.duplicated(list(contract.key))
    if doubled.any():
        raise ValueError(
            f"table {name}: two rows with {frame.loc[doubled, list(contract.key)].iloc[0].to_dict()}; allowed: one"
        )
    for column, words in ({"control": CONTROLS} | dict(contract.words)).items():
        if column in contract.key:
            bad = frame[column][~frame[column].isin(words)]
            if len(bad):
                raise ValueError(f"table {name}: {column} is {bad.iloc[0]!r}; allowed: {', '.join(words)}")
    with atomic_path(path) as tmp:
        frame[contract.columns].to_csv(tmp, index=False, lineterminator="\n")
