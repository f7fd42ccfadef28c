"""Figure S4: every emotion space against every other, and against people."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.colors import TwoSlopeNorm
from matplotlib.figure import Figure

from shared_affect.results.panels import WIDTH, Names, new_figure, say
from shared_affect.spaces.files import VIEW
from shared_affect.study.checks import ALPHA
from shared_affect.study.vocabulary import PAIR_SET, PRIMARY_SPEC

SHOWN = [s for s in PAIR_SET.values() if s.colour]
"""Pair sets: the first stands below the diagonal, the second above it."""
CELL, LEFT, TOP, FOOT = 0.44, 2.1, 0.35, 2.3
COLOURS = "RdBu_r"


def draw_matrix(tables: Mapping[str, pd.DataFrame], names: Names) -> tuple[Figure, pd.DataFrame]:
    """Figure S4: rank correlations of every two emotion spaces or sets of people.

    Parameters
    ----------
    tables : mapping of table name -> DataFrame
        ``space_pairs``.
    names : Names

    Returns
    -------
    figure, source : Figure, DataFrame
    """
    rows = tables["space_pairs"]
    rows = rows[(rows["spec"] == PRIMARY_SPEC) & (rows["control"] == "none")]
    rows = rows[rows["pairs"].isin([s.name for s in SHOWN])]
    views = _views(rows)
    side = min(CELL * max(len(views), 3), WIDTH - LEFT - 0.15)
    height = TOP + side + FOOT
    fig = new_figure(height)
    ax = fig.add_axes((LEFT / WIDTH, FOOT / height, side / WIDTH, side / height))
    if len(views) < 2:
        say(ax, "one space and no people that judged\nits emotions: nothing to compare")
        return fig, rows.reset_index(drop=True)
    _matrix(fig, ax, rows, views, [_label(v, views, names) for v in views])
    return fig, rows.reset_index(drop=True)


def _views(rows: pd.DataFrame) -> list[tuple[str, ...]]:
    """All that stand on a side, spaces in the order of the table, people behind them."""
    sides = [rows[[f"{c}_{k}" for c in VIEW]].astype(str).itertuples(index=False, name=None) for k in "ab"]
    every = dict.fromkeys(tuple(v) for side in sides for v in side)
    return sorted(every, key=lambda v: v[0] != "space")


def _label(view: Sequence[str], views: Sequence[Sequence[str]], names: Names) -> str:
    kind, name, sae, language = view
    if kind != "space":
        return f"people ({kind}), {names.language(language)}"
    several = len({v[2] for v in views if v[0] == "space"}) > 1
    return f"{names.model(name)}{f', {sae}' if several else ''}, {names.language(language)}"


def _matrix(fig: Figure, ax: Axes, rows: pd.DataFrame, views: Sequence[tuple[str, ...]], labels: Sequence[str]) -> None:
    place, n = {v: i for i, v in enumerate(views)}, len(views)
    value, tested = np.full((n, n), np.nan), np.ones((n, n))
    for row in rows.to_dict("records"):
        i, j = (place[tuple(str(row[f"{c}_{k}"]) for c in VIEW)] for k in "ab")
        low, high = min(i, j), max(i, j)
        at = (high, low) if row["pairs"] == SHOWN[0].name else (low, high)
        value[at], tested[at] = row["rho"], row["p"]
    norm = TwoSlopeNorm(0, -1, 1)
    image = ax.imshow(value, cmap=COLOURS, norm=norm, interpolation="nearest")
    small = n > 14
    for i, j in zip(*np.nonzero(np.isfinite(value)), strict=True):
        dark = abs(value[i, j]) > 0.6
        ax.text(
            *(j, i, f"{value[i, j]:.2f}".replace("0.", ".").replace("-", "−") + ("*" if tested[i, j] < ALPHA else "")),
            ha="center",
            va="center",
            fontsize=4.2 if small else 6,
            color="white" if dark else "black",
        )
    ax.set_yticks(range(n), labels, fontsize=5 if small else 7)
    ax.set_xticks(range(n), labels, fontsize=5 if small else 7, rotation=90)
    ax.tick_params(length=0)
    ax.spines[:].set_visible(False)
    ax.set_title(f"below: {SHOWN[0].label}; above: {SHOWN[1].label}", fontsize=7.5, loc="left")
    height = fig.get_figheight()
    bar = fig.colorbar(
        image, cax=fig.add_axes((0.25 / WIDTH, 0.55 / height, 1.5 / WIDTH, 0.08 / height)), orientation="horizontal"
    )
    bar.set_label("ρ (rank correlation of dissimilarities)", fontsize=7, labelpad=1)
    bar.outline.set_linewidth(0.4)
