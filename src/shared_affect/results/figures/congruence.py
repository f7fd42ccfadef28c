"""Figure 2: the ladder of representations against the raters, and the negative controls."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import product

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Patch

from shared_affect.results.panels import (
    MARKERS,
    Box,
    Dot,
    Names,
    block,
    draw_legend,
    draw_points,
    in_order,
    letter_panel,
    mark,
    name_rows,
    new_figure,
    say,
    span,
    title,
)
from shared_affect.spaces.rungs import PRIMARY
from shared_affect.study.checks import ALPHA
from shared_affect.study.vocabulary import BLACK, CONTROLS, PAIR_SET, PRIMARY_SPEC, REPRESENTATION, REPRESENTATIONS

SHOWN = [s for s in PAIR_SET.values() if s.colour]
TOP = 0.72


def draw_congruence(tables: Mapping[str, pd.DataFrame], names: Names) -> tuple[Figure, pd.DataFrame]:
    """Figure 2: the ladder of representations against the raters, and the negative controls.

    Parameters
    ----------
    tables : mapping of table name -> DataFrame
        ``rsa``.
    names : Names

    Returns
    -------
    figure, source : Figure, DataFrame
    """
    rows = tables["rsa"]
    every = rows[
        (rows["spec"] == PRIMARY_SPEC) & (rows["statistic"] == "rho-a") & rows["pairs"].isin([s.name for s in SHOWN])
    ]
    apart = [k for k, r in REPRESENTATION.items() if r.component]  # in figure S3
    main = every[(every["control"] == "none") & ~every["representation"].isin(apart)]
    controls = every[(every["control"] != "none") & (every["representation"] == PRIMARY)]
    models, languages = in_order(main["model"]), in_order(main["language"])
    strips = list(dict.fromkeys(zip(controls["control"], controls["model"], strict=True)))
    strips.sort(key=lambda k: CONTROLS.index(k[0]))
    upper, lower = 1.75 * len(models) + 0.6 * (len(models) - 1), 0.17 * max(len(strips), 3)
    fig = new_figure(TOP + upper + 1.05 + lower + 0.65)
    _legend(fig)
    axes = block(fig, len(models), len(languages), Box(TOP, upper), row_gap=0.6)
    limits = span(every[["ci_low", "ci_high", "ceiling_high"]])
    ladder = in_order(main["representation"], REPRESENTATIONS)
    for (i, model), (j, language) in product(enumerate(models), enumerate(languages)):
        ax, here = axes[i, j], main[(main["model"] == model) & (main["language"] == language)]
        name_rows(ax, [REPRESENTATION[k].label for k in ladder], j == 0)
        _ladder(ax, here, ladder)
        ax.axvline(0, color=BLACK, lw=0.6)
        ax.set_xlim(limits)
        title(ax, f"{names.model(model)}, {names.language(language)}\n{_n(here, names)}", 7.5)
        if i == len(models) - 1:
            ax.set_xlabel("correlation with a rater, ρ (mean over raters)")
    letter_panel(axes[0, 0], "a", 1.3)
    below = block(fig, 1, len(SHOWN), Box(TOP + upper + 1.05, lower, left=2.45))[0]
    for ax, pairs in zip(below, SHOWN, strict=True):
        ax.set_title(pairs.label, fontsize=7.5)
        if strips:
            name_rows(ax, [names.control(*key) for key in strips], ax is below[0])
            _strips(ax, controls[controls["pairs"] == pairs.name], strips, languages, pairs.colour)
            ax.set_xlim(limits)
        else:
            say(ax, "no negative control in this study")
    letter_panel(below[0], "b", 2.4)
    if strips:
        _legend_of_controls(fig, languages, TOP + upper + 0.62, names)
    return fig, pd.concat([main.assign(panel="ladder"), controls.assign(panel="controls")], ignore_index=True)


def _legend(fig: Figure) -> None:
    handles = [
        *(mark(s.label, s.colour) for s in SHOWN),
        *(Patch(color=s.colour, alpha=0.25, lw=0, label=f"ceiling, {s.label}") for s in SHOWN),
    ]
    draw_legend(fig, handles, 0.08, 0.35, 4)


def _n(rows: pd.DataFrame, names: Names) -> str:
    if rows.empty:
        return "not in this study"
    first = rows.iloc[0]
    return f"n = {first['n_emotions']} emotions; {first['n_raters']} raters ({names.language(first['human_language'])})"


def _ladder(ax: Axes, rows: pd.DataFrame, ladder: Sequence[str]) -> None:
    """Every rung with its interval, and the raters' own agreement."""
    for shift, pairs in zip((-0.16, 0.16), SHOWN, strict=True):
        r = rows[rows["pairs"] == pairs.name]
        if len(r):
            ax.axvspan(r["ceiling_low"].iloc[0], r["ceiling_high"].iloc[0], color=pairs.colour, alpha=0.22, lw=0)
        y = [ladder.index(k) + shift for k in r["representation"]]
        draw_points(ax, r["rho"], y, r["ci_low"], r["ci_high"], dot=Dot(pairs.colour))


def _strips(
    ax: Axes, rows: pd.DataFrame, strips: Sequence[tuple[str, str]], languages: Sequence[str], colour: str
) -> None:
    """The emotion space in every negative control, one point for each language."""
    for k, language in enumerate(languages):
        one = rows[rows["language"] == language]
        y = [
            strips.index(key) + 0.5 * ((k + 0.5) / len(languages) - 0.5)
            for key in zip(one["control"], one["model"], strict=True)
        ]
        draw_points(
            ax,
            one["rho"],
            y,
            one["ci_low"],
            one["ci_high"],
            dot=Dot(colour, 3.4, MARKERS[k % len(MARKERS)]),
            filled=(one["p_adjusted"] < ALPHA).to_numpy(),
        )
    ax.axvline(0, color=BLACK, lw=0.6)
    ax.set_xlabel("ρ (mean over raters)")


def _legend_of_controls(fig: Figure, languages: Sequence[str], top: float, names: Names) -> None:
    handles = [
        *(mark(names.language(k), BLACK, MARKERS[i % len(MARKERS)], False) for i, k in enumerate(languages)),
        mark(f"Holm p < {ALPHA:g} within its control", BLACK),
        mark("not rejected", BLACK, filled=False),
    ]
    draw_legend(fig, handles, top, 0.35, 4)
