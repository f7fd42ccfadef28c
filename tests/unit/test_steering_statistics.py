"""Statistics of steering against naive loops and closed forms."""

import numpy as np
import pandas as pd
import pytest
from scipy.stats import t as student_t
from test_judges import EMOTIONS, ENGLISH, WORDS, make_judge
from test_steering_scores import HELD_OUT, NORMS, make_generations, score

from shared_affect.results.claims.flips import flips
from shared_affect.results.claims.page import render
from shared_affect.steering.files import FLIPS
from shared_affect.steering.generations import check_generations
from shared_affect.steering.intervals import Rate, mixed_interval
from shared_affect.steering.scores import Scored, fluency, score_texts
from shared_affect.steering.statistics import (
    choose_strength,
    claim_rows,
    claim_summary,
    claims_by_judge,
    confusion,
    pooled_rates,
    summarise,
)
from shared_affect.study.vocabulary import JUDGES


@pytest.fixture(scope="module")
def judge():
    return make_judge()


@pytest.fixture(scope="module")
def scored(judge):
    return score(make_generations(), judge)


@pytest.fixture(scope="module")
def chosen(scored):
    return choose_strength(scored, max_nll_ratio=1.5)


def test_an_emotion_without_a_label_is_not_tested_and_changes_nothing_else(judge, scored, chosen, caplog):
    raw = make_generations()
    awe = raw[raw["emotion"] == "joy"].assign(emotion="awe")
    lexicons = {"lexicon": WORDS | {"awe": ["awe"]}, "lexicon-held-out": HELD_OUT | {"awe": ["awe"]}}
    more = score_texts(check_generations(pd.concat([raw, awe])), lexicons, {"embedded": judge}, NORMS, ENGLISH)
    assert "no label awe" in caplog.text
    summary = summarise(more, seed=0)
    embedded = summary["judge"] == "embedded"
    new = summary["emotion"] == "awe"
    assert (
        summary.loc[
            new & embedded, ["target_rate", "ci_low", "target_probability", "masked_target_rate", "harmonic_mean"]
        ]
        .isna()
        .all(axis=None)
    )
    assert summary.loc[~(new & embedded), ["target_rate", "ci_low", "ci_high"]].notna().all(axis=None)
    again = pd.concat([chosen, chosen[chosen["emotion"] == "joy"].assign(emotion="awe")])
    pooled = pooled_rates(more, again).set_index(["arm", "judge"])
    before = pooled_rates(scored, chosen).set_index(["arm", "judge"])
    assert (
        pooled.loc[("concept", "embedded"), "n_emotions"] == 3 and pooled.loc[("concept", "lexicon"), "n_emotions"] == 4
    )
    assert pooled.loc[("concept", "embedded"), "rate"] == pytest.approx(
        before.loc[("concept", "embedded"), "rate"], abs=1e-12
    )
    rows = claim_rows(more, again)
    masked = rows[rows["comparison"] == "masked-concept-none"].set_index("emotion")["difference"]
    assert np.isnan(masked["awe"]) and masked["all"] == pytest.approx(masked[list(EMOTIONS)].mean())
    assert claim_summary(rows).set_index("claim").loc["expression", "n_emotions"] == 3
    assert "awe" not in set(confusion(more, again).query("judge == 'embedded'")["label"])


def naive_rate(scored, arm, strength, target, values, split="score"):
    """Values of the texts that an arm gives a target, by prompt."""
    out = {}
    for i, t in scored.texts.iterrows():
        if (
            t["split"] != split
            or t["strength"] != strength
            or t["arm"] != ("concept" if arm == "wrong-emotion" else arm)
        ):
            continue
        if (arm in ("concept", "diff-means") and t["emotion"] != target) or (
            arm == "wrong-emotion" and t["emotion"] == target
        ):
            continue
        v = values[i, EMOTIONS.index(target)] if values.ndim == 2 else values[i]
        if np.isfinite(v):
            out.setdefault(t["prompt"], []).append(float(v))
    return out


def naive_mean(by_prompt, prompts=None):
    drawn = [v for p in (prompts or by_prompt) for v in by_prompt[p]]
    return sum(drawn) / len(drawn)


