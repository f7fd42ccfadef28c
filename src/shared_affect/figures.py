"""The figures, drawn from published tables: no number is estimated here.

Each function takes tables and returns a figure with the rows that are in it (its source data). What a study did not
compute is said in the panel. Draw inside `fonts.figure_style`; sizes in inches, fonts in points.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.colors import Normalize
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from scipy.stats import rankdata

from shared_affect.claims import ALPHA, UNTOUCHED
from shared_affect.rdm import RDM, RaterRDMs
from shared_affect.runtime import atomic_path
from shared_affect.spaces import PRIMARY, load_spaces
from shared_affect.tables import CONTROLS, RATING_ARMS, REPRESENTATIONS, STEERING_ARMS

# Okabe & Ito's palette for all kinds of colour vision
BLACK, GREY, BLUE, ORANGE, GREEN, PURPLE, SKY, RED = "#000000", "#8a8a8a", "#0072B2", "#E69F00", "#009E73", "#CC79A7", "#56B4E9", "#D55E00"
WIDTH = 7.2
VALENCE_COLOURS, RANK_COLOURS = "RdYlBu", "cividis"
PAIRS = {"all": ("all pairs", BLUE), "within-valence": ("pairs within a valence class", RED)}
DIMENSIONS = {"valence": BLUE, "arousal": RED}
JUDGES = {"lexicon": "lexicon", "lexicon-held-out": "held-out lexicon", "embedded": "trained judge"}
MARKERS = "osD^vP"
ARM_COLOURS = dict(zip(STEERING_ARMS, (BLUE, SKY, ORANGE, PURPLE, GREY, GREEN, "#9b7a01", BLACK, RED, "#5c3d8a", "#00624a", "#7a3300"), strict=True))
NAMES = {
    "sae-space": "SAE emotion space", "sae-all": "SAE, all features", "dense": "residual stream", "static": "static embeddings", "random-sae": "random SAE features",
    "shuffled-concepts": "shuffled concept-sets", "non-emotion": "sets that are no emotions", "valence-sign": "human valence sign", "valence-arousal": "human valence, arousal",
    "association": "word association", "all": "all features", "emotion-space": "emotion space", "shared": "shared features", "en-only": "English-only features",
    "zh-only": "Chinese-only features", "outside-matched": "outside, matched", "covariates": "covariates only", "valence-quadratic": "quadratic in valence",
    "none": "main study", "untrained": "untrained model", "no-affect": "world without affect", "shuffled-norms": "shuffled human data",
}
STEERING_NAMES = {"concept": "concept vector", "output-filtered": "output-filtered", "diff-means": "difference of means", "wrong-emotion": "wrong emotion", "random": "random direction",
                  "none": "not steered"}
TESTS = {"structure": ("rsa", "rho", "ρ, all pairs"), "fine-structure": ("rsa", "rho", "ρ, within valence class"), "ratings-valence": ("ratings", "r", "r, valence"),
         "ratings-arousal": ("ratings", "r", "r, arousal"), "transfer": ("ratings", "r", "r, across languages"), "shared-universal": ("shared_features", "value", "shared features (count)")}


@dataclass(frozen=True)
class Names:
    """What models, languages and emotions are called in a figure: ids -> words; `emotions` is resources/emotions.tsv."""

    models: Mapping[str, str]
    languages: Mapping[str, str]
    emotions: pd.DataFrame

    def model(self, model: str) -> str:
        return self.models.get(model, model)

    def language(self, language: str) -> str:
        return " → ".join(self.languages.get(part, part) for part in language.split("-"))

    def emotion(self, emotion: str, language: str) -> str:
        column = f"label_{language}"
        if column not in self.emotions:
            return emotion
        return dict(zip(self.emotions["emotion"], self.emotions[column], strict=True)).get(emotion, emotion)


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


def read_space(model: str, language: str, coordinates: str | Path, space: str | Path, judgements: str | Path, affect: str | Path) -> Space:
    """A `Space` from the workflow's files, over the emotions that were judged."""
    where = pd.read_csv(coordinates, sep="\t")
    raters = RaterRDMs.from_long(pd.read_csv(judgements, sep="\t"))
    labels = [e for e in where["emotion"] if e in raters.labels]
    classes = pd.read_csv(affect, sep="\t").set_index("emotion")["valence_class"].to_dict()
    where = where.set_index("emotion").loc[labels].reset_index()
    return Space(model, language, where, load_spaces(space)[0][PRIMARY].subset(labels), raters.subset(labels).mean(), classes, len(raters.raters))


