"""Classifiers and language models as judges, on tiny models drawn at random; verdicts kept in files."""

import json

import numpy as np
import pytest
from conftest import make_model
from judges_made import LABELS, make_classifier

from shared_affect.models.choices import log_probabilities
from shared_affect.models.classifiers import labels_of, load_classifier, read_config
from shared_affect.models.load import load_model
from shared_affect.models.tokens import load_ids
from shared_affect.steering.judges import TextJudge
from shared_affect.steering.label_maps import LabelMap, read_targets
from shared_affect.steering.learned import ClassifierJudge, ForcedChoice, files_of, keep, open_judge, read_kept
from shared_affect.study.config import ConfigError
from shared_affect.study.inputs import Question, read_question

TARGETS = "label\temotion\tbasic\nhappiness\tjoy\tjoy\nfear\tfear\tfear\nlike\tjoy\tjoy\nneutral\t\t\n"
TEXTS = ["party song", "snake storm snake", "", "table unheard", "party"]


@pytest.fixture(scope="module")
def classifier(tmp_path_factory):
    return make_classifier(tmp_path_factory.mktemp("classifier"))


@pytest.fixture
def targets(tmp_path):
    (tmp_path / "map.tsv").write_text(TARGETS, encoding="utf-8")
    return tmp_path / "map.tsv"


# ---- classifiers


def test_a_classifier_equals_transformers_text_by_text(classifier):
    import torch
    from transformers import AutoModelForSequenceClassification, AutoTokenizer

    own = load_classifier(classifier, rows=2)
    assert own.labels == LABELS == labels_of(classifier, "row") and not own.several and own.most == 32
    model, tokenizer = AutoModelForSequenceClassification.from_pretrained(classifier).eval(), AutoTokenizer
    tokenizer = tokenizer.from_pretrained(classifier)
    with torch.inference_mode():
        want = [model(**tokenizer(t, return_tensors="pt")).logits.softmax(-1)[0].numpy() for t in TEXTS]
    assert np.abs(own.probabilities(TEXTS) - np.array(want)).max() < 1e-6
    assert own.probabilities([]).shape == (0, 4)


def test_a_classifier_judges_by_its_map(classifier, targets, tmp_path):
    judge = open_judge(
        {"folder": str(classifier), "labels": str(targets)},
        {"kind": "classifier", "device": "cpu", "rows": 8, "where": "row"},
        "en",
    )
    assert isinstance(judge, ClassifierJudge) and judge.labels == ("joy", "fear", "neutral")
    own, (top, p) = load_classifier(classifier).probabilities(TEXTS), judge.judge(TEXTS)
    assert p[:, 0] == pytest.approx(own[:, 0] + own[:, 2]) and p[:, 2] == pytest.approx(own[:, 3])
    # its top label decides, not the sum: a label keeps its weight however many others stand for the same
    assert [judge.labels[i] for i in top] == [("joy", "fear", "joy", "neutral")[i] for i in own.argmax(1)]


def test_labels_of_their_own_probability(tmp_path):
    own = load_classifier(make_classifier(tmp_path / "c", problem="multi_label_classification"))
    p = own.probabilities(TEXTS)
    assert own.several and np.abs(p.sum(1) - 1).max() > 0.05 and (0 <= p).all() and (p <= 1).all()


def test_long_texts_are_cut_and_counted(classifier, caplog):
    with caplog.at_level("INFO"):
        p = load_classifier(classifier).probabilities(["party " * 100])
    assert np.isfinite(p).all() and "1 of 1 texts have 32 tokens or more" in caplog.text


def test_a_classifier_whose_labels_do_not_map_is_refused(classifier, targets):
    targets.write_text(TARGETS.replace("like\tjoy\tjoy\n", ""), encoding="utf-8")
    with pytest.raises(
        ValueError, match=r"map.tsv: label 'like' is in the classifier .* not in the table; found: fear"
    ):
        open_judge(
            {"folder": str(classifier), "labels": str(targets)},
            {"kind": "classifier", "device": "cpu", "rows": 8, "where": "row"},
            "en",
        )


