"""Feature selection, reproducibility and sharing: against scipy, statsmodels, scikit-learn and naive loops."""

import logging
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from scipy.stats import binom, mannwhitneyu
from sklearn.metrics import roc_auc_score
from statsmodels.stats.multitest import multipletests

from shared_affect.features.centroids import emotion_space
from shared_affect.features.contrast import SelectionRule, auroc_by_emotion
from shared_affect.features.overlap import jaccard_overlap
from shared_affect.features.reproducibility import Repeats, split_half_reproducibility
from shared_affect.features.select import feature_use, select_emotion_features
from shared_affect.features.shared import LanguageWords, _permuted_profile_r, shared_features
from shared_affect.words.concept_sets import own_words, shuffle_membership

EMOTIONS = ("joy", "fear", "anger", "pride")


def world(seed=0, n_each=8, n_features=30, signal=2.0, emotions=EMOTIONS):
    """Sparse codes in which feature e (and only it) marks emotion e."""
    rng = np.random.default_rng(seed)
    label = np.repeat(np.arange(len(emotions)), n_each)
    codes = np.maximum(rng.normal(size=(len(label), n_features)) - 0.5, 0)
    codes[np.arange(len(label)), label] += signal
    membership = label[:, None] == np.arange(len(emotions))
    return codes.astype(np.float32), membership, rng


def select(codes, membership, **changes):
    rng = np.random.default_rng(9)
    controls = {e: np.maximum(rng.normal(size=(40, codes.shape[1])), 0) for e in EMOTIONS}
    density = changes.pop("density", np.full(codes.shape[1], 0.1))
    control_codes = changes.pop("control_codes", controls)
    rule = replace(SelectionRule(max_density=0.5, n_features=5), **changes)
    return select_emotion_features(codes, membership, EMOTIONS, density, rule, control_codes=control_codes)


def halved(codes, membership, rng, splits, shuffles):
    return split_half_reproducibility(
        codes,
        membership,
        EMOTIONS,
        np.full(30, 0.1),
        SelectionRule(max_density=0.5, n_features=2),
        repeats=Repeats(splits, shuffles),
        rng=rng,
    )


def shared(codes, member, emotions, covariates=None, **settings):
    words = {k: LanguageWords(codes[k], member[k], None if covariates is None else covariates[k]) for k in codes}
    return shared_features(words, emotions, **settings)


def test_selection_agrees_with_scipy_statsmodels_and_a_loop():
    codes, membership, rng = world()
    membership[0, 1] = True  # a word of joy and fear: it enters nothing
    controls = {e: np.maximum(rng.normal(size=(50 - k, codes.shape[1])), 0) for k, e in enumerate(EMOTIONS[:-1])}
    density = rng.uniform(0, 1, codes.shape[1])
    frame = select(codes, membership, control_codes=controls, density=density, max_density=0.8)
    assert list(frame.columns) == [
        *("emotion", "rank", "feature", "weight", "prevalence", "auroc_emotion", "auroc_neutral"),
        *("p", "q", "passed_fdr", "density"),
    ]
    assert list(dict.fromkeys(frame.emotion)) == list(EMOTIONS)
    for e, emotion in enumerate(EMOTIONS):
        rest = [k for k in range(4) if k != e]
        positive = [i for i in range(len(codes)) if membership[i, e] and not membership[i, rest].any()]
        negative = [i for i in range(1, len(codes)) if not membership[i, e]]
        candidates = [f for f in range(codes.shape[1]) if (codes[1:, f] > 0).sum() >= 2 and density[f] <= 0.8]
        rows, p_all = [], []
        for f in candidates:
            a, b = codes[positive, f].astype(float), codes[negative, f].astype(float)
            auroc = roc_auc_score([1] * len(a) + [0] * len(b), np.r_[a, b])
            p_all.append(mannwhitneyu(a, b, alternative="greater", method="asymptotic").pvalue)
            rows.append((-auroc, -(a.mean() - b.mean()), f))
        q_all = dict(zip(candidates, multipletests(p_all, method="fdr_bh")[1]))
        best = sorted(rows)[:5]
        got = frame[frame.emotion == emotion]
        assert got.feature.tolist() == [f for _, _, f in best]
        assert got["rank"].tolist() == [1, 2, 3, 4, 5]
        np.testing.assert_allclose(got.auroc_emotion, [-a for a, _, _ in best])
        np.testing.assert_allclose(got.q, [q_all[f] for _, _, f in best])
        np.testing.assert_allclose(got.p, [dict(zip(candidates, p_all))[f] for _, _, f in best])
        assert got.passed_fdr.tolist() == [q_all[f] <= 0.05 for _, _, f in best]
        gain = np.array([max(-d, 0) for _, d, _ in best])
        np.testing.assert_allclose(got.weight, gain / gain.sum(), rtol=1e-5)
        words = positive
        for row in got.itertuples():
            assert row.prevalence == pytest.approx((codes[words, row.feature] > 0).mean())
            if emotion not in controls:
                assert np.isnan(row.auroc_neutral)
                continue
            truth = [1] * len(words) + [0] * len(controls[emotion])
            assert row.auroc_neutral == pytest.approx(
                roc_auc_score(truth, np.r_[codes[words, row.feature], controls[emotion][:, row.feature]])
            )
            assert row.density == density[row.feature]


