"""Sets of prompts: what they hold, their halves, words that must not stand in them, and what unsteered texts show."""

import copy
import csv
from collections import Counter

import numpy as np
import pandas as pd
import pytest
import yaml
from test_judges import EMOTIONS, make_judge
from test_steering_scores import make_generations, score

from shared_affect.base.reading import read_lines
from shared_affect.planning import prompts
from shared_affect.planning.plan import read_study
from shared_affect.results.claims import rules
from shared_affect.steering.baseline import ANY, HIGH, prompt_baseline
from shared_affect.steering.files import PROMPT_BASELINE, PROMPTS
from shared_affect.steering.prompts import read_prepared, refuse_words
from shared_affect.study.config import ConfigError
from shared_affect.study.inputs import SPLITS, half_of, read_prompt_sets, read_prompts
from shared_affect.words.lemma_families import family_links
from shared_affect.words.prompt_words import family_hits, plain_hits
from shared_affect.words.segmentation import Segmenter, Writing

SETS = ("continuations", "requests")
SPLITTER = {"en": "letters", "zh": "jieba"}
EN, ZH = Writing("en", "latin", "letters"), Writing("zh", "han", "jieba")
RULE = {"en": "snowball-english", "zh": "shared-headword"}


def emotion_words(root, language):
    with open(root / f"resources/concepts/{language}.tsv", encoding="utf-8") as f:
        words = [r["word"] for r in csv.DictReader(f, delimiter="\t", quoting=csv.QUOTE_NONE)]
    with open(root / "resources/emotions.tsv", encoding="utf-8") as f:
        rows = list(csv.DictReader(f, delimiter="\t"))
    return list(dict.fromkeys([*words, *(r["emotion" if language == "en" else "label_zh"] for r in rows)]))


def relatives(texts, words, language):
    return family_hits(
        texts, words, Segmenter(SPLITTER[language], words), lambda every: family_links(every, RULE[language])
    )


# ---- what is committed


@pytest.mark.parametrize("language", ["en", "zh"])
@pytest.mark.parametrize("name", SETS)
def test_a_committed_set_is_large_balanced_and_free_of_words_of_emotions(root, name, language):
    found = read_prompts(root / f"resources/prompts/{name}/{language}.tsv")
    halves = Counter(split for _, split, _ in found)
    assert len(found) >= 60 and min(halves[s] for s in SPLITS) >= 24
    texts = {n: t for n, _, t in found}
    assert relatives(texts, emotion_words(root, language), language) == []
    assert all(t == t.strip() for t in texts.values())


@pytest.mark.parametrize("name", SETS)
def test_languages_of_a_set_have_the_same_prompts_by_name_and_so_the_same_halves(root, name):
    en, zh = (read_prompts(root / f"resources/prompts/{name}/{k}.tsv") for k in ("en", "zh"))
    assert [p[:2] for p in en] == [p[:2] for p in zh]


@pytest.mark.parametrize("language", ["en", "zh"])
@pytest.mark.parametrize("kind", ["fidelity", "neutral"])
def test_running_texts_are_many_and_different(root, kind, language):
    lines = read_lines(root / f"resources/texts/{kind}_{language}.txt")
    assert len(lines) >= 400 and len(set(lines)) == len(lines)
    # no template with a word exchanged: few lines share their first words
    beginnings = Counter(tuple(t.split()[:4]) if language == "en" else t[:5] for t in lines)
    assert beginnings.most_common(1)[0][1] <= 5
    if kind == "neutral":
        texts = {str(i): t for i, t in enumerate(lines)}
        assert [h for h in relatives(texts, emotion_words(root, language), language) if h.word == h.found] == []


# ---- halves and words


def test_the_name_decides_the_half_and_a_column_overrules_it(tmp_path):
    path = tmp_path / "en.tsv"
    path.write_text("prompt\ttext\nkettle\tA\nferry\tB\n", encoding="utf-8")
    before = read_prompts(path)
    assert before == [("kettle", half_of("kettle"), "A"), ("ferry", half_of("ferry"), "B")]
    path.write_text("prompt\ttext\nlamp\tC\nferry\tB\nkettle\tA\n", encoding="utf-8")
    assert set(before) < set(read_prompts(path))
    path.write_text("prompt\tsplit\ttext\nkettle\tscore\tA\nferry\tchoose\tB\n", encoding="utf-8")
    assert [s for _, s, _ in read_prompts(path)] == ["score", "choose"]
    path.write_text("prompt\ttext\nkettle\tA\nferry\tB\nlamp\tA\n", encoding="utf-8")
    with pytest.raises(ConfigError, match=r"en.tsv, line 4: text is 'A', as in line 2; allowed: each once"):
        read_prompts(path)
    path.write_text("set\tkind\nx\tquestion\n", encoding="utf-8")
    with pytest.raises(ConfigError, match=r"line 2: kind is 'question'; allowed: continuation, request"):
        read_prompt_sets(path)


