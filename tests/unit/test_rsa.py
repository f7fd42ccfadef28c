"""RSA against loops over raters, written-out resamples, pingouin, statsmodels, and its error rates."""

import numpy as np
import pandas as pd
import pingouin as pg
import pytest
from scipy import stats as sps
from scipy.spatial.distance import pdist

from shared_affect.base.stats import rho_a, spearman
from shared_affect.spaces import rsa
from shared_affect.spaces.ceilings import ceilings
from shared_affect.spaces.pair_sets import PairSets, select_pairs
from shared_affect.spaces.permutations import permutation_p, permuted_indices
from shared_affect.spaces.rater_ranks import Estimates
from shared_affect.spaces.rdm import RDM, DrawnRDMs, RaterRDMs, euclidean_rdm, rdm_from_condensed
from shared_affect.spaces.rsa import Repeats
from shared_affect.spaces.uncertainty import bootstrap, emotion_weights

N = 9
LABELS = tuple("abcdefghi")
CLASSES = dict(zip(LABELS, ["positive"] * 4 + ["negative"] * 4))


def judgements(rng, n_raters=7, n=N, noise=1.0, truth=None):
    """Whole-number judgements of 1-9 around the distances of one space."""
    truth = pdist(rng.normal(size=(n, 2))) if truth is None else truth
    values = np.clip(np.round(2 + 2 * truth + rng.normal(0, noise, (n_raters, truth.size))), 1, 9)
    labels = LABELS if n == N else tuple(f"e{i:02d}" for i in range(n))
    return RaterRDMs(labels, tuple(f"r{i}" for i in range(n_raters)), values)


def space(rng, labels=LABELS, d=3):
    return euclidean_rdm(rng.normal(size=(len(labels), d)), labels)


@pytest.fixture
def world():
    rng = np.random.default_rng(11)
    raters = judgements(rng)
    truth = rdm_from_condensed(LABELS, raters.values.mean(0) + rng.normal(0, 1, raters.values.shape[1]))
    models = {"near": truth, "far": space(rng), "tied": euclidean_rdm(np.repeat([0.0, 1, 2], 3), LABELS)}
    return raters, models, {"n1": space(rng, d=1), "n2": space(rng, d=1)}


def compare(raters, models, nuisances=None, **options):
    settings = {
        "pairs": ["all"],
        "classes": CLASSES,
        "n_permutations": 0,
        "n_bootstrap": 0,
        "rng": np.random.default_rng(0),
        "n_splits": 20,
        "permuted": None,
    } | options
    return rsa.compare_spaces(
        models,
        raters,
        pairs=PairSets(settings["pairs"], settings["classes"], nuisances or {}),
        repeats=Repeats(*(settings[k] for k in ("n_permutations", "n_bootstrap", "n_splits"))),
        permuted=settings["permuted"],
        rng=settings["rng"],
    )


def mantel(a, b, n_permutations, rng, **options):
    """Test of two RDMs: the second is a single rater."""
    one = RaterRDMs(b.labels, ("b",), b.condensed()[None])
    row = compare(one, {"a": a}, n_permutations=n_permutations, rng=rng, **options).iloc[0]
    return row["rho"], row["p"]


def mask_of(name):
    i, j = np.triu_indices(N, 1)
    first, second = [np.array([CLASSES.get(LABELS[k], "") for k in ks]) for ks in (i, j)]
    if name == "all":
        return np.ones(i.size, bool)
    wanted = {
        "within-valence": ("positive", "negative"),
        "within-positive": ("positive",),
        "within-negative": ("negative",),
    }[name]
    return (first == second) & np.isin(first, wanted)


def residual(ranks, nuisance_ranks):
    z = np.column_stack([np.ones(ranks.size), *nuisance_ranks])
    return ranks - z @ np.linalg.lstsq(z, ranks, rcond=None)[0]


