"""Which SAE features mark which emotion, how reproducibly, and which are common to two languages.

Membership is a boolean table words x emotions; a word of several sets enters nothing (`concepts.own_words`). Codes are
dense, words x features.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from shared_affect.base.log import LOG
from shared_affect.base.stats import auroc_columns, benjamini_hochberg, midranks, percentile_interval
from shared_affect.words.concept_sets import own_words, shuffle_membership

MIN_ACTIVE_WORDS = 2
PLACE = "resources/concepts/<language>.tsv"
PERMUTATIONS_PER_BLOCK = 2000
LANGUAGE_AUROC = 0.9
"""A feature that tells the two languages' words apart better than this marks a language, not an emotion."""
ENOUGH = 50
"""Permuted counts as large as the observed one after which permuting words stops: p is then known to a seventh (Besag &
Clifford 1991).
"""
WORD_BLOCK = 500_000
FREQUENCY_BIN = 10
"""Words of like frequency that change places."""


def _check_concepts(
    codes: np.ndarray, membership: np.ndarray, emotions: Sequence[str]
) -> tuple[np.ndarray, np.ndarray]:
    """Codes and membership of the words that stand in one set; words of several are read by nothing here."""
    codes, membership = np.asarray(codes), np.asarray(membership)
    if membership.dtype != bool or membership.shape != (len(codes), len(emotions)) or codes.ndim != 2:
        raise ValueError(
            f"codes {codes.shape}, membership {membership.shape} {membership.dtype}, {len(emotions)} emotions; "
            "allowed: codes [words, features], boolean membership [words, emotions]"
        )
    if len(set(emotions)) != len(emotions):
        raise ValueError(f"emotions are doubled: {sorted(emotions)} ({PLACE})")
    if not np.isfinite(codes).all():
        raise ValueError("codes hold values that are not finite; allowed: finite numbers (check the extraction)")
    if not membership.any(1).all():
        raise ValueError(
            f"{(~membership.any(1)).sum()} words belong to no emotion; allowed: concept words only ({PLACE})"
        )
    own = own_words(membership)
    for emotion, n_own, n in zip(emotions, own.sum(0), membership.sum(0)):
        if n_own < 2:
            raise ValueError(
                f"emotion {emotion!r} has {n} words, {n_own} of them in no other set; allowed: at least 2 words of its"
                f" own ({PLACE})"
            )
    kept = own.any(1)
    return (codes, own) if kept.all() else (codes[kept], own[kept])


def _auroc_by_emotion(codes: np.ndarray, membership: np.ndarray) -> np.ndarray:
    """AUROC [emotions, features] of an emotion's words against those of the others, each word in one set.

    All emotions share one table of ranks, which is what makes repeated halves and shuffles cheap.
    """
    n1 = membership.sum(0)[:, None]
    return (membership.T.astype(float) @ midranks(codes, axis=0) - n1 * (n1 + 1) / 2) / (n1 * (len(codes) - n1))


def _mean_difference(codes: np.ndarray, membership: np.ndarray) -> np.ndarray:
    """Mean code of an emotion's words minus mean over the words of the others, [emotions, features]."""
    own, others = membership.astype(float), (~membership).astype(float)
    return (own.T @ codes) / own.sum(0)[:, None] - (others.T @ codes) / others.sum(0)[:, None]


def _best(auroc: np.ndarray, difference: np.ndarray, candidates: np.ndarray, n_features: int) -> np.ndarray:
    """Ids of the best candidates: AUROC, then mean difference, then the smaller id."""
    order = np.lexsort((candidates, -difference[candidates], -auroc[candidates]))
    return candidates[order[:n_features]]


def _weights(difference: np.ndarray) -> tuple[np.ndarray, bool]:
    """Positive part of the differences, summing to 1; equal weights (and True) where none is positive."""
    positive = np.clip(difference, 0, None)
    if positive.sum() == 0:
        return np.full(len(positive), 1 / len(positive)), True
    return positive / positive.sum(), False


