"""Random draws beside the emotion space, and the ladder's simplest rungs."""

import logging
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from scipy.sparse import csr_matrix
from test_codes import make_codes

from shared_affect.base.seeds import Seeds
from shared_affect.spaces.ladder import DIFFERENCES, compare_all
from shared_affect.spaces.rdm import RDM, euclidean_rdm
from shared_affect.spaces.rungs import (
    RUNGS,
    Material,
    Rung,
    affect_rdms,
    derived_rdms,
    draws,
    nuisance_rdms,
    random_features,
    representations,
)
from shared_affect.spaces.space_files import Spaces
from shared_affect.study.vocabulary import NUISANCES, REPRESENTATIONS


def with_columns(codes, x):
    return replace(codes, concepts=replace(codes.concepts, sparse=csr_matrix(np.asarray(x, np.float32))))


def sparse_world(n_features, densities, seed=0):
    """Concept words on which feature f fires with the given density, at random."""
    codes = make_codes()
    g = np.random.default_rng(seed)
    n = len(codes.concepts.words)
    x = np.zeros((n, n_features))
    for f, density in enumerate(densities):
        x[g.permutation(n)[: round(density * n)], f] = g.uniform(0.5, 2)
    return with_columns(codes, x)


def test_random_features_come_from_outside_and_differ_between_draws():
    g = np.random.default_rng(0)
    selected, pool, density = np.arange(20), np.arange(20, 100), g.uniform(0, 0.3, 100)
    found = [random_features(selected, pool, density, g) for _ in range(50)]
    assert all(len(set(f)) == 20 and set(f) <= set(pool) for f in found)
    assert len({tuple(f) for f in found}) == 50
    # a small pool: half of it, so that draws still differ
    few = [random_features(selected, pool[:12], density, g) for _ in range(30)]
    assert all(len(set(f)) == 6 for f in few) and len({tuple(f) for f in few}) > 20
    with pytest.raises(ValueError, match=r"features\.per_emotion"):
        random_features(selected, pool[:0], density, g)


def test_random_features_match_the_selected_in_density():
    g = np.random.default_rng(1)
    density = np.concatenate([g.uniform(0.2, 0.3, 10), g.uniform(0, 0.01, 100), g.uniform(0.15, 0.3, 100)])
    dense = [random_features(np.arange(10), np.arange(10, 210), density, g) for _ in range(20)]
    assert all((f >= 110).all() for f in dense)  # never one of the hundred rare ones
    rare = [
        random_features(np.arange(10, 20), np.setdiff1d(np.arange(210), np.arange(10, 20)), density, g)
        for _ in range(20)
    ]
    assert all(((f >= 20) & (f < 110)).all() for f in rare)
    # the mean difference in density is far below that of unmatched draws
    assert abs(np.mean([density[f].mean() for f in dense]) - density[:10].mean()) < 0.03
    assert abs(density[10:].mean() - density[:10].mean()) > 0.1


def test_draws_read_only_features_outside_the_space():
    # the selected features hold all the geometry, those outside fire on every word alike
    codes = sparse_world(12, [0.8] * 12)
    x = codes.concepts.sparse.toarray()
    x[:, 5:] = 1
    for values in draws(Material(with_columns(codes, x), np.arange(5)), 5, Seeds(0))["random-sae"]:
        np.testing.assert_allclose(
            values[~np.eye(5, dtype=bool)], 1.0, atol=1e-5
        )  # no direction left: the mean distance


def test_shuffled_sets_keep_the_features_and_lose_the_geometry():
    codes = make_codes()
    selected = np.arange(15)
    observed = representations(Material(codes, selected))["sae-space"].values
    upper = np.triu_indices(5, 1)
    shuffled = draws(Material(codes, selected), 20, Seeds(2))["shuffled-concepts"]
    assert all(not np.allclose(v, observed, atol=0.05) for v in shuffled) and len({v.tobytes() for v in shuffled}) == 20
    assert all(np.allclose(v, v.T) and not np.diag(v).any() for v in shuffled)
    # planted emotions are nearly orthogonal to one another, mixtures of them are not always
    assert shuffled[:, upper[0], upper[1]].std() > 2 * observed[upper].std()