@pytest.mark.parametrize("pairs", ["all", "within-valence", "within-positive", "within-negative"])
def test_rho_is_the_mean_over_raters_in_a_loop(world, pairs):
    raters, models, _ = world
    frame = compare(raters, models, pairs=[pairs]).set_index(["representation", "statistic"])
    keep = mask_of(pairs)
    for name, rdm in models.items():
        x = rdm.condensed()[keep]
        for statistic, f in (("rho-a", rho_a), ("spearman", lambda a, b: sps.spearmanr(a, b).statistic)):
            if np.ptp(x) == 0:
                continue
            row = frame.loc[(name, statistic)]
            assert row["rho"] == pytest.approx(np.mean([f(x, y[keep]) for y in raters.values]), abs=1e-12)
            assert row["rho_group"] == pytest.approx(f(x, raters.values.mean(0)[keep]), abs=1e-12)
            assert row["n_pairs"] == keep.sum()
            assert row["n_emotions"] == {"all": 9, "within-valence": 8}.get(pairs, 4)


def test_order_of_labels_does_not_matter_but_their_names_do(world):
    raters, models, _ = world
    order = tuple(np.random.default_rng(3).permutation(LABELS))
    shuffled = {k: m.subset(order) for k, m in models.items()}
    one, two = compare(raters, models, n_bootstrap=20), compare(raters, shuffled, n_bootstrap=20)
    pd.testing.assert_frame_equal(one, two)
    with pytest.raises(ValueError, match=r"'far' against the raters.*missing"):
        compare(raters, models | {"far": models["far"].subset(LABELS[:-1])})


def test_partial_equals_pingouin_and_least_squares(world):
    raters, models, nuisances = world
    frame = compare(raters, models, nuisances, pairs=["partial"]).set_index("representation")
    assert set(frame["statistic"]) == {"spearman"} and set(frame["nuisances"]) == {"n1;n2"}
    z = [sps.rankdata(r.condensed()) for r in nuisances.values()]
    for name, rdm in models.items():
        data = pd.DataFrame(
            {"x": rdm.condensed(), "n1": nuisances["n1"].condensed(), "n2": nuisances["n2"].condensed()}
        )
        per_rater = [
            pg.partial_corr(data.assign(y=y), x="x", y="y", covar=["n1", "n2"], method="spearman")["r"].iloc[0]
            for y in raters.values
        ]
        assert frame.loc[name, "rho"] == pytest.approx(np.mean(per_rater), abs=1e-6)
        ex = residual(sps.rankdata(data["x"]), z)
        loop = [np.corrcoef(ex, residual(sps.rankdata(y), z))[0, 1] for y in raters.values]
        assert frame.loc[name, "rho"] == pytest.approx(np.mean(loop), abs=1e-12)
        eg = residual(sps.rankdata(raters.values.mean(0)), z)
        assert frame.loc[name, "rho_group"] == pytest.approx(np.corrcoef(ex, eg)[0, 1], abs=1e-12)


@pytest.mark.parametrize("pairs", ["all", "within-valence", "partial"])
def test_bootstrap_equals_resamples_written_out(world, pairs):
    raters, models, nuisances = world
    chosen = select_pairs(pairs, LABELS, CLASSES)
    size = len(chosen.labels)
    got = bootstrap(Estimates.of(chosen, models, raters, nuisances), 300, np.random.default_rng(5))
    again = np.random.default_rng(5)
    emotions = emotion_weights(chosen, 300, again)
    who = again.multinomial(7, np.full(7, 1 / 7), size=300).T
    group_of = np.zeros(size, int)
    for g, members in enumerate(chosen.groups):
        group_of[members] = g
    square = {k: m.subset(chosen.labels).values for k, m in models.items()}
    human = [rdm_from_condensed(LABELS, y).subset(chosen.labels).values for y in raters.values]
    spoil = [m.subset(chosen.labels).values for m in nuisances.values()]
    for b in (0, 131, 299):
        sample = np.repeat(np.arange(size), emotions[:, b])
        pairs_drawn = [
            (sample[i], sample[j])
            for i in range(size)
            for j in range(i + 1, size)
            if sample[i] != sample[j] and group_of[sample[i]] == group_of[sample[j]]
        ]
        at = tuple(np.array(pairs_drawn).T)
        judged = [human[r][at] for r in np.repeat(np.arange(7), who[:, b])]
        mean = np.sum(judged, axis=0)
        zs = [sps.rankdata(s[at]) for s in spoil]
        for name in models:
            x = square[name][at]
            if pairs == "partial":
                ex = residual(sps.rankdata(x), zs)
                rho = np.mean([np.corrcoef(ex, residual(sps.rankdata(y), zs))[0, 1] for y in judged])
                group = np.corrcoef(ex, residual(sps.rankdata(mean), zs))[0, 1]
                np.testing.assert_allclose(got[name][1, :, b], [rho, group], atol=1e-9)
                continue
            for k, f in enumerate((rho_a, spearman)):
                expected = [np.mean([f(x, y) for y in judged]), f(x, mean)]
                np.testing.assert_allclose(got[name][k, :, b], expected, atol=1e-10)


