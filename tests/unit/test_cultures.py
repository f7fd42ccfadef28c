"""Differences between cultures follow labels, not scales."""

import numpy as np
import pandas as pd
import pytest
from scipy.stats import pearsonr

from shared_affect.ratings.cultures import culture_difference_r, culture_differences


def by_hand(p, r):
    """The difference of two rows that is uncorrelated with the sum of two others, each on its own scale."""
    common = sum((x - x.mean()) / x.std() for x in r)
    a, b = (np.mean((x - x.mean()) / x.std() * common) for x in p)
    return a * p[1] / p[1].std() - b * p[0] / p[0].std()


def test_culture_difference_goes_by_label():
    rng = np.random.default_rng(0)
    pairs = [f"p{i}" for i in range(50)]
    common, real = rng.normal(size=(2, 50))
    rated = {"en": pd.Series(common, pairs), "zh": pd.Series(common + real, pairs)}
    predicted = {
        "en": rated["en"] + 0.3 * rng.normal(size=50),
        "zh": (rated["zh"] + 0.3 * rng.normal(size=50)).sample(frac=1, random_state=1),
    }
    got = culture_difference_r(predicted, rated, rng=rng)
    p, r = ([side[k].loc[pairs].to_numpy() for k in ("en", "zh")] for side in (predicted, rated))
    assert got["r"] == pytest.approx(pearsonr(by_hand(p, r), by_hand(r, p))[0])
    assert 0.5 < got["ci_low"] < got["r"] < got["ci_high"] < 1 and got["n_pairs"] == 50
    # another scale, another zero and the other direction change nothing
    other = culture_difference_r(
        {k: predicted[k] * 0.6 + 4 for k in ("zh", "en")},
        {k: rated[k] * 7 - 1 for k in ("en", "zh")},
        n_bootstrap=2,
        rng=rng,
    )
    assert other["r"] == pytest.approx(got["r"])
    with pytest.raises(ValueError, match="pairs of predicted zh"):
        culture_difference_r(predicted | {"en": predicted["en"].iloc[1:]}, rated, rng=rng)
    with pytest.raises(ValueError, match="does not vary"):
        culture_difference_r(predicted, rated | {"zh": rated["zh"] * 0}, rng=rng)
    with pytest.raises(ValueError, match="the same two"):
        culture_difference_r(predicted, {"en": rated["en"], "fr": rated["zh"]}, rng=rng)


def test_a_narrower_scale_is_no_cultural_difference(caplog):
    rng = np.random.default_rng(1)
    pairs = [f"p{i}" for i in range(350)]
    common = pd.Series(rng.normal(size=350), pairs)
    rated = {"en": common, "zh": 0.6 * common + 2}
    with caplog.at_level("WARNING", "shared_affect"):
        assert np.isnan(
            culture_difference_r(
                {"en": common + 0.5 * rng.normal(size=350), "zh": 0.6 * common + 0.5 * rng.normal(size=350)},
                rated,
                n_bootstrap=50,
                rng=rng,
            )["r"]
        )


def test_pairs_that_lack_a_side_stay_out_of_cultural_differences():
    g = np.random.default_rng(4)
    pairs = pd.DataFrame({"pair": range(6), "en": [f"e{i}" for i in range(6)], "zh": [f"z{i}" for i in range(6)]})
    whole = {
        k: pd.DataFrame({"word": pairs[k], "arm": "all", "dimension": "valence", "prediction": g.normal(size=6)})
        for k in ("en", "zh")
    }
    values = {k: pd.DataFrame({"word": pairs[k], "valence": g.normal(size=6)}) for k in ("en", "zh")}
    predictions = {
        "en": whole["en"].drop(0),
        "zh": whole["zh"].drop(1)[::-1],
    }  # a concept word in each language, another order
    found = culture_differences(predictions, values, pairs, n_bootstrap=20, rng=g).iloc[0]
    kept = {
        k: (
            whole[k].set_index(pairs["pair"])["prediction"].loc[2:],
            values[k].set_index(pairs["pair"])["valence"].loc[2:],
        )
        for k in ("en", "zh")
    }
    want = culture_difference_r(*({k: v[i] for k, v in kept.items()} for i in (0, 1)), n_bootstrap=2, rng=g)
    assert found["r"] == pytest.approx(want["r"]) and found["n_pairs"] == 4


def test_a_word_of_two_pairs_enters_both_in_cultural_differences():
    g = np.random.default_rng(5)
    pairs = pd.DataFrame(
        {"pair": list("abcd"), "en": ["sad", "sad", "glad", "calm"], "zh": ["难过", "伤心", "高兴", "平静"]}
    )
    words = {k: sorted(set(pairs[k])) for k in ("en", "zh")}
    predictions = {
        k: pd.DataFrame({"word": w, "arm": "all", "dimension": "valence", "prediction": g.normal(size=len(w))})
        for k, w in words.items()
    }
    values = {k: pd.DataFrame({"word": w, "valence": g.normal(size=len(w))}) for k, w in words.items()}
    found = culture_differences(predictions, values, pairs, n_bootstrap=20, rng=g).iloc[0]
    sides = (
        {k: pairs.set_index("pair")[k].map(f[k].set_index("word")[c]) for k in words}
        for f, c in ((predictions, "prediction"), (values, "valence"))
    )
    assert found["n_pairs"] == 4 and found["r"] == pytest.approx(
        culture_difference_r(*sides, n_bootstrap=2, rng=g)["r"]
    )
