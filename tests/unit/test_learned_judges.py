"""Classifiers and language models as judges, on tiny models drawn at random; verdicts kept in files."""

import csv
import json
from dataclasses import replace

import numpy as np
import pytest
from conftest import make_model, make_tokenizer
from judges_made import LABELS, make_classifier

from shared_affect.models.choices import continued, log_probabilities
from shared_affect.models.classifiers import labels_of, load_classifier, read_config
from shared_affect.models.load import load_model
from shared_affect.models.tokens import load_ids
from shared_affect.steering.judges import TextJudge
from shared_affect.steering.label_maps import LabelMap, read_targets
from shared_affect.steering.learned import ClassifierJudge, ForcedChoice, files_of, keep, open_judge, read_kept
from shared_affect.steering.scores import cut_texts
from shared_affect.study.config import ConfigError
from shared_affect.study.inputs import Question, read_question
from shared_affect.words.segmentation import Writing

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


def decoder(folder, family, padding, own_padding):
    """A classifier that reads the last token of a row; what the tokenizer and the configuration call padding."""
    import torch
    import transformers

    tokenizer = make_tokenizer()
    shape = dict(
        num_hidden_layers=1, num_attention_heads=2, num_key_value_heads=2, intermediate_size=32, hidden_size=16
    )
    config = getattr(transformers, f"{family}Config")(
        vocab_size=len(tokenizer),
        pad_token_id=own_padding,
        initializer_range=0.5,
        id2label={0: "fear", 1: "joy", 2: "neutral"},
        **({k: v for k, v in shape.items() if family != "GPT2"} or {"n_embd": 16, "n_layer": 1, "n_head": 2}),
    )
    with torch.random.fork_rng():
        torch.manual_seed(0)
        getattr(transformers, f"{family}ForSequenceClassification")(config).save_pretrained(folder)
    tokenizer.pad_token = padding
    tokenizer.save_pretrained(folder)
    return folder


@pytest.mark.parametrize("family", ["Llama", "Qwen2", "GPT2"])
@pytest.mark.parametrize(("padding", "own"), [(None, None), ("<pad>", None), ("<pad>", 3), (None, 3)])
def test_a_text_is_classified_alike_alone_and_beside_a_longer_one(tmp_path, family, padding, own):
    texts = ["word", "word now think of the stone", "joy fear", "", "now word"]
    made = load_classifier(decoder(tmp_path / "c", family, padding, own), rows=4)
    alone = np.concatenate([made.probabilities([t]) for t in texts])
    assert made.probabilities(texts) == pytest.approx(alone, abs=1e-6)
    assert np.ptp(alone[:, 0]) > 1e-3  # they differ


def test_a_tokenizer_of_another_model_is_refused_when_the_classifier_is_loaded(classifier, tmp_path):
    copy = edited(classifier, tmp_path)
    made = make_tokenizer()
    made.add_tokens(["a", "b"])
    made.save_pretrained(copy)
    with pytest.raises(ValueError, match=r"copy: the classifier cannot read texts \(config/judges.tsv, row x en\)"):
        load_classifier(copy, where="config/judges.tsv, row x en")


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


def llama_type():
    """A tokenizer that puts a blank before whatever it is given, as that of Llama 2 does; `isjoy` is a token."""
    from tokenizers import Tokenizer, models, normalizers

    words = ["▁word", "▁joy", "▁fear", "▁stone", "▁is", "▁isjoy"]
    characters = sorted({c for w in words for c in w})
    vocabulary = {t: i for i, t in enumerate(dict.fromkeys(["<unk>", "<s>", *characters, *words]))}
    merges, made = [], set(characters)
    for w in words:
        left = w[0]
        for c in w[1:]:
            if left + c not in made:
                merges.append((left, c))
                vocabulary.setdefault(left + c, len(vocabulary))
                made.add(left + c)
            left += c
    tokenizer = Tokenizer(models.BPE(vocabulary, merges, unk_token="<unk>"))
    tokenizer.normalizer = normalizers.Sequence([normalizers.Prepend("▁"), normalizers.Replace(" ", "▁")])
    return tokenizer