def test_planted_feature_is_found_and_dense_feature_is_not_taken():
    codes, membership, _ = world()
    top = select(codes, membership).query("rank == 1")
    assert top.feature.tolist() == [0, 1, 2, 3] and top.passed_fdr.all()
    density = np.full(codes.shape[1], 0.1)
    density[2] = 0.9
    assert 2 not in set(select(codes, membership, density=density).feature)


def test_ties_go_to_larger_difference_then_smaller_id():
    codes = np.zeros((16, 6), np.float32)
    membership = np.repeat(np.arange(4), 4)[:, None] == np.arange(4)
    codes[:4, 5] = 1.0
    codes[:4, 3] = 1.0
    codes[:4, 4] = 2.0
    assert select(codes, membership, n_features=3).feature[:3].tolist() == [4, 3, 5]


def test_equal_weights_without_any_positive_difference_are_logged(caplog):
    codes, membership, _ = world(signal=0)
    codes[membership[:, 0]] = 0
    with caplog.at_level(logging.INFO, logger="shared_affect"):
        logging.getLogger("shared_affect").propagate = True
        frame = select(codes, membership)
    np.testing.assert_allclose(frame.weight[frame.emotion == "joy"], 0.2)
    assert "equal weights" in caplog.text and "joy" in caplog.text


@pytest.mark.parametrize("words", [0, 1])
def test_too_small_concept_set_names_emotion_and_file(words):
    codes, membership, _ = world()
    fear = np.flatnonzero(membership[:, 1])
    membership[fear[words:], 1] = False
    membership[fear[words:], 2] = True
    with pytest.raises(ValueError, match=r"'fear'.*resources/concepts/<language>\.tsv"):
        select(codes, membership)


def test_bad_input_is_refused():
    codes, membership, _ = world()
    with pytest.raises(ValueError, match="not finite"):
        select(np.where(np.arange(codes.size).reshape(codes.shape) == 3, np.nan, codes), membership)
    with pytest.raises(ValueError, match="no emotion"):
        select(codes, membership & (np.arange(len(codes)) > 0)[:, None])
    with pytest.raises(ValueError, match="density"):
        select(codes, membership, density=np.full(3, 0.1))
    with pytest.raises(ValueError, match="no feature is active"):
        select(codes, membership, density=np.full(codes.shape[1], 0.9))
    with pytest.raises(ValueError, match="boolean membership"):
        select(codes, membership.astype(int))


def test_fast_auroc_of_all_emotions_equals_a_loop():
    codes, membership, _ = world(3)
    got = auroc_by_emotion(codes, membership)
    for e in range(4):
        own = membership[:, e]
        for f in range(codes.shape[1]):
            a, b = codes[own, f], codes[~membership[:, e], f]
            naive = np.mean([(x > y) + 0.5 * (x == y) for x in a for y in b])
            assert got[e, f] == pytest.approx(naive)


