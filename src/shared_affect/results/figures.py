"""The figures, drawn from published tables: no number is estimated here.

Each function takes tables and returns a figure with the rows that are in it (its source data). What a study did not
compute is said in the panel. Draw inside `fonts.figure_style`; sizes in inches, fonts in points.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from pathlib import Path

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.colors import Normalize
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from scipy.stats import rankdata

from shared_affect.base.tables import read_tsv
from shared_affect.results.claims import UNTOUCHED
from shared_affect.results.panels import (
    BLACK,
    BLUE,
    GREEN,
    GREY,
    MARKERS,
    NAMES,
    ORANGE,
    PURPLE,
    RED,
    SKY,
    WIDTH,
    Names,
    block,
    draw_legend,
    draw_points,
    in_order,
    label_points,
    letter_panel,
    main_rows,
    mark,
    name_rows,
    new_figure,
    say,
    span,
)
from shared_affect.spaces.rdm import RDM, RaterRDMs
from shared_affect.spaces.rungs import PRIMARY
from shared_affect.spaces.space_files import load_spaces
from shared_affect.study.checks import ALPHA
from shared_affect.study.vocabulary import CONTROLS, RATING_ARMS, REPRESENTATIONS, STEERING_ARMS

VALENCE_COLOURS, RANK_COLOURS = "RdYlBu", "cividis"
PAIRS = {"all": ("all pairs", BLUE), "within-valence": ("pairs within a valence class", RED)}
PALE = "#bdbdbd"
DIMENSIONS = {"valence": BLUE, "arousal": RED}
JUDGES = {"lexicon": "lexicon", "lexicon-held-out": "held-out lexicon", "embedded": "trained judge"}
ARM_COLOURS = dict(
    zip(
        STEERING_ARMS,
        (BLUE, SKY, ORANGE, PURPLE, GREY, GREEN, "#9b7a01", BLACK, RED, "#5c3d8a", "#00624a", "#7a3300"),
        strict=True,
    )
)
STEERING_NAMES = {
    "concept": "concept vector",
    "output-filtered": "output-filtered",
    "diff-means": "difference of means",
    "wrong-emotion": "wrong emotion",
    "random": "random direction",
    "none": "not steered",
}
TESTS = {
    "structure": ("rsa", "rho", "ρ, all pairs"),
    "fine-structure": ("rsa", "rho", "ρ, within valence class"),
    "ratings-valence": ("ratings", "r", "r, valence"),
    "ratings-arousal": ("ratings", "r", "r, arousal"),
    "transfer": ("ratings", "r", "r, across languages"),
    "shared-universal": ("shared_features", "value", "shared features (count)"),
}


# ---- figure 1


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


def read_space(
    model: str, language: str, coordinates: str | Path, space: str | Path, judgements: str | Path, affect: str | Path
) -> Space:
    """A `Space` from the workflow's files, over the emotions that were judged."""
    where = read_tsv(coordinates)
    raters = RaterRDMs.from_long(read_tsv(judgements))
    labels = [e for e in where["emotion"] if e in raters.labels]
    classes = read_tsv(affect).set_index("emotion")["valence_class"].to_dict()
    where = where.set_index("emotion").loc[labels].reset_index()
    return Space(
        model,
        language,
        where,
        load_spaces(space).rdms[PRIMARY].subset(labels),
        raters.subset(labels).mean(),
        classes,
        len(raters.raters),
    )