def test_summary_against_loops(scored):
    got = summarise(scored, seed=4)
    assert not got.duplicated(["emotion", "arm", "strength_resid_norm", "judge", "judge_level"]).any()
    assert len(got) == 3 * 3 * (4 * 3 + 1)
    assert set(got["n_prompts"]) == {4} and set(got["seed"]) == {4}
    nll = scored.texts["nll"].to_numpy()
    for _, r in got.iloc[::7].iterrows():
        arm, s, e = r["arm"], r["strength_resid_norm"], r["emotion"]
        assert r["target_rate"] == pytest.approx(naive_mean(naive_rate(scored, arm, s, e, scored.hits[r["judge"]])))
        a, b = naive_mean(naive_rate(scored, arm, s, e, nll)), naive_mean(naive_rate(scored, "none", 0.0, e, nll))
        assert r["nll_ratio"] == pytest.approx(a / b) and r["perplexity_ratio"] == pytest.approx(np.exp(a - b))
        for q in ("valence", "distinct_2", "repetition", "language_kept"):
            assert r[q] == pytest.approx(naive_mean(naive_rate(scored, arm, s, e, scored.texts[q].to_numpy(float))))
        f = float(fluency(a / b))
        want = 0 if r["target_rate"] + f == 0 else 2 * r["target_rate"] * f / (r["target_rate"] + f)
        assert r["harmonic_mean"] == pytest.approx(want)
        assert r["ci_low"] <= r["target_rate"] <= r["ci_high"]
    learned = got[got["judge"] == "embedded"]
    for _, r in learned.iloc[::5].iterrows():
        key = (scored, r["arm"], r["strength_resid_norm"], r["emotion"])
        assert r["target_probability"] == pytest.approx(naive_mean(naive_rate(*key, scored.probability["embedded"])))
        assert r["masked_target_rate"] == pytest.approx(naive_mean(naive_rate(*key, scored.masked["embedded"])))
    assert (
        got.loc[got["judge"] != "embedded", ["target_probability", "masked_target_rate"]].isna().all(axis=None)
        and got["content_kept"].isna().all()
    )


def test_differences_are_paired_by_prompt(scored, chosen):
    got = claim_rows(scored, chosen).set_index(["comparison", "judge", "emotion"])
    prompts = sorted({p for p, s in zip(scored.texts["prompt"], scored.texts["split"]) if s == "score"})
    strength = chosen[chosen["arm"] == "concept"].set_index("emotion")["strength_resid_norm"]
    for comparison, judge, other in (
        ("concept-random", "lexicon", "random"),
        ("concept-wrong-emotion", "embedded", "wrong-emotion"),
        ("concept-diff-means", "lexicon", "diff-means"),
        ("masked-concept-none", "embedded", "none"),
    ):
        values = scored.masked["embedded"] if comparison.startswith("masked") else scored.hits[judge]
        table = []
        for e in EMOTIONS:
            a = naive_rate(scored, "concept", strength[e], e, values)
            b = naive_rate(scored, other, 0.0 if other == "none" else strength[e], e, values)
            r = got.loc[(comparison, judge, e)]
            assert r["difference"] == pytest.approx(naive_mean(a) - naive_mean(b)) and r["rate_b"] == pytest.approx(
                naive_mean(b)
            )
            assert r["ci_low"] <= r["difference"] <= r["ci_high"] and np.isnan(r["mixed_ci_low"])
            table.append([np.mean(a[p]) - np.mean(b[p]) for p in prompts])
        r = got.loc[(comparison, judge, "all")]
        assert r["difference"] == pytest.approx(np.mean(table))
        assert [r["mixed_ci_low"], r["mixed_ci_high"]] == pytest.approx(mixed_interval(np.array(table)))


def test_a_text_a_prompt_gives_the_score_interval_and_alike_texts_count_as_one():
    """Independent texts: Wilson's interval with the t of the prompts. Five equal texts a prompt say no more than
    one.
    """
    hits = np.repeat([1.0, 0.0], [9, 15])
    low, high = (x[0] for x in Rate.of(hits[None], np.ones((1, 24))).interval())
    n, p, z = 23, 9 / 24, student_t.ppf(0.975, 23)  # the variance has n - 1
    half = z * np.sqrt(p * (1 - p) / n + z**2 / (4 * n**2)) / (1 + z**2 / n)
    assert (high - low) / 2 == pytest.approx(half) and (high + low) / 2 == pytest.approx(
        (p + z**2 / (2 * n)) / (1 + z**2 / n)
    )
    five = [x[0] for x in Rate.of(5 * hits[None], np.full((1, 24), 5.0)).interval()]
    assert five == pytest.approx([low, high])
    none = [x[0] for x in Rate.of(np.zeros((1, 24)), np.ones((1, 24))).interval()]
    assert none[0] == 0 and 0.1 < none[1] < 0.2
    with pytest.raises(ValueError, match="1 prompt of split score"):
        Rate.of(np.ones((1, 1)), np.ones((1, 1)))


