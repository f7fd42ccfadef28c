"""Figure 3: prediction of ratings within and across languages; shared features; cultural differences."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import product

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from shared_affect.results.claims.table import left_out
from shared_affect.results.panels import (
    Box,
    Dot,
    Names,
    block,
    draw_legend,
    draw_points,
    in_order,
    letter_panel,
    main_rows,
    mark,
    name_rows,
    new_figure,
    say,
)
from shared_affect.study.checks import ALPHA
from shared_affect.study.vocabulary import (
    BLACK,
    BLUE,
    CONTROLS,
    DIMENSION,
    GREY,
    PALE,
    PRIMARY_SPEC,
    RATING_ARM,
    RATING_ARMS,
)

TOP, GAP = 0.85, 0.66


@dataclass(frozen=True)
class Part:
    """A panel below: one quantity of a table in the main study and in every control."""

    panel: str
    table: str
    column: str
    word: str
    value: str
    title: str
    label: str

    def rows(self, tables: Mapping[str, pd.DataFrame]) -> pd.DataFrame:
        """Its rows; none where the study has no such table."""
        frame = tables.get(self.table)
        if frame is None:
            return pd.DataFrame(columns=["control", "model"])
        return frame[(frame["spec"] == PRIMARY_SPEC) & (frame[self.column] == self.word)]


PARTS = (
    Part(
        "shared features",
        *("shared_features", "quantity", "n_shared", "value"),
        title="features shared by\nboth languages",
        label="features (bar: expected\nto 97.5 % of permutations)",
    ),
    Part(
        "overlap",
        *("shared_overlap", "scope", "union", "jaccard"),
        title="overlap of selected\nemotion features",
        label="Jaccard (bar: expected\nto 97.5 % of permutations)",
    ),
    Part(
        "cultures",
        *("cultures", "quantity", "valence_difference_r", "r"),
        title="cultural differences,\npredicted and human",
        label="r over word pairs",
    ),
)


def draw_ratings(tables: Mapping[str, pd.DataFrame], names: Names) -> tuple[Figure, pd.DataFrame]:
    """Figure 3: prediction of ratings within and across languages; shared features; cultural differences.

    Parameters
    ----------
    tables : mapping of table name -> DataFrame
        ``ratings``, and where there are two languages ``shared_features, shared_overlap, cultures``.
    names : Names

    Returns
    -------
    figure, source : Figure, DataFrame
    """
    main = main_rows(tables, "ratings")
    models, languages = in_order(main["model"]), sorted(in_order(main["language"]), key=lambda k: "-" in k)
    arms = in_order(main["arm"], RATING_ARMS)
    parts = [p.rows(tables) for p in PARTS]
    found = {key for r in parts for key in zip(r["control"], r["model"], strict=True)}
    who = sorted(found, key=lambda k: (CONTROLS.index(k[0]), k[1]))
    row = 0.15 * len(arms) + 0.1
    upper, lower = row * len(models) + GAP * (len(models) - 1), 0.16 * max(len(who), 4)
    fig = new_figure(TOP + upper + 1.1 + lower + 0.75)
    _legend(fig)
    limits = _closer(main[["ci_low", "ci_high", "ceiling"]])
    axes = block(fig, len(models), len(languages), Box(TOP, upper), row_gap=GAP)
    for (i, model), (j, language) in product(enumerate(models), enumerate(languages)):
        ax, rows = axes[i, j], main[(main["model"] == model) & (main["language"] == language)]
        name_rows(ax, [RATING_ARM[a].label for a in arms], j == 0)
        _arms(ax, rows, arms)
        ax.set_xlim(limits)
        n = "–" if rows.empty else f"n = {rows['n_words'].iloc[0]}"
        ax.set_title(f"{names.language(language)}, {n}", fontsize=7)
        if j == 0:
            ax.annotate(
                names.model(model), (0, 1), (0, 18), xycoords="axes fraction", textcoords="offset points", fontsize=8
            )
        if i == len(models) - 1:
            ax.set_xlabel("r with ratings")
    letter_panel(axes[0, 0], "a", 1.27, 0.2)
    below = block(fig, 1, 3, Box(TOP + upper + 1.1, lower, left=2.25), gap=0.3)[0]
    for ax, part, r in zip(below, PARTS, parts, strict=True):
        _part(ax, part, r, who, [names.control(*key) for key in who], first=ax is below[0])
    letter_panel(below[0], "b", 2.2)
    named = [r.assign(panel=p.panel) for p, r in zip(PARTS, parts, strict=True)]
    return fig, pd.concat([main.assign(panel="ratings"), *named], ignore_index=True)


def _legend(fig: Figure) -> None:
    handles = [
        *(mark(d.name, d.colour) for d in DIMENSION.values()),
        *(Line2D([], [], color=d.colour, lw=1, ls=":", label=f"ceiling, {d.name}") for d in DIMENSION.values()),
    ]
    draw_legend(fig, handles, 0.08, 0.35)


def _arms(ax: Axes, rows: pd.DataFrame, arms: Sequence[str]) -> None:
    """Every arm of one model and language, both dimensions, with their ceilings."""
    for shift, dimension in zip((-0.17, 0.17), DIMENSION.values(), strict=True):
        r = rows[rows["dimension"] == dimension.name]
        for ceiling in r["ceiling"].dropna().unique():
            ax.axvline(ceiling, color=dimension.colour, lw=1, ls=":")
        y = [arms.index(a) + shift for a in r["arm"]]
        draw_points(ax, r["r"], y, r["ci_low"], r["ci_high"], dot=Dot(dimension.colour, 3.4))
    ax.axvline(0, color=BLACK, lw=0.6)


def _closer(frame: pd.DataFrame) -> tuple[float, float]:
    """Limits around all numbers, up to 1: correlations near their ceiling stay apart."""
    low = np.nanmin(frame.to_numpy(float)) if len(frame) else 0.0
    return low - 0.06 * (1 - low), 1 + 0.03 * (1 - low)


def _part(
    ax: Axes, part: Part, r: pd.DataFrame, who: Sequence[tuple[str, str]], labels: Sequence[str], *, first: bool
) -> None:
    """One panel below, a row for each control and model."""
    ax.set_title(part.title, fontsize=7.5)
    if r.empty:
        say(ax, "needs two languages")
        return
    ax.set_xlabel(part.label, fontsize=7)
    name_rows(ax, labels, first)
    here = [who.index(key) for key in zip(r["control"], r["model"], strict=True)]
    _beside_chance(ax, r, part.value, here)
    for y in set(range(len(who))) - set(here):
        text = "does not enter" if left_out(who[y][0]) else "not computed"
        ax.text(0.04, y, text, transform=ax.get_yaxis_transform(), fontsize=5.5, color=GREY, va="center")


def _beside_chance(ax: Axes, r: pd.DataFrame, value: str, y: Sequence[int]) -> None:
    """Values of one quantity beside what chance gives, or with their intervals; pale where claims leave that shuffle
    out.
    """
    if value == "r":
        pale = np.array(["ratings-valence" in left_out(c) for c in r["control"]], bool)
        for colour, here in ((BLUE, ~pale), (PALE, pale)):
            one = r[here]
            at = np.array(y)[here]
            draw_points(ax, one["r"], at, one["ci_low"], one["ci_high"], dot=Dot(colour), filled=colour == BLUE)
        ax.axvline(0, color=BLACK, lw=0.6)
        return
    filled = r["p_adjusted"] < ALPHA if value == "value" else r["jaccard"] > r["null_high"]
    draw_points(ax, r[value], y, dot=Dot(BLUE), filled=filled.to_numpy())
    ax.hlines(y, r["expected"], r["null_high"], color=GREY, lw=2.4, zorder=2)
    ax.set_xlim(0, 1.08 * max(r[value].max(), r["null_high"].max()) or 1)