def draw_spaces(
    spaces: Sequence[Space], tables: Mapping[str, pd.DataFrame], names: Names
) -> tuple[Figure, pd.DataFrame]:
    """Figure 1: every space turned to valence and arousal, and its RDM beside the raters'."""
    row, top, foot = 2.5, 0.3, 1.05
    height = top + row * len(spaces) + foot - 0.3
    fig = new_figure(height)
    axes = block(
        fig, len(spaces), 2, top, height - top - foot, left=0.55, right=0.05, gap=1.05, row_gap=0.56, widths=[1.62, 1]
    )
    every = pd.concat([s.coordinates["human_valence"] for s in spaces])
    colour = Normalize(*(np.array([-1, 1]) * (every - every.mean()).abs().max() + every.mean()))
    dimensions, rsa, source = main_rows(tables, "dimensions"), main_rows(tables, "rsa"), []
    for (left, right), s in zip(axes, spaces, strict=True):
        c = s.coordinates
        _equal_limits(left, c["x_valence"], c["y_arousal"])
        left.axhline(0, color="#e3e3e3", lw=0.6, zorder=0)
        left.axvline(0, color="#e3e3e3", lw=0.6, zorder=0)
        dots = left.scatter(
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
        label_points(left, c["x_valence"], c["y_arousal"], [names.emotion(e, s.language) for e in c["emotion"]], 5.8)
        found = dimensions[(dimensions["model"] == s.model) & (dimensions["language"] == s.language)].set_index(
            "quantity"
        )
        facts = [f"{d} {found.loc[f'loo_r2_{d}', 'value']:.2f}" for d in DIMENSIONS if f"loo_r2_{d}" in found.index]
        left.set_title(
            f"{names.model(s.model)}, {names.language(s.language)}, n = {len(c)}"
            + (f"; R²: {', '.join(facts)}" if facts else ""),
            fontsize=7.5,
        )
        left.set(ylabel="arousal (turned to it)")
        left.set_xlabel("valence (axis turned to it)", labelpad=1)
        order = c.sort_values("human_valence", kind="stable")["emotion"].tolist()
        image = _two_rdms(right, s, order, names)
        r = rsa[
            (rsa["model"] == s.model)
            & (rsa["language"] == s.language)
            & (rsa["representation"] == PRIMARY)
            & (rsa["pairs"] == "all")
            & (rsa["statistic"] == "rho-a")
        ]
        right.set_title(
            f"below: model, above: {s.n_raters} raters" + "".join(f"; ρ = {v:.2f}" for v in r["rho"]), fontsize=7.5
        )
        source += [c.assign(panel="space", model=s.model, language=s.language), _pairs_of(s, order)]
    letter_panel(axes[0, 0], "a", 0.5)
    letter_panel(axes[0, 1], "b", 0.78)
    for mappable, x, text in (
        (dots, 0.75, "valence of the emotion, human scale"),
        (image, 4.75, "dissimilarity, rank among pairs (0 = most alike)"),
    ):
        bar = fig.colorbar(
            mappable, cax=fig.add_axes((x / WIDTH, 0.52 / height, 2.0 / WIDTH, 0.07 / height)), orientation="horizontal"
        )
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


# ---- figure 2


def draw_congruence(tables: Mapping[str, pd.DataFrame], names: Names) -> tuple[Figure, pd.DataFrame]:
    """Figure 2: the ladder of representations against the raters, and the negative controls."""
    every = tables["rsa"]
    every = every[(every["spec"] == "primary") & (every["statistic"] == "rho-a") & every["pairs"].isin(PAIRS)]
    main, controls = (
        every[every["control"] == "none"],
        every[(every["control"] != "none") & (every["representation"] == PRIMARY)],
    )
    models, languages, ladder = (
        in_order(main["model"]),
        in_order(main["language"]),
        in_order(main["representation"], REPRESENTATIONS),
    )
    strips = list(controls.groupby(["control", "model"], sort=False).groups)
    strips.sort(key=lambda k: CONTROLS.index(k[0]))
    upper, lower = 1.75 * len(models) + 0.6 * (len(models) - 1), 0.17 * max(len(strips), 3)
    top = 0.72
    fig = new_figure(top + upper + 1.05 + lower + 0.65)
    draw_legend(
        fig,
        [
            *(mark(label, c) for label, c in PAIRS.values()),
            *(Patch(color=c, alpha=0.25, lw=0, label=f"ceiling, {label}") for label, c in PAIRS.values()),
        ],
        0.08,
        0.35,
        4,
    )
    axes = block(fig, len(models), len(languages), top, upper, row_gap=0.6)
    limits = span(every[["ci_low", "ci_high", "ceiling_high"]])
    for (i, model), (j, language) in product(enumerate(models), enumerate(languages)):
        ax, rows = axes[i, j], main[(main["model"] == model) & (main["language"] == language)]
        name_rows(ax, [NAMES[k] for k in ladder], j == 0)
        for shift, (pairs, (_, colour)) in zip((-0.16, 0.16), PAIRS.items(), strict=True):
            r = rows[rows["pairs"] == pairs]
            if len(r):
                ax.axvspan(r["ceiling_low"].iloc[0], r["ceiling_high"].iloc[0], color=colour, alpha=0.22, lw=0)
            draw_points(
                ax,
                r["rho"],
                [ladder.index(k) + shift for k in r["representation"]],
                r["ci_low"],
                r["ci_high"],
                colour=colour,
            )
        ax.axvline(0, color=BLACK, lw=0.6)
        ax.set_xlim(limits)
        first = rows.iloc[0] if len(rows) else None
        n = (
            "not in this study"
            if first is None
            else (
                f"n = {first['n_emotions']} emotions; {first['n_raters']} raters"
                f" ({names.language(first['human_language'])})"
            )
        )
        ax.set_title(f"{names.model(model)}, {names.language(language)}\n{n}", fontsize=7.5)
        if i == len(models) - 1:
            ax.set_xlabel("correlation with a rater, ρ (mean over raters)")
    letter_panel(axes[0, 0], "a", 1.3)
    below = block(fig, 1, len(PAIRS), top + upper + 1.05, lower, left=2.45)[0]
    for ax, (pairs, (label, colour)) in zip(below, PAIRS.items(), strict=True):
        ax.set_title(label, fontsize=7.5)
        if not strips:
            say(ax, "no negative control in this study")
            continue
        r = controls[controls["pairs"] == pairs]
        name_rows(ax, [names.control(*key) for key in strips], ax is below[0])
        for k, language in enumerate(languages):
            one = r[r["language"] == language]
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
                colour=colour,
                filled=(one["p_adjusted"] < ALPHA).to_numpy(),
                marker=MARKERS[k % len(MARKERS)],
                size=3.4,
            )
        ax.axvline(0, color=BLACK, lw=0.6)
        ax.set_xlim(limits)
        ax.set_xlabel("ρ (mean over raters)")
    letter_panel(below[0], "b", 2.4)
    if strips:
        draw_legend(
            fig,
            [
                *(mark(names.language(k), BLACK, MARKERS[i % len(MARKERS)], False) for i, k in enumerate(languages)),
                mark(f"Holm p < {ALPHA:g} within its control", BLACK),
                mark("not rejected", BLACK, filled=False),
            ],
            top + upper + 0.62,
            0.35,
            4,
        )
    return fig, pd.concat([main.assign(panel="ladder"), controls.assign(panel="controls")], ignore_index=True)


