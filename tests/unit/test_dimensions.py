"""Layouts against scikit-learn, Procrustes against scipy and a loop, a planted plane found again."""

import numpy as np
import pandas as pd
import pytest
from scipy.spatial import procrustes
from sklearn.decomposition import PCA

from shared_affect.spaces.dimensions import organise, read_out
from shared_affect.spaces.layouts import classical_mds
from shared_affect.spaces.procrustes import align_to_human, leave_one_out_error, procrustes_to_human, turned_r
from shared_affect.spaces.rdm import euclidean_rdm

LABELS = tuple("abcdefghijkl")


def human_frame(va, labels=LABELS):
    return pd.DataFrame({"emotion": labels, "valence": va[:, 0], "arousal": va[:, 1]})


def turned(va, rng, noise):
    angle = 0.8
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    return 3 * va @ turn + 5 + rng.normal(0, noise, va.shape)


def laid_out(points, k=2):
    return classical_mds(euclidean_rdm(points, LABELS), k)


def test_mds_of_euclidean_distances_is_the_pca_of_scikit_learn():
    points = np.random.default_rng(0).normal(size=(12, 5))
    reference = PCA(3).fit(points)
    layout = laid_out(points, 3)
    np.testing.assert_allclose(np.abs(layout.coords), np.abs(reference.transform(points)), atol=1e-8)
    np.testing.assert_allclose(layout.explained, reference.explained_variance_ratio_, atol=1e-10)
    assert (layout.coords.max(0) == np.abs(layout.coords).max(0)).all()


def test_mds_restores_distances_of_a_plane_and_fills_missing_axes_with_zero():
    points = np.random.default_rng(1).normal(size=(12, 2))
    rdm = euclidean_rdm(points, LABELS)
    np.testing.assert_allclose(euclidean_rdm(classical_mds(rdm).coords, LABELS).values, rdm.values, atol=1e-8)
    line = classical_mds(euclidean_rdm(np.arange(12.0), LABELS))
    np.testing.assert_allclose(line.coords[:, 1], 0, atol=1e-6)
    np.testing.assert_allclose(line.explained, [1, 0], atol=1e-12)


def test_disparity_equals_scipy_and_p_equals_a_loop():
    rng = np.random.default_rng(2)
    va = rng.normal(size=(12, 2))
    coords = turned(va, rng, 5.0)
    got = procrustes_to_human(coords, va, 300, np.random.default_rng(7))
    observed = procrustes(va, coords)[2]
    assert got["disparity"] == pytest.approx(observed, abs=1e-12)
    orders = np.random.default_rng(7).permuted(np.tile(np.arange(12), (300, 1)), axis=1)
    count = sum(procrustes(va[o], coords)[2] <= observed + 1e-12 for o in orders)
    assert got["p"] == pytest.approx((count + 1) / 301) and got["n_permutations"] == 300
    assert 1 < count < 300


def test_procrustes_false_positive_rate():
    rng = np.random.default_rng(3)
    p = [procrustes_to_human(*rng.normal(size=(2, 10, 2)), 199, rng)["p"] for _ in range(400)]
    assert 6 <= sum(x <= 0.05 for x in p) <= 36  # 99.9 % binomial bounds around 20


def test_leave_one_out_equals_scipy_and_a_loop():
    rng = np.random.default_rng(4)
    va = rng.normal(size=(12, 2))
    coords = turned(va, rng, 1.0)
    squares = []
    for i in range(12):
        keep = np.arange(12) != i
        # scipy gives both standardised: undo its shift and scale to get human units.
        _, b, _ = procrustes(va[keep], coords[keep])
        size = np.linalg.norm(va[keep] - va[keep].mean(0))
        design = np.column_stack([coords[keep], np.ones(11)])
        affine = np.linalg.lstsq(design, b * size + va[keep].mean(0), rcond=None)[0]
        squares.append((np.append(coords[i], 1) @ affine - va[i]) ** 2)
    error, baseline = leave_one_out_error(coords, va)
    assert error == pytest.approx(np.sqrt(np.mean(squares)), abs=1e-10)
    # The mean of the others is off by n / (n - 1) times the deviation from the mean of all.
    assert baseline == pytest.approx(12 / 11 * np.sqrt(np.mean((va - va.mean(0)) ** 2)), abs=1e-12)
    assert leave_one_out_error(turned(va, rng, 0), va)[0] == pytest.approx(0, abs=1e-10)