def test_an_emotion_without_an_active_feature_stands_at_the_mean_distance():
    codes = make_codes(emotions=("joy", "fear", "anger"))
    x = np.zeros((18, 64))
    x[:6, 0], x[6:12, 0], x[12:, 0] = 2.0, 1.0, 1.5  # anger at the mean of all words: no direction after centring
    x[:, 1:3] = x[:, :1]
    found = draws(Material(with_columns(codes, x), np.array([0])), 1, Seeds(0))["random-sae"][0]
    np.testing.assert_allclose(found, [[0, 2, 1], [2, 0, 1], [1, 1, 0]], atol=1e-6)


AFFECT = pd.DataFrame(
    {
        "emotion": ["joy", "fear", "anger", "calm"],
        "valence": [0.8, -0.6, -0.5, 0.3],
        "arousal": [0.4, 0.6, 0.7, -0.5],
        "valence_class": ["positive", "negative", "negative", "positive"],
    }
)


def test_affect_rungs_against_a_loop():
    found = affect_rdms(AFFECT)
    for i, a in AFFECT.iterrows():
        for j, b in AFFECT.iterrows():
            assert found["valence-sign"].values[i, j] == (a["valence_class"] != b["valence_class"])
            assert found["valence-arousal"].values[i, j] == pytest.approx(
                np.hypot(a["valence"] - b["valence"], a["arousal"] - b["arousal"])
            )
    assert found["valence-sign"].labels == tuple(AFFECT["emotion"])


def test_only_the_two_sae_spaces_are_tested_and_who_was_not_judged_is_logged(caplog):
    codes = make_codes()
    rdms = representations(Material(codes, np.arange(15)))
    judged = AFFECT["emotion"].tolist()
    g = np.random.default_rng(1)
    judgements = pd.DataFrame(
        [
            {"rater": r, "emotion_a": a, "emotion_b": b, "dissimilarity": g.uniform(1, 9)}
            for r in "xyz"
            for i, a in enumerate(judged)
            for b in judged[i + 1 :]
        ]
    )
    random = {
        "random-sae": [RDM(codes.emotions, v) for v in draws(Material(codes, np.arange(15)), 5, Seeds(3))["random-sae"]]
    }
    logger = logging.getLogger("shared_affect")
    logger.propagate, before = True, logger.propagate
    with caplog.at_level("INFO", "shared_affect"):
        rsa, _ = compare_all(
            Spaces(rdms, random), judgements, AFFECT, pairs=["all"], n_permutations=99, n_bootstrap=50, seeds=Seeds(4)
        )
    logger.propagate = before
    assert set(rsa.loc[rsa["p"].notna(), "representation"]) == {"sae-space", "sae-all"}
    assert "not judged, left out: pride" in caplog.text


def test_a_pair_set_a_rung_or_a_draw_more_moves_no_other_number():
    codes = make_codes()
    rdms, judged = representations(Material(codes, np.arange(15))), list(codes.emotions)
    g = np.random.default_rng(1)
    judgements = pd.DataFrame(
        [
            {"rater": r, "emotion_a": a, "emotion_b": b, "dissimilarity": g.uniform(1, 9)}
            for r in "xyz"
            for i, a in enumerate(judged)
            for b in judged[i + 1 :]
        ]
    )
    affect = pd.DataFrame(
        {
            "emotion": judged,
            "valence": np.linspace(-1, 1, len(judged)),
            "arousal": 0.0,
            "valence_class": ["negative"] * 2 + ["positive"] * (len(judged) - 2),
        }
    )

    def run(rdms, pairs, random):
        rsa, differences = compare_all(
            Spaces(rdms, random), judgements, affect, pairs=pairs, n_permutations=99, n_bootstrap=50, seeds=Seeds(5)
        )
        return rsa.set_index(["representation", "pairs", "statistic"]).sort_index(), differences.set_index(
            ["representation_a", "representation_b", "pairs", "statistic"]
        ).sort_index()

    shuffled = {
        "shuffled-concepts": [
            RDM(codes.emotions, v) for v in draws(Material(codes, np.arange(15)), 5, Seeds(3))["shuffled-concepts"]
        ]
    }
    more = {
        "random-sae": [RDM(codes.emotions, v) for v in draws(Material(codes, np.arange(15)), 3, Seeds(3))["random-sae"]]
    } | shuffled
    few = run({k: v for k, v in rdms.items() if k != "dense"}, ["within-valence"], shuffled)
    many = run(rdms, ["all", "within-valence"], more)
    for a, b in zip(few, many, strict=True):
        pd.testing.assert_frame_equal(a, b.loc[a.index], check_exact=True)
    np.testing.assert_array_equal(
        draws(Material(codes, np.arange(15)), 2, Seeds(3))["shuffled-concepts"],
        draws(Material(codes, np.arange(15)), 5, Seeds(3))["shuffled-concepts"][:2],
    )


