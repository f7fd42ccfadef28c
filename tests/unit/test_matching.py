"""Matching against every assignment, balance against its formula."""

from itertools import permutations

import numpy as np
import pandas as pd
import pytest

from shared_affect.words.controls import balance, match, match_sets, word_properties


def table(n, start, seed, shift=0.0):
    rng = np.random.default_rng(seed)
    values = rng.normal(size=(n, 2)) * [1, 3] + [shift, -shift]
    return pd.DataFrame(values, columns=["length", "log10_count"], index=[f"{start}{i}" for i in range(n)])


def test_no_other_assignment_is_nearer():
    targets, candidates = table(3, "t", 0), table(6, "c", 1, 1.0)
    found = match(targets, candidates)
    scale = np.sqrt((targets.var() + candidates.var()) / 2).to_numpy()

    def cost(pairs):
        return sum((((targets.loc[t] - candidates.loc[c]).to_numpy() / scale) ** 2).mean() for t, c in pairs)

    best = min(cost(zip(targets.index, order)) for order in permutations(candidates.index, 3))
    assert cost(zip(found["target"], found["control"])) == pytest.approx(best)
    assert found["control"].is_unique and found["target"].tolist() == targets.index.tolist()
    one = found.iloc[0]
    assert one["distance"] == pytest.approx(np.sqrt(cost([(one["target"], one["control"])])))


def test_several_controls_a_target_stay_without_replacement():
    targets, candidates = table(8, "t", 2, 0.5), table(200, "c", 3)
    found = match(targets, candidates, per_target=5)
    assert found["control"].is_unique and found.groupby("target").size().eq(5).all()
    assert (found.groupby("target")["distance"].diff().dropna() >= 0).all()
    before_after = balance(targets, candidates, found)
    assert (before_after["smd_after"].abs() < before_after["smd_before"].abs() / 2).all()


def test_balance_is_its_formula():
    targets, candidates = table(5, "t", 4), table(30, "c", 5, 1.0)
    found = match(targets, candidates, 2)
    row = balance(targets, candidates, found).set_index("property").loc["length"]
    scale = np.sqrt((np.var(targets["length"], ddof=1) + np.var(candidates["length"], ddof=1)) / 2)
    assert row["smd_before"] == pytest.approx((targets["length"].mean() - candidates["length"].mean()) / scale)
    assert row["smd_after"] == pytest.approx(
        (targets["length"].mean() - candidates.loc[found["control"], "length"].mean()) / scale
    )
    assert (row["n_targets"], row["n_controls"], row["n_unknown"]) == (5, 10, 0)


def test_a_property_a_target_lacks_takes_no_part_and_one_without_spread_does_no_harm():
    targets = pd.DataFrame({"length": [4.0, 4.0], "concreteness": [np.nan, 0.9]}, index=["t0", "t1"])
    candidates = pd.DataFrame({"length": [4.0, 4.0, 4.0], "concreteness": [-0.9, 0.1, 0.8]}, index=["a", "b", "c"])
    found = match(targets, candidates).set_index("target")
    assert found.loc["t1", "control"] == "c" and found.loc["t0", "distance"] == 0
    assert balance(targets, candidates, found.reset_index()).set_index("property").loc["concreteness", "n_unknown"] == 1


@pytest.mark.parametrize(("change", "says"), [
    (lambda t, c: (t, c.rename(columns={"length": "len"})), "the same, at least one"),
    (lambda t, c: (t, c.rename(index={"c0": "t0"})), "'t0' is a target and a candidate"),
    (lambda t, c: (t, c.rename(index={"c0": "c1"})), "'c1' stands twice"),
    (lambda t, c: (t, c.mask(c["length"] > 0)), "lack the property"),
    (lambda t, c: (t, c.iloc[:3]), "3 candidates for 2 targets with 2 controls each; needed: 4"),
])  # fmt: skip
def test_what_does_not_fit_is_named(change, says):
    with pytest.raises(ValueError, match=says):
        match(*change(table(2, "t", 0), table(9, "c", 1)), per_target=2)


def test_words_a_frequency_table_lacks_were_never_seen_and_unknown_concreteness_stays_unknown():
    counts = pd.DataFrame({"word": ["the", "Joy", "joy"], "count": [99, 9, 3]})
    concrete = pd.DataFrame({"word": ["joy"], "concreteness": [-0.4]})
    frame = word_properties(["Joy", "zyx"], [1, 3], [counts, concrete])
    assert frame.loc["Joy"].tolist() == [3, 1, pytest.approx(1.0), -0.4]
    assert frame.loc["zyx", "log10_count"] == 0 and np.isnan(frame.loc["zyx", "concreteness"])


def test_each_set_has_its_own_controls_and_one_too_large_has_none(caplog):
    properties = pd.concat([table(6, "t", 6), table(12, "c", 7), table(1, "unknown", 8) * np.nan])
    sets = pd.DataFrame(
        {
            "emotion": ["joy"] * 2 + ["fear"] * 4 + ["grief"] * 13,
            "word": [f"t{i}" for i in (0, 1, 2, 3, 4, 5)] + ["t0"] * 13,
        }
    )
    candidates = [w for w in properties.index if not w.startswith("t")]
    matches, balances = match_sets(sets, properties, candidates, 5)
    assert matches.groupby("emotion", sort=False).size().to_dict() == {
        "joy": 10,
        "fear": 12,
    }  # 5 each, and 3 each of twelve
    for emotion, own in sets[sets["emotion"] != "grief"].groupby("emotion"):
        targets = properties.loc[own["word"]]
        alone = match(targets, properties.loc[candidates].dropna(), 12 // len(own) if emotion == "fear" else 5)
        pd.testing.assert_frame_equal(
            matches.loc[matches["emotion"] == emotion, ["target", "control", "distance"]].reset_index(drop=True),
            alone,
            check_dtype=False,
        )
        want = balance(targets, properties.loc[candidates].dropna(), alone)
        pd.testing.assert_frame_equal(
            balances[balances["emotion"] == emotion].drop(columns="emotion").reset_index(drop=True),
            want,
            check_dtype=False,
        )
    assert "grief: 13 words, 12 candidates" in caplog.text


def test_sets_without_candidates_give_empty_tables():
    properties = table(2, "t", 9)
    matches, balances = match_sets(pd.DataFrame({"emotion": "joy", "word": ["t0", "t1"]}), properties, [], 5)
    assert (
        matches.empty
        and list(matches) == ["emotion", "target", "control", "distance"]
        and balances.empty
        and "smd_after" in balances
    )
