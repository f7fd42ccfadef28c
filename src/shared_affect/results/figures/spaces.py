"""Figure 1: every space turned to valence and arousal, and its RDM beside the raters'."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.collections import PathCollection
from matplotlib.colors import Normalize
from matplotlib.figure import Figure
from matplotlib.image import AxesImage
from scipy.stats import rankdata

from shared_affect.base.naming import by_name
from shared_affect.base.tables import read_tsv
from shared_affect.results.claims.families import STRUCTURE
from shared_affect.results.panels import (
    WIDTH,
    Box,
    Names,
    block,
    label_points,
    letter_panel,
    main_rows,
    new_figure,
    title,
)
from shared_affect.spaces.rdm import RDM, RaterRDMs
from shared_affect.spaces.rungs import PRIMARY
from shared_affect.spaces.space_files import load_spaces
from shared_affect.study.vocabulary import DIMENSIONS

VALENCE_COLOURS, RANK_COLOURS = "RdYlBu", "cividis"
ROW, TOP, FOOT = 2.6, 0.42, 1.05


@dataclass(frozen=True)
class Space:
    """One emotion space: aligned coordinates, its RDM, the raters' mean RDM and the valence class of every emotion."""

    model: str
    language: str
    coordinates: pd.DataFrame
    rdm: RDM
    human: RDM
    classes: Mapping[str, str]
    n_raters: int

    def rows(self, frame: pd.DataFrame) -> pd.DataFrame:
        """Rows of a published table that are about it."""
        return frame[(frame["model"] == self.model) & (frame["language"] == self.language)]


def read_spaces(units: Sequence[Mapping[str, str]], files: Mapping[str, Sequence[str]]) -> list[Space]:
    """The spaces of some models and languages from the workflow's files, over the emotions that were judged.

    Parameters
    ----------
    units : sequence of mappings
        ``model, language`` of each.
    files : mapping of kind -> sequence of path
        ``coordinates`` and ``spaces`` of every unit, ``judgements`` and ``affect`` of their languages; each is found by
        the names in its path. Not looked at where there is no unit.
    """
    if not units:
        return []
    who = [(u["model"], u["language"]) for u in units]
    coordinates, spaces = (by_name(who, files[kind]) for kind in ("coordinates", "spaces"))
    judgements, affect = (
        by_name(dict.fromkeys(k for _, k in who), list(dict.fromkeys(files[kind]))) for kind in ("judgements", "affect")
    )
    return [
        _space(*unit, read_tsv(coordinates[unit]), spaces[unit], read_tsv(judgements[unit[1]]), affect[unit[1]])
        for unit in who
    ]


def _space(
    model: str, language: str, where: pd.DataFrame, space: str | Path, judgements: pd.DataFrame, affect: str | Path
) -> Space:
    raters, known = RaterRDMs.from_long(judgements), read_tsv(affect)
    labels = [e for e in where["emotion"] if e in raters.labels]
    return Space(
        model,
        language,
        where.set_index("emotion").loc[labels].reset_index(),
        load_spaces(space).rdms[PRIMARY].subset(labels),
        raters.subset(labels).mean(),
        dict(zip(known["emotion"], known["valence_class"], strict=True)),
        len(raters.raters),
    )


def draw_spaces(
    spaces: Sequence[Space], tables: Mapping[str, pd.DataFrame], names: Names
) -> tuple[Figure, pd.DataFrame]:
    """Figure 1: every space turned to valence and arousal, and its RDM beside the raters'.

    Parameters
    ----------
    spaces : sequence of Space
        One row of panels each.
    tables : mapping of table name -> DataFrame
        ``dimensions``, ``rsa``.
    names : Names

    Returns
    -------
    figure, source : Figure, DataFrame
    """
    height = TOP + ROW * len(spaces) + FOOT - 0.42
    fig = new_figure(height)
    box = Box(TOP, height - TOP - FOOT, left=0.55, right=0.05)
    axes = block(fig, len(spaces), 2, box, gap=1.05, row_gap=0.7, widths=[1.62, 1])
    every = pd.concat([s.coordinates["human_valence"] for s in spaces])
    colour = Normalize(*(np.array([-1, 1]) * (every - every.mean()).abs().max() + every.mean()))
    dimensions, rsa, source = main_rows(tables, "dimensions"), main_rows(tables, "rsa"), []
    for (left, right), s in zip(axes, spaces, strict=True):
        dots = _layout(left, s, colour, names)
        title(left, _title(s, dimensions, names), 7.5)
        order = s.coordinates.sort_values("human_valence", kind="stable")["emotion"].tolist()
        image = _two_rdms(right, s, order, names)
        r = s.rows(rsa)
        rho = "".join(f"; ρ = {v:.2f}" for v in r[STRUCTURE.rows(r)]["rho"])
        right.set_title(f"below: model, above: {s.n_raters} raters{rho}", fontsize=7.5)
        source += [s.coordinates.assign(panel="space", model=s.model, language=s.language), _pairs_of(s, order)]
    letter_panel(axes[0, 0], "a", 0.5)
    letter_panel(axes[0, 1], "b", 0.78)
    _colour_bar(fig, dots, 0.75, "valence of the emotion, human scale")
    _colour_bar(fig, image, 4.75, "dissimilarity, rank among pairs (0 = most alike)")
    return fig, pd.concat(source, ignore_index=True)