# ---- figure 3


def draw_ratings(tables: Mapping[str, pd.DataFrame], names: Names) -> tuple[Figure, pd.DataFrame]:
    """Figure 3: prediction of ratings within and across languages; shared features; cultural differences."""
    main = main_rows(tables, "ratings")
    models, languages, arms = (
        in_order(main["model"]),
        sorted(in_order(main["language"]), key=lambda k: "-" in k),
        in_order(main["arm"], RATING_ARMS),
    )
    parts = [
        _with_controls(tables, *key)
        for key in (
            ("shared_features", "quantity", "n_shared"),
            ("shared_overlap", "scope", "union"),
            ("cultures", "quantity", "valence_difference_r"),
        )
    ]
    who = sorted(
        {key for r in parts for key in zip(r["control"], r["model"], strict=True)},
        key=lambda k: (CONTROLS.index(k[0]), k[1]),
    )
    row, gap, top = 0.15 * len(arms) + 0.1, 0.66, 0.85
    upper, lower = row * len(models) + gap * (len(models) - 1), 0.16 * max(len(who), 4)
    fig = new_figure(top + upper + 1.1 + lower + 0.75)
    draw_legend(
        fig,
        [
            *(mark(d, c) for d, c in DIMENSIONS.items()),
            *(Line2D([], [], color=c, lw=1, ls=":", label=f"ceiling, {d}") for d, c in DIMENSIONS.items()),
        ],
        0.08,
        0.35,
    )
    limits = _closer(main[["ci_low", "ci_high", "ceiling"]])
    axes = block(fig, len(models), len(languages), top, upper, row_gap=gap)
    for (i, model), (j, language) in product(enumerate(models), enumerate(languages)):
        ax, rows = axes[i, j], main[(main["model"] == model) & (main["language"] == language)]
        name_rows(ax, [NAMES[a] for a in arms], j == 0)
        for shift, (dimension, colour) in zip((-0.17, 0.17), DIMENSIONS.items(), strict=True):
            r = rows[rows["dimension"] == dimension]
            for ceiling in r["ceiling"].dropna().unique():
                ax.axvline(ceiling, color=colour, lw=1, ls=":")
            draw_points(
                ax,
                r["r"],
                [arms.index(a) + shift for a in r["arm"]],
                r["ci_low"],
                r["ci_high"],
                colour=colour,
                size=3.4,
            )
        ax.axvline(0, color=BLACK, lw=0.6)
        ax.set_xlim(limits)
        ax.set_title(
            f"{names.language(language)}, " + ("–" if rows.empty else f"n = {rows['n_words'].iloc[0]}"), fontsize=7
        )
        if j == 0:
            ax.annotate(
                names.model(model), (0, 1), (0, 18), xycoords="axes fraction", textcoords="offset points", fontsize=8
            )
        if i == len(models) - 1:
            ax.set_xlabel("r with ratings")
    letter_panel(axes[0, 0], "a", 1.27, 0.2)
    below = block(fig, 1, 3, top + upper + 1.1, lower, left=2.25, gap=0.3)[0]
    words = (
        ("features shared by\nboth languages", "features (bar: expected\nto 97.5 % of permutations)"),
        ("overlap of selected\nemotion features", "Jaccard (bar: expected\nto 97.5 % of permutations)"),
        ("cultural differences,\npredicted and human", "r over word pairs"),
    )
    for ax, r, value, (title, label) in zip(below, parts, ("value", "jaccard", "r"), words, strict=True):
        ax.set_title(title, fontsize=7.5)
        if r.empty:
            say(ax, "needs two languages")
            continue
        ax.set_xlabel(label, fontsize=7)
        name_rows(ax, [names.control(*key) for key in who], ax is below[0])
        here = [who.index(key) for key in zip(r["control"], r["model"], strict=True)]
        _beside_chance(ax, r, value, here)
        for y in set(range(len(who))) - set(here):
            ax.text(
                0.04,
                y,
                "does not enter" if who[y][0] in UNTOUCHED else "not computed",
                transform=ax.get_yaxis_transform(),
                fontsize=5.5,
                color=GREY,
                va="center",
            )
    letter_panel(below[0], "b", 2.2)
    named = [r.assign(panel=panel) for r, panel in zip(parts, ("shared features", "overlap", "cultures"), strict=True)]
    return fig, pd.concat([main.assign(panel="ratings"), *named], ignore_index=True)