def test_an_emotion_without_valence_leaves_only_the_rungs_made_of_valence():
    codes = make_codes()
    rdms = representations(Material(codes, np.arange(15)))
    judged = list(codes.emotions)
    g = np.random.default_rng(1)
    judgements = pd.DataFrame(
        [
            {"rater": r, "emotion_a": a, "emotion_b": b, "dissimilarity": g.uniform(1, 9)}
            for r in "xyz"
            for i, a in enumerate(judged)
            for b in judged[i + 1 :]
        ]
    )
    affect = AFFECT[AFFECT["emotion"].isin(judged)]
    assert 3 <= len(affect) < len(judged)

    def run(affect):
        return compare_all(
            Spaces(rdms), judgements, affect, pairs=["all"], n_permutations=99, n_bootstrap=50, seeds=Seeds(5)
        )

    rsa, differences = run(affect)
    n = rsa[rsa["statistic"] == "rho-a"].set_index("representation")["n_emotions"]
    assert (
        n[["valence-sign", "valence-arousal"]].tolist() == [len(affect)] * 2
        and n[["sae-space", "sae-all", "dense", "static"]].tolist() == [len(judged)] * 4
    )
    both = differences[differences["statistic"] == "rho-a"].set_index(["representation_a", "representation_b"])[
        "n_emotions"
    ]
    assert both["sae-space", "valence-sign"] == len(affect) and both["sae-space", "static"] == len(judged)
    # those rungs are what a study of the fewer emotions gives
    keep = set(affect["emotion"])
    few = judgements[judgements["emotion_a"].isin(keep) & judgements["emotion_b"].isin(keep)]
    alone, _ = compare_all(Spaces(rdms), few, affect, pairs=["all"], n_permutations=99, n_bootstrap=50, seeds=Seeds(5))
    for k in ("valence-sign", "valence-arousal"):
        assert rsa.set_index(["representation", "statistic"]).loc[(k, "rho-a"), "rho"] == pytest.approx(
            alone.set_index(["representation", "statistic"]).loc[(k, "rho-a"), "rho"]
        )