def read_tables(paths: Iterable[str | Path]) -> dict[str, pd.DataFrame]:
    """Published tables by name."""
    return {Path(p).stem: pd.read_csv(p, keep_default_na=False, na_values=[""]) for p in paths}


def save(figure: Figure, source: pd.DataFrame, *, pdf: str | Path, png: str | Path, csv: str | Path, banner: str = "") -> None:
    """Write a figure as PDF and PNG (200 dpi), and its rows as CSV; equal figures give equal bytes.

    Parameters
    ----------
    banner : str
        Line at the foot of the figure, e.g. that the data are simulated ("" = none).
    """
    if banner:
        figure.text(0.995, 0.04 / figure.get_figheight(), banner, ha="right", va="bottom", fontsize=7, color=RED)
    for path, options in ((pdf, {"format": "pdf", "metadata": {"CreationDate": None}}), (png, {"format": "png", "dpi": 200, "metadata": {"Software": None}})):
        with atomic_path(path) as tmp:
            figure.savefig(tmp, **options)
    with atomic_path(csv) as tmp:
        source.to_csv(tmp, index=False)


# ---- parts


def _main(tables: Mapping[str, pd.DataFrame], name: str) -> pd.DataFrame:
    """Rows of the primary configuration without controls; none where the study has no such table."""
    frame = tables.get(name, pd.DataFrame(columns=["control", "spec", "model", "language", "arm", "dimension", "pairs", "statistic", "quantity", "scope", "judge"]))
    return frame[(frame["control"] == "none") & (frame["spec"] == "primary")]


def _order(words: Iterable[str], known: Sequence[str] = ()) -> list[str]:
    """Distinct words: known ones in their order, then the others as they come."""
    found = list(dict.fromkeys(words))
    return [k for k in known if k in found] + [w for w in found if w not in known]


def _block(fig: Figure, rows: int, columns: int, top: float, height: float, left: float = 1.35, right: float = 0.12, gap: float = 0.25, row_gap: float = 0.3, widths=None):
    """Axes of a grid placed in inches from the top left corner."""
    width, h = fig.get_size_inches()
    inner_w, inner_h = (width - left - right - gap * (columns - 1)) / columns, (height - row_gap * (rows - 1)) / rows
    grid = fig.add_gridspec(rows, columns, left=left / width, right=1 - right / width, top=1 - top / h, bottom=1 - (top + height) / h, wspace=gap / inner_w,
                            hspace=row_gap / inner_h, width_ratios=widths)
    return np.array([[fig.add_subplot(grid[i, j]) for j in range(columns)] for i in range(rows)])


def _letter(ax: Axes, letter: str, x: float, y: float = 0.06) -> None:
    """Letter of a panel: `x` inches left of the axes, `y` above."""
    ax.annotate(letter, (0, 1), (-72 * x, 72 * y), xycoords="axes fraction", textcoords="offset points", fontsize=12, va="bottom", ha="left")


def _say(ax: Axes, text: str) -> None:
    """An empty panel that says why."""
    ax.set(xticks=[], yticks=[])
    for spine in ax.spines.values():
        spine.set_visible(False)
    ax.text(0.5, 0.5, text, transform=ax.transAxes, ha="center", va="center", color=GREY, wrap=True)


def _rows(ax: Axes, labels: Sequence[str], show: bool = True) -> None:
    """Named rows, first on top, with hairlines."""
    ax.set_yticks(range(len(labels)), labels if show else [""] * len(labels))
    ax.set_ylim(len(labels) - 0.5, -0.5)
    ax.tick_params(axis="y", length=0)
    for y in range(len(labels)):
        ax.axhline(y, color="#ececec", lw=0.6, zorder=0)