def _candidates(codes: np.ndarray, density: np.ndarray, max_density: float) -> np.ndarray:
    found = np.flatnonzero(((codes > 0).sum(0) >= MIN_ACTIVE_WORDS) & (density <= max_density))
    if not len(found):
        raise ValueError(
            f"no feature is active on >= {MIN_ACTIVE_WORDS} concept words with density <= {max_density}; "
            "allowed: at least one (config.yaml, the largest density, or another SAE in config/saes.tsv)"
        )
    return found


def _check_density(density: np.ndarray, n_features: int) -> np.ndarray:
    density = np.asarray(density, float)
    if density.shape != (n_features,) or not ((density >= 0) & (density <= 1)).all():
        raise ValueError(
            f"density has shape {density.shape}; allowed: one firing rate in 0..1 for each of {n_features} features"
        )
    return density


def select_emotion_features(
    codes: np.ndarray,
    membership: np.ndarray,
    emotions: Sequence[str],
    *,
    control_codes: Mapping[str, np.ndarray] | None = None,
    density: np.ndarray,
    max_density: float,
    n_features: int = 10,
    fdr: float = 0.05,
) -> pd.DataFrame:
    """The features that best tell an emotion's concept words from those of all other emotions.

    Parameters
    ----------
    codes : array [n_words, F]
        SAE codes of the concept words of one language.
    membership : bool array [n_words, E]
        Which word stands for which emotion. Words of several sets are left out altogether.
    emotions : sequence of E names
    control_codes : mapping of emotion -> array [n_controls, F], optional
        Codes of control words matched to the emotion's, for `auroc_neutral` (reported, not used to select); NaN without
        them.
    density : array [F]
        Firing rate on neutral text, 0..1; features above `max_density` are no candidates.
    n_features : int
        How many to keep for each emotion, by `auroc_emotion` (ties: mean difference, then feature id).
    fdr : float
        Level of Benjamini-Hochberg over the candidates of an emotion, one-sided Mann-Whitney p.

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
    """
    codes, membership = _check_concepts(codes, membership, emotions)
    density = _check_density(density, codes.shape[1])
    controls = {e: np.asarray(c) for e, c in (control_codes or {}).items()}
    if wrong := [e for e, c in controls.items() if c.ndim != 2 or c.shape[1] != codes.shape[1] or not len(c)]:
        raise ValueError(
            f"control_codes of {wrong[0]!r} have shape {controls[wrong[0]].shape}; allowed: [words >= 1,"
            f" {codes.shape[1]} features]"
        )
    if n_features < 1:
        raise ValueError(f"n_features is {n_features}; allowed: an integer >= 1 (config.yaml, features per emotion)")
    candidates = _candidates(codes, density, max_density)
    LOG.info("features: %d of %d are candidates on %d concept words", len(candidates), codes.shape[1], len(codes))
    difference = _mean_difference(codes, membership)
    parts, flat = [], []
    for e, emotion in enumerate(emotions):
        auroc = np.full(codes.shape[1], np.nan)
        p, q = auroc.copy(), auroc.copy()
        auroc[candidates], p[candidates] = auroc_columns(
            codes[membership[:, e]][:, candidates], codes[~membership[:, e]][:, candidates]
        )
        q[candidates] = benjamini_hochberg(p[candidates])
        kept = _best(auroc, difference[e], candidates, n_features)
        weight, equal = _weights(difference[e, kept])
        if equal:
            flat.append(emotion)
        parts.append(
            pd.DataFrame(
                {
                    "emotion": emotion,
                    "rank": np.arange(1, len(kept) + 1),
                    "feature": kept,
                    "weight": weight,
                    "prevalence": (codes[membership[:, e]][:, kept] > 0).mean(0),
                    "auroc_emotion": auroc[kept],
                    "auroc_neutral": (
                        auroc_columns(codes[membership[:, e]][:, kept], controls[emotion][:, kept])[0]
                        if emotion in controls
                        else np.nan
                    ),
                    "p": p[kept],
                    "q": q[kept],
                    "passed_fdr": q[kept] <= fdr,
                    "density": density[kept],
                }
            )
        )
    frame = pd.concat(parts, ignore_index=True)
    none_passed = [e for e in emotions if not frame.passed_fdr[frame.emotion == e].any()]
    LOG.info(
        "features: %d emotions have no feature at FDR %g: %s", len(none_passed), fdr, ", ".join(none_passed) or "-"
    )
    if flat:
        LOG.info("features: equal weights (no kept feature is more active in the emotion): %s", ", ".join(flat))
    return frame


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