def test_rungs_of_associations_and_of_control_words_need_words_of_each_emotion(caplog):
    codes = make_codes()
    rng = np.random.default_rng(3)
    known = list(codes.concepts.words)[:-1]
    vectors = known, rng.normal(size=(len(known), 3))
    controls = {e: list(codes.rated.words[3 * i : 3 * i + 3]) for i, e in enumerate(codes.emotions)}
    selected = codes.rated.live()
    rdms = representations(Material(codes, selected, vectors, controls))
    components = {f"dense-pc{k}" for k in range(1, 11)} | {"sae-euclidean"}
    assert set(rdms) - components == {"sae-space", "sae-all", "dense", "static", "association", "non-emotion"}

    def naive(points, sets):
        mean = np.mean([points[w] for w in sorted({w for s in sets for w in s})], axis=0)
        centred = [np.mean([points[w] for w in s], axis=0) - mean for s in sets]
        return [
            [0 if i == j else 1 - a @ b / np.linalg.norm(a) / np.linalg.norm(b) for j, b in enumerate(centred)]
            for i, a in enumerate(centred)
        ]

    sets = [
        [w for w, m in zip(codes.concepts.words, codes.membership[:, j], strict=True) if m and w in vectors[0]]
        for j in range(len(codes.emotions))
    ]
    np.testing.assert_allclose(rdms["association"].values, naive(dict(zip(*vectors)), sets), atol=1e-9)
    rated = dict(zip(codes.rated.words, codes.rated.columns(selected).astype(float)))
    np.testing.assert_allclose(rdms["non-emotion"].values, naive(rated, list(controls.values())), atol=1e-6)
    same = {e: list(codes.rated.words[:3]) for e in codes.emotions}
    with caplog.at_level(logging.INFO, logger="shared_affect"):
        logging.getLogger("shared_affect").propagate = True
        few = representations(Material(codes, selected, (vectors[0][:2], vectors[1][:2]), same))
    assert (
        set(few) - components == {"sae-space", "sae-all", "dense", "static"}
        and "needed: 2, so this rung is left out" in caplog.text
    )


def test_frequency_and_length_are_means_of_the_words_that_are_known(caplog):
    codes = make_codes()
    n, member = len(codes.concepts.words), codes.membership
    rng = np.random.default_rng(0)
    known = pd.DataFrame({"length": rng.integers(1, 9, n), "log10_count": rng.uniform(0, 5, n)}, dtype=float)
    known.loc[[0, 5], "log10_count"] = np.nan
    rdms = representations(Material(codes, np.arange(15), covariates=known))
    for name, column in (("frequency", "log10_count"), ("word-length", "length")):
        means = [np.nanmean(known[column].to_numpy()[member[:, e]]) for e in range(member.shape[1])]
        np.testing.assert_allclose(rdms[name].values, np.abs(np.subtract.outer(means, means)), atol=1e-12)
    first = np.flatnonzero(member[:, 0])
    known.loc[first[2:], "log10_count"] = np.nan
    with caplog.at_level(logging.INFO, logger="shared_affect"):
        logging.getLogger("shared_affect").propagate = True
        fewer = representations(Material(codes, np.arange(15), covariates=known))
    assert "frequency" not in fewer and f"frequency: {codes.emotions[0]} has 1 words" in caplog.text
    without = representations(Material(codes, np.arange(15), covariates=known[["length"]]))
    assert "frequency" not in without and "word-length" in without
    assert "word-length" not in representations(Material(codes, np.arange(15)))


@pytest.mark.parametrize("width", [7, 200])
def test_components_of_the_residual_equal_those_of_a_singular_value_decomposition(width):
    codes = make_codes()
    n = len(codes.concepts.words)
    dense = np.random.default_rng(1).normal(size=(n, width)) * np.geomspace(1, 0.01, width) + 3
    codes = replace(codes, concepts=replace(codes.concepts, dense=dense.astype(np.float32)))
    rdms = representations(Material(codes, np.arange(15)))
    x = codes.concepts.dense.astype(float)
    u, s, _ = np.linalg.svd(x - x.mean(0), full_matrices=False)
    for k in range(1, 11):
        if k > min(width, n - 1):
            assert f"dense-pc{k}" not in rdms
            continue
        scores = u[:, k - 1] * s[k - 1]
        means = np.array([scores[m].mean() for m in codes.membership.T])
        np.testing.assert_allclose(rdms[f"dense-pc{k}"].values, np.abs(np.subtract.outer(means, means)), atol=1e-5)


def test_a_residual_that_is_one_point_has_no_components():
    codes = make_codes()
    flat = np.ones((len(codes.concepts.words), 4), np.float32)
    codes = replace(codes, concepts=replace(codes.concepts, dense=flat))
    assert Material(codes, np.arange(15)).components.shape[1] == 0