def _points(ax: Axes, x, y, low=None, high=None, *, colour: str, filled=True, marker: str = "o", size: float = 4.0) -> None:
    """Estimates with intervals; open where not `filled`."""
    x, y = np.atleast_1d(np.asarray(x, float)), np.atleast_1d(np.asarray(y, float))
    filled = np.broadcast_to(filled, x.shape)
    if low is not None:
        ax.hlines(y, low, high, color=colour, lw=1.0, zorder=2)
    for here, face in ((filled, colour), (~filled, "white")):
        ax.plot(x[here], y[here], marker, ms=size, mfc=face, mec=colour, mew=0.9, zorder=3)


def _legend(fig: Figure, handles: Sequence, top: float, left: float = 1.35, columns: int = 8) -> None:
    width, h = fig.get_size_inches()
    fig.legend(handles=handles, loc="upper left", bbox_to_anchor=(left / width, 1 - top / h), ncol=columns, borderaxespad=0, handletextpad=0.4, columnspacing=1.4, handlelength=1.4)


def _mark(label: str, colour: str, marker: str = "o", filled: bool = True, line: str = "") -> Line2D:
    return Line2D([], [], color=colour, marker=marker, ls=line or "none", ms=4, mfc=colour if filled else "white", mew=0.9, lw=1.2, label=label)


def place_labels(points: np.ndarray, sizes: np.ndarray, bounds: Sequence[float], gap: float) -> np.ndarray:
    """Centres for the labels of points, so that boxes meet neither each other nor the points, near their own point.

    Every label chooses among places around its point, in turn, until none wants another; the same input gives the same output.

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
    places = points[:, None] + (ring[None, None] * radii[None, :, None, None] + ring[None, None] * sizes[:, None, None] / 2).reshape(len(points), -1, 2)
    half = sizes[:, None] / 2
    own = np.tile(np.repeat(radii, len(angles)) / gap, (len(points), 1))
    outside = np.maximum(np.asarray(bounds[:2]) - (places - half), 0) + np.maximum(places + half - np.asarray(bounds[2:]), 0)
    own += 1e3 * (outside.sum(2) > 0)
    inside = (np.abs(points[None, None] - places[:, :, None]) < half[:, :, None] + gap * 0.7).all(3)
    own += 50 * inside.sum(2)
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


def _label_points(ax: Axes, x, y, texts: Sequence[str], size: float) -> None:
    """Labels beside points, with a leader where one had to move away. Limits and size of the axes must be final."""
    renderer = ax.figure.canvas.get_renderer()
    drawn = [ax.annotate(t, (a, b), fontsize=size, ha="center", va="center", zorder=5) for t, a, b in zip(texts, x, y, strict=True)]
    boxes = [t.get_window_extent(renderer) for t in drawn]
    points = ax.transData.transform(np.column_stack([x, y]))
    frame, unit = ax.get_window_extent(renderer), ax.figure.dpi / 72
    centres = place_labels(points, np.array([[b.width, b.height] for b in boxes]), (frame.x0, frame.y0, frame.x1, frame.y1), gap=3.4 * unit)
    for text, box, centre, point in zip(drawn, boxes, centres, points, strict=True):
        near = np.clip(point, centre - [box.width / 2, box.height / 2], centre + [box.width / 2, box.height / 2])
        if np.linalg.norm(near - point) > 7 * unit:
            ends = ax.transData.inverted().transform([point, near])
            ax.plot(*ends.T, color=GREY, lw=0.4, zorder=1)
        text.set_position(ax.transData.inverted().transform(centre))


# ---- figure 1


def draw_spaces(spaces: Sequence[Space], tables: Mapping[str, pd.DataFrame], names: Names) -> tuple[Figure, pd.DataFrame]:
    """Figure 1: every space turned to valence and arousal, and its RDM beside the raters'."""
    row, top, foot = 2.5, 0.3, 0.85
    height = top + row * len(spaces) + foot - 0.3
    fig = Figure(figsize=(WIDTH, height))
    axes = _block(fig, len(spaces), 2, top, height - top - foot, left=0.55, right=0.05, gap=1.05, row_gap=0.5, widths=[1.62, 1])
    every = pd.concat([s.coordinates["human_valence"] for s in spaces])
    colour = Normalize(*(np.array([-1, 1]) * (every - every.mean()).abs().max() + every.mean()))
    dimensions, rsa, source = _main(tables, "dimensions"), _main(tables, "rsa"), []
    for (left, right), s in zip(axes, spaces, strict=True):
        c = s.coordinates
        _equal_limits(left, c["x_valence"], c["y_arousal"])
        left.axhline(0, color="#e3e3e3", lw=0.6, zorder=0)
        left.axvline(0, color="#e3e3e3", lw=0.6, zorder=0)
        dots = left.scatter(c["x_valence"], c["y_arousal"], c=c["human_valence"], norm=colour, cmap=VALENCE_COLOURS, s=17, edgecolors="#333333", linewidths=0.5, zorder=3)
        _label_points(left, c["x_valence"], c["y_arousal"], [names.emotion(e, s.language) for e in c["emotion"]], 5.8)
        found = dimensions[(dimensions["model"] == s.model) & (dimensions["language"] == s.language)].set_index("quantity")
        facts = [f"{word} r = {found.loc[q, 'value']:.2f}" for word, q in (("valence", "r_valence"), ("arousal", "r_arousal")) if q in found.index]
        left.set_title(f"{names.model(s.model)}, {names.language(s.language)}: " + ", ".join([*facts, f"n = {len(c)}"]), fontsize=7.5)
        left.set(xlabel="valence (axis turned to it)", ylabel="arousal (axis turned to it)")
        order = c.sort_values("human_valence", kind="stable")["emotion"].tolist()
        image = _two_rdms(right, s, order, names)
        r = rsa[(rsa["model"] == s.model) & (rsa["language"] == s.language) & (rsa["representation"] == PRIMARY) & (rsa["pairs"] == "all") & (rsa["statistic"] == "rho-a")]
        right.set_title("model \\ human" + "".join(f", ρ = {v:.2f}" for v in r["rho"]) + f", {s.n_raters} raters", fontsize=7.5)
        source += [c.assign(panel="space", model=s.model, language=s.language), _pairs_of(s, order)]
    _letter(axes[0, 0], "a", 0.5)
    _letter(axes[0, 1], "b", 0.78)
    for mappable, x, text in ((dots, 0.75, "valence of the emotion, human scale"), (image, 4.75, "dissimilarity, rank among pairs (0 = most alike)")):
        bar = fig.colorbar(mappable, cax=fig.add_axes((x / WIDTH, 0.4 / height, 2.0 / WIDTH, 0.07 / height)), orientation="horizontal")
        bar.set_label(text, fontsize=7, labelpad=1)
        bar.outline.set_linewidth(0.4)
    return fig, pd.concat(source, ignore_index=True)