def test_emotion_space_equals_loop():
    codes, membership, _ = world()
    membership[0, 1] = True  # a word of two sets is in neither, and not in the mean either
    ids = [7, 2, 11]
    points = emotion_space(codes, membership, EMOTIONS, ids)
    for e in range(4):
        for k, f in enumerate(ids):
            words = [i for i in range(1, len(codes)) if membership[i, e]]
            assert points[e, k] == pytest.approx(
                np.mean([codes[i, f] for i in words]) - np.mean(codes[1:, f]), abs=1e-6
            )
    assert emotion_space(codes, membership, EMOTIONS).shape == (4, codes.shape[1])
    for wrong in ([1, 1], [99], []):
        with pytest.raises(ValueError, match="feature_ids"):
            emotion_space(codes, membership, EMOTIONS, wrong)


def test_words_of_several_sets_enter_nothing():
    codes, membership, _ = world()
    doubled = membership.copy()
    doubled[[0, 9], 2] = True
    assert not own_words(doubled)[[0, 9]].any() and (own_words(doubled)[1:9] == membership[1:9]).all()
    kept = np.arange(len(codes)) % 9 != 0
    kept[[18, 27]] = True
    np.testing.assert_array_equal(
        emotion_space(codes, doubled, EMOTIONS), emotion_space(codes[kept], membership[kept], EMOTIONS)
    )
    pd.testing.assert_frame_equal(select(codes, doubled), select(codes[kept], membership[kept]))
    pd.testing.assert_frame_equal(
        *(halved(c, m, np.random.default_rng(5), 2, 3) for c, m in ((codes, doubled), (codes[kept], membership[kept])))
    )
    far = codes.copy()
    far[[0, 9]] = 50  # whatever they do
    found = [
        shared(
            {"en": c, "zh": codes},
            {"en": doubled, "zh": membership},
            EMOTIONS,
            n_permutations=20,
            rng=np.random.default_rng(1),
        )
        for c in (codes, far)
    ]
    pd.testing.assert_frame_equal(found[0].features, found[1].features)


def test_an_emotion_outside_the_contrast_takes_no_word_from_the_others():
    # words: of joy, of fear, of both, of joy and an added emotion, of two added emotions, of one added emotion
    membership = np.array([[1, 0, 0, 0], [0, 1, 0, 0], [1, 1, 0, 0], [1, 0, 1, 0], [0, 0, 1, 1], [0, 0, 1, 0]], bool)
    expected = np.array([[1, 0, 0, 0], [0, 1, 0, 0], [0, 0, 0, 0], [1, 0, 0, 0], [0, 0, 0, 0], [0, 0, 1, 0]], bool)
    np.testing.assert_array_equal(own_words(membership, np.array([True, True, False, False])), expected)
    np.testing.assert_array_equal(own_words(membership), membership & (membership.sum(1) == 1)[:, None])


def test_feature_use_counts_passes_and_emotions_of_a_feature():
    frame = pd.DataFrame(
        {
            "emotion": ["a", "a", "b", "b", "c", "c"],
            "feature": [1, 2, 1, 3, 1, 2],
            "passed_fdr": [True, False, False, False, True, True],
        }
    )
    found = feature_use(frame).set_index("quantity")["value"].to_dict()
    assert found == {
        "n_kept": 6,
        "n_features": 3,
        "share_passed_fdr": 0.5,
        "n_emotions": 3,
        "n_emotions_none_passed": 1,
        "emotions_per_feature_mean": 2,
        "emotions_per_feature_max": 3,
        "share_of_one_emotion": pytest.approx(1 / 3),
    }