def test_labels_are_scored_as_the_model_reads_them_after_the_question(causal, caplog):
    """Not as they are cut alone: there a tokenizer of the Llama type puts a blank before the blank."""
    model, ids = causal
    own = replace(ids, tokenizer=llama_type(), first=(1,))
    assert own.ids([" joy"])[0] != [1, *own.ids(["joy"])[0][1:]]
    targets = LabelMap({x: x for x in ("joy", "fear", "stone")}, {x: x for x in ("joy", "fear", "stone")})
    with caplog.at_level("INFO"):
        apart = ForcedChoice("en", model, own, Question("{text} is {label}"), targets, False, where="row")
    assert "merge" not in caplog.text
    for question, text in (("{text} is {label}", "word"), ("{text} is{label}", "word"), ("{text}{label}", "is")):
        judge = ForcedChoice("en", model, own, Question(question), targets, False, where="row")
        before = own.ids([judge.question.before(text)])[0]
        whole = own.ids([judge.question.before(text) + judge.question.lead + x for x in judge.own])
        alike = [len(set(column)) == 1 for column in zip(before, *whole, strict=False)]
        shared = [*alike, False].index(False)
        want = [log_probabilities(model, [before[:shared]], [x[shared:]])[0, 0] for x in whole]
        assert judge.scores([text])[0] == pytest.approx(want)
    assert apart.scores(["word"]).shape == (1, 3)
    with caplog.at_level("INFO"):
        ForcedChoice("en", model, own, Question("{text} is{label}"), targets, True, where="row")
    assert "row: labels merge with the last 1 tokens" in caplog.text


def test_a_question_that_shares_no_token_with_its_labels_is_refused(causal):
    own = replace(causal[1], tokenizer=llama_type(), first=())
    assert continued(own, "is", [" joy"])[0]
    with pytest.raises(ValueError, match="'' has no token in common"):
        continued(own, "", [" joy"])


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
    # nothing is left of a text: it shows nothing, whatever a model that must choose says
    assert kept.judge(masked)[0].tolist() == [judge.judge(["now"])[0][0], -1, judge.judge(["now"])[0][0]]
    assert judge.judge([""])[0].tolist() == [0] and not kept.by_words
    with pytest.raises(ValueError, match="holds no verdict on 'unheard'"):
        kept.judge(["unheard"])


def test_files_of_a_judge_among_the_inputs_of_a_job():
    inputs = {"texts": "t.jsonl", "folder": "models/x/config.json", "labels": "l.tsv", "norms": "n.tsv"}
    assert files_of(inputs) == {"folder": "models/x", "labels": "l.tsv"}
    assert files_of({"judge": "a.npz", "facts": "a.json"}) == {"judge": "a.npz", "facts": "a.json"}


def test_concept_words_are_cut_out_of_the_text_itself_for_judges_that_read_it(causal, tmp_path):
    texts = ["Happy Anna, so HAPPY!", "No Such  word here.", "Happy."]
    cut = cut_texts(texts, [{"joy": ["happy"]}], [], Writing("en", "latin", "letters"))
    judge = forced(causal)
    assert cut.without_words(judge) == ["Anna, so!", "No Such  word here.", "."]
    keep(tmp_path / "j.npz", judge, texts, cut.without_words(judge))
    kept = read_kept(tmp_path / "j.npz", "en")
    assert cut.without_words(kept) == cut.without_words(judge)
    top, masked = kept.judge(texts)[0], kept.judge(cut.without_words(kept))[0]
    assert masked[1] == top[1] and masked[2] == -1  # nothing was taken out of one, and nothing is left of the other


def test_no_label_without_an_emotion_is_a_concept_word(root):
    """A text that says the word would be given no emotion for it."""
    words = {}
    for path in sorted((root / "resources/concepts").glob("*.tsv")):
        words |= {r["word"]: (path.stem, r["emotion"]) for r in csv.DictReader(path.open(), delimiter="\t")}
    for path in sorted((root / "resources/judges").glob("*.tsv")):
        none = read_targets(path).without_emotion
        assert not {x: words[x] for x in none if x in words}, path.name