def test_bootstrap_serves_real_valued_judgements_too():
    rng = np.random.default_rng(6)
    raters = RaterRDMs(LABELS, ("r0", "r1"), rng.random((2, 36)))
    model = space(rng)
    row = compare(raters, {"m": model}).iloc[0]
    assert row["rho"] == pytest.approx(np.mean([rho_a(model.condensed(), y) for y in raters.values]), abs=1e-12)


def test_mantel_p_equals_a_loop_over_all_permutations():
    """Over 5 labels all 120 orders can be counted; the sampled p must lie on that share."""
    from itertools import permutations

    rng = np.random.default_rng(8)
    a, b = euclidean_rdm(rng.normal(size=(5, 2)), "abcde"), euclidean_rdm(rng.normal(size=(5, 2)), "abcde")
    i, j = np.triu_indices(5, 1)
    observed = rho_a(a.condensed(), b.condensed())
    every = [rho_a(a.values[np.ix_(p, p)][i, j], b.condensed()) for p in map(list, permutations(range(5)))]
    share = np.mean(np.array(every) >= observed - 1e-12)
    rho, p = mantel(a, b.subset("edcba"), 20_000, np.random.default_rng(0), classes={})
    assert rho == pytest.approx(observed, abs=1e-12)
    assert p == pytest.approx(share, abs=4 * np.sqrt(share * (1 - share) / 20_000))


