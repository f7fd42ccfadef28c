"""Files of generated texts, and the scores of single texts against naive loops and closed forms."""

import json
from collections import Counter

import numpy as np
import pandas as pd
import pytest
from test_judges import EMOTIONS, ENGLISH, WORDS, make_judge, sentence

from shared_affect.steering.generations import check_generations, read_generations
from shared_affect.steering.scores import LEXICONS, distinct_share, fluency, score_texts
from shared_affect.study.inputs import SPLITS
from shared_affect.words.segmentation import Writing

HELD_OUT = {"joy": ["happy"], "fear": ["afraid"], "anger": ["mad"]}
NORMS = pd.DataFrame(
    {
        "word": ["party", "song", "snake", "storm", "riot", "insult", "happy", "table"],
        "valence": [0.7, 0.6, -0.6, -0.5, -0.6, -0.7, 0.9, 0.0],
        "arousal": [0.5, 0.2, 0.6, 0.7, 0.8, 0.5, 0.6, -0.5],
    }
)


@pytest.fixture(scope="module")
def judge():
    return make_judge()


def make_generations(seed=3, strengths=(0.2, 0.4, 0.8), samples=2, n_prompts=8):
    rng = np.random.default_rng(seed)
    rows = []
    plan = [("-", "none", 0.0), *(("-", "random", s) for s in strengths)] + [
        (e, a, s) for e in EMOTIONS for a in ("concept", "diff-means") for s in strengths
    ]
    for emotion, arm, strength in plan:
        for p in range(n_prompts):
            for sample in range(samples * (3 if arm == "random" else 1)):
                shown = (
                    emotion
                    if arm in ("concept", "diff-means") and rng.random() < strength + 0.3
                    else rng.choice([None, *EMOTIONS])
                )
                rows.append(
                    {
                        "emotion": emotion,
                        "arm": arm,
                        "strength": strength,
                        "prompt": f"p{p:02d}",
                        "split": SPLITS[p % 2],
                        "sample": sample,
                        "direction": p if arm == "random" else None,
                        "text": sentence(rng, shown),
                        "nll": 1.6 * (1 + strength) + rng.normal(0, 0.05),
                        "n_tokens": 9,
                    }
                )
    return pd.DataFrame(rows)


def score(raw, judge):
    return score_texts(
        check_generations(raw), {"lexicon": WORDS, "lexicon-held-out": HELD_OUT}, {"embedded": judge}, NORMS, ENGLISH
    )


@pytest.fixture(scope="module")
def scored(judge):
    return score(make_generations(), judge)


# ---- reading


def test_texts_of_several_files_are_read_as_one(tmp_path):
    raw = make_generations()
    paths = []
    for e in (*EMOTIONS, "-"):
        part = raw[raw["emotion"] == e]
        paths.append(tmp_path / f"{e}.jsonl")
        paths[-1].write_text(
            "".join(
                json.dumps({k: None if v != v else v for k, v in r.items()}) + "\n" for r in part.to_dict("records")
            )
        )
    got = read_generations(paths)
    assert len(got) == len(raw)
    assert set(got.loc[got["emotion"] == "-", "arm"]) == {"none", "random"}
    assert (got["direction"][got["arm"] != "random"] == -1).all() and (
        got["direction"][got["arm"] == "random"] >= 0
    ).all()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda f: f.drop(columns="nll"), "field 'nll'"),
        (lambda f: f.assign(arm="magic"), "arm is 'magic'"),
        (lambda f: f.assign(split="all"), "split is 'all'"),
        (lambda f: f.assign(nll=np.inf), "nll is not finite"),
        (lambda f: pd.concat([f, f[f["arm"] == "concept"].head(1)]), "two different ones"),
        (lambda f: pd.concat([f, f[f["arm"] == "none"].head(1).assign(text="other")]), "two different ones"),
        (lambda f: f.assign(emotion=f["emotion"].replace("-", "joy")), "arm none under the emotion 'joy'"),
        (lambda f: f.assign(arm=f["arm"].replace("concept", "random")), "arm random under the emotion"),
        (lambda f: f.assign(split=np.where(np.arange(len(f)) == 0, "score", f["split"])), "both splits"),
    ],
)
def test_bad_generations_are_refused(change, message):
    with pytest.raises(ValueError, match=message):
        check_generations(change(make_generations()))


