"""Figure 4: dose, fluency, trade-off, and every emotion at its chosen strength."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
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
    main_rows,
    mark,
    name_rows,
    new_figure,
    say,
    title,
)
from shared_affect.study.vocabulary import BLACK, GREY, JUDGES, RED, STEERING_ARM, STEERING_ARMS

TOP, LEFT = 0.75, 0.62
AT_CHOICE = ("wrong-emotion", "random", "concept")
"""Arms shown for single emotions, the last on top."""


@dataclass(frozen=True)
class Steered:
    """The main study's steered texts: scores, choices, rates over all emotions, and means over emotions by strength.

    Attributes
    ----------
    arms, judges, emotions : list of str
        In the order of the figure.
    judge : str
        Who scores the panels that show one judge.
    limit : float
        Of the NLL ratio.
    names : Names
    """

    scores: pd.DataFrame
    chosen: pd.DataFrame
    pooled: pd.DataFrame
    curves: pd.DataFrame
    judge: str
    limit: float
    names: Names

    @property
    def arms(self) -> list[str]:
        return in_order(self.scores["arm"], STEERING_ARMS)

    @property
    def judges(self) -> list[str]:
        return in_order(self.scores["judge"], JUDGES)

    @property
    def emotions(self) -> list[str]:
        return in_order(self.scores["emotion"])

    def of(self, model: str, language: str) -> Steered:
        """The rows of one model and language."""
        frames = (self.scores, self.chosen, self.pooled, self.curves)
        own = [f[(f["model"] == model) & (f["language"] == language)] for f in frames]
        return Steered(own[0], own[1], own[2], own[3], self.judge, self.limit, self.names)


def draw_steering(
    tables: Mapping[str, pd.DataFrame], names: Names, *, max_nll_ratio: float, judge: str = "lexicon"
) -> tuple[Figure, pd.DataFrame]:
    """Figure 4: dose, fluency, trade-off, and every emotion at its chosen strength (`judge` there).

    Parameters
    ----------
    tables : mapping of table name -> DataFrame
        ``steering``, and where strengths were chosen ``steering_chosen, steering_pooled``.
    names : Names
    max_nll_ratio : float
        The claims' limit of fluency.
    judge : str
        One of `vocabulary.JUDGES`.

    Returns
    -------
    figure, source : Figure, DataFrame

    Raises
    ------
    ValueError
        If the table of steered texts is not among `tables`.
    """
    if "steering" not in tables:
        raise ValueError(f"tables {', '.join(tables)}; needed: steering (config.yaml, key steering.enabled)")
    scores, chosen, pooled = (main_rows(tables, t) for t in ("steering", "steering_chosen", "steering_pooled"))
    if scores.empty:
        fig = new_figure(1.5)
        say(fig.add_subplot(), "no steered texts in this study")
        return fig, scores
    judges = in_order(scores["judge"], JUDGES)
    shown = judge if judge in judges else judges[0]
    s = Steered(scores, chosen, pooled, _curves(scores), shown, max_nll_ratio, names)
    fig, axes, below, scatter, last = _panels(s)
    highest, ratio = 1.04 * s.curves["q75"].max(), 1.04 * s.curves["nll_ratio"].max()
    units = dict.fromkeys(zip(scores["model"], scores["language"], strict=True))
    for j, (model, language) in enumerate(units):
        here = s.of(model, language)
        _doses(axes[:, j], here, s, highest, first=j == 0)
        prompts = here.scores["n_prompts"].max()
        title(axes[0, j], f"{names.model(model)},\n{names.language(language)}, n = {prompts:g} prompts", 7)
        one = here.curves
        _dose(below[j], one[one["judge"] == judges[0]], s.arms, "nll_ratio", bars=False)
        below[j].axhline(max_nll_ratio, color=RED, lw=0.8, ls=":")
        below[j].set(xlabel="strength (residual norms)", ylim=(min(0.95, one["nll_ratio"].min()), ratio))
        _trade_off(scatter[j], here, s.arms)
        scatter[j].set(xlim=(0.95, ratio), ylim=(-0.03, 1.03))
        scatter[j].set_xlabel("NLL ratio to unsteered text")
        for ax in (below[j], scatter[j]):
            ax.tick_params(labelleft=j == 0)
        labels = [names.emotion(e, language) for e in s.emotions]
        _by_emotion(last[j], here, s, labels, first=j == 0)
    below[0].set_ylabel("NLL ratio")
    scatter[0].set_ylabel(f"target rate,\n{names.judge(judge)}")
    first = (axes[0, 0], below[0], scatter[0], last[0])
    for ax, letter, shift in zip(first, "abcd", (0.58, 0.58, 0.58, 1.0), strict=True):
        letter_panel(ax, letter, shift, 0.02)
    named = (s.curves.assign(panel="dose"), scores.assign(panel="emotions"), pooled.assign(panel="all emotions"))
    return fig, pd.concat(named, ignore_index=True)


def _label(arm: str) -> str:
    return STEERING_ARM[arm].label


def _colour(arm: str) -> str:
    return STEERING_ARM[arm].colour


def _panels(s: Steered) -> tuple[Figure, np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """The figure with its legend, and the axes of its four bands, one column for each model and language."""
    n = len(set(zip(s.scores["model"], s.scores["language"], strict=True)))
    dose, fluent, trade, rows = 0.85 * len(s.judges), 0.85, 1.15, 0.115 * (len(s.emotions) + len(s.arms) + 1)
    fig = new_figure(TOP + dose + 0.2 + fluent + 0.65 + trade + 0.6 + rows + 0.55)
    handles = [
        mark(_label(a), _colour(a), "" if a == "none" else "o", line="--" if a == "none" else "-") for a in s.arms
    ]
    draw_legend(fig, handles, 0.08, 0.55)
    axes = block(fig, len(s.judges), n, Box(TOP, dose, left=LEFT), row_gap=0.12)
    below = block(fig, 1, n, Box(TOP + dose + 0.2, fluent, left=LEFT))[0]
    scatter = block(fig, 1, n, Box(TOP + dose + 0.2 + fluent + 0.65, trade, left=LEFT))[0]
    last = block(fig, 1, n, Box(TOP + dose + 0.2 + fluent + 0.65 + trade + 0.6, rows, left=1.05), gap=0.78)[0]
    return fig, axes, below, scatter, last


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


def _doses(axes: np.ndarray, here: Steered, s: Steered, highest: float, *, first: bool) -> None:
    """Target rates by strength, one panel for each judge."""
    for ax, judge in zip(axes, s.judges, strict=True):
        own = here.curves[here.curves["judge"] == judge]
        if own.empty:
            say(ax, "not a judge of this language")
        else:
            _dose(ax, own, s.arms, "target_rate", bars=True)
        ax.set_ylim(-0.02 * highest, highest)
        ax.tick_params(labelbottom=False, labelleft=first)
        if first:
            ax.set_ylabel(f"target rate,\n{s.names.judge(judge)}")


def _dose(ax: Axes, rows: pd.DataFrame, arms: Sequence[str], value: str, bars: bool) -> None:
    strengths = np.unique(rows["strength_resid_norm"])
    step = 0.012 * (np.ptp(strengths) or 1)
    ax.axhline(rows[value][rows["arm"] == "none"].mean(), color=BLACK, lw=0.9, ls="--", zorder=1)
    drawn = [a for a in arms if a != "none"]
    for k, arm in enumerate(drawn):
        r = rows[rows["arm"] == arm].sort_values("strength_resid_norm")
        x = r["strength_resid_norm"] + (k - (len(drawn) - 1) / 2) * step
        if bars:
            ax.vlines(x, r["q25"], r["q75"], color=_colour(arm), lw=0.8, alpha=0.7)
        ax.plot(x, r[value], "o-", ms=2.6, lw=1.0, color=_colour(arm))
    steered = strengths[strengths != 0]
    close = len(steered) > 5  # then every other number is written
    ax.set_xticks(steered, ["" if close and i % 2 else f"{s:g}" for i, s in enumerate(steered)])
    ax.margins(x=0.08)


def _trade_off(ax: Axes, here: Steered, arms: Sequence[str]) -> None:
    """Rate against fluency: means by strength, and every emotion and strength of the concept vector."""
    curves, scores = (f[f["judge"] == here.judge] for f in (here.curves, here.scores))
    ax.axvline(here.limit, color=RED, lw=0.8, ls=":")
    one = scores[scores["arm"] == "concept"]
    ax.plot(one["nll_ratio"], one["target_rate"], "o", ms=1.6, mfc=_colour("concept"), mew=0, alpha=0.35)
    for arm in arms:
        r = curves[curves["arm"] == arm].sort_values("strength_resid_norm")
        form, size = ("o-", 2.6) if arm != "none" else ("P", 4)
        ax.plot(r["nll_ratio"], r["target_rate"], form, ms=size, lw=1.0, color=_colour(arm))


def _by_emotion(ax: Axes, here: Steered, s: Steered, labels: Sequence[str], *, first: bool) -> None:
    """Rates at the chosen strengths: all emotions with intervals by arm on top, then every emotion."""
    name_rows(ax, [*(_label(a) if first else "" for a in s.arms), "", *labels])
    ax.tick_params(axis="y", labelsize=5, pad=1)
    ax.axhline(len(s.arms), color="white", lw=1.5, zorder=0.5)
    pooled = here.pooled[here.pooled["judge"] == here.judge].set_index("arm") if len(here.pooled) else here.pooled
    for y, arm in enumerate(s.arms):
        if arm in pooled.index:
            r = pooled.loc[arm]
            draw_points(ax, r["rate"], y, r["ci_low"], r["ci_high"], dot=Dot(_colour(arm), 3.6))
    at = here.chosen.set_index(["arm", "emotion"])["strength_resid_norm"].to_dict() if len(here.chosen) else {}
    own = here.scores[here.scores["judge"] == here.judge]
    known = own.set_index(["arm", "emotion", "strength_resid_norm"])
    for arm in AT_CHOICE:
        # the other arms stand at the strength chosen for the concept vector, as in steering_differences
        keys = [(arm, e, at.get(("concept", e))) for e in s.emotions]
        for y, key in enumerate(keys, len(s.arms) + 1):
            if key in known.index:
                r = known.xs(key)
                low, high = (r["ci_low"], r["ci_high"]) if arm == "concept" else (None, None)
                draw_points(ax, r["target_rate"], y, low, high, dot=Dot(_colour(arm), 2.8 if arm == "concept" else 2.2))
    if not at:
        ax.text(0.5, 0.5, "no chosen strength", transform=ax.transAxes, ha="center", color=GREY)
    ax.set(xlim=(-0.03, 1.03), xlabel=f"target rate, {here.names.judge(here.judge)}")
