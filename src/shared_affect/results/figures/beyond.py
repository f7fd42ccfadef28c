"""Figure S3: what the ladder keeps when simpler dissimilarities are taken out, and the residual taken apart."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import product

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from shared_affect.results.panels import (
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
from shared_affect.study.vocabulary import (
    BLACK,
    GREY,
    PAIR_SET,
    PRIMARY_SPEC,
    REPRESENTATION,
    REPRESENTATIONS,
)

SHOWN = [s for s in PAIR_SET.values() if s.colour]
BEFORE, AFTER = Dot(GREY), Dot(BLACK)
TOP, ROW, GAP = 0.72, 0.15, 0.6


def draw_beyond(tables: Mapping[str, pd.DataFrame], names: Names) -> tuple[Figure, pd.DataFrame]:
    """Figure S3: partial correlations beside plain ones, and the principal components of the residual one by one.

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
    main = rows[(rows["spec"] == PRIMARY_SPEC) & (rows["control"] == "none")]
    models, languages = in_order(main["model"]), in_order(main["language"])
    numbers = {k: r.component for k, r in REPRESENTATION.items() if r.component}
    partial = main[(main["pairs"] == "partial") & ~main["representation"].isin(list(numbers))]
    plain = main[(main["pairs"] == "all") & (main["statistic"] == "spearman")]
    plain = plain[plain["representation"].isin(partial["representation"])]
    single = main[
        main["representation"].isin(list(numbers))
        & (main["statistic"] == "rho-a")
        & main["pairs"].isin([s.name for s in SHOWN])
    ]
    rungs = in_order(partial["representation"], REPRESENTATIONS)
    components = in_order(single["representation"], REPRESENTATIONS)
    upper, lower = (
        len(models) * max(0.9, ROW * len(k)) + GAP * (len(models) - 1) for k in (rungs or "-", components or "-")
    )
    fig = new_figure(TOP + upper + 1.35 + lower + 0.55)
    draw_legend(fig, [mark("nothing taken out", GREY), mark("partial", BLACK)], 0.08, 0.35, 4)
    above = block(fig, len(models), len(languages), Box(TOP, upper), row_gap=GAP)
    below = block(fig, len(models), len(languages), Box(TOP + upper + 1.35, lower), row_gap=GAP)
    draw_legend(fig, [mark(s.label, s.colour) for s in SHOWN], TOP + upper + 0.7, 0.35, 4)
    limits = [span(f[["ci_low", "ci_high"]]) if len(f) else (-1, 1) for f in (pd.concat([partial, plain]), single)]
    for (i, model), (j, language) in product(enumerate(models), enumerate(languages)):
        first, own = j == 0, {"model": model, "language": language}
        _compared(above[i, j], _of(plain, own), _of(partial, own), rungs, first)
        _one_by_one(below[i, j], _of(single, own), components, first)
        for ax, limit in zip((above[i, j], below[i, j]), limits, strict=True):
            ax.axvline(0, color=BLACK, lw=0.6)
            ax.set_xlim(limit)
            title(ax, f"{names.model(model)}, {names.language(language)}", 7.5)
        if i == len(models) - 1:
            above[i, j].set_xlabel("Spearman's ρ with a rater (mean over raters)")
            below[i, j].set_xlabel("ρ with a rater (mean over raters)")
    letter_panel(above[0, 0], "a", 1.3)
    letter_panel(below[0, 0], "b", 1.3)
    parts = {"plain": plain, "partial": partial, "components": single}
    return fig, pd.concat([frame.assign(panel=k) for k, frame in parts.items()], ignore_index=True)


def _of(frame: pd.DataFrame, where: Mapping[str, str]) -> pd.DataFrame:
    return frame[(frame[list(where)] == pd.Series(where)).all(axis=1)]


def _compared(ax: Axes, plain: pd.DataFrame, partial: pd.DataFrame, rungs: Sequence[str], first: bool) -> None:
    """Every rung before and after."""
    if partial.empty:
        say(ax, "no partial correlations\nin this study")
        return
    name_rows(ax, [REPRESENTATION[k].label for k in rungs], first)
    for shift, rows, dot in ((-0.16, plain, BEFORE), (0.16, partial, AFTER)):
        y = [rungs.index(k) + shift for k in rows["representation"]]
        draw_points(ax, rows["rho"], y, rows["ci_low"], rows["ci_high"], dot=dot)


def _one_by_one(ax: Axes, rows: pd.DataFrame, components: Sequence[str], first: bool) -> None:
    """Every principal component on its own."""
    if rows.empty:
        say(ax, "the residual has\nno components")
        return
    name_rows(ax, [f"component {REPRESENTATION[k].component}" for k in components], first)
    for shift, pairs in zip((-0.16, 0.16), SHOWN, strict=True):
        own = rows[rows["pairs"] == pairs.name]
        y = [components.index(k) + shift for k in own["representation"]]
        draw_points(ax, own["rho"], y, own["ci_low"], own["ci_high"], dot=Dot(pairs.colour))
