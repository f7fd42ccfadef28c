"""The parts that figures are made of: names, panels placed in inches, points with intervals, labels that do not
overlap.
"""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import cast

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from numpy.typing import ArrayLike

from shared_affect.base.files import atomic_path
from shared_affect.base.tables import read_csv
from shared_affect.results.contracts import CONTRACTS
from shared_affect.study.vocabulary import CONTROL, GREY, JUDGE, PRIMARY_SPEC, RED

WIDTH = 7.2
MARKERS = "osD^vP"


@dataclass(frozen=True)
class Names:
    """What models, languages, emotions and judges are called in a figure: ids -> words; `emotions` is
    resources/emotions.tsv.
    """

    models: Mapping[str, str]
    languages: Mapping[str, str]
    emotions: pd.DataFrame
    judges: Mapping[str, str] = field(default_factory=dict)

    def model(self, model: str) -> str:
        return self.models.get(model, model)

    def judge(self, judge: str) -> str:
        """Of every study, or by the label of its row."""
        return JUDGE[judge].label if judge in JUDGE else self.judges.get(judge, judge)

    def control(self, control: str, model: str) -> str:
        """Row of a control: a model that is one has it in its label, a shuffle does not."""
        if CONTROL[control].is_model:
            return self.model(model)
        label = f"{CONTROL[control].label}: {self.model(model)}"
        return label if len(label) <= 44 else label.replace(": ", ":\n")

    def language(self, language: str) -> str:
        return " → ".join(self.languages.get(part, part) for part in language.split("-"))

    def emotion(self, emotion: str, language: str) -> str:
        column = f"label_{language}"
        if column not in self.emotions:
            return emotion
        return dict(zip(self.emotions["emotion"], self.emotions[column], strict=True)).get(emotion, emotion)


def read_tables(paths: Iterable[str | Path]) -> dict[str, pd.DataFrame]:
    """Published tables by name."""
    return {Path(p).stem: read_csv(p) for p in paths}


def save(
    figure: Figure, source: pd.DataFrame, *, pdf: str | Path, png: str | Path, csv: str | Path, banner: str = ""
) -> None:
    """Write a figure as PDF and PNG (200 dpi), and its rows as CSV; equal figures give equal bytes.

    Parameters
    ----------
    banner : str
        Line at the foot of the figure, e.g. that the data are simulated ("" = none).
    """
    if banner:
        figure.text(0.995, 0.04 / figure.get_figheight(), banner, ha="right", va="bottom", fontsize=7, color=RED)
    for path, options in (
        (pdf, {"format": "pdf", "metadata": {"CreationDate": None}}),
        (png, {"format": "png", "dpi": 200, "metadata": {"Software": None}}),
    ):
        with atomic_path(path) as tmp:
            figure.savefig(tmp, **options)
    with atomic_path(csv) as tmp:
        source.to_csv(tmp, index=False)


def main_rows(tables: Mapping[str, pd.DataFrame], name: str) -> pd.DataFrame:
    """Rows of the primary configuration without controls; none where the study has no such table."""
    frame = tables.get(name, pd.DataFrame(columns=CONTRACTS[name].columns))
    return frame[(frame["control"] == "none") & (frame["spec"] == PRIMARY_SPEC)]


def in_order(words: Iterable[str], known: Sequence[str] = ()) -> list[str]:
    """Distinct words: known ones in their order, then the others as they come."""
    found = list(dict.fromkeys(words))
    return [k for k in known if k in found] + [w for w in found if w not in known]


def new_figure(height: float) -> Figure:
    fig = Figure(figsize=(WIDTH, height))
    FigureCanvasAgg(fig)
    return fig


def span(frame: pd.DataFrame) -> tuple[float, float]:
    """Limits around all numbers of a frame and 0."""
    values = np.append(frame.to_numpy(float).ravel(), 0)
    low, high = np.nanmin(values), np.nanmax(values)
    margin = 0.05 * (high - low) or 0.5
    return low - margin, high + margin


@dataclass(frozen=True)
class Box:
    """A band of a figure in inches: from its top edge, as high as `height`, with margins to its sides."""

    top: float
    height: float
    left: float = 1.35
    right: float = 0.12