def _closer(frame: pd.DataFrame) -> tuple[float, float]:
    """Limits around all numbers, up to 1: correlations near their ceiling stay apart."""
    low = np.nanmin(frame.to_numpy(float)) if len(frame) else 0.0
    return low - 0.06 * (1 - low), 1 + 0.03 * (1 - low)


def _with_controls(tables: Mapping[str, pd.DataFrame], name: str, column: str, word: str) -> pd.DataFrame:
    """Rows of one quantity with all controls; none where the study has no such table."""
    frame = tables.get(name)
    if frame is None:
        return pd.DataFrame(columns=["control", "model"])
    return frame[(frame["spec"] == "primary") & (frame[column] == word)]


def _beside_chance(ax: Axes, r: pd.DataFrame, value: str, y: Sequence[int]) -> None:
    """Values of one quantity beside what chance gives, or with their intervals; pale where claims leave that shuffle
    out.
    """
    if value == "r":
        for colour, here in ((BLUE, ~_ratings_untouched(r)), (PALE, _ratings_untouched(r))):
            draw_points(
                ax,
                r["r"][here],
                np.array(y)[here],
                r["ci_low"][here],
                r["ci_high"][here],
                colour=colour,
                filled=colour == BLUE,
            )
        ax.axvline(0, color=BLACK, lw=0.6)
        return
    filled = r["p_adjusted"] < ALPHA if value == "value" else r["jaccard"] > r["null_high"]
    draw_points(ax, r[value], y, colour=BLUE, filled=filled.to_numpy())
    ax.hlines(y, r["expected"], r["null_high"], color=GREY, lw=2.4, zorder=2)
    ax.set_xlim(0, 1.08 * max(r[value].max(), r["null_high"].max()) or 1)


def _ratings_untouched(r: pd.DataFrame) -> np.ndarray:
    return np.array(["ratings-valence" in UNTOUCHED.get(c, {}) for c in r["control"]], bool)


# ---- figure 4


