"""The embedded judge against scikit-learn, and its held-out accuracy."""

import numpy as np
import pytest

from shared_affect.steering.judges import Judge, accuracy_of, train_judge
from shared_affect.words.segmentation import Writing

ENGLISH, CHINESE = Writing("en", "latin", "letters"), Writing("zh", "han", "jieba")
EMOTIONS = ("joy", "fear", "anger")
WORDS = {"joy": ["joy", "happy"], "fear": ["fear", "afraid"], "anger": ["anger", "mad"]}
FILLER = ["Anna", "the", "clerk", "sat", "near", "table", "report", "walked", "train", "engine"]
HINTS = {"joy": ["party", "song"], "fear": ["snake", "storm"], "anger": ["riot", "insult"]}


def sentence(rng, emotion=None):
    words = list(rng.choice(FILLER, 6))
    if emotion:
        words += [*rng.choice(HINTS[emotion], 2), *([rng.choice(WORDS[emotion])] if rng.random() < 0.6 else [])]
    return " ".join(rng.permutation(words)) + "."


def make_judge():
    rng = np.random.default_rng(0)
    labels = np.repeat(EMOTIONS, 60)
    return train_judge([sentence(rng, e) for e in labels], labels, ENGLISH, np.random.default_rng(1))


@pytest.fixture(scope="module")
def judge():
    return make_judge()


@pytest.mark.parametrize("n_labels", [2, 3])
def test_judge_equals_scikit_learn(n_labels, tmp_path):
    from sklearn.feature_extraction.text import TfidfVectorizer
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline

    rng = np.random.default_rng(7)
    labels = np.repeat(EMOTIONS[:n_labels], 30)
    texts = [sentence(rng, e) for e in labels]
    ours = train_judge(texts, labels, ENGLISH, np.random.default_rng(8))
    other = make_pipeline(
        TfidfVectorizer(token_pattern=r"[a-zA-Z]+", ngram_range=(1, 2), min_df=2, sublinear_tf=True),
        LogisticRegression(C=2.0, max_iter=300, tol=1e-3),
    ).fit(texts, labels)
    new = [*(sentence(rng, e) for e in labels), "", "unheard unseen", "party party party song"]
    assert np.abs(ours.judge(new)[1] - other.predict_proba(new)).max() < 1e-10
    ours.save(tmp_path / "j.npz", tmp_path / "j.json")
    again = Judge.load(tmp_path / "j.npz", tmp_path / "j.json")
    assert np.array_equal(again.judge(new)[1], ours.judge(new)[1])
    assert (again.labels, again.words, again.facts) == (ours.labels, ours.words, ours.facts)
    assert ours.judge(new)[0][-3:].tolist() == [-1, -1, ours.labels.index("joy")]


def test_judge_accuracy_is_held_out(judge):
    assert (
        judge.facts["accuracy"] > 0.9
        and judge.facts["n_held_out"] == 36
        and judge.facts["chance_majority"] == pytest.approx(1 / 3)
    )
    rng = np.random.default_rng(9)
    noise = train_judge([sentence(rng) for _ in range(300)], rng.permutation(np.repeat(EMOTIONS, 100)), ENGLISH, rng)
    assert noise.facts["accuracy"] < 0.55  # would be near 1 on the texts it was trained on


def test_accuracy_and_macro_f1_equal_scikit_learn():
    from sklearn.metrics import accuracy_score, f1_score

    rng = np.random.default_rng(10)
    true, predicted = rng.choice(EMOTIONS, 80), rng.choice(EMOTIONS, 80)
    got = accuracy_of(true, predicted)
    assert got["accuracy"] == pytest.approx(accuracy_score(true, predicted))
    assert got["macro_f1"] == pytest.approx(f1_score(true, predicted, average="macro"))


def test_chinese_judge(tmp_path):
    rng = np.random.default_rng(11)
    labels = np.repeat(["joy", "fear"], 20)
    texts = [
        f"{rng.choice(['小明', '小红'])}看到{rng.choice(['聚会', '唱歌'] if x == 'joy' else ['毒蛇', '风暴'])}。"
        for x in labels
    ]
    j = train_judge(texts, labels, CHINESE, rng, words=["毒蛇"])
    assert j.facts["accuracy"] == 1 and "毒蛇" in j.vocabulary
    j.save(tmp_path / "j.npz", tmp_path / "j.json")
    assert np.array_equal(Judge.load(tmp_path / "j.npz", tmp_path / "j.json").judge(texts)[1], j.judge(texts)[1])


@pytest.mark.parametrize(
    ("texts", "labels", "held_out", "message"),
    [
        (["a"], ["x", "y"], 0.2, "1 texts and 2"),
        (["a"] * 8, ["x"] * 8, 0.2, "1 label"),
        (["a"] * 5, ["x"] * 4 + ["y"], 0.2, "rarest with 1"),
        (["a"] * 8, ["x", "y"] * 4, 1.0, "held_out"),
    ],
)
def test_bad_judge_texts_are_refused(texts, labels, held_out, message):
    with pytest.raises(ValueError, match=message):
        train_judge(texts, labels, ENGLISH, np.random.default_rng(0), held_out=held_out)