def test_what_static_embeddings_do_not_explain_is_uncorrelated_with_them():
    rng = np.random.default_rng(2)
    labels = tuple("abcdefgh")
    static, other = (euclidean_rdm(rng.normal(size=(8, 3)), labels) for _ in range(2))
    mixed = RDM(labels, static.values + 0.5 * other.values)
    found = derived_rdms({"sae-space": mixed, "static": static})
    assert set(found) == {"sae-beyond-static"} and (found["sae-beyond-static"].condensed() >= 0).all()
    # Pearson's r with the ranks of what was regressed out, by pandas
    values = pd.DataFrame({"left": found["sae-beyond-static"].condensed(), "static": static.condensed()})
    assert abs(values["left"].corr(values["static"].rank())) < 1e-9
    assert values["left"].corr(pd.Series(other.condensed()), method="spearman") > 0.5
    assert derived_rdms({"sae-space": mixed}) == {}
    same = derived_rdms({"sae-space": mixed, "static": RDM(labels, np.ones((8, 8)) - np.eye(8))})["sae-beyond-static"]
    assert np.array_equal(np.argsort(same.condensed()), np.argsort(mixed.condensed()))


def test_nuisances_are_made_for_the_emotions_that_are_compared(caplog):
    rdms = {"static": euclidean_rdm(np.arange(6.0), tuple("abcdef")), "set-overlap": RDM(tuple("abcdef"), OVERLAP)}
    affect = pd.DataFrame({"emotion": list("fbda"), "valence": [0.5, -0.2, -0.9, 0.1], "arousal": [0.2, 0.4, 0.1, 0.0]})
    affect["valence_class"] = np.where(affect["valence"] > 0, "positive", "negative")
    with caplog.at_level(logging.INFO, logger="shared_affect"):
        logging.getLogger("shared_affect").propagate = True
        found = nuisance_rdms(NUISANCES, affect, rdms)
    assert list(found) == ["valence-sign", "valence", "arousal", "valence-arousal", "static"]
    assert all(r.labels == tuple("fbda") for r in found.values())
    assert found["valence"].values[0, 2] == pytest.approx(1.4) and found["static"].values[0, 1] == 4
    assert "equal for all pairs: set-overlap, frequency, word-length" in caplog.text


OVERLAP = np.ones((6, 6)) - np.eye(6)


def judged_world(n, seed=0):
    """Spaces of n emotions, raters, and affect that one emotion lacks."""
    rng = np.random.default_rng(seed)
    emotions = tuple(f"e{i}" for i in range(n))
    points = rng.normal(size=(n, 3))
    rdms = {
        "sae-space": euclidean_rdm(points + 0.3 * rng.normal(size=(n, 3)), emotions),
        "sae-all": euclidean_rdm(rng.normal(size=(n, 3)), emotions),
        "dense": euclidean_rdm(points, emotions),
        "static": euclidean_rdm(rng.normal(size=(n, 2)), emotions),
    }
    i, j = np.triu_indices(n, 1)
    base = np.linalg.norm(points[i] - points[j], axis=1)
    judged = [
        {"rater": r, "emotion_a": emotions[a], "emotion_b": emotions[b], "dissimilarity": d + rng.normal() * 0.3}
        for r in "xyz"
        for a, b, d in zip(i, j, base, strict=True)
    ]
    affect = pd.DataFrame({"emotion": emotions, "valence": points[:, 0], "arousal": points[:, 1]})
    affect["valence_class"] = np.where(affect["valence"] > 0, "positive", "negative")
    return Spaces(rdms), pd.DataFrame(judged), affect.iloc[:-1]