def test_permutation_p_equals_a_loop_for_every_pair_set(world):
    raters, models, nuisances = world
    for pairs in ("all", "within-valence", "partial"):
        chosen = select_pairs(pairs, LABELS, CLASSES)
        index = np.concatenate(list(permuted_indices(chosen, 200, np.random.default_rng(1))))
        size = len(chosen.labels)
        human = [
            rdm_from_condensed(LABELS, y).subset(chosen.labels).values[chosen.first, chosen.second]
            for y in raters.values
        ]
        z = [sps.rankdata(v) for v in chosen.of_nuisances(nuisances)]

        def rho(x, human=human, z=z):
            return np.mean([np.corrcoef(residual(x, z), residual(sps.rankdata(y), z))[0, 1] for y in human])

        for name in ("near", "far"):
            ranks = residual(sps.rankdata(chosen.values(models[name])), z)
            square = np.zeros((size, size))
            square[chosen.first, chosen.second] = square[chosen.second, chosen.first] = ranks
            count = sum(rho(square.ravel()[row]) >= rho(ranks) - 1e-12 for row in index)
            found = Estimates.of(chosen, {name: models[name]}, raters, nuisances)
            p = permutation_p(found, {name: 200}, np.random.default_rng(1))[name]
            assert p[1] == pytest.approx((count + 1) / 201, abs=1e-12)
        for group in chosen.groups:
            assert set(np.isin(index // size, group).all(0) | ~np.isin(index // size, group).any(0)) == {True}


def test_constant_representation_is_zero_with_p_one(world):
    raters, _, nuisances = world
    split = euclidean_rdm([float(CLASSES.get(x) == "positive") for x in LABELS], LABELS)
    frame = compare(raters, {"sign": split}, pairs=["within-valence"], n_permutations=99, n_bootstrap=50)
    assert (frame[["rho", "ci_low", "ci_high", "rho_group"]] == 0).all(axis=None) and (frame["p"] == 1).all()
    same = compare(raters, {"n1": nuisances["n1"]}, nuisances, pairs=["partial"], n_permutations=99, n_bootstrap=50)
    assert same.loc[0, "rho"] == pytest.approx(0, abs=1e-9) and same.loc[0, "p"] == 1


@pytest.mark.parametrize("pairs", ["all", "within-valence"])
def test_mantel_false_positive_rate(pairs):
    """Unrelated spaces: p <= .05 in about 5 % of 300 worlds (99.9 % binomial bounds)."""
    rng = np.random.default_rng(21)
    hits = 0
    for _ in range(300):
        raters = judgements(rng, n_raters=3)
        hits += (
            compare(raters, {"m": space(rng)}, pairs=[pairs], n_permutations=199, n_splits=1, rng=rng).loc[0, "p"]
            <= 0.05
        )
    low, high = sps.binom.interval(0.999, 300, 0.05)
    assert low <= hits <= high


def partial_rejections(n, worlds, joint, rng):
    """How often p <= .05 (partial, raw) where both sides share only the plane of two correlated nuisances.

    `joint` adds the distance in that plane to the nuisances; the two distances along its axes do not span it.
    """
    labels = tuple(f"e{i:02d}" for i in range(n))
    hits = np.zeros(2, int)
    for _ in range(worlds):
        z = rng.normal(size=(n, 1))
        z = np.hstack([z, 0.7 * z + 0.7 * rng.normal(size=(n, 1))])
        nuisances = {f"n{k}": euclidean_rdm(z[:, k], labels) for k in range(2)}
        if joint:
            nuisances["plane"] = euclidean_rdm(z, labels)
        raters = judgements(rng, 3, n, truth=pdist(z) + pdist(rng.normal(size=(n, 2))))
        model = rdm_from_condensed(labels, pdist(z) + pdist(rng.normal(size=(n, 2))))
        p = (
            compare(
                raters,
                {"m": model},
                nuisances,
                pairs=["partial", "all"],
                classes={},
                n_permutations=199,
                n_splits=1,
                rng=rng,
            )
            .query("statistic == 'spearman'")
            .set_index("pairs")["p"]
        )
        hits += p[["partial", "all"]].to_numpy() <= 0.05
    return hits


def test_partial_false_positive_rate_with_correlated_nuisances():
    """About 5 % where the nuisances span what is shared; without `partial` that alone nearly always rejects."""
    partial, raw = partial_rejections(12, 600, True, np.random.default_rng(22))
    low, high = sps.binom.interval(0.999, 600, 0.05)
    assert low <= partial <= high
    assert raw > 0.8 * 600


def test_partial_cannot_take_out_what_the_nuisances_do_not_span():
    """The documented limit: given only the axes' distances, a shared plane is left over and rejects too often."""
    partial, _ = partial_rejections(27, 300, False, np.random.default_rng(22))
    assert partial > sps.binom.ppf(0.999, 300, 0.05)


def test_interval_covers_the_large_sample_value():
    """Emotions and raters drawn from a population: the 95 % interval holds its rho in most of 80 samples."""
    rng = np.random.default_rng(23)

    def draw(n, n_raters):
        points = rng.normal(size=(n, 2))
        labels = tuple(f"e{i:02d}" for i in range(n))
        model = euclidean_rdm(points + rng.normal(0, 0.8, points.shape), labels)
        return model, judgements(rng, n_raters, n, truth=pdist(points))

    population = np.mean([rho_a(m.condensed(), r.values).mean() for m, r in (draw(150, 10) for _ in range(4))])
    covered = 0
    for _ in range(80):
        model, raters = draw(18, 10)
        row = compare(raters, {"m": model}, classes={}, n_bootstrap=200, n_splits=1, rng=rng).iloc[0]
        assert row["ci_low"] < row["rho"] < row["ci_high"]
        covered += row["ci_low"] <= population <= row["ci_high"]
    assert covered >= 68


def test_ceilings_equal_loops(world):
    raters, _, nuisances = world
    wanted = PairSets(["all", "within-valence", "partial"], CLASSES, nuisances)
    frame = ceilings(raters, pairs=wanted, n_splits=400, rng=np.random.default_rng(0)).pivot(
        index=["pairs", "statistic"], columns="quantity", values="value"
    )
    z = [sps.rankdata(m.condensed()) for m in nuisances.values()]
    for pairs, statistic in (
        ("all", "rho-a"),
        ("all", "spearman"),
        ("within-valence", "rho-a"),
        ("partial", "spearman"),
    ):
        v = raters.values[:, mask_of("all" if pairs == "partial" else pairs)]

        def f(a, b, pairs=pairs, statistic=statistic):
            if pairs == "partial":
                return np.corrcoef(residual(sps.rankdata(a), z), residual(sps.rankdata(b), z))[0, 1]
            return {"rho-a": rho_a, "spearman": spearman}[statistic](a, b)

        ranks = np.array([sps.rankdata(y) for y in v])
        low = np.mean([f(v[r], np.delete(ranks, r, 0).mean(0)) for r in range(7)])
        high = np.mean([f(y, ranks.mean(0)) for y in v])
        rng = np.random.default_rng(9)
        splits = []
        for _ in range(400):
            order = rng.permutation(7)
            splits.append(f(v[order[:3]].mean(0), v[order[3:]].mean(0)))
        got = frame.loc[(pairs, statistic)]
        assert got["ceiling_low"] == pytest.approx(low, abs=1e-12)
        assert got["ceiling_high"] == pytest.approx(high, abs=1e-12)
        assert got["split_half"] == pytest.approx(np.mean(splits), abs=4 * np.std(splits) * np.sqrt(2 / 400))
        s = got["split_half"]
        assert got["ceiling_group"] == pytest.approx(np.sqrt(2 * s / (1 + s)))
        assert got["ceiling_low"] < got["ceiling_high"]


def test_one_rater_has_no_ceiling(world):
    raters, models, _ = world
    one = RaterRDMs(LABELS, ("only",), raters.values[:1])
    row = compare(one, models).iloc[0]
    assert np.isnan(row["ceiling_low"]) and row["rho"] == pytest.approx(row["rho_group"])
    with pytest.raises(ValueError, match="at least 2"):
        ceilings(one, pairs=PairSets(["all"]), rng=np.random.default_rng(0))


def mean_rho(model, raters, labels, group=False):
    values = raters.subset(labels).values
    return rho_a(model.condensed(labels), values.sum(0) if group else values).mean()


def left_out_interval(raters, value):
    """The jackknife written out: `value` of labels and raters, each emotion and each rater left out in turn."""
    n, n_raters = len(raters.labels), len(raters.raters)
    emotions = np.array([value([x for x in raters.labels if x != out], raters) for out in raters.labels])
    people = np.array(
        [
            value(list(raters.labels), RaterRDMs(raters.labels, raters.raters[1:], np.delete(raters.values, r, 0)))
            for r in range(n_raters)
        ]
    )
    share = 1 - (n - 1) / (n * (n - 1) / 2)  # of the pairs that are left without one emotion
    variance = (share * (emotions - emotions.mean())) ** 2
    error = np.sqrt(variance.sum() + (n_raters - 1) / n_raters * ((people - people.mean()) ** 2).sum())
    at = value(list(raters.labels), raters)
    return at + np.array([-1, 1]) * error * sps.t.ppf(0.975, n - 1)


def test_intervals_are_those_of_the_jackknife_written_out(world):
    raters, models, _ = world
    row = compare(raters, {"near": models["near"]}, n_bootstrap=1).iloc[0]
    for prefix, group in (("", False), ("rho_group_", True)):
        expected = left_out_interval(raters, lambda i, r, group=group: mean_rho(models["near"], r, i, group))
        np.testing.assert_allclose(
            [row[f"{prefix}ci_low"], row[f"{prefix}ci_high"]], np.clip(expected, -1, 1), atol=1e-10
        )
    assert row["n_bootstrap"] == 0
    small = compare(
        raters,
        {"near": models["near"]},
        pairs=["within-positive"],
        classes={k: "positive" for k in LABELS[:3]},
        n_bootstrap=40,
    ).iloc[0]
    assert small["n_bootstrap"] == 40 and small["ci_low"] <= small["rho"] <= small["ci_high"]


def test_p_of_permuted_codes_counts_the_draws_that_reach_the_observed_value(world):
    raters, models, nuisances = world
    rng = np.random.default_rng(6)
    draws = DrawnRDMs(LABELS, rng.random((12, 36)).astype(np.float32))
    turned = draws.subset(LABELS[::-1])
    for given in (draws, turned):
        frame = compare(
            raters, models, nuisances, pairs=["all", "within-valence", "partial"], permuted={"near": given}
        ).set_index(["representation", "pairs", "statistic"])
        assert frame["n_code_permutations"].groupby("representation").unique().map(list).to_dict() == {
            "near": [12],
            **{k: [0] for k in models if k != "near"},
        }
        for (name, pairs, statistic), row in frame.iterrows():
            if name != "near":
                assert np.isnan(row["p_codes"])
                continue
            each = [
                compare(raters, {"x": rdm_from_condensed(LABELS, v)}, nuisances, pairs=[pairs])
                .set_index("statistic")
                .loc[statistic, "rho"]
                for v in draws.values
            ]
            assert row["p_codes"] == pytest.approx((1 + sum(e >= row["rho"] - 1e-9 for e in each)) / 13)
    with pytest.raises(ValueError, match="permuted names"):
        compare(raters, models, permuted={"nobody": draws})


def test_differences_are_paired(world):
    raters, models, nuisances = world
    same = models | {"near-too": RDM(LABELS, models["near"].values * 3)}
    frame = rsa.compare_differences(
        same,
        raters,
        reference_pairs=[("near", "far"), ("near", "near-too")],
        pairs=PairSets(["all", "partial"], CLASSES, nuisances),
        n_bootstrap=300,
        rng=np.random.default_rng(0),
    )
    equal = frame[frame["representation_b"] == "near-too"]
    np.testing.assert_allclose(equal[["difference", "ci_low", "ci_high"]], 0, atol=1e-12)
    row = frame.query("pairs == 'all' and statistic == 'rho-a' and representation_b == 'far'").iloc[0]
    points = compare(raters, models).query("statistic == 'rho-a'").set_index("representation")["rho"]
    assert row["difference"] == pytest.approx(points["near"] - points["far"], abs=1e-12)
    rng = np.random.default_rng(0)
    np.testing.assert_allclose(
        [row["ci_low"], row["ci_high"]],
        left_out_interval(raters, lambda i, r: mean_rho(models["near"], r, i) - mean_rho(models["far"], r, i)),
        atol=1e-10,
    )
    with pytest.raises(ValueError, match="nobody"):
        rsa.compare_differences(
            models, raters, reference_pairs=[("near", "nobody")], pairs=PairSets(["all"]), n_bootstrap=10, rng=rng
        )


def test_draws_are_summarised_not_tested(world):
    raters, _, _ = world
    rng = np.random.default_rng(4)
    draws = [space(rng) for _ in range(30)]
    row = rsa.compare_draws(
        draws,
        raters,
        representation="random-sae",
        pairs=PairSets(["all", "within-valence"], CLASSES),
        rng=rng,
    ).iloc[0]
    each = [rho_a(d.condensed(), raters.values).mean() for d in draws]
    assert row["rho"] == pytest.approx(np.mean(each), abs=1e-12)
    np.testing.assert_allclose(row[["ci_low", "ci_high"]].astype(float), np.quantile(each, [0.025, 0.975]), atol=1e-12)
    assert row["representation"] == "random-sae" and np.isnan(row["p"]) and row["n_permutations"] == 0


def test_only_named_representations_are_tested_and_equal_seeds_agree(world):
    raters, models, nuisances = world
    options = {"pairs": ["all", "partial"], "n_permutations": {"near": 99}, "n_bootstrap": 30}
    frame = compare(raters, models, nuisances, **options)
    pd.testing.assert_frame_equal(frame, compare(raters, models, nuisances, **options))
    tested = frame["representation"] == "near"
    assert frame.loc[tested, "p"].notna().all() and frame.loc[~tested, "p"].isna().all()
    assert (frame.loc[~tested, "n_permutations"] == 0).all()
    assert not frame.drop(columns=["p", "p_codes"]).isna().any(axis=None)
    assert len(frame) == 9


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"pairs": ["everything"]}, "pair set"),
        ({"pairs": ["partial"]}, "without nuisances"),
        ({"pairs": ["all", "all"]}, "each once"),
        ({"n_permutations": {"nobody": 9}}, "nobody"),
        ({"n_permutations": -1}, "0 .no test. or more"),
        ({"n_bootstrap": -1}, "n_bootstrap"),
        ({"classes": {"a": "good"}}, "good"),
        ({"pairs": ["within-positive"], "classes": {"a": "positive", "b": "positive"}}, "1 pairs"),
    ],
)
def test_wrong_requests_are_named(world, options, message):
    raters, models, _ = world
    with pytest.raises(ValueError, match=message):
        compare(raters, models, **options)


def test_mantel_refuses_other_labels(world):
    _, models, _ = world
    with pytest.raises(ValueError, match="missing"):
        mantel(models["near"], models["far"].subset(LABELS[:5]), 9, np.random.default_rng(0))
