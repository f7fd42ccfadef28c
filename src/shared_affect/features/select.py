"""Which SAE features mark which emotion.

Features of an emotion are chosen against the words of the *contrast* emotions (resources/emotions.tsv). An emotion
added with ``contrast = false`` is itself chosen against them but changes nothing for the others.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from shared_affect.base.log import LOG
from shared_affect.base.stats import auroc_columns, auroc_of_ranks, benjamini_hochberg
from shared_affect.features.codes import LanguageCodes
from shared_affect.features.columns import Codes, ColumnCodes, as_dense, labels_of
from shared_affect.features.contrast import (
    SelectionRule,
    best_candidates,
    check_concepts,
    check_density,
    find_candidates,
    mean_difference,
    positive_weights,
)
from shared_affect.features.files import SELECTED


def select_emotion_features(
    codes: Codes,
    membership: np.ndarray,
    emotions: Sequence[str],
    density: np.ndarray,
    rule: SelectionRule,
    *,
    control_codes: Mapping[str, Codes] | None = None,
) -> pd.DataFrame:
    """The features that best tell an emotion's concept words from those of all other emotions.

    Parameters
    ----------
    codes : array or sparse matrix [n_words, F]
        SAE codes of the concept words of one language.
    membership : bool array [n_words, E]
        Which word stands for which emotion. Words of several sets are left out altogether.
    emotions : sequence of E names
    density : array [F]
        Firing rate on neutral text, 0..1.
    rule : SelectionRule
    control_codes : mapping of emotion -> array or sparse matrix [n_controls, F], optional
        Codes of control words matched to the emotion's, for `auroc_neutral` (reported, not used to select); NaN without
        them.

    Returns
    -------
    DataFrame
        emotion, rank (1 = best), feature, weight (sums to 1 in an emotion), prevalence (share of the emotion's words),
        auroc_emotion, auroc_neutral, p, q, passed_fdr, density. Emotions in the given order.

    Raises
    ------
    ValueError
        For an emotion with fewer than 2 words of its own, misfitting shapes, or no candidate feature.

    Notes
    -----
    An emotion with no feature passing keeps its best ones and is named in the log.

    Examples
    --------
    Three words of joy and three of fear; feature 0 marks joy, feature 1 fear, feature 2 nothing.

    >>> codes = np.array([[3, 0, 1], [2, 0, 0], [4, 1, 2], [0, 2, 1], [0, 3, 0], [1, 5, 2]], float)
    >>> member = np.repeat([[True, False], [False, True]], 3, axis=0)
    >>> rule = SelectionRule(max_density=0.5, n_features=2)
    >>> found = select_emotion_features(codes, member, ["joy", "fear"], np.array([0.1, 0.1, 0.2]), rule)
    >>> found[["emotion", "rank", "feature", "weight", "auroc_emotion"]].round(2)
      emotion  rank  feature  weight  auroc_emotion
    0     joy     1        0     1.0            1.0
    1     joy     2        2     0.0            0.5
    2    fear     1        1     1.0            1.0
    3    fear     2        2     0.0            0.5
    """
    codes, membership = check_concepts(codes, membership, emotions)
    density = check_density(density, codes.shape[1])
    controls = _check_controls(control_codes or {}, codes.shape[1])
    if rule.n_features < 1:
        raise ValueError(
            f"n_features is {rule.n_features}; allowed: an integer >= 1 (config.yaml, features per emotion)"
        )
    table = _Contrasts.of(codes, membership, density, rule)
    frame = pd.concat(
        [
            _features_of(emotion, e, codes, membership[:, e], table, density, rule, controls.get(emotion))
            for e, emotion in enumerate(emotions)
        ],
        ignore_index=True,
    )
    _tell(frame, emotions, table.difference, rule)
    return frame


@dataclass(frozen=True, eq=False)
class _Contrasts:
    """Every emotion's words against all others', all features at once: the words are the same, so are their ranks.

    Attributes
    ----------
    candidates : int array [C]
    rank_sums, difference : array [E, F]
        Mid-ranks of the emotion's words, summed; mean code less that of the others.
    variation : array [F]
        Squared deviations of all mid-ranks from their mean.
    """

    candidates: np.ndarray
    rank_sums: np.ndarray
    difference: np.ndarray
    variation: np.ndarray

    @classmethod
    def of(cls, codes: Codes, membership: np.ndarray, density: np.ndarray, rule: SelectionRule) -> _Contrasts:
        columns = ColumnCodes.of(codes)
        candidates = find_candidates(columns, density, rule.max_density)
        n_words, n_features = columns.shape
        LOG.info("features: %d of %d are candidates on %d concept words", len(candidates), n_features, n_words)
        sums = columns.rank_sums(labels_of(membership), membership.shape[1])
        return cls(candidates, sums, mean_difference(columns, membership), columns.rank_variation())


def _check_controls(control_codes: Mapping[str, Codes], n_features: int) -> dict[str, Codes]:
    controls = dict(control_codes)
    if wrong := [e for e, c in controls.items() if c.ndim != 2 or c.shape[1] != n_features or not c.shape[0]]:
        raise ValueError(
            f"control_codes of {wrong[0]!r} have shape {controls[wrong[0]].shape}; allowed: [words >= 1,"
            f" {n_features} features]"
        )
    return controls


def _features_of(
    emotion: str,
    place: int,
    codes: Codes,
    own: np.ndarray,
    table: _Contrasts,
    density: np.ndarray,
    rule: SelectionRule,
    controls: Codes | None,
) -> pd.DataFrame:
    """Rows of one emotion, at its place in the table; `own` says which words are its."""
    auroc = np.full(codes.shape[1], np.nan)
    p, q = auroc.copy(), auroc.copy()
    candidates, n1, difference = table.candidates, int(own.sum()), table.difference[place]
    ranks = table.rank_sums[place, candidates], table.variation[candidates]
    auroc[candidates], p[candidates] = auroc_of_ranks(*ranks, n1, len(own) - n1)
    q[candidates] = benjamini_hochberg(p[candidates])
    kept = best_candidates(auroc, difference, candidates, rule.n_features)
    mine = as_dense(codes[own][:, kept])
    beside = np.nan if controls is None else auroc_columns(mine, as_dense(controls[:, kept]))[0]
    return pd.DataFrame(
        {
            "emotion": emotion,
            "rank": np.arange(1, len(kept) + 1),
            "feature": kept,
            "weight": positive_weights(difference[kept])[0],
            "prevalence": (mine > 0).mean(0),
            "auroc_emotion": auroc[kept],
            "auroc_neutral": beside,
            "p": p[kept],
            "q": q[kept],
            "passed_fdr": q[kept] <= rule.fdr,
            "density": density[kept],
        }
    )


def _tell(frame: pd.DataFrame, emotions: Sequence[str], difference: np.ndarray, rule: SelectionRule) -> None:
    """Emotions without a feature that passes, and those whose features are weighted equally, in the log."""
    kept = {e: frame["feature"][frame["emotion"] == e].to_numpy(int) for e in emotions}
    none_passed = [e for e in emotions if not frame["passed_fdr"][frame["emotion"] == e].any()]
    LOG.info(
        "features: %d emotions have no feature at FDR %g: %s", len(none_passed), rule.fdr, ", ".join(none_passed) or "-"
    )
    if flat := [e for e, d in zip(emotions, difference, strict=True) if positive_weights(d[kept[e]])[1]]:
        LOG.info("features: equal weights (no kept feature is more active in the emotion): %s", ", ".join(flat))


def feature_use(selected: pd.DataFrame) -> pd.DataFrame:
    """What the selected features are worth and how many emotions share them, one row a quantity.

    Parameters
    ----------
    selected : DataFrame
        Of `select_emotion_features`.

    Returns
    -------
    DataFrame
        quantity, value: ``n_kept`` (rows: a feature counts once for each emotion it is kept for), ``n_features``
        (different ones), ``share_passed_fdr`` (of rows), ``n_emotions``, ``n_emotions_none_passed`` (no feature of
        theirs passes), ``emotions_per_feature_mean``, ``emotions_per_feature_max``, ``share_of_one_emotion`` (of
        different features).
    """
    emotions = selected.groupby("feature")["emotion"].nunique()
    passed = selected.groupby("emotion")["passed_fdr"].any()
    rows = {
        "n_kept": len(selected),
        "n_features": len(emotions),
        "share_passed_fdr": selected["passed_fdr"].mean(),
        "n_emotions": len(passed),
        "n_emotions_none_passed": int((~passed).sum()),
        "emotions_per_feature_mean": emotions.mean(),
        "emotions_per_feature_max": emotions.max(),
        "share_of_one_emotion": (emotions == 1).mean(),
    }
    return pd.DataFrame([(k, float(v)) for k, v in rows.items()], columns=["quantity", "value"])


def rule_of(settings: Mapping) -> SelectionRule:
    """The rule of a study: ``per_emotion``, ``fdr`` and ``max_density`` of its config key features."""
    return SelectionRule(settings["max_density"], settings["per_emotion"], settings["fdr"])


def select(
    codes: LanguageCodes,
    contrast: Collection[str],
    settings: Mapping,
    *,
    wanted: Sequence[str] | None = None,
    words: Collection[str] | None = None,
    controls: Mapping[str, Sequence[str]] | None = None,
) -> pd.DataFrame:
    """Features of the wanted emotions.

    Parameters
    ----------
    codes : LanguageCodes
    contrast : collection of str
        Emotions whose words stand for "the other emotions".
    settings : mapping
        ``per_emotion``, ``fdr``, ``max_density`` (config key features).
    wanted : sequence of str, optional
        Emotions to return; all of `codes` by default.
    words : collection of str, optional
        Concept words to use; all by default. Steering vectors use half.
    controls : mapping of emotion -> rated words, optional
        Control words matched to the emotion's, for `auroc_neutral`.

    Returns
    -------
    DataFrame
        Columns of `select_emotion_features`, feature ids of the SAE.
    """
    wanted = list(codes.emotions if wanted is None else wanted)
    live = np.union1d(codes.concepts.live(), codes.rated.live())
    x = codes.concepts.only(live)
    beside = {e: codes.rated.rows(w).only(live) for e, w in (controls or {}).items()}
    use = np.array([words is None or w in words for w in codes.concepts.words])
    groups = [[e for e in wanted if e in contrast]] + [[e] for e in wanted if e not in contrast]
    parts = []
    for group in groups:
        if not group:
            continue
        among = [e for e in codes.emotions if e in contrast or e in group]
        membership = codes.members(among)
        rows = use & membership.any(1)
        frame = select_emotion_features(
            x[rows],
            membership[rows],
            among,
            codes.density[live],
            rule_of(settings),
            control_codes=beside,
        )
        parts.append(frame[frame["emotion"].isin(group)])
    frame = pd.concat(parts, ignore_index=True)
    return frame.assign(feature=live[frame["feature"].to_numpy()])


def group_features(frame: pd.DataFrame) -> dict[str, set[int]]:
    """Feature ids of each emotion from a frame ``emotion, feature``."""
    return {str(e): set(g["feature"].astype(int)) for e, g in frame.groupby("emotion", sort=False)}


def read_selected(paths: Sequence[str]) -> pd.DataFrame:
    """Emotion features of several emotions in one frame."""
    return pd.concat([SELECTED.read(p) for p in paths], ignore_index=True)