def draw_steering(
    tables: Mapping[str, pd.DataFrame], names: Names, *, max_nll_ratio: float, judge: str = "lexicon"
) -> tuple[Figure, pd.DataFrame]:
    """Figure 4: dose, fluency, trade-off, and every emotion at its chosen strength (`judge` there).

    Raises
    ------
    ValueError
        If the table of steered texts is not among `tables`.
    """
    if "steering" not in tables:
        raise ValueError(f"tables {', '.join(tables)}; needed: steering (config.yaml, key steering.enabled)")
    main, pooled = main_rows(tables, "steering"), main_rows(tables, "steering_pooled")
    units = list(dict.fromkeys(zip(main["model"], main["language"], strict=True)))
    if not units:
        fig = new_figure(1.5)
        say(fig.add_subplot(), "no steered texts in this study")
        return fig, main
    arms, judges = in_order(main["arm"], STEERING_ARMS), in_order(main["judge"], tuple(JUDGES))
    curves = _curves(main)
    emotions = in_order(main["emotion"])
    top, dose, fluent, trade, rows = 0.75, 0.85 * len(judges), 0.85, 1.15, 0.115 * (len(emotions) + len(arms) + 1)
    fig = new_figure(top + dose + 0.2 + fluent + 0.65 + trade + 0.6 + rows + 0.55)
    draw_legend(
        fig,
        [
            mark(
                STEERING_NAMES.get(a, a), ARM_COLOURS[a], "" if a == "none" else "o", line="--" if a == "none" else "-"
            )
            for a in arms
        ],
        0.08,
        0.55,
    )
    axes = block(fig, len(judges), len(units), top, dose, left=0.62, row_gap=0.12)
    below = block(fig, 1, len(units), top + dose + 0.2, fluent, left=0.62)[0]
    scatter = block(fig, 1, len(units), top + dose + 0.2 + fluent + 0.65, trade, left=0.62)[0]
    last = block(fig, 1, len(units), top + dose + 0.2 + fluent + 0.65 + trade + 0.6, rows, left=1.05, gap=0.78)[0]
    highest, ratio = 1.04 * curves["q75"].max(), 1.04 * curves["nll_ratio"].max()
    for j, (model, language) in enumerate(units):
        here = curves[(curves["model"] == model) & (curves["language"] == language)]
        for ax, k in zip(axes[:, j], judges, strict=True):
            _dose(ax, here[here["judge"] == k], arms, "target_rate", bars=True)
            ax.set_ylim(-0.02 * highest, highest)
            ax.tick_params(labelbottom=False, labelleft=j == 0)
            if j == 0:
                ax.set_ylabel(f"target rate,\n{JUDGES.get(k, k)}")
        prompts = main["n_prompts"][(main["model"] == model) & (main["language"] == language)].max()
        axes[0, j].set_title(f"{names.model(model)},\n{names.language(language)}, n = {prompts:g} prompts", fontsize=7)
        _dose(below[j], here[here["judge"] == judges[0]], arms, "nll_ratio", bars=False)
        below[j].axhline(max_nll_ratio, color=RED, lw=0.8, ls=":")
        below[j].set(xlabel="strength (residual norms)", ylim=(min(0.95, here["nll_ratio"].min()), ratio))
        of = judge if judge in judges else judges[0]
        _trade_off(
            scatter[j],
            here[here["judge"] == of],
            main[(main["model"] == model) & (main["language"] == language) & (main["judge"] == of)],
            arms,
            max_nll_ratio,
        )
        for ax in (below[j], scatter[j]):
            ax.tick_params(labelleft=j == 0)
        own = {t: main_rows(tables, t) for t in ("steering", "steering_chosen", "steering_pooled")}
        _by_emotion(
            last[j],
            {t: f[(f["model"] == model) & (f["language"] == language)] for t, f in own.items()},
            emotions,
            arms,
            of,
            names,
            language,
            j,
        )
    below[0].set_ylabel("NLL ratio")
    scatter[0].set_ylabel(f"target rate,\n{JUDGES.get(judge, judge)}")
    for ax in scatter:
        ax.set(xlim=(0.95, ratio), ylim=(-0.03, 1.03))
        ax.set_xlabel("NLL ratio to unsteered text")
    for ax, letter, shift in zip(
        (axes[0, 0], below[0], scatter[0], last[0]), "abcd", (0.58, 0.58, 0.58, 1.0), strict=True
    ):
        letter_panel(ax, letter, shift, 0.02)
    return fig, pd.concat(
        [curves.assign(panel="dose"), main.assign(panel="emotions"), pooled.assign(panel="all emotions")],
        ignore_index=True,
    )