def test_shuffle_keeps_sizes_and_overlaps_and_words_outside():
    _, membership, rng = world()
    membership[0, 1] = True
    membership = np.vstack([membership, np.zeros((5, 4), bool)])
    shuffled = shuffle_membership(membership, rng)
    assert (shuffled.sum(0) == membership.sum(0)).all() and not shuffled[-5:].any()
    assert sorted(shuffled.sum(1)) == sorted(membership.sum(1)) and (shuffled != membership).any()


def test_split_half_sees_the_planted_world_and_not_the_empty_one():
    codes, membership, rng = world(signal=2.0)
    frame = halved(codes, membership, rng, 4, 30).set_index(["quantity", "arm"])
    auroc = frame.loc["held_out_auroc"]
    assert (
        auroc.loc["observed", "value"] > 0.85
        and auroc.loc["observed", "ci_low"] > auroc.loc["observed", "shuffled_high"]
    )
    assert abs(auroc.loc["shuffled-concepts", "value"] - 0.5) < 0.08
    assert frame.loc[("jaccard", "observed"), "value"] > frame.loc[("jaccard", "observed"), "shuffled_high"]
    codes, membership, rng = world(signal=0.0, n_each=12)
    empty = halved(codes, membership, rng, 4, 30).set_index(["quantity", "arm"])
    assert (
        not empty.loc[("held_out_auroc", "observed"), "ci_low"]
        > empty.loc[("held_out_auroc", "observed"), "shuffled_high"]
    )
    assert abs(empty.loc[("held_out_auroc", "observed"), "value"] - 0.5) < 0.12


def test_split_half_repeats_with_its_seed():
    codes, membership, _ = world()
    a, b = (halved(codes, membership, np.random.default_rng(5), 2, 3) for _ in range(2))
    assert a.equals(b)


def two_languages(seed, common, n_emotions=9, n_each=6, n_features=40):
    rng = np.random.default_rng(seed)
    label = np.repeat(np.arange(n_emotions), n_each)
    profile = {k: rng.normal(size=(n_emotions, n_features)) for k in ("en", "zh")}
    profile["zh"][:, :common] = profile["en"][:, :common]
    codes = {
        k: np.maximum(2 * p[label] + 0.5 * rng.normal(size=(len(label), n_features)), 0) for k, p in profile.items()
    }
    member = label[:, None] == np.arange(n_emotions)
    return codes, {"en": member, "zh": member}, [f"e{i}" for i in range(n_emotions)], rng


def test_shared_features_find_the_common_ones():
    codes, member, emotions, rng = two_languages(0, common=20)
    codes["zh"][:, 39] = 0  # silent in one language: no candidate
    result = shared(codes, member, emotions, n_permutations=500, rng=rng)
    assert set(range(20)) <= set(result.ids) and result.n_shared == len(result.ids) <= 25
    assert result.p == 1 / 501 and result.n_active_both == 39 and 39 not in set(result.features.feature)
    assert 0.5 < result.expected < 4 and result.null_high < 12
    for row in result.features.itertuples():
        profile = [[codes[k][member[k][:, e], row.feature].mean() for e in range(9)] for k in ("en", "zh")]
        assert row.profile_r == pytest.approx(np.corrcoef(profile)[0, 1])
        assert row.active_en == pytest.approx((codes["en"][:, row.feature] > 0).mean())
        assert row.shared == (row.profile_r > row.threshold)


def test_features_that_tell_the_language_are_left_out_and_counted_before_and_after():
    codes, member, emotions, _ = two_languages(0, common=20)
    plain = shared(codes, member, emotions, n_permutations=500, rng=np.random.default_rng(1))
    # an offset tells the language of every word and leaves the profiles as they are
    telling = {**codes, "en": codes["en"] + np.r_[np.full(3, 9.0), np.zeros(34), np.full(3, 9.0)]}
    result = shared(telling, member, emotions, n_permutations=500, rng=np.random.default_rng(1))
    assert (plain.n_language, plain.n_language_shared) == (0, 0)
    assert result.n_language == 6 and not {0, 1, 2, 37, 38, 39} & set(result.features.feature)
    threshold = result.features["threshold"].iloc[0]
    r = [
        np.corrcoef([[telling[k][member[k][:, e], f].mean() for e in range(9)] for k in telling])[0, 1]
        for f in range(40)
    ]
    assert result.n_language_shared == sum(r[f] > threshold for f in (0, 1, 2, 37, 38, 39)) >= 3
    assert result.n_shared == sum(r[f] > threshold for f in range(3, 37))