def _layout(ax: Axes, s: Space, colour: Normalize, names: Names) -> PathCollection:
    c = s.coordinates
    _equal_limits(ax, c["x_valence"], c["y_arousal"])
    ax.axhline(0, color="#e3e3e3", lw=0.6, zorder=0)
    ax.axvline(0, color="#e3e3e3", lw=0.6, zorder=0)
    dots = ax.scatter(
        c["x_valence"],
        c["y_arousal"],
        c=c["human_valence"],
        norm=colour,
        cmap=VALENCE_COLOURS,
        s=17,
        edgecolors="#333333",
        linewidths=0.5,
        zorder=3,
    )
    label_points(ax, c["x_valence"], c["y_arousal"], [names.emotion(e, s.language) for e in c["emotion"]], 5.8)
    ax.set(ylabel="arousal (turned to it)")
    ax.set_xlabel("valence (axis turned to it)", labelpad=1)
    return dots


def _title(s: Space, dimensions: pd.DataFrame, names: Names) -> str:
    found = s.rows(dimensions)
    values = dict(zip(found["quantity"], found["value"], strict=True))
    facts = [f"{d} {values[f'loo_r2_{d}']:.2f}" for d in DIMENSIONS if f"loo_r2_{d}" in values]
    known = [f"R²: {', '.join(facts)}"] if facts else []
    known += [f"circular order: p = {p:.2g}" for p in found[found["quantity"] == "circular_order"]["p"]]
    who = f"{names.model(s.model)}, {names.language(s.language)}, n = {len(s.coordinates)}"
    return "\n".join([who, "; ".join(known)]) if known else who


def _colour_bar(fig: Figure, mappable: PathCollection | AxesImage, x: float, text: str) -> None:
    height = fig.get_figheight()
    place = fig.add_axes((x / WIDTH, 0.52 / height, 2.0 / WIDTH, 0.07 / height))
    bar = fig.colorbar(mappable, cax=place, orientation="horizontal")
    bar.set_label(text, fontsize=7, labelpad=1)
    bar.outline.set_linewidth(0.4)


def _equal_limits(ax: Axes, x: pd.Series, y: pd.Series) -> None:
    """Limits with a margin, one unit as long on both axes: distances in the panel are distances of the layout."""
    width, height = ax.get_window_extent().size
    unit = max(1.3 * np.ptp(x) / width, 1.22 * np.ptp(y) / height, 1e-9)
    for setter, v, pixels in ((ax.set_xlim, x, width), (ax.set_ylim, y, height)):
        middle = (v.min() + v.max()) / 2
        setter(middle - unit * pixels / 2, middle + unit * pixels / 2)


def _two_rdms(ax: Axes, s: Space, order: Sequence[str], names: Names) -> AxesImage:
    n = len(order)
    below, above = np.tril_indices(n, -1), np.triu_indices(n, 1)
    grid = np.full((n, n), np.nan)
    for at, rdm in ((below, s.rdm), (above, s.human)):
        grid[at] = (rankdata(rdm.subset(order).values[at]) - 1) / max(len(at[0]) - 1, 1)
    image = ax.imshow(grid, cmap=RANK_COLOURS, vmin=0, vmax=1, interpolation="nearest")
    for i in range(1, n):
        if s.classes[order[i]] != s.classes[order[i - 1]]:
            ax.axhline(i - 0.5, color="white", lw=1.2)
            ax.axvline(i - 0.5, color="white", lw=1.2)
    ax.set_yticks(range(n), [names.emotion(e, s.language) for e in order], fontsize=min(5.2, 140 / n))
    ax.set_xticks([])
    ax.set_xlabel("emotions by human valence, low to high", fontsize=7, labelpad=3)
    ax.tick_params(length=0, pad=1)
    ax.spines[:].set_visible(False)
    return image


def _pairs_of(s: Space, order: Sequence[str]) -> pd.DataFrame:
    i, j = np.triu_indices(len(order), 1)
    return pd.DataFrame(
        {
            "panel": "rdm",
            "model": s.model,
            "language": s.language,
            "emotion": np.array(order)[i],
            "emotion_b": np.array(order)[j],
            "dissimilarity_model": s.rdm.condensed(order),
            "dissimilarity_human": s.human.condensed(order),
        }
    )
