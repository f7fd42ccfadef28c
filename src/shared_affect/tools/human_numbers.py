"""Numbers of the human side as a page of docs: ``python -m shared_affect.tools.human_numbers results/human``."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from shared_affect.base.files import read_json
from shared_affect.base.tables import read_csv
from shared_affect.human.files import CONCEPT_RATINGS, NORMS


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return (
        "\n".join("| " + " | ".join(line) + " |" for line in lines)
        .replace("| --- |", "|---|")
        .replace(" --- |", "---|")
    )


def of_norms(path: Path) -> list[str]:
    """What the ratings of a language look like: words, mean and SD of valence and arousal, and how the two hang
    together, in a line and in a curve (Lang 1995: what is pleasant or unpleasant excites).

    Parameters
    ----------
    path : path
        ``norms_{language}.tsv``.
    """
    f = NORMS.read(path)
    v, a = f["valence"], f["arousal"]
    numbers = [v.mean(), v.std(), (v > 0).mean(), a.mean(), a.std(), v.corr(a), v.abs().corr(a)]
    return [path.stem.removeprefix("norms_"), f"{len(f):,}", *(f"{x:.3f}" for x in numbers)]


def of_sets(folder: Path) -> list[list[str]]:
    """How many concepts every set of raters has, and what they rated."""
    rows = []
    for path in sorted(folder.glob("*/concept-ratings_*.tsv")):
        f = CONCEPT_RATINGS.read(path)
        language = path.stem.removeprefix("concept-ratings_")
        rated = ", ".join(dict.fromkeys(f["dimension"]))
        rows.append([path.parent.name, language, f"{f['concept'].nunique():,}", rated])
    return rows


def of_agreement(frame: pd.DataFrame) -> list[list[str]]:
    """Every two sets of raters, a row a dimension."""
    return [
        [
            f"{r.language_a} ({r.human_a})",
            f"{r.language_b} ({r.human_b})",
            str(r.dimension),
            f"{r.n_concepts:,}",
            f"{r.r:.3f}",
            f"{r.ci_low:.3f} to {r.ci_high:.3f}",
            f"{r.bootstrap_low:.3f} to {r.bootstrap_high:.3f}",
            f"{r.spearman:.3f}",
        ]
        for r in frame.itertuples()
    ]


def page(folder: Path) -> str:
    """The page of a finished study in a folder."""
    commit = (read_json(folder / "provenance.json").get("commit") or "none")[:10]
    path = folder / "tables/human_agreement.csv"
    norms = sorted((folder / "human").glob("*/norms_*.tsv"))
    heads = (
        ["set", "language", "concepts", "rated"],
        ["language", "words", "valence, mean", "SD", "above 0", "arousal, mean", "SD", "r of both", "r of size"],
        ["raters", "raters", "rated", "concepts", "r", "95 %, Fisher z", "95 %, bootstrap", "Spearman"],
    )
    return "\n\n".join(
        [
            "# Numbers of the human side",
            f"Made by `python -m shared_affect.tools.human_numbers results/{folder.name}` from tables of a run of"
            f" commit `{commit}`; what they are stands in [data.md](data.md).",
            "## Sets of raters that are joined by concepts",
            _table(heads[0], of_sets(folder / "human")),
            "## Ratings of words, -1 to 1",
            "r of both: valence with arousal; r of size: the absolute value of valence with arousal.",
            _table(heads[1], [of_norms(p) for p in norms]),
            "## How far people of two languages agree on the same concepts",
            _table(heads[2], of_agreement(read_csv(path))),
        ]
    )


if __name__ == "__main__":
    print(page(Path(sys.argv[1])))