def test_permuted_profiles_equal_a_loop():
    rng = np.random.default_rng(1)
    a, b = rng.normal(size=(2, 5, 7))
    got = _permuted_profile_r(a, b, 30, np.random.default_rng(2))
    order = np.random.default_rng(2).permuted(np.tile(np.arange(5), (30, 1)), axis=1)
    for k in range(30):
        for f in range(7):
            assert got[k, f] == pytest.approx(np.mean([a[e, f] * b[order[k, e], f] for e in range(5)]), abs=1e-5)


def test_shared_features_reject_no_more_than_nominal_without_sharing():
    hits = 0
    for seed in range(200):
        codes, member, emotions, rng = two_languages(seed, common=0, n_each=3, n_features=12)
        hits += shared(codes, member, emotions, n_permutations=99, rng=rng).p <= 0.05
    assert hits <= binom.ppf(0.999, 200, 0.05)


def test_shared_features_without_any_active_feature():
    codes, member, emotions, rng = two_languages(0, common=5)
    codes["zh"][:] = 0
    result = shared(codes, member, emotions, n_permutations=10, rng=rng)
    assert (result.n_active_both, result.n_shared, result.p, len(result.ids)) == (0, 0, 1.0, 0)


def test_shared_features_refuse_other_languages_or_sizes():
    codes, member, emotions, rng = two_languages(0, common=5)
    with pytest.raises(ValueError, match="languages"):
        shared({"en": codes["en"]}, member, emotions, rng=rng)
    with pytest.raises(ValueError, match="covariates of 'zh'"):
        shared(codes, member, emotions, {"en": None, "zh": pd.DataFrame({"log10_count": [1.0]})}, rng=rng)
    with pytest.raises(ValueError, match="features"):
        shared({"en": codes["en"], "zh": codes["zh"][:, :5]}, member, emotions, rng=rng)


def test_jaccard_values_and_expectation():
    rng = np.random.default_rng(0)
    a = {"joy": {0, 1, 2, 3}, "fear": {4, 5}}
    b = {"joy": {2, 3, 8}, "fear": {9}}
    pool = np.arange(20)
    frame = jaccard_overlap(
        a, b, pool=pool, density=np.full(20, 0.1), n_strata=1, n_permutations=4000, rng=rng
    ).set_index("emotion")
    assert frame.jaccard.to_dict() == pytest.approx({"joy": 2 / 5, "fear": 0, "all": 2 / 8})
    # without strata the overlap of joy is hypergeometric: E[J] = sum_k P(k) k / (4 + 3 - k)
    from scipy.stats import hypergeom

    k = np.arange(4)
    chance = hypergeom(20, 4, 3).pmf(k)
    assert frame.expected["joy"] == pytest.approx((chance * k / (7 - k)).sum(), abs=0.01)
    assert frame.p["joy"] == pytest.approx(chance[2:].sum(), abs=0.02) and frame.p["fear"] == 1.0


def test_jaccard_permutation_stays_within_density():
    a = {"joy": set(range(10))}
    density = np.where(np.arange(20) < 10, 0.9, 0.1)
    rng = np.random.default_rng(0)
    frame = jaccard_overlap(a, a, pool=np.arange(20), density=density, n_strata=2, n_permutations=50, rng=rng)
    np.testing.assert_allclose(frame.expected, 1)  # all dense features selected: exchanging them changes nothing
    with pytest.raises(ValueError, match="not in the pool"):
        jaccard_overlap(a, a, pool=np.arange(5), density=density[:5], rng=rng)
    with pytest.raises(ValueError, match="emotions differ"):
        jaccard_overlap(a, {"fear": {1}}, pool=np.arange(20), density=density, rng=rng)