def _curves(main: pd.DataFrame) -> pd.DataFrame:
    """Mean and quartiles over emotions at every strength (description, no inference)."""
    groups = main.groupby(["model", "language", "arm", "strength_resid_norm", "judge"], sort=False)
    found = groups.agg(
        target_rate=("target_rate", "mean"),
        q25=("target_rate", lambda x: x.quantile(0.25)),
        q75=("target_rate", lambda x: x.quantile(0.75)),
        nll_ratio=("nll_ratio", "mean"),
        n_emotions=("target_rate", "count"),
    )
    return found.reset_index()


def _dose(ax: Axes, rows: pd.DataFrame, arms: Sequence[str], value: str, bars: bool) -> None:
    strengths = np.unique(rows["strength_resid_norm"])
    step = 0.012 * (np.ptp(strengths) or 1)
    ax.axhline(rows[value][rows["arm"] == "none"].mean(), color=BLACK, lw=0.9, ls="--", zorder=1)
    drawn = [a for a in arms if a != "none"]
    for k, arm in enumerate(drawn):
        r = rows[rows["arm"] == arm].sort_values("strength_resid_norm")
        x = r["strength_resid_norm"] + (k - (len(drawn) - 1) / 2) * step
        if bars:
            ax.vlines(x, r["q25"], r["q75"], color=ARM_COLOURS[arm], lw=0.8, alpha=0.7)
        ax.plot(x, r[value], "o-", ms=2.6, lw=1.0, color=ARM_COLOURS[arm])
    steered = strengths[strengths != 0]
    close = len(steered) > 5  # then every other number is written
    ax.set_xticks(steered, ["" if close and i % 2 else f"{s:g}" for i, s in enumerate(steered)])
    ax.margins(x=0.08)


def _trade_off(ax: Axes, curves: pd.DataFrame, emotions: pd.DataFrame, arms: Sequence[str], limit: float) -> None:
    ax.axvline(limit, color=RED, lw=0.8, ls=":")
    one = emotions[emotions["arm"] == "concept"]
    ax.plot(one["nll_ratio"], one["target_rate"], "o", ms=1.6, mfc=ARM_COLOURS["concept"], mew=0, alpha=0.35)
    for arm in arms:
        r = curves[curves["arm"] == arm].sort_values("strength_resid_norm")
        ax.plot(
            r["nll_ratio"],
            r["target_rate"],
            "o-" if arm != "none" else "P",
            ms=2.6 if arm != "none" else 4,
            lw=1.0,
            color=ARM_COLOURS[arm],
        )


def _by_emotion(
    ax: Axes,
    tables: Mapping[str, pd.DataFrame],
    emotions: Sequence[str],
    arms: Sequence[str],
    judge: str,
    names: Names,
    language: str,
    column: int,
) -> None:
    """Rates at the chosen strengths: all emotions with intervals by arm on top, then every emotion."""
    steering, chosen, pooled = (tables[t] for t in ("steering", "steering_chosen", "steering_pooled"))
    pooled = pooled[pooled["judge"] == judge].set_index("arm") if len(pooled) else pooled
    labels = [
        *("" if column else STEERING_NAMES.get(a, a) for a in arms),
        "",
        *(names.emotion(e, language) for e in emotions),
    ]
    name_rows(ax, labels)
    ax.tick_params(axis="y", labelsize=5, pad=1)
    ax.axhline(len(arms), color="white", lw=1.5, zorder=0.5)
    for y, arm in enumerate(arms):
        if arm in pooled.index:
            r = pooled.loc[arm]
            draw_points(ax, r["rate"], y, r["ci_low"], r["ci_high"], colour=ARM_COLOURS[arm], size=3.6)
    at = chosen.set_index(["arm", "emotion"])["strength_resid_norm"].to_dict() if len(chosen) else {}
    known = steering[steering["judge"] == judge].set_index(["arm", "emotion", "strength_resid_norm"])
    for arm in ("wrong-emotion", "random", "concept"):
        # the other arms stand at the strength chosen for the concept vector, as in steering_differences
        keys = [(arm, e, at.get(("concept", e))) for e in emotions]
        for y, key in enumerate(keys, len(arms) + 1):
            if key in known.index:
                r = known.loc[key]
                interval = (r["ci_low"], r["ci_high"]) if arm == "concept" else (None, None)
                draw_points(
                    ax, r["target_rate"], y, *interval, colour=ARM_COLOURS[arm], size=2.8 if arm == "concept" else 2.2
                )
    if not at:
        ax.text(0.5, 0.5, "no chosen strength", transform=ax.transAxes, ha="center", color=GREY)
    ax.set(xlim=(-0.03, 1.03), xlabel=f"target rate, {JUDGES.get(judge, judge)}")


