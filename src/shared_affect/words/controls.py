"""Control words matched to target words, and how well they match.

Targets and controls are rows of a table of numeric properties (frequency, length, number of tokens, concreteness). Each
target gets a number of controls of its own; the sum of squared standardised differences over all pairs is the least
possible (optimal assignment). Balance is reported as standardised mean differences before and after matching.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
from scipy.optimize import linear_sum_assignment

from shared_affect.base.log import LOG

MATCHED = ("target", "control", "distance")
BALANCE = ("property", "smd_before", "smd_after", "n_targets", "n_controls", "n_unknown")


def match(targets: pd.DataFrame, candidates: pd.DataFrame, per_target: int = 1) -> pd.DataFrame:
    """Controls for each target, without replacement, least sum of squared standardised differences.

    Parameters
    ----------
    targets, candidates : DataFrame
        Index: words, none in both. Columns: the same numeric properties. A property that a target lacks (NaN) takes no
        part in its distances; candidates must have all.
    per_target : int
        Controls for each target.

    Returns
    -------
    DataFrame
        ``target, control, distance`` (root of the mean squared difference in standard deviations), targets in order,
        nearest first.

    Raises
    ------
    ValueError
        If columns differ, a word is in both tables or twice in one, a candidate's property is missing, or there are too
        few candidates.

    Examples
    --------
    >>> targets = pd.DataFrame({"length": [3, 7]}, index=["joy", "delight"])
    >>> candidates = pd.DataFrame({"length": [7, 3, 4]}, index=["cabinet", "cup", "lamp"])
    >>> match(targets, candidates)[["target", "control"]].to_numpy().tolist()
    [['joy', 'cup'], ['delight', 'cabinet']]
    """
    if list(targets.columns) != list(candidates.columns) or not len(targets.columns):
        raise ValueError(
            f"properties of targets are {list(targets.columns)}, of candidates {list(candidates.columns)}; needed: the"
            " same, at least one"
        )
    for name, words in (("targets", targets.index), ("candidates", candidates.index)):
        if words.has_duplicates:
            raise ValueError(f"{name}: word {words[words.duplicated()][0]!r} stands twice; allowed: once")
    if both := sorted(set(targets.index) & set(candidates.index)):
        raise ValueError(f"word {both[0]!r} is a target and a candidate; allowed: one of them")
    if len(candidates) < len(targets) * per_target:
        raise ValueError(
            f"{len(candidates)} candidates for {len(targets)} targets with {per_target} controls each; needed:"
            f" {len(targets) * per_target} or more"
        )
    if lacking := [c for c in candidates if not np.isfinite(candidates[c].to_numpy(float)).all()]:
        raise ValueError(f"candidates lack the property {lacking[0]!r} of some words; needed: all known")
    scale = _scale(targets, candidates)
    difference = (targets.to_numpy(float)[:, None] - candidates.to_numpy(float)[None]) / scale
    known = np.isfinite(targets.to_numpy(float))
    squared = np.where(known[:, None], difference**2, 0).sum(2) / np.maximum(known.sum(1), 1)[:, None]
    rows, columns = linear_sum_assignment(np.repeat(squared, per_target, axis=0))
    owner = rows // per_target
    frame = pd.DataFrame(
        {
            "target": targets.index[owner],
            "control": candidates.index[columns],
            "distance": np.sqrt(squared[owner, columns]),
        }
    )
    place = pd.Series(np.arange(len(targets)), targets.index)
    return (
        frame.assign(place=frame["target"].map(place))
        .sort_values(["place", "distance", "control"])
        .drop(columns="place")
        .reset_index(drop=True)
    )


def match_sets(
    sets: pd.DataFrame, properties: pd.DataFrame, candidates: Sequence[str], per_word: int
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Controls for the words of each set, and their balance; sets may share controls.

    Parameters
    ----------
    sets : DataFrame
        ``emotion, word``.
    properties : DataFrame
        Of `word_properties`, for all words; candidates that lack one are left out.
    candidates : sequence of str
        Words of no set.
    per_word : int
        Controls for each word; fewer where the candidates do not suffice, and a set with more words than candidates has
        none (logged).

    Returns
    -------
    matches : DataFrame
        ``emotion, target, control, distance``.
    balances : DataFrame
        ``emotion`` and the columns of `balance`.
    """
    table = properties.loc[list(candidates)].dropna()
    LOG.info("%d of %d candidates have all properties", len(table), len(candidates))
    matches, balances = [pd.DataFrame(columns=["emotion", *MATCHED])], [pd.DataFrame(columns=["emotion", *BALANCE])]
    for emotion, words in sets.groupby("emotion", sort=False)["word"]:
        targets = properties.loc[words]
        if (each := min(per_word, len(table) // len(targets))) == 0:
            LOG.warning(
                "%s: %d words, %d candidates; needed: one control each, so it has none (config.yaml, key controls)",
                emotion,
                len(targets),
                len(table),
            )
            continue
        found = match(targets, table, each)
        matches.append(found.assign(emotion=emotion))
        balances.append(balance(targets, table, found).assign(emotion=emotion))
    matched, weighed = (pd.concat(r[1:] or r, ignore_index=True)[r[0].columns] for r in (matches, balances))
    return matched, weighed


def balance(targets: pd.DataFrame, candidates: pd.DataFrame, matched: pd.DataFrame) -> pd.DataFrame:
    """Standardised mean differences of every property, targets minus controls.

    The denominator is the same before and after: the root of the mean of both variances before matching (Austin 2009,
    Statistics in Medicine 28:3083). Differences below 0.1 are usually called balanced.

    Parameters
    ----------
    targets, candidates : DataFrame
        As in `match`.
    matched : DataFrame
        Of `match`.

    Returns
    -------
    DataFrame
        ``property, smd_before, smd_after, n_targets, n_controls, n_unknown`` (targets without the property).
    """
    controls = candidates.loc[matched["control"]]
    used = targets.loc[matched["target"].unique()]
    scale = _scale(targets, candidates)
    return pd.DataFrame(
        [
            {
                "property": c,
                "smd_before": (targets[c].mean() - candidates[c].mean()) / s,
                "smd_after": (used[c].mean() - controls[c].mean()) / s,
                "n_targets": len(used),
                "n_controls": len(controls),
                "n_unknown": int(targets[c].isna().sum()),
            }
            for c, s in zip(targets, scale, strict=True)
        ]
    )


def _scale(targets: pd.DataFrame, candidates: pd.DataFrame) -> np.ndarray:
    """Root of the mean of both variances; 1 where neither side varies."""
    variances = [np.nan_to_num(frame.var(ddof=1).to_numpy(float)) for frame in (targets, candidates)]
    scale = np.sqrt(np.mean(variances, axis=0))
    return np.where(scale > 0, scale, 1.0)


def word_properties(words: Sequence[str], tokens: Sequence[int], tables: Sequence[pd.DataFrame]) -> pd.DataFrame:
    """Properties of words for matching.

    Parameters
    ----------
    words : sequence of str
    tokens : sequence of int
        Number of tokens of each in one model.
    tables : sequence of DataFrame
        Frequencies (``word, count``) and concreteness (``word, concreteness``), at most one of each. A word that a
        frequency table lacks counts as never seen.

    Returns
    -------
    DataFrame
        Index: words. ``length`` (characters), ``n_tokens``, and where given ``log10_count`` (of count + 1),
        ``concreteness`` (NaN: unknown).
    """
    frame = pd.DataFrame(
        {"length": [len(w) for w in words], "n_tokens": list(tokens)},
        index=pd.Index(list(words), name="word"),
        dtype=float,
    )
    for table in tables:
        known = table.assign(word=table["word"].str.lower()).groupby("word").max(numeric_only=True)
        lower = frame.index.str.lower()
        if "count" in known:
            frame["log10_count"] = np.log10(known["count"].reindex(lower).fillna(0).to_numpy() + 1)
        else:
            frame["concreteness"] = known["concreteness"].reindex(lower).to_numpy()
    return frame