def test_prepared_prompts_come_back_as_they_were(tmp_path):
    found = [("a", "choose", "NA"), ("b", "score", "12"), ("c", "score", 'say "so" and'), ("d", "choose", "null")]
    PROMPTS.write(tmp_path / "p.tsv", pd.DataFrame(found, columns=["prompt", "split", "text"]))
    assert read_prepared(tmp_path / "p.tsv") == found


def test_words_are_found_whole_and_chinese_ones_anywhere():
    texts = {
        "a": "The joyless clerk",
        "b": "Joy, he said",
        "c": "over the moon now",
        "d": "他很高兴地来了",
        "e": "爱好",
    }
    found = plain_hits(texts, ["joy", "over the moon", "高兴", "爱"])
    assert [(h.prompt, h.word) for h in found] == [("b", "joy"), ("c", "over the moon"), ("d", "高兴")]
    assert plain_hits(texts, []) == []


def test_a_word_is_refused_and_one_of_its_family_is_named(caplog):
    words = ["joy", "worried", "over the moon"]
    refuse_words([("a", "choose", "the table")], words, EN, RULE["en"], "p.tsv")
    assert not caplog.records
    refuse_words([("a", "choose", "she worries")], words, EN, RULE["en"], "p.tsv")
    assert "p.tsv, prompt a: 'she worries' holds 'worries', of the family of the emotion word 'worried'" in caplog.text
    for text, word in (("no Joy here", "joy"), ("over the moon", "over the moon")):
        with pytest.raises(ValueError, match=rf"p.tsv, prompt a: .* holds '{word}', a word of an emotion"):
            refuse_words([("a", "choose", text)], words, EN, RULE["en"], "p.tsv")
    with pytest.raises(ValueError, match="holds '爱'"):
        refuse_words([("a", "choose", "她爱他")], ["爱"], ZH, RULE["zh"], "p.tsv")
    refuse_words([("a", "choose", "一个爱好")], ["爱"], ZH, RULE["zh"], "p.tsv")
    refuse_words([("a", "choose", "他好奇地问")], ["好奇心"], ZH, RULE["zh"], "p.tsv")
    assert "holds '好奇', of the family of the emotion word '好奇心'" in caplog.text


# ---- before any job


@pytest.fixture(scope="module")
def make(root, checkout):
    config = yaml.safe_load((root / "config.yaml").read_text(encoding="utf-8"))
    tables = checkout.read_tables()

    def made(overlay="", chat=None, **keys):
        changed = copy.deepcopy(tables)
        for row in changed["models"]:
            row["chat"] = row["chat"] if chat is None else row["model"] in chat
        own = yaml.safe_load((root / f"studies/{overlay}.yaml").read_text(encoding="utf-8")) if overlay else {}
        both = [k for k, v in own.items() if isinstance(v, dict) and isinstance(config.get(k), dict)]
        own |= {k: config[k] | own[k] for k in both}
        return read_study(copy.deepcopy(config) | own | keys, checkout, changed)

    return made


def test_shipped_studies_name_a_set_that_fits_their_models(make):
    wanted = {"": "planted", "paper": "requests", "families": "continuations", "laptop": "continuations"}
    for overlay, name in wanted.items():
        study = make(overlay)
        prompts.look(study)
        assert study.config["prompts"] == name
        assert study.chats == (study.claiming if name == "requests" else [])
        assert study.config["steering"]["first_token"] == ("spared" if overlay else "steered")
    assert ["gemma-3-1b-it" in t for t in prompts.unwrapped(make("families"))] == [True]
    assert prompts.unwrapped(make("paper")) == prompts.unwrapped(make("")) == []
    assert make("paper").beginning("llama-3-8b-it") == {"chat": True, "system_prompt": None, "spares_first": True}
    assert make("").beginning("llama-planted") == {"chat": False, "system_prompt": None, "spares_first": False}