# ---- figure S1


def draw_controls(tables: Mapping[str, pd.DataFrame], names: Names) -> tuple[Figure, pd.DataFrame]:
    """Figure S1: every test of the claims in the main study and in each negative control."""
    rows = pd.concat([_tests(tables, claim) for claim in TESTS], ignore_index=True)
    controls = in_order(rows["control"], CONTROLS)
    most = rows.groupby(["claim", "control"]).size().max() if len(rows) else 1
    height = max(0.27, 0.03 * most + 0.1) * max(len(controls), 2)
    fig = new_figure(0.55 + 2 * height + 0.85 + 0.65)
    draw_legend(
        fig,
        [
            mark(f"Holm p < {ALPHA:g} in its family", BLACK),
            mark("not rejected", BLACK, filled=False),
            Line2D([], [], color=GREY, lw=2.4, label="chance: expected to 97.5 %"),
            mark("left out of that control's verdict", PALE),
        ],
        0.08,
        0.2,
    )
    for ax, (claim, (_, _, label)) in zip(
        block(fig, 2, 3, 0.55, 2 * height + 0.85, left=1.35, right=0.62, gap=0.62, row_gap=0.85).ravel(),
        TESTS.items(),
        strict=True,
    ):
        one = rows[rows["claim"] == claim]
        ax.set_title(claim, fontsize=8)
        if one.empty:
            say(ax, "not in this study")
            continue
        name_rows(ax, [NAMES[c] for c in controls], ax.get_subplotspec().is_first_col())
        for y, control in enumerate(controls):
            r = one[one["control"] == control]
            at = y + 0.6 * ((np.arange(len(r)) + 0.5) / max(len(r), 1) - 0.5)
            ax.hlines(at, r["null_low"], r["null_high"], color=GREY, lw=2.4, zorder=1)
            untouched = claim in UNTOUCHED.get(control, {})
            colour = PALE if untouched else BLUE if control == "none" else RED
            draw_points(
                ax,
                r["statistic_value"],
                at,
                r["ci_low"],
                r["ci_high"],
                colour=colour,
                filled=(r["p_adjusted"] < ALPHA).to_numpy(),
                size=2.8,
            )
            text = "–" if r.empty else f"{(r['p'] < 0.05).sum()} of {len(r)}"
            ax.annotate(
                text,
                (1, y),
                (4, 0),
                xycoords=("axes fraction", "data"),
                textcoords="offset points",
                fontsize=6,
                va="center",
                color=GREY if untouched else BLACK,
            )
        ax.annotate(
            "raw p < .05",
            (1, 1),
            (-2, 2),
            xycoords="axes fraction",
            textcoords="offset points",
            fontsize=5.5,
            color=GREY,
        )
        if one["null_high"].notna().any():
            ax.set_xlim(0, None)
        else:
            ax.axvline(0, color=BLACK, lw=0.6)
        ax.set_xlabel(label)
    return fig, rows


def _tests(tables: Mapping[str, pd.DataFrame], claim: str) -> pd.DataFrame:
    """Rows of one claim's families, with ``claim`` and ``statistic_value``."""
    name, value, _ = TESTS[claim]
    columns = [
        "control",
        "model",
        "language",
        "family",
        "p",
        "p_adjusted",
        "ci_low",
        "ci_high",
        "null_low",
        "null_high",
    ]
    frame = tables.get(name, pd.DataFrame(columns=[*columns, value]))
    frame = frame[frame["family"].fillna("").str.split(" | ", regex=False).str[0] == claim]
    frame = frame.assign(null_low=frame.get("expected", np.nan)).assign(statistic_value=frame[value], claim=claim)
    return frame.reindex(columns=["claim", "statistic_value", *columns])