def block(
    fig: Figure,
    rows: int,
    columns: int,
    box: Box,
    gap: float = 0.25,
    row_gap: float = 0.3,
    widths: Sequence[float] | None = None,
) -> np.ndarray:
    """Axes of a grid that fills a band.

    Parameters
    ----------
    gap, row_gap : float
        Inches between columns and between rows.
    widths : sequence of float or None
        Of the columns, relative; None = alike.

    Returns
    -------
    ndarray of Axes, shape (rows, columns)
    """
    width, height = fig.get_size_inches()
    inner_w = (width - box.left - box.right - gap * (columns - 1)) / columns
    inner_h = (box.height - row_gap * (rows - 1)) / rows
    grid = fig.add_gridspec(
        rows,
        columns,
        left=box.left / width,
        right=1 - box.right / width,
        top=1 - box.top / height,
        bottom=1 - (box.top + box.height) / height,
        wspace=gap / inner_w,
        hspace=row_gap / inner_h,
        width_ratios=widths,
    )
    return np.array([[fig.add_subplot(grid[i, j]) for j in range(columns)] for i in range(rows)])


def letter_panel(ax: Axes, letter: str, x: float, y: float = 0.06) -> None:
    """Letter of a panel: `x` inches left of the axes, `y` above."""
    ax.annotate(
        letter,
        (0, 1),
        (-72 * x, 72 * y),
        xycoords="axes fraction",
        textcoords="offset points",
        fontsize=12,
        va="bottom",
        ha="left",
    )


def say(ax: Axes, text: str) -> None:
    """An empty panel that says why."""
    ax.set(xticks=[], yticks=[])
    for spine in ax.spines.values():
        spine.set_visible(False)
    ax.text(0.5, 0.5, text, transform=ax.transAxes, ha="center", va="center", color=GREY, wrap=True)


def _points(ax: Axes) -> tuple[float, float]:
    """Width and height of a panel."""
    box = ax.get_window_extent()
    return 72 * box.width / ax.figure.dpi, 72 * box.height / ax.figure.dpi


def title(ax: Axes, text: str, size: float) -> None:
    """A heading in points, in as many lines as a panel of this width needs."""
    wide = int(_points(ax)[0] / (0.5 * size))  # letters are half as wide as they are high, on average
    ax.set_title("\n".join(part for line in text.splitlines() for part in textwrap.wrap(line, wide)), fontsize=size)


def name_rows(ax: Axes, labels: Sequence[str], show: bool = True) -> None:
    """Named rows, first on top, with hairlines; names of several lines are small enough to stay in their row."""
    ax.set_yticks(range(len(labels)), labels if show else [""] * len(labels))
    ax.set_ylim(len(labels) - 0.5, -0.5)
    ax.tick_params(axis="y", length=0)
    points = _points(ax)[1] / len(labels)
    for name in ax.get_yticklabels():
        lines = name.get_text().count("\n") + 1
        if lines > 1:
            name.set_fontsize(min(name.get_fontsize(), points / (1.2 * lines)))
    for y in range(len(labels)):
        ax.axhline(y, color="#ececec", lw=0.6, zorder=0)


@dataclass(frozen=True)
class Dot:
    """How an estimate is drawn; its size in points."""

    colour: str
    size: float = 4.0
    marker: str = "o"


def draw_points(
    ax: Axes,
    x: ArrayLike,
    y: ArrayLike,
    low: ArrayLike | None = None,
    high: ArrayLike | None = None,
    *,
    dot: Dot,
    filled: ArrayLike = True,
) -> None:
    """Estimates with intervals; open where not `filled`."""
    x, y = np.atleast_1d(np.asarray(x, float)), np.atleast_1d(np.asarray(y, float))
    full = np.broadcast_to(np.asarray(filled, bool), x.shape)
    if low is not None and high is not None:
        ax.hlines(y, low, high, color=dot.colour, lw=1.0, zorder=2)
    for here, face in ((full, dot.colour), (~full, "white")):
        ax.plot(x[here], y[here], dot.marker, ms=dot.size, mfc=face, mec=dot.colour, mew=0.9, zorder=3)


def draw_legend(fig: Figure, handles: Sequence, top: float, left: float = 1.35, columns: int = 8) -> None:
    width, h = fig.get_size_inches()
    fig.legend(
        handles=handles,
        loc="upper left",
        bbox_to_anchor=(left / width, 1 - top / h),
        ncol=columns,
        borderaxespad=0,
        handletextpad=0.4,
        columnspacing=1.4,
        handlelength=1.4,
    )


def mark(label: str, colour: str, marker: str = "o", filled: bool = True, line: str = "") -> Line2D:
    return Line2D(
        [],
        [],
        color=colour,
        marker=marker,
        ls=line or "none",
        ms=4,
        mfc=colour if filled else "white",
        mew=0.9,
        lw=1.2,
        label=label,
    )