def test_partial_correlations_of_the_study_equal_pingouin_and_move_no_other_number():
    import pingouin as pg

    spaces, judged, affect = judged_world(12)
    how = dict(pairs=["all"], n_permutations=199, n_bootstrap=50, seeds=Seeds(4))
    plain, differences = compare_all(spaces, judged, affect, **how)
    rsa, same = compare_all(
        spaces, judged, affect, nuisances=["valence", "arousal", "valence-arousal", "static"], **how
    )
    pd.testing.assert_frame_equal(rsa[rsa["pairs"] != "partial"].reset_index(drop=True), plain)
    pd.testing.assert_frame_equal(same, differences)
    rows = rsa[rsa["pairs"] == "partial"].set_index("representation")
    # neither what is taken out nor what is made of other rungs; emotions without valence are not compared
    assert {"sae-space", "sae-all", "dense", "valence-sign"} == set(rows.index)
    assert (rows["n_emotions"] == 11).all() and (rows["n_pairs"] == 55).all()
    assert set(rows["nuisances"]) == {"valence;arousal;valence-arousal;static"} and set(rows["statistic"]) == {
        "spearman"
    }
    assert rows["p"].notna().to_dict() == {"sae-space": True, "sae-all": True, "dense": False, "valence-sign": False}
    emotions = affect["emotion"].tolist()
    taken = nuisance_rdms(["valence", "arousal", "valence-arousal", "static"], affect, spaces.rdms)
    wide = judged[judged["emotion_a"].isin(emotions) & judged["emotion_b"].isin(emotions)]
    for name in ("sae-space", "dense"):
        data = pd.DataFrame({k: v.condensed() for k, v in taken.items()})
        data["x"] = spaces.rdms[name].subset(emotions).condensed()
        each = [
            pg.partial_corr(data.assign(y=own["dissimilarity"].to_numpy()), "x", "y", list(taken), method="spearman")[
                "r"
            ]
            for _, own in wide.groupby("rater")
        ]
        assert rows.loc[name, "rho"] == pytest.approx(np.mean([r.iloc[0] for r in each]), abs=1e-10)


def test_too_few_emotions_for_partial_correlations_are_told(caplog):
    spaces, judged, affect = judged_world(6)
    with caplog.at_level(logging.WARNING, logger="shared_affect"):
        logging.getLogger("shared_affect").propagate = True
        rsa, _ = compare_all(
            spaces,
            judged,
            affect,
            pairs=["all"],
            n_permutations=99,
            n_bootstrap=50,
            seeds=Seeds(4),
            nuisances=["valence-sign", "valence", "arousal", "valence-arousal", "static"],
        )
    assert set(rsa["pairs"]) == {"all"} and "no partial correlations: without one of 5 emotions" in caplog.text


def test_every_rung_has_a_word_of_the_study_and_one_maker():
    names = [r.name for r in RUNGS]
    assert set(names) == set(REPRESENTATIONS) and len(names) == len(REPRESENTATIONS)
    makers = ("of_codes", "of_draws", "of_affect", "of_rdms")
    assert all(sum(getattr(r, m) is not None for m in makers) == 1 for r in RUNGS)
    assert {x for pair in DIFFERENCES for x in pair} <= set(names)


def test_a_new_rung_is_one_record_and_moves_no_number_of_another():
    material = Material(make_codes(), np.arange(15))
    new = (
        Rung("first-feature", lambda m: m.codes and RDM(m.codes.emotions, np.ones((5, 5)) - np.eye(5))),
        Rung("coin", of_draws=lambda m: lambda rng: rng.random() * (np.ones((5, 5)) - np.eye(5))),
        Rung("nothing", lambda m: None),
    )
    rungs = (*new, *RUNGS)
    before, after = representations(material), representations(material, rungs)
    assert set(after) - set(before) == {"first-feature"}
    for name, rdm in before.items():
        np.testing.assert_array_equal(rdm.values, after[name].values)
    drawn, more = draws(material, 3, Seeds(0)), draws(material, 3, Seeds(0), rungs)
    assert set(more) - set(drawn) == {"coin"} and more["coin"].shape == (3, 5, 5)
    for name, values in drawn.items():
        np.testing.assert_array_equal(values, more[name])


def test_the_schema_allows_the_nuisances_that_there_are(checkout):
    allowed = checkout.schema["properties"]["rsa"]["properties"]["nuisances"]["items"]["enum"]
    assert tuple(allowed) == NUISANCES