def _equal_limits(ax: Axes, x: pd.Series, y: pd.Series) -> None:
    """Limits with a margin, one unit as long on both axes: distances in the panel are distances of the layout."""
    width, height = ax.get_window_extent().size
    unit = max(1.3 * np.ptp(x) / width, 1.22 * np.ptp(y) / height, 1e-9)
    for setter, v, pixels in ((ax.set_xlim, x, width), (ax.set_ylim, y, height)):
        middle = (v.min() + v.max()) / 2
        setter(middle - unit * pixels / 2, middle + unit * pixels / 2)


def _two_rdms(ax: Axes, s: Space, order: Sequence[str], names: Names):
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
    ax.set_xlabel("emotions by human valence, low to high")
    ax.tick_params(length=0, pad=1)
    ax.spines[:].set_visible(False)
    return image


def _pairs_of(s: Space, order: Sequence[str]) -> pd.DataFrame:
    i, j = np.triu_indices(len(order), 1)
    return pd.DataFrame({"panel": "rdm", "model": s.model, "language": s.language, "emotion": np.array(order)[i], "emotion_b": np.array(order)[j],
                         "dissimilarity_model": s.rdm.condensed(order), "dissimilarity_human": s.human.condensed(order)})


# ---- figure 2


def draw_congruence(tables: Mapping[str, pd.DataFrame], names: Names) -> tuple[Figure, pd.DataFrame]:
    """Figure 2: the ladder of representations against the raters, and the negative controls."""
    every = tables["rsa"]
    every = every[(every["spec"] == "primary") & (every["statistic"] == "rho-a") & every["pairs"].isin(PAIRS)]
    main, controls = every[every["control"] == "none"], every[(every["control"] != "none") & (every["representation"] == PRIMARY)]
    models, languages, ladder = _order(main["model"]), _order(main["language"]), _order(main["representation"], REPRESENTATIONS)
    strips = list(controls.groupby(["control", "model"], sort=False).groups)
    strips.sort(key=lambda k: CONTROLS.index(k[0]))
    upper, lower = 1.75 * len(models) + 0.35 * (len(models) - 1), 0.16 * max(len(strips), 3)
    top = 0.62
    fig = Figure(figsize=(WIDTH, top + upper + 1.05 + lower + 0.65))
    _legend(fig, [*(_mark(label, c) for label, c in PAIRS.values()), *(Line2D([], [], color=c, lw=6, alpha=0.22, label=f"ceiling, {label}") for label, c in PAIRS.values())], 0.08, 0.35, 4)
    axes = _block(fig, len(models), len(languages), top, upper, row_gap=0.35)
    limits = _span(every[["ci_low", "ci_high", "ceiling_high"]])
    for (i, model), (j, language) in np.ndindex_of(models, languages) if False else [((i, m), (j, k)) for i, m in enumerate(models) for j, k in enumerate(languages)]:
        ax, rows = axes[i, j], main[(main["model"] == model) & (main["language"] == language)]
        _rows(ax, [NAMES[k] for k in ladder], j == 0)
        for shift, (pairs, (_, colour)) in zip((-0.16, 0.16), PAIRS.items(), strict=True):
            r = rows[rows["pairs"] == pairs]
            if len(r):
                ax.axvspan(r["ceiling_low"].iloc[0], r["ceiling_high"].iloc[0], color=colour, alpha=0.22, lw=0)
            _points(ax, r["rho"], [ladder.index(k) + shift for k in r["representation"]], r["ci_low"], r["ci_high"], colour=colour)
        ax.axvline(0, color=BLACK, lw=0.6)
        ax.set_xlim(limits)
        whose = f"; raters: {names.language(rows['human_language'].iloc[0])}" if len(rows) and rows["human_language"].iloc[0] != language else ""
        n = "" if rows.empty else f" (n = {rows['n_emotions'].iloc[0]} emotions, {rows['n_raters'].iloc[0]} raters)"
        ax.set_title(f"{names.model(model)}, {names.language(language)}{whose}{n}", fontsize=7.5)
        if i == len(models) - 1:
            ax.set_xlabel("correlation with a rater, ρ (mean over raters)")
    _letter(axes[0, 0], "a", 1.3)
    below = _block(fig, 1, len(PAIRS), top + upper + 1.05, lower, left=2.3)[0]
    for ax, (pairs, (label, colour)) in zip(below, PAIRS.items(), strict=True):
        ax.set_title(f"negative controls, SAE emotion space, {label}", fontsize=7.5)
        if not strips:
            _say(ax, "no negative control in this study")
            continue
        r = controls[controls["pairs"] == pairs]
        _rows(ax, [f"{NAMES[c]}: {names.model(m)}" for c, m in strips], ax is below[0])
        for k, language in enumerate(languages):
            one = r[r["language"] == language]
            y = [strips.index(key) + 0.5 * ((k + 0.5) / len(languages) - 0.5) for key in zip(one["control"], one["model"], strict=True)]
            _points(ax, one["rho"], y, one["ci_low"], one["ci_high"], colour=colour, filled=(one["p_adjusted"] < ALPHA).to_numpy(), marker=MARKERS[k % len(MARKERS)], size=3.4)
        ax.axvline(0, color=BLACK, lw=0.6)
        ax.set_xlim(limits)
        ax.set_xlabel("ρ (mean over raters)")
    _letter(below[0], "b", 2.25)
    if strips:
        _legend(fig, [*(_mark(names.language(k), BLACK, MARKERS[i % len(MARKERS)], False) for i, k in enumerate(languages)), _mark(f"Holm p < {ALPHA:g} within its control", BLACK),
                      _mark("not rejected", BLACK, filled=False)], top + upper + 0.62, 2.3, 4)
    return fig, pd.concat([main.assign(panel="ladder"), controls.assign(panel="controls")], ignore_index=True)