def test_mixed_interval_is_that_of_the_larger_effect():
    g = np.random.default_rng(3)
    emotion, prompt = g.normal(0, 1, (40, 1)), g.normal(0, 0.1, (1, 24))
    low, high = mixed_interval(emotion + prompt + g.normal(0, 0.1, (40, 24)))
    assert (high - low) / 2 == pytest.approx(student_t.ppf(0.975, 39) * emotion.std(ddof=1) / np.sqrt(40), rel=0.1)
    assert np.isnan(mixed_interval(np.ones((1, 24)))).all()


def test_chosen_strength_is_the_largest_fluent_one(scored, chosen):
    assert set(chosen["arm"]) == {"concept", "diff-means", "random"} and len(chosen) == 9
    nll = scored.texts["nll"].to_numpy()
    for _, r in chosen.iterrows():
        ratio = {
            s: naive_mean(naive_rate(scored, r["arm"], s, r["emotion"], nll, "choose"))
            / naive_mean(naive_rate(scored, "none", 0.0, r["emotion"], nll, "choose"))
            for s in (0.2, 0.4, 0.8)
        }
        assert r["strength_resid_norm"] == max(s for s in ratio if ratio[s] <= 1.5) == 0.4 and r["qualified"]
        assert r["nll_ratio_choose"] == pytest.approx(ratio[0.4])
        assert r["target_rate_choose"] == pytest.approx(
            naive_mean(naive_rate(scored, r["arm"], 0.4, r["emotion"], scored.hits["lexicon"], "choose"))
        )
    none_good = choose_strength(scored, max_nll_ratio=1.05)
    assert not none_good["qualified"].any() and (none_good["strength_resid_norm"] == 0.2).all()


def test_splits_do_not_leak(judge, scored, chosen):
    raw = make_generations()
    other = raw.assign(
        text=np.where(raw["split"] == "score", "mad mad afraid", raw["text"]),
        nll=np.where(raw["split"] == "score", 9.0, raw["nll"]),
    )
    pd.testing.assert_frame_equal(choose_strength(score(other, judge), max_nll_ratio=1.5), chosen)
    other = raw.assign(
        text=np.where(raw["split"] == "choose", "mad mad afraid", raw["text"]),
        nll=np.where(raw["split"] == "choose", 9.0, raw["nll"]),
    )
    rescored = score(other, judge)
    for f in (
        lambda s: summarise(s, seed=0),
        lambda s: claim_rows(s, chosen),
        lambda s: confusion(s, chosen),
        lambda s: pooled_rates(s, chosen),
    ):
        pd.testing.assert_frame_equal(f(rescored), f(scored))


def test_confusion_against_a_loop(scored, chosen):
    got = confusion(scored, chosen)
    learned = got[got["judge"] == "embedded"]
    assert (learned.groupby("emotion")["count"].sum() == 8).all() and (got["n_texts"] == 8).all()
    t = scored.texts
    for _, r in got.iterrows():
        here = [
            i
            for i in range(len(t))
            if (t["emotion"][i], t["arm"][i], t["strength"][i], t["split"][i])
            == (r["emotion"], "concept", 0.4, "score")
        ]
        want = (
            sum(scored.labels["embedded"][i] == r["label"] for i in here)
            if r["judge"] == "embedded"
            else sum(scored.hits[r["judge"]][i, EMOTIONS.index(r["label"])] for i in here)
        )
        assert r["count"] == want and r["rate"] == want / 8


