"""Figure S1: every test of the claims in the main study and in each negative control."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from shared_affect.results.claims.families import Family, claim_of
from shared_affect.results.claims.table import CONTROLLED, left_out
from shared_affect.results.panels import (
    Box,
    Dot,
    block,
    draw_legend,
    draw_points,
    in_order,
    mark,
    name_rows,
    new_figure,
    say,
)
from shared_affect.study.checks import ALPHA
from shared_affect.study.vocabulary import BLACK, BLUE, CONTROL, CONTROLS, GREY, PALE, RED

COLUMNS = ("control", "model", "language", "family", "p", "p_adjusted", "ci_low", "ci_high", "null_low", "null_high")
PER_ROW = 3


def draw_controls(tables: Mapping[str, pd.DataFrame]) -> tuple[Figure, pd.DataFrame]:
    """Figure S1: every test of the claims in the main study and in each negative control.

    Parameters
    ----------
    tables : mapping of table name -> DataFrame
        ``rsa, ratings, shared_features``, as far as the study has them.

    Returns
    -------
    figure, source : Figure, DataFrame
    """
    rows = pd.concat([_tests(tables, family) for family in CONTROLLED.values()], ignore_index=True)
    controls = in_order(rows["control"], CONTROLS)
    most = rows.groupby(["claim", "control"]).size().max() if len(rows) else 1
    height = max(0.27, 0.03 * most + 0.1) * max(len(controls), 2)
    n = -(-len(CONTROLLED) // PER_ROW)
    inner = n * height + 0.85 * (n - 1)
    fig = new_figure(0.55 + n * height + 0.85 * (n - 1) + 0.65)
    _legend(fig)
    axes = block(fig, n, PER_ROW, Box(0.55, inner, right=0.62), gap=0.62, row_gap=0.85).ravel()
    for ax, (claim, family) in zip(axes, CONTROLLED.items(), strict=False):
        one = rows[rows["claim"] == claim]
        ax.set_title(claim, fontsize=8)
        if one.empty:
            say(ax, "not in this study")
            continue
        name_rows(ax, [CONTROL[c].label for c in controls], ax.get_subplotspec().is_first_col())
        _claim(ax, one, controls, claim)
        if one["null_high"].notna().any():
            ax.set_xlim(0, None)
        else:
            ax.axvline(0, color=BLACK, lw=0.6)
        ax.set_xlabel(family.label)
    for ax in axes[len(CONTROLLED) :]:
        ax.set_axis_off()
    return fig, rows


def _legend(fig: Figure) -> None:
    handles = [
        mark(f"Holm p < {ALPHA:g} in its family", BLACK),
        mark("not rejected", BLACK, filled=False),
        Line2D([], [], color=GREY, lw=2.4, label="chance: expected to 97.5 %"),
        mark("left out of that control's verdict", PALE),
    ]
    draw_legend(fig, handles, 0.08, 0.2)


def _claim(ax: Axes, rows: pd.DataFrame, controls: Sequence[str], claim: str) -> None:
    """The tests of one claim, a row for each control, with how many have a small p."""
    for y, control in enumerate(controls):
        r = rows[rows["control"] == control]
        at = y + 0.6 * ((np.arange(len(r)) + 0.5) / max(len(r), 1) - 0.5)
        ax.hlines(at, r["null_low"], r["null_high"], color=GREY, lw=2.4, zorder=1)
        untouched = claim in left_out(control)
        colour = PALE if untouched else BLUE if control == "none" else RED
        filled = (r["p_adjusted"] < ALPHA).to_numpy()
        draw_points(ax, r["statistic_value"], at, r["ci_low"], r["ci_high"], dot=Dot(colour, 2.8), filled=filled)
        ax.annotate(
            "–" if r.empty else f"{(r['p'] < 0.05).sum()} of {len(r)}",
            (1, y),
            (4, 0),
            xycoords=("axes fraction", "data"),
            textcoords="offset points",
            fontsize=6,
            va="center",
            color=GREY if untouched else BLACK,
        )
    ax.annotate(
        "raw p < .05", (1, 1), (-2, 2), xycoords="axes fraction", textcoords="offset points", fontsize=5.5, color=GREY
    )


def _tests(tables: Mapping[str, pd.DataFrame], family: Family) -> pd.DataFrame:
    """Rows of one claim's families, with ``claim`` and ``statistic_value``."""
    value = family.statistic
    frame = tables.get(family.table, pd.DataFrame(columns=[*COLUMNS, value]))
    frame = frame[claim_of(frame) == family.name]
    frame = frame.assign(null_low=frame.get("expected", np.nan), statistic_value=frame[value], claim=family.name)
    return frame.reindex(columns=["claim", "statistic_value", *COLUMNS])