def test_an_empty_file_is_refused(tmp_path):
    (tmp_path / "a.jsonl").write_text("")
    with pytest.raises(ValueError, match="no generated text"):
        read_generations([tmp_path / "a.jsonl"])


# ---- words


def test_distinct_share_against_a_loop():
    rng = np.random.default_rng(6)
    for n in (2, 3):
        for length in (0, 1, 2, 3, 12):
            tokens = rng.choice(list("abc"), length).tolist()
            grams = [tuple(tokens[i : i + n]) for i in range(len(tokens) - n + 1)]
            if not grams:
                assert np.isnan(distinct_share(tokens, n))
                continue
            assert distinct_share(tokens, n) == pytest.approx(len(Counter(grams)) / len(grams))
            earlier = sum(g in grams[:i] for i, g in enumerate(grams)) / len(grams)
            assert 1 - distinct_share(tokens, n) == pytest.approx(earlier)


def test_fluency_closed_form():
    assert fluency(np.array([0.8, 1.0, 1.5, 2.0, 3.0])).tolist() == [1, 1, 0.5, 0, 0]


# ---- scores of texts


def test_scores_of_single_texts(judge):
    raw = make_generations()
    texts = ["party snake happy table", "", "快乐 快乐 joy", "sat near sat near sat near"]
    raw.loc[raw.index[:4], "text"] = texts
    s = score(raw, judge)
    got = s.texts.iloc[:4]
    assert got["n_rated"].tolist() == [3, 0, 0, 0]  # happy is a concept word
    assert got["valence"].iloc[0] == pytest.approx((0.7 - 0.6 + 0) / 3) and got["arousal"].iloc[0] == pytest.approx(0.2)
    assert got["valence"].iloc[1:].isna().all()
    assert got["language_kept"].tolist() == [True, False, False, True]
    assert got["language_share"].iloc[2] == pytest.approx(1 / 3)
    assert (
        got["distinct_2"].iloc[0] == 1
        and got["distinct_2"].iloc[3] == pytest.approx(2 / 5)
        and got["repetition"].iloc[3] == pytest.approx(2 / 4)
    )
    assert np.isnan(got["distinct_2"].iloc[1]) and s.labels["embedded"][1] == ""


def test_hits_against_a_loop(scored):
    texts = check_generations(make_generations())["text"]
    for name, lexicon in (("lexicon", WORDS), ("lexicon-held-out", HELD_OUT)):
        want = [
            [bool(set(t.lower().strip(".").replace(".", "").split()) & set(lexicon[e])) for e in EMOTIONS]
            for t in texts
        ]
        assert np.array_equal(scored.hits[name], np.array(want))
    assert (scored.hits["embedded"].sum(1) <= 1).all()


def test_masked_judgement_ignores_concept_words(judge):
    raw = make_generations()
    raw.loc[raw.index[0], "text"] = "happy joy happy joy sat"
    raw.loc[raw.index[1], "text"] = "happy joy snake storm"
    s = score(raw, judge)
    assert s.labels["embedded"][0] == "joy" and s.masked["embedded"][1].tolist() == [e == "fear" for e in EMOTIONS]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"writing": Writing("zh", "latin", "letters")}, "judge's language"),
        (
            {"writing": Writing("en", "han", "jieba")},
            "splitter is 'letters' .judge embedded., the texts' 'jieba'",
        ),
        ({"judges": {}}, "no learned judge"),
        ({"norms": pd.concat([NORMS, NORMS])}, "twice"),
        ({"norms": NORMS.assign(valence=np.nan)}, "finite"),
        ({"lexicons": {"lexicon": WORDS}}, "missing"),
        ({"lexicons": {"lexicon": WORDS, "lexicon-held-out": {"joy": ["a"]}}}, "same in both"),
        ({"lexicons": {j: {"joy": ["joy"]} for j in LEXICONS}}, "no concept words"),
    ],
)
def test_bad_scoring_input_is_refused(judge, change, message):
    good = {
        "generations": check_generations(make_generations()),
        "lexicons": {"lexicon": WORDS, "lexicon-held-out": HELD_OUT},
        "judges": {"embedded": judge},
        "norms": NORMS,
        "writing": ENGLISH,
    }
    with pytest.raises(ValueError, match=message):
        score_texts(**(good | change))
