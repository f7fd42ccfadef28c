"""Figure S2: what layer and width of the SAE do to congruence, ratings and reproducibility, each beside its control."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import product

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from shared_affect.results.claims.families import tested_p
from shared_affect.results.files import ROLES
from shared_affect.results.panels import (
    Box,
    Names,
    block,
    draw_legend,
    mark,
    new_figure,
    say,
    span,
)
from shared_affect.study.checks import ALPHA
from shared_affect.study.vocabulary import (
    BLACK,
    BLUE,
    CONTROLS,
    DIMENSION,
    GREEN,
    GREY,
    ORANGE,
    PAIR_SET,
    PALE,
    PURPLE,
    RED,
    SKY,
)

PANELS = {
    **{("rho", s.name): f"ρ, {s.label}".replace(" a valence", "\na valence") for s in PAIR_SET.values() if s.colour},
    **{("r", d): f"r, {d}" for d in DIMENSION},
    ("held_out_auroc", "-"): "reproducibility\n(held-out AUROC)",
}
"""Quantity and what it is of -> what the figure calls it."""
COLOURS = (BLUE, RED, GREEN, ORANGE, PURPLE, SKY)
_POINTS = {"xycoords": "axes fraction", "textcoords": "offset points"}
NUMBERS = ["value", "ci_low", "ci_high", "beside_low", "beside_high", "ceiling_low", "ceiling_high"]
TOP, ROW, ROW_GAP = 1.05, 1.1, 0.66


def draw_profile(tables: Mapping[str, pd.DataFrame], names: Names) -> tuple[Figure, pd.DataFrame]:
    """Figure S2: every model that was read through several SAEs, by layer, a line for each width.

    Parameters
    ----------
    tables : mapping of table name -> DataFrame
        ``layer_profile``.
    names : Names

    Returns
    -------
    figure, source : Figure, DataFrame
    """
    table = tables["layer_profile"]
    several = table.groupby("model")["sae"].transform("nunique") > 1
    rows = table[several & np.array([p in PANELS for p in _panels(table)], bool)]
    found = set(_panels(rows))
    panels = [p for p in PANELS if p in found]
    who = list(dict.fromkeys(zip(rows["control"], rows["model"], rows["language"], strict=True)))
    who.sort(key=lambda k: CONTROLS.index(k[0]))
    widths = sorted(rows["d_sae"].unique())
    inner = ROW * max(len(who), 1) + ROW_GAP * (max(len(who), 1) - 1)
    fig = new_figure(TOP + inner + 0.62)
    axes = block(fig, max(len(who), 1), max(len(panels), 1), Box(TOP, inner, 0.45, 0.1), gap=0.42, row_gap=ROW_GAP)
    if not who:
        say(axes[0, 0], "no model was read through several SAEs")
        return fig, rows
    _legend(fig, widths)
    for (i, unit), (j, panel) in product(enumerate(who), enumerate(panels)):
        here = rows[(rows[["control", "model", "language"]] == unit).all(axis=1)]
        ax, one = axes[i, j], here[(here["quantity"] == panel[0]) & (here["of"] == panel[1])]
        _panel(ax, one, widths, np.sort(here["layer"].unique()))
        ax.set_ylim(_limits(rows[(rows["quantity"] == panel[0]) & (rows["of"] == panel[1])]))
        ax.set_title(f"n = {_n(one)}", fontsize=6, color=GREY, pad=2)
        if i == 0:
            ax.annotate(PANELS[panel], (0.5, 1), (0, 25), **_POINTS, ha="center", va="bottom", fontsize=7.5)
        if j == 0:
            ax.annotate(
                f"{names.control(*unit[:2])}, {names.language(unit[2])}", (0, 1), (-18, 13), **_POINTS, fontsize=7.5
            )
        if i == len(who) - 1:
            ax.set_xlabel("layer")
    return fig, rows


def _panels(rows: pd.DataFrame) -> list[tuple[str, str]]:
    """Quantity of every row and what it is of."""
    return list(zip(rows["quantity"], rows["of"], strict=True))


def _n(rows: pd.DataFrame) -> str:
    """What the numbers rest on, as a range where SAEs differ."""
    if rows.empty:
        return "0"
    low, high = rows["n"].min(), rows["n"].max()
    return f"{low}{f' to {high}' if high > low else ''} {rows['unit'].iloc[0]}"


def _limits(rows: pd.DataFrame) -> tuple[float, float]:
    """Limits of one quantity in all rows of the figure; shares of agreement around chance, not around 0."""
    if rows["quantity"].iloc[0] != "held_out_auroc":
        return span(rows[NUMBERS])
    low, high = span(rows[NUMBERS] - 0.5)
    return low + 0.5, high + 0.5


def is_marked(rows: pd.DataFrame) -> np.ndarray:
    """Which numbers are filled: p below ALPHA (of two the larger, none adjusted); where nothing is tested the interval
    above the control's upper end, as the claim `reproducible` asks.
    """
    p = tested_p(rows)
    return np.where(p.notna(), p < ALPHA, rows["ci_low"] > rows["beside_high"])


def _panel(ax: Axes, rows: pd.DataFrame, widths: list[int], layers: np.ndarray) -> None:
    """One quantity of one model and language: by layer, a line for each width."""
    unit = np.diff(layers).min() if len(layers) > 1 else 1.0
    ax.set_xticks(layers)
    ax.set_xlim(layers[0] - 0.6 * unit, layers[-1] + 0.6 * unit)
    if rows.empty:
        say(ax, "not computed")
        return
    ceiling = rows[["ceiling_low", "ceiling_high"]].dropna()
    if len(ceiling):
        low, high = ceiling.min()["ceiling_low"], ceiling.max()["ceiling_high"]
        if high > low:
            ax.axhspan(low, high, color=PALE, alpha=0.5, lw=0, zorder=0)
        else:
            ax.axhline(low, color=BLACK, lw=0.8, ls=":", zorder=0)
    ax.axhline(0.5 if rows["quantity"].iloc[0] == "held_out_auroc" else 0, color=BLACK, lw=0.6, zorder=0)
    nth = rows.sort_values("sae", kind="stable").groupby(["d_sae", "layer"]).cumcount()
    slots = sorted(set(zip(rows["d_sae"], nth[rows.index], strict=True)))
    step = min(0.8 / len(slots), 0.22) * unit
    place = {slot: (k - (len(slots) - 1) / 2) * step for k, slot in enumerate(slots)}
    for width in (w for w in widths if (rows["d_sae"] == w).any()):
        one = rows.assign(nth=nth)[rows["d_sae"] == width]
        shift = [place[slot] for slot in zip(one["d_sae"], one["nth"], strict=True)]
        # several SAEs of one layer have no order: no line joins them
        _width(
            ax,
            one.assign(x=one["layer"] + shift).sort_values("x"),
            COLOURS[widths.index(width) % len(COLOURS)],
            joined=not one["nth"].any(),
        )


def _width(ax: Axes, rows: pd.DataFrame, colour: str, *, joined: bool) -> None:
    """SAEs of one width, each beside its control."""
    x, y = rows["x"].to_numpy(float), rows["value"].to_numpy(float)
    ax.vlines(x, rows["beside_low"], rows["beside_high"], color=PALE, lw=2.6, zorder=1)
    ax.plot(x, rows["beside_value"], "_", color=GREY, ms=4.5, mew=0.9, zorder=1)
    ax.vlines(x, rows["ci_low"], rows["ci_high"], color=colour, lw=1.0, zorder=2)
    if joined:
        ax.plot(x, y, "-", color=colour, lw=0.9, zorder=2)
    marked, primary = is_marked(rows), (rows["role"] == ROLES[0]).to_numpy()
    for full, own in product((True, False), repeat=2):
        at, face = (marked == full) & (primary == own), colour if full else "white"
        size = 4.4 if own else 3.8
        ax.plot(x[at], y[at], "D" if own else "o", ms=size, mfc=face, mec=colour, mew=0.9, ls="", zorder=3)


def _legend(fig: Figure, widths: list[int]) -> None:
    handles = [
        *(mark(f"{w:,} features", COLOURS[k % len(COLOURS)], line="-") for k, w in enumerate(widths)),
        mark("SAE that makes the claims", BLACK, "D"),
        mark(f"p < {ALPHA:g}, not adjusted", BLACK),
        mark("not below it", BLACK, filled=False),
        Line2D([], [], color=PALE, lw=2.6, marker="_", mec=GREY, label="control beside it"),
        Patch(color=PALE, alpha=0.5, lw=0, label="people's own agreement"),
    ]
    draw_legend(fig, handles, 0.08, 0.42, 4)