def emotion_space(
    codes: np.ndarray,
    membership: np.ndarray,
    emotions: Sequence[str],
    feature_ids: Sequence[int] | np.ndarray | None = None,
) -> np.ndarray:
    """Points [E, k] of the emotions: codes centred on the mean over concept words, averaged over an emotion's words.

    Words of several sets are left out: two centroids that share words are alike whatever the codes are. `feature_ids`
    picks and orders the k columns (doubled or unknown ids raise); None takes all features.
    """
    codes, membership = _check_concepts(codes, membership, emotions)
    if feature_ids is not None:
        ids = np.asarray(feature_ids)
        if len(np.unique(ids)) != len(ids) or not len(ids) or ids.min() < 0 or ids.max() >= codes.shape[1]:
            raise ValueError(
                f"feature_ids are empty, doubled or out of range; allowed: distinct ids in 0..{codes.shape[1] - 1}"
            )
        codes = codes[:, ids]
    return centroids(codes, membership)


def centroids(codes: np.ndarray, membership: np.ndarray) -> np.ndarray:
    """Points of the emotions over all words given, those of several sets in each of them."""
    return (membership / membership.sum(0)).T @ (codes - codes.mean(0, dtype=float))


def _halves(membership: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """True for one half of each emotion's words."""
    first = (
        rng.random(len(membership)) < 0.5
    )  # every word gets its half below; the draw stays, since the numbers after it depend on it
    for e in range(membership.shape[1]):
        words = rng.permutation(np.flatnonzero(membership[:, e]))
        n_first = len(words) // 2 + int(len(words) % 2 and rng.random() < 0.5)
        first[words[:n_first]], first[words[n_first:]] = True, False
    return first


def _select_half(codes, membership, density, max_density, n_features) -> tuple[np.ndarray, np.ndarray]:
    """Selected features as booleans [E, F] and their weights [E, F] from one half of the words."""
    candidates = _candidates(codes, density, max_density)
    auroc = np.full((membership.shape[1], codes.shape[1]), -np.inf)
    auroc[:, candidates] = _auroc_by_emotion(codes[:, candidates], membership)
    difference = _mean_difference(codes, membership)
    chosen = np.zeros(auroc.shape, bool)
    weight = np.zeros(auroc.shape)
    for e in range(len(auroc)):
        kept = _best(auroc[e], difference[e], candidates, n_features)
        chosen[e, kept] = True
        weight[e, kept] = _weights(difference[e, kept])[0]
    return chosen, weight


def _one_split(codes, membership, density, max_density, n_features, rng) -> np.ndarray:
    """Held-out AUROC (mean of both directions) and Jaccard of one split, [2, E]."""
    first = _halves(membership, rng)
    halves = [(codes[m], membership[m]) for m in (first, ~first)]
    (chosen_a, weight_a), (chosen_b, weight_b) = [_select_half(*h, density, max_density, n_features) for h in halves]
    auroc = [np.diag(_auroc_by_emotion(c @ w.T, m)) for (c, m), w in zip(halves, (weight_b, weight_a))]
    jaccard = (chosen_a & chosen_b).sum(1) / (chosen_a | chosen_b).sum(1)
    return np.array([np.mean(auroc, 0), jaccard])


def split_half_reproducibility(
    codes: np.ndarray,
    membership: np.ndarray,
    emotions: Sequence[str],
    *,
    density: np.ndarray,
    max_density: float,
    n_features: int = 10,
    n_splits: int = 10,
    n_shuffles: int = 40,
    n_bootstrap: int = 2000,
    rng: np.random.Generator,
) -> pd.DataFrame:
    """Do features selected on half of the words mark the other half, and are the same features selected?

    Each split halves every emotion's own words; both halves select, and each is scored on the other: `held-out AUROC`
    of the weighted code sum of the selected features (words of the emotion against words of the others), and the
    Jaccard index of the two selections. The floor is the same code on shuffled concept-sets, one split each.

    Parameters
    ----------
    codes, membership, emotions, density, max_density, n_features
        As in `select_emotion_features`.
    n_splits, n_shuffles, n_bootstrap : int
        Splits of the observed sets; shuffled draws; resamples of emotions.

    Returns
    -------
    DataFrame
        quantity (`held_out_auroc`, `jaccard`), arm (`observed`, `shuffled-concepts`), value (mean over emotions),
        ci_low, ci_high (observed: 95 % bootstrap over emotions of the values averaged over splits; shuffled: 95 % of
        draws), shuffled_high (97.5 % point of the shuffled draws), n_emotions, n_splits, n_shuffles.

    Raises
    ------
    ValueError
        As `select_emotion_features`, or fewer than 1 split or shuffle.
    """
    codes, membership = _check_concepts(codes, membership, emotions)
    density = _check_density(density, codes.shape[1])
    if min(n_splits, n_shuffles, n_bootstrap, n_features) < 1:
        raise ValueError(
            f"n_splits {n_splits}, n_shuffles {n_shuffles}, n_bootstrap {n_bootstrap}, n_features {n_features}; "
            "allowed: integers >= 1 (config.yaml)"
        )
    alive = (codes > 0).sum(0) >= MIN_ACTIVE_WORDS
    codes, density = codes[:, alive], density[alive]
    settings = (density, max_density, n_features, rng)
    observed = np.mean([_one_split(codes, membership, *settings) for _ in range(n_splits)], 0)
    shuffled = np.array(
        [_one_split(codes, shuffle_membership(membership, rng), *settings).mean(1) for _ in range(n_shuffles)]
    )
    resample = rng.integers(0, len(emotions), (n_bootstrap, len(emotions)))
    rows = []
    for k, quantity in enumerate(("held_out_auroc", "jaccard")):
        floor = percentile_interval(shuffled[:, k], level=0.95, axis=0)
        interval = percentile_interval(observed[k][resample].mean(1), level=0.95, axis=0)
        for arm, value, (low, high) in (
            ("observed", observed[k].mean(), interval),
            ("shuffled-concepts", shuffled[:, k].mean(), floor),
        ):
            rows.append(
                (
                    quantity,
                    arm,
                    float(value),
                    float(low),
                    float(high),
                    float(floor[1]),
                    len(emotions),
                    n_splits,
                    n_shuffles,
                )
            )
    columns = ["quantity", "arm", "value", "ci_low", "ci_high", "shuffled_high", "n_emotions", "n_splits", "n_shuffles"]
    return pd.DataFrame(rows, columns=columns)


@dataclass(frozen=True)
class SharedFeatures:
    """Result of `shared_features`.

    Attributes
    ----------
    features : DataFrame
        One row for each feature active in both languages that tells no language: feature, active_<language> (share of
        concept words) twice, profile_r, threshold, shared.
    n_active_both, n_language, n_shared : int
        Features active in both languages, those of them that tell the language (left out), and the shared ones.
    expected, null_high : float
        Mean and 97.5 % point of the count under permutations: of the two kinds, the one with the larger p.
    p, p_labels, p_words : float
        (1 + number of permuted counts >= n_shared) / (permutations + 1): emotion labels permuted, words permuted, and
        the larger of both.
    n_permutations, n_word_permutations : int
        Asked of either kind; permutations of words made (fewer where `ENOUGH` counts were as large).
    frequency_known : bool
        Whether word frequencies of both languages took part.
    """

    features: pd.DataFrame
    n_active_both: int
    n_language: int
    n_shared: int
    expected: float
    null_high: float
    p: float
    p_labels: float
    p_words: float
    n_permutations: int
    n_word_permutations: int
    frequency_known: bool

    @property
    def ids(self) -> np.ndarray:
        """Ids of the shared features, ascending."""
        return self.features.feature[self.features.shared].to_numpy(int)


def _spline(x: np.ndarray) -> np.ndarray:
    """Columns of a natural cubic spline with five knots at quantiles (a line where fewer are distinct)."""
    x = (x - x.mean()) / x.std()
    knots = np.unique(np.quantile(x, [0.05, 0.275, 0.5, 0.725, 0.95]))
    if len(knots) < 4:
        return x[:, None]
    bent = [(np.clip(x - k, 0, None) ** 3 - np.clip(x - knots[-1], 0, None) ** 3) / (knots[-1] - k) for k in knots[:-1]]
    return np.column_stack([x, *(b - bent[-1] for b in bent[:-1])])


def _basis(covariates: pd.DataFrame | None, n_words: int) -> np.ndarray:
    """Orthonormal columns [words, k] of an intercept and the covariates that vary and are known of every word."""
    columns = [np.ones((n_words, 1))]
    for name in [] if covariates is None else covariates:
        x = covariates[name].to_numpy(float)
        if np.isfinite(x).all() and np.ptp(x) > 0:
            columns.append(_spline(x))
    left, size, _ = np.linalg.svd(np.column_stack(columns), full_matrices=False)
    return left[:, size > size[0] * 1e-8]


def _without_covariates(codes: np.ndarray, membership: np.ndarray, basis: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Codes [words, features] less what word properties explain, and the variance that such a word has inside a set.

    A set of few words, or of words on which a feature varies much, has a mean that lies far out by chance; where sets
    are small in both languages at once this alone makes profiles alike. The variance is what `_profiles` needs to put
    all sets on one scale.
    """
    x = codes.astype(float)
    x = x - basis @ (basis.T @ x)
    share = membership / membership.sum(0)
    inside = (x - membership @ (share.T @ x)) ** 2 * (len(x) / max(len(x) - membership.shape[1], 1))
    spread = inside.mean(0)
    return x, np.maximum(basis @ (basis.T @ inside), 0.1 * spread)


def _profiles(codes: np.ndarray, variance: np.ndarray, share: np.ndarray) -> np.ndarray:
    """Mean of each emotion's words over its standard error, standardised over emotions; a flat profile becomes 0 (it
    correlates with nothing).

    The error has two parts: how much sets differ beyond their words (moment estimate, one a feature), and the words'
    variance over their number.

    Parameters
    ----------
    codes, variance : array [words, features]
    share : array [..., emotions, words]
        Share of each word in the mean of an emotion; leading axes are other sets of the same sizes.
    """
    shape, flat = share.shape[:-1], share.reshape(-1, share.shape[-1])
    means, error = ((s @ x).reshape(*shape, -1) for s, x in ((flat, codes), (flat**2, variance)))
    between = np.clip(means.var(-2, ddof=1) - error.mean(-2), 0, None)[..., None, :]
    total = between + error
    weight = np.divide(1, total, out=np.zeros_like(total), where=total > 1e-12)
    known = weight.sum(-2, keepdims=True)
    centre = np.divide((weight * means).sum(-2, keepdims=True), known, out=np.zeros_like(known), where=known > 0)
    scaled = np.sqrt(weight) * (means - centre)
    scaled -= scaled.mean(-2, keepdims=True)
    sd = scaled.std(-2, keepdims=True)
    return np.divide(scaled, sd, out=np.zeros_like(scaled), where=sd > 1e-6)


def _swap_words(frequency: np.ndarray | None, n: int, rng: np.random.Generator) -> np.ndarray:
    """A random order of words in which each stands in the place of one of like frequency (of any, where none is
    known).
    """
    if frequency is None:
        return rng.permutation(n)
    order = np.lexsort((rng.random(n), frequency))
    shift = int(rng.integers(FREQUENCY_BIN))  # where bins begin differs between draws
    bins = (np.arange(n) + shift) // FREQUENCY_BIN
    out = np.empty(n, int)
    out[order] = order[np.lexsort((rng.random(n), bins))]
    return out


def _permuted_profile_r(a: np.ndarray, b: np.ndarray, n_permutations: int, rng: np.random.Generator) -> np.ndarray:
    """Profile correlations [n_permutations, features] with the emotions of `b` relabelled.

    A relabelling is a 0/1 matrix E x E, so all of them together are one product with the table of a[e] * b[e'].
    """
    n = len(a)
    table = (a[:, None] * b[None] / n).reshape(n * n, -1).astype(np.float32)
    out = np.empty((n_permutations, a.shape[1]), np.float32)
    for start in range(0, n_permutations, PERMUTATIONS_PER_BLOCK):
        stop = min(start + PERMUTATIONS_PER_BLOCK, n_permutations)
        order = rng.permuted(np.tile(np.arange(n), (stop - start, 1)), axis=1)
        choose = np.zeros((stop - start, n * n), np.float32)
        np.put_along_axis(choose, np.arange(n) * n + order, 1, axis=1)
        out[start:stop] = choose @ table
    return out


def _word_counts(
    a, threshold, codes, variance, share, frequency, observed: int, n: int, rng: np.random.Generator
) -> np.ndarray:
    """Counts of shared features with the second language's words in each other's places: `n`, or up to the `ENOUGH`-th
    as large as observed.
    """
    codes, variance, share, a = (x.astype(np.float32) for x in (codes, variance, share, a))
    block = max(1, WORD_BLOCK // (share.shape[0] * max(share.shape[1], codes.shape[1])))
    counts = np.zeros(0, int)
    while len(counts) < n:
        orders = [_swap_words(frequency, len(codes), rng) for _ in range(min(block, n - len(counts)))]
        profiles = _profiles(codes, variance, np.stack([share[:, order] for order in orders]))
        counts = np.append(counts, ((a * profiles).mean(-2) > threshold).sum(-1))
        reached = np.flatnonzero(np.cumsum(counts >= observed) == ENOUGH)
        if len(reached):
            return counts[: reached[0] + 1]
    return counts


def shared_features(
    codes_by_language: Mapping[str, np.ndarray],
    membership_by_language: Mapping[str, np.ndarray],
    emotions: Sequence[str],
    *,
    covariates_by_language: Mapping[str, pd.DataFrame] | None = None,
    min_active: float = 0.02,
    n_permutations: int = 1000,
    rng: np.random.Generator,
    words_rng: np.random.Generator | None = None,
    level: float = 0.95,
) -> SharedFeatures:
    """Features that carry the same emotion profile in two languages, and whether there are more than chance gives.

    Chance has two forms, and the claim asks for both. *Labels*: an emotion of one language has nothing to do with the
    emotion of that name in the other; what sets have in common besides emotion, their sizes and the properties of their
    words, is taken out of the profiles first. *Words*: a set is any words of such frequencies; the words of the second
    language change places with words of like frequency, sets and their sizes stay.

    Parameters
    ----------
    codes_by_language : two arrays [n_words of the language, F]
        Codes of concept words.
    membership_by_language : two bool arrays [n_words, E]
        Words of several sets are left out.
    covariates_by_language : two DataFrames, optional
        One row a word, in the order of the codes; ``log10_count`` is its frequency, other columns (length, number of
        tokens) are taken out too. A column that is not known of every word, or does not vary, is left aside.
    min_active : float
        A feature counts as active in a language if it fires on this share of its concept words or more.
    n_permutations : int
        Permutations of the emotion labels of the second language, and at most as many of its words, the same for all
        features.
    rng, words_rng : Generator
        For labels, and for words (default: the same one, afterwards).
    level : float
        Quantile of the label-permuted correlations (pooled over features and permutations) that a shared feature
        exceeds.

    Returns
    -------
    SharedFeatures

    Raises
    ------
    ValueError
        If there are not two languages with equal keys and feature counts, a concept-set is too small, or covariates do
        not fit the words.

    Notes
    -----
    Where no feature is active in both languages the count is 0 and p is 1; the log says so.
    """
    languages = list(codes_by_language)
    if len(languages) != 2 or set(languages) != set(membership_by_language):
        raise ValueError(f"languages {languages} and {list(membership_by_language)}; allowed: the same two in both")
    if n_permutations < 1 or not 0 < level < 1 or not 0 <= min_active <= 1:
        raise ValueError(
            f"n_permutations {n_permutations}, level {level}, min_active {min_active}; allowed: >= 1, 0..1, 0..1"
            " (config.yaml)"
        )
    codes, member = zip(
        *(_check_concepts(codes_by_language[k], membership_by_language[k], emotions) for k in languages)
    )
    if codes[0].shape[1] != codes[1].shape[1]:
        raise ValueError(
            f"{codes[0].shape[1]} and {codes[1].shape[1]} features; allowed: codes of one SAE in both languages"
        )
    covariates = [None if covariates_by_language is None else covariates_by_language[k] for k in languages]
    if wrong := [k for k, c, x in zip(languages, covariates, codes) if c is not None and len(c) != len(x)]:
        raise ValueError(
            f"covariates of {wrong[0]!r} have another number of rows than its codes; allowed: one row a word"
        )
    own = [m.sum(1) == 1 for m in member]
    codes, member = [x[o] for x, o in zip(codes, own)], [m[o] for m, o in zip(member, own)]
    covariates = [None if c is None else c[o] for c, o in zip(covariates, own)]
    frequency = [
        (
            None
            if c is None or "log10_count" not in c or not np.isfinite(c["log10_count"]).all()
            else c["log10_count"].to_numpy(float)
        )
        for c in covariates
    ]
    active = np.array([(c > 0).mean(0) for c in codes])
    both = np.flatnonzero((active >= min_active).all(0) & (active > 0).all(0))
    n_active = len(both)
    telling = auroc_columns(codes[0][:, both], codes[1][:, both])[0] if n_active else np.zeros(0)
    both = both[np.maximum(telling, 1 - telling) <= LANGUAGE_AUROC]
    n_language = n_active - len(both)
    columns = {"feature": both, **{f"active_{k}": active[i, both] for i, k in enumerate(languages)}}
    counted = {
        "n_active_both": n_active,
        "n_language": n_language,
        "n_permutations": n_permutations,
        "frequency_known": all(f is not None for f in frequency),
    }
    if not len(both):
        LOG.info(
            "shared features: none of %d is active in both languages without telling them apart", codes[0].shape[1]
        )
        empty = pd.DataFrame({**columns, "profile_r": [], "threshold": [], "shared": np.zeros(0, bool)})
        return SharedFeatures(
            empty,
            n_shared=0,
            expected=0.0,
            null_high=0.0,
            p=1.0,
            p_labels=1.0,
            p_words=1.0,
            n_word_permutations=0,
            **counted,
        )
    parts = [_without_covariates(c[:, both], m, _basis(v, len(c))) for c, m, v in zip(codes, member, covariates)]
    shares = [(m / m.sum(0)).T for m in member]
    a, b = (_profiles(x, v, share) for (x, v), share in zip(parts, shares))
    observed = (a * b).mean(0)
    null = _permuted_profile_r(a, b, n_permutations, rng)
    threshold = float(np.quantile(null, level))
    shared = observed > threshold
    labels = (null > threshold).sum(1)
    words = _word_counts(
        a,
        threshold,
        *parts[1],
        shares[1],
        frequency[1],
        int(shared.sum()),
        n_permutations,
        rng if words_rng is None else words_rng,
    )
    as_large = int((words >= shared.sum()).sum())
    # where it stopped early the last count was one of those as large
    p_words = as_large / len(words) if len(words) < n_permutations else (1 + as_large) / (n_permutations + 1)
    kinds = [((1 + (labels >= shared.sum()).sum()) / (n_permutations + 1), labels), (p_words, words)]
    p, counts = max(kinds, key=lambda k: k[0])
    frame = pd.DataFrame({**columns, "profile_r": observed, "threshold": threshold, "shared": shared})
    LOG.info(
        "shared features: %d of %d active in both (%d tell the language), %.1f expected; p %.4g by labels, %.4g by"
        " words",
        shared.sum(),
        n_active,
        n_language,
        counts.mean(),
        kinds[0][0],
        kinds[1][0],
    )
    return SharedFeatures(
        frame,
        n_shared=int(shared.sum()),
        expected=float(counts.mean()),
        null_high=float(np.quantile(counts, 0.975)),
        p=float(p),
        p_labels=float(kinds[0][0]),
        p_words=float(p_words),
        n_word_permutations=len(words),
        **counted,
    )


def _selection_matrix(selected: Mapping[str, Collection[int]], emotions: list[str], pool: np.ndarray) -> np.ndarray:
    place = {int(f): i for i, f in enumerate(pool)}
    unknown = sorted({int(f) for e in emotions for f in selected[e]} - place.keys())
    if unknown:
        raise ValueError(f"selected features {unknown[:5]} are not in the pool; allowed: features of the pool only")
    out = np.zeros((len(emotions), len(pool)), bool)
    for i, e in enumerate(emotions):
        out[i, [place[int(f)] for f in selected[e]]] = True
    return out


def jaccard_overlap(
    selected_a: Mapping[str, Collection[int]],
    selected_b: Mapping[str, Collection[int]],
    *,
    pool: Sequence[int] | np.ndarray,
    density: np.ndarray,
    n_permutations: int = 1000,
    n_strata: int = 10,
    rng: np.random.Generator,
) -> pd.DataFrame:
    """Jaccard overlap of the features selected in two languages, with a density-matched expectation.

    Parameters
    ----------
    selected_a, selected_b : emotion -> feature ids
    pool : feature ids [P]
        Features that could have been selected; every selected one must be among them.
    density : array [P]
        Their firing rates, in the order of `pool`. Permutations exchange the features of `selected_b` inside strata of
        equal size along the ranked density, all emotions together, so that overlaps between emotions stay.

    Returns
    -------
    DataFrame
        scope (`emotion`, `union`), emotion (`all` for the union), jaccard, expected, null_high (97.5 %), p, n_a, n_b,
        n_permutations.

    Raises
    ------
    ValueError
        For other emotions in the two selections, an empty selection, doubled or missing pool members.
    """
    emotions = list(selected_a)
    pool, density = np.asarray(pool), np.asarray(density, float)
    if set(emotions) != set(selected_b) or not emotions:
        raise ValueError(
            f"emotions differ: {sorted(set(emotions) ^ set(selected_b))}; allowed: the same emotions in both"
        )
    if len(np.unique(pool)) != len(pool) or density.shape != pool.shape:
        raise ValueError(
            f"pool {pool.shape} has doubled ids or density {density.shape} does not fit; allowed: one density per id"
        )
    if n_permutations < 1 or n_strata < 1:
        raise ValueError(f"n_permutations {n_permutations}, n_strata {n_strata}; allowed: integers >= 1 (config.yaml)")
    order = np.argsort(density, kind="stable")
    pool = pool[order]
    a, b = (_selection_matrix(s, emotions, pool) for s in (selected_a, selected_b))
    if not (a.any(1).all() and b.any(1).all()):
        raise ValueError("an emotion has no selected feature; allowed: at least one per emotion and language")
    stratum = np.arange(len(pool)) * min(n_strata, len(pool)) // len(pool)
    a, b = (np.vstack([m, m.any(0)]) for m in (a, b))

    def jaccard(x: np.ndarray, y: np.ndarray) -> np.ndarray:
        return (x & y).sum(1) / (x | y).sum(1)

    observed = jaccard(a, b)
    null = np.array([jaccard(a, b[:, np.lexsort((rng.random(len(pool)), stratum))]) for _ in range(n_permutations)])
    return pd.DataFrame(
        {
            "scope": ["emotion"] * len(emotions) + ["union"],
            "emotion": [*emotions, "all"],
            "jaccard": observed,
            "expected": null.mean(0),
            "null_high": np.quantile(null, 0.975, axis=0),
            "p": (1 + (null >= observed - 1e-12).sum(0)) / (n_permutations + 1),
            "n_a": a.sum(1),
            "n_b": b.sum(1),
            "n_permutations": n_permutations,
        }
    )