def place_labels(points: np.ndarray, sizes: np.ndarray, bounds: Sequence[float], gap: float) -> np.ndarray:
    """Centres for the labels of points, so that boxes meet neither each other nor the points, near their own point.

    Every label chooses among places around its point, in turn, until none wants another; the same input gives the same
    output.

    Parameters
    ----------
    points, sizes : ndarray, shape (n, 2)
        Positions, and widths and heights of the label boxes, in one unit of length.
    bounds : (x_low, y_low, x_high, y_high)
    gap : float
        Free space between a point and its label.
    """
    angles = np.linspace(0, 2 * np.pi, 24, endpoint=False)
    ring = np.stack([np.cos(angles), np.sin(angles)], 1)
    radii = gap * np.array([1, 1.6, 2.4, 3.4, 4.6, 6, 8, 10, 13])
    places = points[:, None] + (
        ring[None, None] * radii[None, :, None, None] + ring[None, None] * sizes[:, None, None] / 2
    ).reshape(len(points), -1, 2)
    half = sizes[:, None] / 2
    own = np.tile(np.repeat(radii, len(angles)) / gap, (len(points), 1))
    outside = np.maximum(np.asarray(bounds[:2]) - (places - half), 0) + np.maximum(
        places + half - np.asarray(bounds[2:]), 0
    )
    own += 1e3 * (outside.sum(2) > 0)
    inside = (np.abs(points[None, None] - places[:, :, None]) < half[:, :, None] + gap * 0.7).all(3)
    own += 50 * inside.sum(2)
    away = np.linalg.norm(np.maximum(np.abs(points[None, None] - places[:, :, None]) - half[:, :, None], 0), axis=3)
    mine = away[np.arange(len(points)), :, np.arange(len(points))]
    away[np.arange(len(points)), :, np.arange(len(points))] = np.inf
    own += 3 * (away.min(2, initial=np.inf) < mine)  # a reader takes a label for that of the nearest point
    chosen = own.argmin(1)
    for _ in range(60):
        before = chosen.copy()
        for i in np.argsort(-own.min(1), kind="stable"):
            at = places[np.arange(len(points)), chosen]
            room = (sizes[i] + sizes) / 2 + gap * 0.4 - np.abs(places[i][:, None] - at[None])
            meets = (room > 0).all(2)
            meets[:, i] = False
            # a leader through another label is nearly as bad as a label on it
            along = points[i] + (places[i] - points[i])[:, None] * np.array([0.3, 0.5, 0.7])[None, :, None]
            crosses = (np.abs(along[:, :, None] - at[None, None]) < sizes / 2).all(3)
            crosses[:, :, i] = False
            chosen[i] = (own[i] + 50 * meets.sum(1) + 15 * crosses.any(1).sum(1)).argmin()
        if (chosen == before).all():
            break
    return places[np.arange(len(points)), chosen]


def label_points(ax: Axes, x: pd.Series, y: pd.Series, texts: Sequence[str], size: float) -> None:
    """Labels beside points, with a leader where one had to move away. Limits and size of the axes must be final."""
    renderer = cast(FigureCanvasAgg, ax.figure.canvas).get_renderer()  # as `new_figure` makes it
    drawn = [
        ax.annotate(t, (a, b), fontsize=size, ha="center", va="center", zorder=5)
        for t, a, b in zip(texts, x, y, strict=True)
    ]
    boxes = [t.get_window_extent(renderer) for t in drawn]
    points = ax.transData.transform(np.column_stack([x, y]))
    frame, unit = ax.get_window_extent(renderer), ax.figure.dpi / 72
    centres = place_labels(
        points, np.array([[b.width, b.height] for b in boxes]), (frame.x0, frame.y0, frame.x1, frame.y1), gap=3.4 * unit
    )
    for text, box, centre, point in zip(drawn, boxes, centres, points, strict=True):
        near = np.clip(
            point,
            (centre[0] - box.width / 2, centre[1] - box.height / 2),
            (centre[0] + box.width / 2, centre[1] + box.height / 2),
        )
        if np.linalg.norm(near - point) > 5.5 * unit:
            ends = ax.transData.inverted().transform([point, near])
            ax.plot(*ends.T, color=GREY, lw=0.4, zorder=1)
        place_x, place_y = ax.transData.inverted().transform(centre)
        text.set_position((place_x, place_y))
