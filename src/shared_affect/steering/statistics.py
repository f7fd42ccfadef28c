"""Tables of steering from judged texts: strengths, rates, differences, confusions, and what claims read.

An arm picks the texts it needs: those steered to the target, those to all other emotions, or those that belong to none.
The unit of inference is the prompt (`intervals`).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

import numpy as np
import pandas as pd

from shared_affect.steering.cells import Cells
from shared_affect.steering.intervals import Rate, difference_interval, mixed_interval, ratio, ratio_interval, with_mean
from shared_affect.steering.plan import COMPARED
from shared_affect.steering.quality import agreement
from shared_affect.steering.scores import LEXICONS, Scored, fluency

_QUALITIES = ("distinct_2", "repetition", "valence", "arousal", "language_kept")


# ---- strengths


def choose_strength(scored: Scored, *, max_nll_ratio: float = 1.5, judge: str = "lexicon") -> pd.DataFrame:
    """Strength of every emotion and steered arm, from the prompts of split ``choose`` only.

    The largest strength whose NLL ratio to unsteered text of the same prompts is at most `max_nll_ratio`; where none
    is, the smallest strength with `qualified` false. The texts of arm random are pooled: one strength for all emotions.

    Parameters
    ----------
    scored : Scored
    max_nll_ratio : float
        Below the limit that is asked of the scored half, so that the scored half stays inside its own.
    judge : str
        Whose rate on the choosing half is reported; it does not choose.

    Returns
    -------
    DataFrame
        ``emotion arm strength_resid_norm nll_ratio_choose target_rate_choose qualified n_prompts_choose``.

    Raises
    ------
    ValueError
        If `max_nll_ratio` is not above 0, the judge is unknown, or texts are missing.
    """
    _known_judge(judge, scored.hits)
    if not max_nll_ratio > 0:
        raise ValueError(
            f"max_nll_ratio is {max_nll_ratio}; allowed: > 0 (config.yaml, key steering.max_nll_ratio_choose)"
        )
    cells = Cells(scored, "choose")
    rows = []
    for arm in [a.name for a in cells.arms() if a.chooses]:
        strengths = cells.strengths(arm)
        ratios = np.array([cells.nll_ratio(arm, s)[0] for s in strengths])
        rates = np.array([cells.mean(arm, s, scored.hits[judge]) for s in strengths])
        for k, emotion in enumerate(cells.emotions):
            fluent = np.flatnonzero(ratios[:, k] <= max_nll_ratio)
            i = int(fluent[-1]) if len(fluent) else 0
            rows.append((emotion, arm, strengths[i], ratios[i, k], rates[i, k], bool(len(fluent)), len(cells.prompts)))
    columns = ["emotion", "arm", "strength_resid_norm", "nll_ratio_choose", "target_rate_choose", "qualified"]
    return pd.DataFrame(rows, columns=[*columns, "n_prompts_choose"])


def _known_judge(judge: str, judges: Iterable[str]) -> None:
    if judge not in judges:
        raise ValueError(f"judge is {judge!r}; allowed: {', '.join(judges)}")


def _chosen(chosen: pd.DataFrame, arm: str, emotions: Sequence[str]) -> pd.Series:
    """Strength by emotion of an arm."""
    rows = chosen[chosen["arm"] == arm].set_index("emotion")["strength_resid_norm"]
    if rows.index.has_duplicates or (missing := [e for e in emotions if e not in rows.index]):
        raise ValueError(
            f"chosen strengths of arm {arm} are missing or doubled for an emotion; needed: one for each of"
            f" {', '.join(emotions)}" + (f" (missing: {missing[0]})" if not rows.index.has_duplicates else "")
        )
    return rows.loc[list(emotions)]


# ---- rates of every arm


def summarise(scored: Scored, *, seed: int) -> pd.DataFrame:
    """Rows of ``steering.csv`` (without the identity columns): every arm at every strength, on split ``score`` only.

    `target_probability` and `masked_target_rate` come from learned judges alone (NaN elsewhere); `content_kept` is
    not computed in this version (NaN). `harmonic_mean` is that of `target_rate` and `fluency` of `nll_ratio`. The
    interval is one over prompts (docs/steering.md).

    Parameters
    ----------
    scored : Scored
    seed : int
        Sampling seed of the texts, reported.

    Returns
    -------
    DataFrame
        ``emotion arm strength_resid_norm judge judge_level target_rate ci_low ci_high target_probability
        masked_target_rate nll_ratio perplexity_ratio distinct_2 repetition valence arousal language_kept content_kept
        harmonic_mean n_prompts seed``.

    Raises
    ------
    ValueError
        If texts are missing.
    """
    cells = Cells(scored, "score")
    arms = [a.name for a in cells.arms()]
    blocks = [_summary(cells, arm, s, judge) for arm in arms for s in cells.strengths(arm) for judge in scored.hits]
    frame = pd.concat(blocks, ignore_index=True)
    return frame.assign(n_prompts=len(cells.prompts), seed=seed)


def _summary(cells: Cells, arm: str, strength: float, judge: str) -> pd.DataFrame:
    scored, nan = cells.scored, np.full(len(cells.emotions), np.nan)
    sums, counts = cells.by_target(arm, strength, scored.hits[judge])
    found = Rate.of(sums, counts)
    rate, (low, high) = found.rate[:-1], (x[:-1] for x in found.interval())
    nll, perplexity = cells.nll_ratio(arm, strength)
    fluent = fluency(nll)
    learned = judge in scored.masked
    quality = {q: cells.mean(arm, strength, scored.texts[q].to_numpy(float)) for q in _QUALITIES}
    return pd.DataFrame(
        {
            "emotion": cells.emotions,
            "arm": arm,
            "strength_resid_norm": strength,
            "judge": judge,
            "judge_level": "fine",
            "target_rate": rate,
            "ci_low": low,
            "ci_high": high,
            "target_probability": cells.mean(arm, strength, scored.probability[judge]) if learned else nan,
            "masked_target_rate": cells.mean(arm, strength, scored.masked[judge]) if learned else nan,
            "nll_ratio": nll,
            "perplexity_ratio": perplexity,
            **quality,
            "content_kept": nan,
            "harmonic_mean": np.where(
                rate + fluent == 0, 0.0, 2 * rate * fluent / np.where(rate + fluent == 0, 1, rate + fluent)
            ),
        }
    )


def confusion(scored: Scored, chosen: pd.DataFrame, *, arm: str = "concept") -> pd.DataFrame:
    """What texts steered to each emotion were taken for, at the chosen strength, on split ``score``.

    Returns
    -------
    DataFrame
        ``emotion judge label count n_texts rate``: one row for every pair of emotions and judge. A learned judge
        has only emotions that it knows, but also the labels that are no studied emotion and "" (no label), so that its
        counts add up to `n_texts`; under the lexicons a text may show several emotions or none.

    Raises
    ------
    ValueError
        If the arm has no chosen strength for an emotion.
    """
    cells = Cells(scored, "score")
    strengths = _chosen(chosen, arm, cells.emotions)
    texts = scored.texts
    labels = {judge: _labels(scored, judge) for judge in scored.learned}
    rows: list[tuple[str, str, str, int, int]] = []
    of_arm = ((texts["arm"] == arm) & (texts["split"] == "score")).to_numpy()
    for emotion, strength in zip(cells.emotions, strengths, strict=True):
        here = of_arm & ((texts["emotion"] == emotion) & (texts["strength"] == strength)).to_numpy()
        n = int(here.sum())
        rows += [
            (emotion, j, e, int(c), n) for j in LEXICONS for e, c in zip(scored.emotions, scored.hits[j][here].sum(0))
        ]
        for judge, own in labels.items():
            counts = Counter(scored.labels[judge][here].tolist())
            rows += [(emotion, judge, x, counts[x], n) for x in own]
    out = pd.DataFrame(rows, columns=["emotion", "judge", "label", "count", "n_texts"])
    return out.assign(rate=out["count"] / out["n_texts"])


def _labels(scored: Scored, judge: str) -> list[str]:
    """Emotions that a learned judge knows, then its other labels that stand in the texts."""
    columns = zip(scored.emotions, scored.hits[judge].T, strict=True)
    known = [e for e, column in columns if np.isfinite(column).all()]
    return [*known, *sorted(set(scored.labels[judge].tolist()) - set(known))]


# ---- differences, and what the claims read of them


def claim_rows(scored: Scored, chosen: pd.DataFrame) -> pd.DataFrame:
    """Paired differences at the strength chosen for the arm concept, on split ``score``, per emotion and over all.

    Both sides of a difference share prompts and strength (arm none: strength 0); intervals are 95 % over prompts.
    Comparisons: ``concept-random``, ``concept-wrong-emotion`` and ``concept-diff-means`` for each judge, and
    ``masked-concept-none`` (learned judges, concept words taken out on both sides). Rows with emotion ``all`` average
    the emotions, each with the same weight; `mixed_ci_low` and `mixed_ci_high` take emotions for random, too
    (`mixed_interval`).

    Returns
    -------
    DataFrame
        ``emotion comparison judge strength_resid_norm rate_a rate_b rate_b_ci_low rate_b_ci_high difference ci_low
        ci_high mixed_ci_low mixed_ci_high nll_ratio qualified n_prompts``; `strength_resid_norm` and `nll_ratio` are
        means in the rows ``all``, `qualified` (the strength met its limit on the choosing half) holds there if it holds
        for all.

    Raises
    ------
    ValueError
        If a strength or an arm's texts are missing.
    """
    cells = Cells(scored, "score")
    strengths = _chosen(chosen, "concept", cells.emotions)
    qualified = chosen[chosen["arm"] == "concept"].set_index("emotion")["qualified"].loc[cells.emotions].to_numpy(bool)
    of_concept = pd.DataFrame(
        {
            "emotion": [*cells.emotions, "all"],
            "strength_resid_norm": with_mean(strengths.to_numpy(float)),
            "nll_ratio": with_mean(_nll_ratio(cells, "concept", strengths)),
            "qualified": [*qualified, qualified.all()],
            "n_prompts": len(cells.prompts),
        }
    )
    there = [a.name for a in cells.arms()]
    pairs = [(f"concept-{b}", judge, b, scored.hits[judge]) for judge in scored.hits for b in COMPARED if b in there]
    pairs += [("masked-concept-none", judge, "none", masked) for judge, masked in scored.masked.items()]
    blocks = [
        of_concept.assign(comparison=comparison, judge=judge, **_difference(cells, strengths, other, values))
        for comparison, judge, other, values in pairs
    ]
    return pd.concat(blocks, ignore_index=True)[_DIFFERENCE_COLUMNS]


_DIFFERENCE_COLUMNS = (
    "emotion comparison judge strength_resid_norm rate_a rate_b rate_b_ci_low rate_b_ci_high difference ci_low ci_high"
    " mixed_ci_low mixed_ci_high nll_ratio qualified n_prompts"
).split()


def _difference(
    cells: Cells, strengths: pd.Series, other: str, values: np.ndarray, arm: str = "concept"
) -> dict[str, np.ndarray]:
    """Columns of one comparison, a value for each emotion and one for all."""
    a, b = cells.at_strengths(arm, strengths, values), cells.at_strengths(other, strengths, values)
    rate_a, rate_b = Rate.of(*a), Rate.of(*b)
    (low, high), (b_low, b_high) = difference_interval(rate_a, rate_b), rate_b.interval()
    mixed = np.full((2, len(cells.emotions) + 1), np.nan)
    mixed[:, -1] = mixed_interval(ratio(*a) - ratio(*b))
    return {
        "rate_a": rate_a.rate,
        "rate_b": rate_b.rate,
        "rate_b_ci_low": b_low,
        "rate_b_ci_high": b_high,
        "difference": rate_a.rate - rate_b.rate,
        "ci_low": low,
        "ci_high": high,
        "mixed_ci_low": mixed[0],
        "mixed_ci_high": mixed[1],
    }


def _nll_ratio(cells: Cells, arm: str, strengths: pd.Series) -> np.ndarray:
    """Ratio of mean NLL to that of unsteered texts, every emotion at its own strength."""
    nll = cells.scored.texts["nll"].to_numpy(float)
    return ratio(*(a.sum(1) for a in cells.at_strengths(arm, strengths, nll))) / cells.mean("none", 0.0, nll)


def pooled_rates(scored: Scored, chosen: pd.DataFrame) -> pd.DataFrame:
    """Target rate of every arm averaged over emotions, and the concept vector's rate over it, on split ``score``.

    Arms with a vector of each emotion at the strength chosen for them, arm none at 0, the others at the strength chosen
    for concept.

    Returns
    -------
    DataFrame
        ``arm judge rate ci_low ci_high concept_over_arm ratio_ci_low ratio_ci_high nll_ratio n_emotions n_prompts``. A
        ratio is NaN where the arm's rate is 0, its interval where either rate is.

    Raises
    ------
    ValueError
        If a strength or an arm's texts are missing.
    """
    cells = Cells(scored, "score")
    concept = _chosen(chosen, "concept", cells.emotions)
    strengths = {
        a.name: _chosen(chosen, a.name, cells.emotions) if a.chooses and a.of_emotion else concept for a in cells.arms()
    }
    nll = {arm: _nll_ratio(cells, arm, s).mean() for arm, s in strengths.items()}
    rows = []
    for judge in scored.hits:
        found = {arm: Rate.of(*cells.at_strengths(arm, s, scored.hits[judge])) for arm, s in strengths.items()}
        for arm, own in found.items():
            low, high = (x[-1] for x in own.interval())
            over = found["concept"].rate[-1] / own.rate[-1] if own.rate[-1] > 0 else np.nan
            numbers = own.rate[-1], low, high, over, *ratio_interval(found["concept"], own, -1), nll[arm]
            rows.append((arm, judge, *numbers, int(np.isfinite(own.rate[:-1]).sum()), len(cells.prompts)))
    rates = ["rate", "ci_low", "ci_high", "concept_over_arm", "ratio_ci_low", "ratio_ci_high", "nll_ratio"]
    frame = pd.DataFrame(rows, columns=["arm", "judge", *rates, "n_emotions", "n_prompts"])
    return frame.astype({c: float for c in rates})


def claim_summary(
    rows: pd.DataFrame, *, max_nll_ratio: float = 1.6, judge: str = "lexicon", learned: str = "embedded"
) -> pd.DataFrame:
    """The claims `steering`, `expression` and `beyond-means` of one model and language from `claim_rows`.

    An emotion passes `steering` if both of its differences (to random and to wrong-emotion) have intervals above 0 and
    its NLL ratio on the scored half is at most `max_nll_ratio`; it passes `expression` if its masked difference to
    unsteered text has one above 0. `beyond-means` compares with difference of means at the same strength, the one
    chosen for the concept vector; an emotion passes it if the lower limit is above 0 (what the claim asks of the mean
    over emotions, a margin, stands in `claims`). `judge` decides the first and the third, `learned` the second: of
    texts without concept words a list of words says nothing.

    Returns
    -------
    DataFrame
        ``claim statistic value ci_low ci_high n_prompts n_passing n_emotions nll_ratio control_name control_value
        control_ci_low control_ci_high``; `value` is the mean difference over emotions (to random; to unsteered).

    Raises
    ------
    ValueError
        If the judge is unknown or a comparison is missing.
    """
    _known_judge(judge, rows["judge"].unique())
    of = dict.fromkeys(("concept-random", "concept-wrong-emotion"), judge)
    of |= {"masked-concept-none": learned, "concept-diff-means": judge}
    parts = {c: _comparison(rows, c, j) for c, j in of.items()}
    emotions = {c: part.drop(index="all") for c, part in parts.items()}
    passing = {c: part["ci_low"] > 0 for c, part in emotions.items()}
    random = emotions["concept-random"]
    fluent = random["nll_ratio"] <= max_nll_ratio
    passing["concept-random"] &= passing["concept-wrong-emotion"].loc[random.index] & fluent
    out = []
    for claim, comparison, control, what in _CLAIMS:
        r = parts[comparison].loc["all"]
        out.append(
            {
                "claim": claim,
                "statistic": f"{what} ({of[comparison]})",
                "value": r["difference"],
                "ci_low": r["ci_low"],
                "ci_high": r["ci_high"],
                "n_prompts": r["n_prompts"],
                "n_passing": int(passing[comparison].sum()),
                "n_emotions": int(emotions[comparison]["difference"].notna().sum()),
                "nll_ratio": r["nll_ratio"],
                "control_name": control,
                "control_value": r["rate_b"],
                "control_ci_low": r["rate_b_ci_low"],
                "control_ci_high": r["rate_b_ci_high"],
            }
        )
    return pd.DataFrame(out)


_CLAIMS = (
    ("steering", "concept-random", "random", "target rate minus random"),
    ("expression", "masked-concept-none", "none", "masked target rate minus unsteered"),
    ("beyond-means", "concept-diff-means", "diff-means", "target rate minus difference of means at the same strength"),
)
"""Claim, the comparison it reads, its control, and the statistic in words."""


def _comparison(rows: pd.DataFrame, comparison: str, judge: str) -> pd.DataFrame:
    """Rows of a comparison by emotion."""
    part = rows[(rows["comparison"] == comparison) & (rows["judge"] == judge)].set_index("emotion")
    if "all" not in part.index:
        raise ValueError(
            f"no rows {comparison} of judge {judge}; needed for the claims (steer to two emotions or more, with arms"
            " random and diff-means)"
        )
    return part


# ---- the same under every judge


def claims_by_judge(scored: Scored, chosen: pd.DataFrame, *, max_nll_ratio: float = 1.6) -> pd.DataFrame:
    """`claim_summary` under every judge, beside what random directions and unsteered texts get from it.

    A judge that finds an emotion in texts steered at random passes anything: `random_passing` counts the emotions of
    which the interval of random directions minus unsteered texts lies above 0. That is less than the concept vector has
    to pass for `steering`, and what it has to pass for `expression`. `expression` is asked of learned judges alone.

    A judge also decides on the emotions that it has a label for, which may be few. So the declared judges are asked
    once more, on the same emotions: rows with `by` ``declared``.

    Returns
    -------
    DataFrame
        Columns of `claim_summary`, ``by judge random_rate random_ci_low random_ci_high unsteered_rate
        random_passing``; the last five are empty in rows of the declared judges.
    """
    rows, cells = claim_rows(scored, chosen), Cells(scored, "score")
    strengths = _chosen(chosen, "concept", cells.emotions)
    found, asked = [], {}
    for j, hits in scored.hits.items():
        known = np.isfinite(hits).all(0)
        if (key := known.tobytes()) not in asked:
            asked[key] = _declared_on(scored, chosen, known, max_nll_ratio)
        found.append(asked[key].assign(by="declared", judge=j))
    for judge in scored.hits:
        learned = judge if judge in scored.masked else scored.learned[0]
        summary = claim_summary(rows, max_nll_ratio=max_nll_ratio, judge=judge, learned=learned)
        if judge not in scored.masked:
            summary = summary[summary["claim"] != "expression"]
        for claim, own in summary.groupby("claim", sort=False):
            values = scored.masked[judge] if claim == "expression" else scored.hits[judge]
            chance = _difference(cells, strengths, "none", values, arm="random")
            found.append(
                own.assign(
                    by="own",
                    judge=judge,
                    random_rate=chance["rate_a"][-1],
                    unsteered_rate=chance["rate_b"][-1],
                    random_passing=int((chance["ci_low"][:-1] > 0).sum()),
                    **_random_interval(cells, strengths, values),
                )
            )
    return pd.concat(found, ignore_index=True)


def _declared_on(scored: Scored, chosen: pd.DataFrame, known: np.ndarray, max_nll_ratio: float) -> pd.DataFrame:
    """`claim_summary` of the declared judges on some emotions: those that another judge has a label for."""
    learned = scored.learned[0]

    def there(values: Mapping[str, np.ndarray], *names: str) -> dict[str, np.ndarray]:
        return {k: np.where(known, values[k], np.nan) for k in names}

    alike = replace(
        scored,
        hits=there(scored.hits, LEXICONS[0], learned),
        probability={},
        masked=there(scored.masked, learned),
    )
    return claim_summary(claim_rows(alike, chosen), max_nll_ratio=max_nll_ratio, learned=learned)


def _random_interval(cells: Cells, strengths: pd.Series, values: np.ndarray) -> dict[str, float]:
    low, high = Rate.of(*cells.at_strengths("random", strengths, values)).interval()
    return {"random_ci_low": float(low[-1]), "random_ci_high": float(high[-1])}


def summaries(
    scored: Scored, chosen: pd.DataFrame, who: Mapping[str, str], *, max_nll_ratio: float = 1.6
) -> dict[str, pd.DataFrame]:
    """All that is said once for all emotions, by the names of `files.SUMMARIES`, and the claims ``by_judge``.

    Parameters
    ----------
    scored : Scored
    chosen : DataFrame
        Of `choose_strength`.
    who : mapping
        ``model, language``.
    max_nll_ratio : float
    """
    rows = claim_rows(scored, chosen)
    claim = claim_summary(rows, max_nll_ratio=max_nll_ratio, learned=scored.learned[0])
    return {
        "chosen": chosen,
        "claim": claim.assign(**who),
        "differences": rows,
        "pooled": pooled_rates(scored, chosen),
        "confusion": confusion(scored, chosen),
        "agreement": agreement(scored.hits, scored.emotions, (scored.texts["split"] == "score").to_numpy()),
        "by_judge": claims_by_judge(scored, chosen, max_nll_ratio=max_nll_ratio).assign(**who),
    }