def test_pooled_rates_are_means_over_emotions(scored, chosen):
    got = pooled_rates(scored, chosen).set_index(["arm", "judge"])
    for (arm, judge), r in got.iterrows():
        want = np.mean(
            [
                naive_mean(naive_rate(scored, arm, 0.0 if arm == "none" else 0.4, e, scored.hits[judge]))
                for e in EMOTIONS
            ]
        )
        assert r["rate"] == pytest.approx(want) and r["concept_over_arm"] == pytest.approx(
            got.loc[("concept", judge), "rate"] / want
        )
    assert got.loc[("concept", "lexicon"), "ratio_ci_low"] == 1 and got.loc[
        ("none", "lexicon"), "nll_ratio"
    ] == pytest.approx(1)
    assert got.loc[("concept", "embedded"), "rate"] > 1.3 * got.loc[("random", "embedded"), "rate"]


def test_a_rate_of_zero_gives_no_ratio(judge, chosen):
    raw = make_generations()
    raw["text"] = np.where(raw["arm"] == "concept", raw["text"], "sat")
    got = pooled_rates(score(raw, judge), chosen).set_index(["arm", "judge"])
    assert (
        got.loc[("random", "lexicon"), "rate"] == 0
        and np.isnan(got.loc[("random", "lexicon"), ["concept_over_arm", "ratio_ci_low"]].astype(float)).all()
    )


def test_claim_summary_counts_passing_emotions(scored, chosen):
    rows = claim_rows(scored, chosen)
    got = claim_summary(rows, max_nll_ratio=1.6, judge="embedded").set_index("claim")

    def count(limit):
        passed = 0
        for e in EMOTIONS:
            one = rows[
                (rows["emotion"] == e) & (rows["judge"] == "embedded") & rows["comparison"].str.startswith("concept")
            ]
            passed += len(one) == 2 and all(one["ci_low"] > 0) and all(one["nll_ratio"] <= limit)
        return passed

    assert got.loc["steering", "n_passing"] == count(1.6) and got.loc["steering", "n_emotions"] == 3
    assert claim_summary(rows, max_nll_ratio=1.0, judge="embedded")["n_passing"][0] == 0
    everywhere = rows[rows["emotion"] == "all"].set_index(["comparison", "judge"])
    assert got.loc["steering", "value"] == everywhere.loc[("concept-random", "embedded"), "difference"]
    assert got.loc["expression", "control_value"] == everywhere.loc[("masked-concept-none", "embedded"), "rate_b"]


def test_no_effect_is_rarely_called_one():
    """Rates drawn alike in all arms, by prompt: a one-sided 2.5 % error, a little more with few prompts."""
    raw = check_generations(make_generations(n_prompts=24, samples=1, strengths=(0.2,)))
    rng, found = np.random.default_rng(13), []
    chosen = pd.DataFrame({"emotion": EMOTIONS, "arm": "concept", "strength_resid_norm": 0.2, "qualified": True})
    for _ in range(150):
        rate = dict(zip(sorted(raw["prompt"].unique()), rng.uniform(0.1, 0.7, 24)))
        hits = rng.random((len(raw), 3)) < raw["prompt"].map(rate).to_numpy()[:, None]
        learned = {"embedded": hits}
        s = Scored(raw, EMOTIONS, dict.fromkeys(JUDGES, hits), learned, learned, {})
        rows = claim_rows(s, chosen)
        found.append(
            (
                rows[(rows["judge"] == "lexicon") & (rows["comparison"] == "concept-random")].set_index("emotion")[
                    "ci_low"
                ]
                > 0
            ).loc[[*EMOTIONS, "all"]]
        )
    assert np.mean(found) < 0.08 and np.mean(found) > 0.005


def test_missing_cells_are_refused(judge, scored, chosen):
    raw = make_generations()
    gone = (raw["arm"] == "concept") & (raw["prompt"] == "p01") & (raw["emotion"] == "joy") & (raw["strength"] == 0.4)
    with pytest.raises(ValueError, match="cells of split score"):
        summarise(score(raw[~gone], judge), seed=0)
    with pytest.raises(ValueError, match="no text of arm none"):
        choose_strength(score(raw[raw["arm"] != "none"], judge))
    with pytest.raises(ValueError, match="missing or doubled"):
        claim_rows(scored, chosen[chosen["emotion"] != "joy"])
    with pytest.raises(ValueError, match="judge is 'oracle'"):
        choose_strength(scored, judge="oracle")
    with pytest.raises(ValueError, match="max_nll_ratio"):
        choose_strength(scored, max_nll_ratio=0)