def test_planted_plane_is_found_and_an_unrelated_one_is_not():
    rng = np.random.default_rng(5)
    va = rng.normal(5, 1.5, (12, 2))
    columns = [
        "quantity",
        "value",
        "ci_low",
        "ci_high",
        "p",
        "p_alone",
        "p_beyond",
        "null_mean",
        "null_high",
        "n_permutations",
        "n_emotions",
    ]
    layout = classical_mds(euclidean_rdm(turned(va, rng, 0.3), LABELS))
    frame = organise(
        layout,
        human_frame(va).sample(frac=1, random_state=0),
        n_permutations=999,
        n_bootstrap=200,
        draw=lambda *names: rng,
    )
    assert list(frame.columns) == columns
    found = frame.set_index("quantity")
    assert found.loc["procrustes_disparity", "value"] < 0.05 and found.loc["procrustes_disparity", "p"] == 0.001
    assert found.loc[["r_valence", "r_arousal"], "value"].min() > 0.95
    assert found.loc["loo_rmse", "value"] < 0.3 * found.loc["loo_rmse_mean_baseline", "value"]
    assert found["p"].notna().sum() == 6 and found["value"].notna().all()
    assert found.loc["circular_order", "value"] > 0.9 and found.loc["circular_order", "p"] == 0.001
    for d, o in (("valence", "arousal"), ("arousal", "valence")):
        assert (
            found.loc[f"loo_r2_{d}", "p"] == 0.001
            and found.loc[f"loo_r2_{d}", "value"] > 0.9
            and found.loc[f"loo_r2_{d}_beyond_{o}", "ci_low"] > 0
        )
    other = organise(
        laid_out(rng.normal(size=(12, 4))),
        human_frame(va),
        n_permutations=999,
        n_bootstrap=200,
        draw=lambda *names: rng,
    )
    other = other.set_index("quantity")
    assert other.loc["procrustes_disparity", "p"] > 0.05 and other.loc["circular_order", "p"] > 0.05
    assert other.loc["loo_rmse", "value"] > 0.8 * other.loc["loo_rmse_mean_baseline", "value"]


def test_left_out_r2_equals_a_loop():
    rng = np.random.default_rng(8)
    x, y, z = rng.normal(size=(12, 2)), rng.normal(size=12), np.column_stack([np.ones(12), rng.normal(size=12)])
    for beside in (None, z):
        small = np.ones((12, 1)) if beside is None else beside
        errors = {name: [] for name in ("with", "without")}
        for i in range(12):
            keep = np.arange(12) != i
            for name, design in (("with", np.column_stack([small, x])), ("without", small)):
                errors[name].append(y[i] - design[i] @ np.linalg.lstsq(design[keep], y[keep], rcond=None)[0])
        got = read_out(x, y, beside=beside, n_permutations=99, n_bootstrap=50, rng=rng)
        assert got.r2 == pytest.approx(1 - np.square(errors["with"]).sum() / np.square(errors["without"]).sum())
        assert got.ci_low <= got.r2 <= got.ci_high and 0.01 <= got.p <= 1
    assert np.isnan(read_out(x[:4], y[:4], n_permutations=9, n_bootstrap=9, rng=rng).p)


def test_turned_r_of_permuted_labels_is_far_from_zero_and_equals_the_alignment():
    rng = np.random.default_rng(9)
    va = rng.normal(size=(12, 2))
    layout = laid_out(rng.normal(size=(12, 4)))
    observed, null = turned_r(layout.coords[:, :2], va, 500, rng)
    placed = align_to_human(layout, human_frame(va))
    assert observed[0] == pytest.approx(np.corrcoef(placed["x_valence"], va[:, 0])[0, 1]) and observed[
        1
    ] == pytest.approx(np.corrcoef(placed["y_arousal"], va[:, 1])[0, 1])
    assert null.mean() > 0.2


def test_alignment_goes_by_label_and_is_in_human_units():
    rng = np.random.default_rng(6)
    va = rng.normal(5, 1.5, (12, 2))
    layout = laid_out(turned(va, rng, 0))
    frame = align_to_human(layout, human_frame(va).iloc[::-1])
    assert frame["emotion"].tolist() == list(LABELS)
    np.testing.assert_allclose(frame[["human_valence", "human_arousal"]], va)
    np.testing.assert_allclose(frame[["x_valence", "y_arousal"]], va, atol=1e-10)


def test_wrong_input_is_named():
    rng = np.random.default_rng(7)
    va = rng.normal(size=(12, 2))
    layout = laid_out(va)
    with pytest.raises(ValueError, match="missing"):
        align_to_human(layout, human_frame(va).iloc[1:])
    with pytest.raises(ValueError, match="more than once"):
        align_to_human(layout, human_frame(va, ("a", *LABELS[:-1])))
    with pytest.raises(ValueError, match="arousal"):
        align_to_human(layout, human_frame(va).drop(columns="arousal"))
    with pytest.raises(ValueError, match="k is 12"):
        laid_out(va, 12)
    with pytest.raises(ValueError, match="every dissimilarity"):
        classical_mds(euclidean_rdm(np.ones(12), LABELS))
    with pytest.raises(ValueError, match="differ"):
        leave_one_out_error(np.ones((12, 2)), va)
    with pytest.raises(ValueError, match="at least 2"):
        align_to_human(laid_out(va, 1), human_frame(va))
    with pytest.raises(ValueError, match="n_permutations"):
        procrustes_to_human(va, va, 0, rng)
    with pytest.raises(ValueError, match="not finite"):
        procrustes_to_human(np.where(va == va[0, 0], np.nan, va), va, 9, rng)