def edited(folder, tmp_path, **changes):
    import shutil

    copy = shutil.copytree(folder, tmp_path / "copy")
    config = json.loads((copy / "config.json").read_text())
    (copy / "config.json").write_text(json.dumps({k: v for k, v in (config | changes).items() if v is not None}))
    return copy


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"architectures": ["BertModel"]}, "is BertModel; needed: a class that ends in ForSequenceClassification"),
        ({"architectures": None}, "is no model"),
        ({"id2label": {"0": "joy"}}, "id2label is .* two labels or more"),
        ({"id2label": {"0": "joy", "2": "fear"}}, "numbered from 0"),
        ({"id2label": {"0": "joy", "1": "joy"}}, "each once"),
    ],
)
def test_folders_that_are_no_classifiers_are_refused_by_their_configuration(classifier, tmp_path, change, message):
    with pytest.raises(ValueError, match=message):
        labels_of(edited(classifier, tmp_path, **change), "config/judges.tsv, row x en")


def test_missing_weights_and_files_are_refused(classifier, tmp_path):
    from safetensors.numpy import load_file, save_file

    copy = edited(classifier, tmp_path)
    weights = load_file(copy / "model.safetensors")
    save_file(
        {k: v for k, v in weights.items() if k != "classifier.weight"}, copy / "model.safetensors", {"format": "pt"}
    )
    with pytest.raises(ValueError, match=r"weights are not those of its config.json \(row\). missing keys: classifier"):
        load_classifier(copy, where="row")
    save_file(
        weights | {"classifier.bias": weights["classifier.bias"] * np.nan}, copy / "model.safetensors", {"format": "pt"}
    )
    with pytest.raises(ValueError, match=r"NaN or infinite weights: classifier\.bias"):
        load_classifier(copy)
    (copy / "model.safetensors").unlink()
    with pytest.raises(ValueError, match=r"holds no .*safetensors"):
        read_config(copy, "row")
    with pytest.raises(ValueError, match=r"nowhere/config\.json does not exist"):
        read_config(tmp_path / "nowhere", "row")


# ---- forced choice


@pytest.fixture(scope="module")
def causal(tmp_path_factory):
    folder = make_model("llama", tmp_path_factory.mktemp("causal"))
    return load_model(folder), load_ids(folder)


def test_log_probabilities_equal_whole_passes(causal):
    import torch

    model, _ = causal
    rng = np.random.default_rng(0)
    vocabulary = model.config.vocab_size
    beginnings = [[1, *rng.integers(4, vocabulary, n)] for n in (3, 5, 3, 1)]
    # some begin alike, one is the beginning of another
    choices = [[5], [6, 7], [6, 8], [6, 7, 9], [10, 11]]
    found = log_probabilities(model, beginnings, choices, rows=2)
    for i, beginning in enumerate(beginnings):
        for k, choice in enumerate(choices):
            ids = torch.tensor([[*map(int, beginning), *choice]])
            with torch.inference_mode():
                p = model(ids).logits[0].log_softmax(-1)
            want = sum(float(p[len(beginning) - 1 + j, t]) for j, t in enumerate(choice))
            assert found[i, k] == pytest.approx(want, abs=1e-4)
    for bad in ([[5], []], [[5], [5]]):
        with pytest.raises(ValueError, match="empty or alike"):
            log_probabilities(model, beginnings, bad)


def forced(causal, calibrated=True, text="He said {text} and so it is {label}"):
    model, ids = causal
    targets = LabelMap(
        {"joy": "joy", "sadness": "sadness", "stone": ""}, {"joy": "joy", "sadness": "sadness", "stone": ""}
    )
    return ForcedChoice("en", model, ids, Question(text), targets, calibrated, rows=4, where="row")