def test_a_new_arm_of_an_emotion_is_scored_and_moves_no_other(judge, scored, chosen, monkeypatch):
    from shared_affect.steering import plan

    monkeypatch.setattr(plan, "ARMS", (*plan.ARMS, plan.Arm("negative", lambda m: -m.weights)))
    raw = make_generations()
    again = score(pd.concat([raw, raw[raw["arm"] == "diff-means"].assign(arm="negative")]), judge)
    strengths = choose_strength(again, max_nll_ratio=1.5)
    for before, after in (
        (chosen, strengths),
        (summarise(scored, seed=1), summarise(again, seed=1)),
        (pooled_rates(scored, chosen), pooled_rates(again, strengths)),
    ):
        new = after["arm"] == "negative"
        pd.testing.assert_frame_equal(after[~new].reset_index(drop=True), before)
        like = after[after["arm"] == "diff-means"].drop(columns="arm").reset_index(drop=True)
        pd.testing.assert_frame_equal(after[new].drop(columns="arm").reset_index(drop=True), like)
    pd.testing.assert_frame_equal(claim_rows(again, strengths), claim_rows(scored, chosen))


# ---- under every judge


class Guesser:
    """A judge whose label hangs on nothing but the text's length."""

    language, labels, by_words = "en", ("anger", "joy", "fear", "neutral"), False

    def judge(self, texts):
        top = np.array([sum(map(ord, t)) % 4 for t in texts], int)
        return top, np.eye(4)[top]


@pytest.fixture(scope="module")
def judged_twice(judge):
    lexicons = {"lexicon": WORDS, "lexicon-held-out": HELD_OUT}
    judges = {"embedded": judge, "guesser": Guesser()}
    return score_texts(check_generations(make_generations(n_prompts=16)), lexicons, judges, NORMS, ENGLISH)


def test_a_further_judge_changes_no_other_number(judge, judged_twice):
    lexicons = {"lexicon": WORDS, "lexicon-held-out": HELD_OUT}
    alone = score_texts(
        check_generations(make_generations(n_prompts=16)), lexicons, {"embedded": judge}, NORMS, ENGLISH
    )
    chosen = choose_strength(alone)
    assert choose_strength(judged_twice).equals(chosen) and judged_twice.learned == ["embedded", "guesser"]
    for table in (lambda s: summarise(s, seed=0), lambda s: claim_rows(s, chosen), lambda s: pooled_rates(s, chosen)):
        more = table(judged_twice)
        kept = more[more["judge"] != "guesser"].reset_index(drop=True)
        pd.testing.assert_frame_equal(kept, table(alone))
        assert (more["judge"] == "guesser").any()
    mixed = confusion(judged_twice, chosen)
    assert "neutral" in set(mixed[mixed["judge"] == "guesser"]["label"])
    sums = mixed[mixed["judge"] == "guesser"].groupby("emotion")["count"].sum()
    assert (sums == mixed.groupby("emotion")["n_texts"].first()).all()


def test_verdicts_flip_with_a_judge_that_guesses(judged_twice, tmp_path):
    chosen = choose_strength(judged_twice)
    by_judge = claims_by_judge(judged_twice, chosen).assign(model="m", language="en")
    under = by_judge[by_judge["by"] == "own"]
    assert under[under["claim"] == "expression"]["judge"].tolist() == ["embedded", "guesser"]
    own = by_judge[(by_judge["judge"] == "lexicon") & (by_judge["by"] == "own")].drop(columns=["model", "language"])
    declared = claim_summary(claim_rows(judged_twice, chosen))
    shared = own[declared.columns].reset_index(drop=True)
    want = declared[declared["claim"] != "expression"].reset_index(drop=True)
    pd.testing.assert_frame_equal(shared, want)
    found = flips(by_judge, "embedded", 0.05)
    FLIPS.write(tmp_path / "flips.tsv", found)
    at = found.set_index(["claim", "judge"])
    assert at.loc[("steering", "lexicon"), "verdict"] == "holds" and at.loc[("steering", "lexicon"), "declared"]
    assert at.loc[("steering", "guesser"), "verdict"] != "holds" and at.loc[("steering", "guesser"), "flipped"]
    assert at.loc[("expression", "embedded"), "declared"] and not at.loc[("steering", "lexicon"), "flipped"]
    # the rate of random directions is that of the judge's own table
    pooled = pooled_rates(judged_twice, chosen).set_index(["arm", "judge"])["rate"]
    for judge in judged_twice.hits:
        assert at.loc[("steering", judge), "random_rate"] == pytest.approx(pooled["random", judge])
        assert at.loc[("steering", judge), "unsteered_rate"] == pytest.approx(pooled["none", judge])