def test_sets_languages_and_models_are_refused_before_any_job(make, tmp_path):
    with pytest.raises(
        ConfigError, match=r"key prompts is 'request' .did you mean 'requests'\?.; allowed: planted, continuations"
    ):
        prompts.look(make("paper", prompts="request"))
    with pytest.raises(ConfigError, match=r"row llama-3-8b-it: column chat is false, and the prompts 'requests'"):
        prompts.look(make("paper", chat=["gemma-2-9b-it"]))
    with pytest.raises(ConfigError, match=r"key prompts is 'continuations'; allowed for 'gemma2-planted'.*: planted"):
        prompts.look(make(prompts="continuations"))
    (tmp_path / "prompts/mine").mkdir(parents=True)
    (tmp_path / prompts.SETS).write_text("set\tkind\nmine\tcontinuation\n")
    (tmp_path / "prompts/mine/en.tsv").write_text("prompt\tsplit\ttext\na\tchoose\tA\nb\tscore\tB\nc\tscore\tC\n")
    with pytest.raises(ConfigError, match=r"mine/zh.tsv does not exist: language 'zh' .* 'mine' .*which has en; write"):
        prompts.read_set("mine", "zh", tmp_path)
    with pytest.raises(ConfigError, match=r"mine/en.tsv has 1 prompt of split 'choose'; needed: 2 or more of both"):
        prompts.read_set("mine", "en", tmp_path)


def test_a_prompt_with_a_word_of_the_study_is_refused_with_its_row(make, monkeypatch):
    real = prompts.read_set
    monkeypatch.setattr(prompts, "read_set", lambda *a, **k: [*real(*a, **k), ("bad", "score", "she was happy when")])
    with pytest.raises(
        ConfigError, match=r"prompts/planted/en.tsv, prompt bad: .* holds 'happy', a word of an emotion"
    ):
        prompts.look(make())


# ---- the baseline


def test_baseline_against_a_naive_count():
    judge = make_judge()
    scored = score(make_generations(), judge)
    table = prompt_baseline(scored, "mine").set_index(["judge", "emotion"])
    assert PROMPT_BASELINE.check(table.reset_index(), "x") is None
    texts = scored.texts.reset_index(drop=True)
    here = texts.index[texts["arm"] == "none"]
    for j, hits in scored.hits.items():
        for e, emotion in enumerate([*scored.emotions, ANY]):
            values = [hits[i].max() if emotion == ANY else hits[i, e] for i in here]
            by_prompt = pd.Series(values).groupby(texts.loc[here, "prompt"].to_numpy()).max()
            row = table.loc[(j, emotion)]
            assert row["rate"] == pytest.approx(np.mean(values)) and row["n_texts"] == len(here)
            assert row["prompts_showing"] == pytest.approx((by_prompt > 0).mean()) and row["n_prompts"] == len(
                by_prompt
            )
            assert row["ci_low"] <= row["rate"] <= row["ci_high"]
            assert row["high"] == (row["rate"] >= HIGH and (emotion != ANY or j != "embedded"))


def test_an_emotion_that_a_judge_does_not_know_has_no_baseline():
    scored = score(make_generations(), make_judge())
    scored.hits["embedded"][:, 0] = np.nan
    table = prompt_baseline(scored, "mine").set_index(["judge", "emotion"])
    assert table.loc[("embedded", EMOTIONS[0]), ["rate", "ci_low", "prompts_showing"]].isna().all()
    assert not table.loc[("embedded", EMOTIONS[0]), "high"] and np.isfinite(table.loc[("embedded", ANY), "rate"])


def test_a_high_baseline_is_said_beside_the_claim(caplog):
    scored = score(make_generations(), make_judge())
    none = (scored.texts["arm"] == "none").to_numpy()
    for hits in scored.hits.values():
        hits[none] = 0.0
    low = prompt_baseline(scored, "mine")
    assert not low["high"].any() and "high baseline" not in caplog.text
    scored.hits["lexicon"][none, 1] = 1.0
    high = prompt_baseline(scored, "mine")
    assert f"show {EMOTIONS[1]} in 100% (judge lexicon): a high baseline" in caplog.text
    setting = rules.Setting(["m"], ["en"], [], "s", "h", "n", 0.02, 0.05)
    for table, wanted in ((low, ""), (high, f"show {EMOTIONS[1]} in 1.00 (judge lexicon) and 1 more")):
        tables = {"steering_baseline": table.assign(model="m", sae="s", language="en")}
        said = rules._baseline(rules.Evidence(tables, setting), rules.Case("steering", "m", "en"))
        assert wanted in said and bool(said) == bool(wanted)
    assert rules._baseline(rules.Evidence({}, setting), rules.Case("steering", "m", "en")) == ""