def test_a_forced_choice_is_a_softmax_of_calibrated_scores(causal):
    texts = ["word now think", "stone", "word now think", ""]
    raw, calibrated = forced(causal, False), forced(causal)
    assert calibrated.labels == ("joy", "sadness", "stone")
    difference = raw.scores(texts) - calibrated.scores(texts)
    assert np.abs(difference - difference[3]).max() < 1e-9  # what an empty text gives is taken off everywhere
    assert np.abs(calibrated.scores([""])).max() < 1e-9
    top, p = calibrated.judge(texts)
    assert p.sum(1) == pytest.approx(1) and p[3] == pytest.approx(1 / 3) and p[0] == pytest.approx(p[2])
    assert top.tolist() == calibrated.scores(texts).argmax(1).tolist()
    # of labels of several tokens the sum, from the question's last token on
    ids = causal[1]
    start = len(ids.first)
    asked = ids.ids([raw.question.before("stone")])
    words = [x[start:] for x in ids.ids([" joy", " sadness", " stone"])]
    assert any(len(w) > 1 for w in words)
    assert raw.scores(["stone"])[0] == pytest.approx(log_probabilities(causal[0], asked, words)[0])


def test_long_texts_are_cut_before_the_question_is_asked(causal, caplog, monkeypatch):
    from shared_affect.steering import learned

    monkeypatch.setattr(learned, "MOST_TOKENS", 3)
    with caplog.at_level("INFO"):
        a = forced(causal).scores(["word now think of stone", "word now think"])
    assert "1 of 2 texts have more than 3 tokens" in caplog.text and a[0] == pytest.approx(a[1])


@pytest.mark.parametrize("language", ["en", "zh"])
def test_committed_questions_and_choices(root, language):
    path = root / f"resources/questions/{language}.tsv"
    question = read_question(path, "feeling")
    assert question.lead == (" " if language == "en" else "") and "x1y" in question.before("x1y")
    with pytest.raises(ConfigError, match=f"{language}.tsv has no question 'felling' .*did you mean 'feeling'"):
        read_question(path, "felling")
    for name in ("choice", "basic"):
        targets = read_targets(root / f"resources/judges/{name}-{language}.tsv")
        assert len(set(targets.emotion.values()) - {""}) == {"choice": 27, "basic": 6}[name]
        assert "" in targets.emotion.values()


@pytest.mark.parametrize("text", ["no place {label}", "{text} {text} {label}", "{label} {text}", "{text} {label}."])
def test_questions_without_their_places_are_refused(tmp_path, text):
    (tmp_path / "q.tsv").write_text(f"question\ttext\nx\t{text}\n", encoding="utf-8")
    with pytest.raises(ConfigError, match="line 2: text is"):
        read_question(tmp_path / "q.tsv", "x")


# ---- kept verdicts


def test_kept_verdicts_are_found_by_the_text(causal, tmp_path):
    judge: TextJudge = forced(causal)
    texts, masked = ["word now", "stone", "word now"], ["now", "", "now"]
    keep(tmp_path / "j.npz", judge, texts, masked)
    kept = read_kept(tmp_path / "j.npz", "en")
    assert kept.labels == judge.labels
    top, p = kept.judge(texts[::-1])
    assert top.tolist() == judge.judge(texts)[0][::-1].tolist() and p == pytest.approx(judge.judge(texts)[1][::-1])
    assert kept.judge(masked)[0].tolist() == judge.judge(masked)[0].tolist()
    with pytest.raises(ValueError, match="holds no verdict on 'unheard'"):
        kept.judge(["unheard"])


def test_files_of_a_judge_among_the_inputs_of_a_job():
    inputs = {"texts": "t.jsonl", "folder": "models/x/config.json", "labels": "l.tsv", "norms": "n.tsv"}
    assert files_of(inputs) == {"folder": "models/x", "labels": "l.tsv"}
    assert files_of({"judge": "a.npz", "facts": "a.json"}) == {"judge": "a.npz", "facts": "a.json"}