def test_a_judge_that_is_taken_in_by_random_directions_is_seen(judged_twice):
    """It gives every steered text the emotion that is asked for, and unsteered ones none."""
    fooled = (judged_twice.texts["arm"] != "none").to_numpy(float)[:, None] * np.ones(len(EMOTIONS))
    hits = judged_twice.hits | {"guesser": fooled}
    s = Scored(judged_twice.texts, judged_twice.emotions, hits, {}, {"embedded": judged_twice.masked["embedded"]}, {})
    found = flips(claims_by_judge(s, choose_strength(s)).assign(model="m", language="en"), "embedded", 0.05)
    one = found[(found["judge"] == "guesser") & (found["claim"] == "steering")].iloc[0]
    assert one["random_rate"] == 1 and one["unsteered_rate"] == 0 and one["random_passing"] == len(EMOTIONS)
    assert one["verdict"] == "inconclusive" and one["flipped"]  # nothing is above random directions
    page = render([], "", found.assign(model="m", language="en").to_dict("records"))
    assert "3 of 3" in page and "inconclusive (flipped)" in page and "lexicon (declared)" in page


def test_a_flip_by_the_emotions_is_told_from_one_by_the_judge(judged_twice, tmp_path):
    """A judge that says what the declared one says, of one emotion of three alone, which texts never show."""
    texts, emotions = judged_twice.texts, judged_twice.emotions
    poor = [k for k, e in enumerate(emotions) if e != "joy"]
    lexicon = judged_twice.hits["lexicon"].astype(float)
    lexicon[:, poor[0]] = 0
    of_one = np.where(np.arange(len(emotions)) == poor[0], lexicon, np.nan)
    hits = judged_twice.hits | {"lexicon": lexicon, "guesser": of_one}
    masked = {"embedded": judged_twice.masked["embedded"], "guesser": of_one}
    s = Scored(texts, emotions, hits, {}, masked, judged_twice.labels)
    chosen = choose_strength(judged_twice)
    found = flips(claims_by_judge(s, chosen).assign(model="m", language="en"), "embedded", 0.05)
    FLIPS.write(tmp_path / "flips.tsv", found)
    at = found.set_index(["claim", "judge"])
    one = at.loc[("steering", "guesser")]
    assert one["declared_verdict"] == "holds" and one["verdict"] != "holds" and one["flipped"]
    assert one["declared_verdict_same"] == one["verdict"] and one["n_emotions"] == 1
    # a margin that does not shrink with the rates is seen beside them
    weak = at.loc[("beyond-means", "guesser")]
    assert weak["rate_b"] == weak["minus_random"] == 0
    # a judge that knows all emotions is asked as the declared one is
    assert (found["declared_verdict_same"] == found["declared_verdict"])[found["judge"] != "guesser"].all()
    difference = claim_rows(s, chosen).set_index(["comparison", "judge", "emotion"])
    for judge in hits:
        row = difference.loc[("concept-random", judge, "all")]
        assert at.loc[("steering", judge), "minus_random"] == pytest.approx(row["difference"])
        assert at.loc[("steering", judge), "rate_b"] == pytest.approx(row["rate_b"])
        means = difference.loc[("concept-diff-means", judge, "all")]
        assert at.loc[("beyond-means", judge), "rate_b"] == pytest.approx(means["rate_b"])


def test_not_tested_flips_nothing(judged_twice):
    chosen = choose_strength(judged_twice)
    by_judge = claims_by_judge(judged_twice, chosen).assign(model="m", language="en")
    by_judge.loc[by_judge["judge"] == "guesser", "n_emotions"] = 0
    found = flips(by_judge, "embedded", 0.05)
    one = found[found["judge"] == "guesser"]
    assert set(one["verdict"]) == {"not-tested"} and not one["flipped"].any()
