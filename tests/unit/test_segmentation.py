"""Words of a text: whole words only, in both languages."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import yaml
from test_judges import EMOTIONS, WORDS, sentence

from shared_affect.words.prompt_words import Hit, plain_hits
from shared_affect.words.segmentation import (
    SCRIPTS,
    SPLITTERS,
    Segmenter,
    Writing,
    check_splitter,
    check_texts,
    drop_words,
    find_words,
    script_share,
)

PROMPTS = Path(__file__).parents[2] / "resources" / "prompts" / "planted"


def lexicon_hits(texts, lexicon, splitter, extra_words=()):
    segment = Segmenter(splitter, [*extra_words, *(w for ws in lexicon.values() for w in ws)])
    return find_words([segment(t) for t in texts], lexicon, segment)


def mask_words(texts, words, splitter):
    segment = Segmenter(splitter, words)
    return drop_words([segment(t) for t in texts], words, segment)


def test_english_hits_are_whole_words_case_folded():
    lexicon = {"joy": ["happy", "over the moon"], "anger": ["mad"]}
    texts = [
        "HAPPY days",
        "unhappy madness",
        "He's Mad, happy!",
        "",
        "over the moon.",
        "over the moonlight",
        "over, the moon",
    ]
    want = [[1, 0], [0, 0], [1, 1], [0, 0], [1, 0], [0, 0], [1, 0]]
    assert np.array_equal(lexicon_hits(texts, lexicon, "letters"), np.array(want, bool))


def test_chinese_hits_respect_longer_words():
    lexicon = {"love": ["爱"], "nervousness": ["不安"], "relief": ["安心"], "annoyance": ["不耐烦"]}
    texts = ["他爱她", "爱情和恋爱", "小明感到不安。", "小明很安心", "他很不耐烦", "耐烦", "", "Anna爱 the dog"]
    want = [
        [1, 0, 0, 0],
        [0, 0, 0, 0],
        [0, 1, 0, 0],
        [0, 0, 1, 0],
        [0, 0, 0, 1],
        [0, 0, 0, 0],
        [0, 0, 0, 0],
        [1, 0, 0, 0],
    ]
    assert np.array_equal(lexicon_hits(texts, lexicon, "jieba"), np.array(want, bool))


def test_chinese_words_given_stay_whole_whatever_their_parts():
    words = ["想知道", "松口气", "火大", "心灰", "的是的", "爱爱情情"]
    segment = Segmenter("jieba", words)
    for w in words:
        assert segment(w) == [w]
        assert w in segment(f"小明{w}。")
    assert Segmenter("jieba")("的是的") != ["的是的"]


def test_the_longer_of_two_known_words_wins():
    assert "面包" in Segmenter("jieba", ["面包"])("面包师带着报告")
    assert "面包师" in Segmenter("jieba", ["面包", "面包师"])("面包师带着报告")
    texts, lexicon = ["面包师带着报告"], {"food": ["面包"]}
    assert (
        lexicon_hits(texts, lexicon, "jieba").all()
        and not lexicon_hits(texts, lexicon, "jieba", extra_words=["面包师"]).any()
    )


def test_segmenters_share_nothing():
    import jieba

    before = jieba.dt.FREQ.copy()
    Segmenter("jieba", ["的是的"])
    assert jieba.dt.FREQ == before
    assert "的是的" not in Segmenter("jieba")("的是的")


@pytest.mark.parametrize(
    ("splitter", "words"), [("letters", {"joy": []}), ("letters", {"joy": ["!"]}), ("spaces", {"joy": ["joie"]})]
)
def test_bad_lexicons_are_refused(splitter, words):
    with pytest.raises(ValueError, match=r"joy|letter|splitter"):
        lexicon_hits(["a"], words, splitter)


def test_masking_takes_words_and_phrases_out():
    assert mask_words(
        ["Happy Anna sat, happy!", "", "over the moon over the moon now"], ["happy", "over the moon"], "letters"
    ) == ["anna sat", "", "now"]
    assert mask_words(["小明很不安。他有爱情"], ["不安", "爱"], "jieba") == ["小 明 很 他 有 爱情"]


def test_masked_texts_never_hit():
    rng = np.random.default_rng(5)
    texts = [sentence(rng, rng.choice(EMOTIONS)) for _ in range(100)]
    assert lexicon_hits(texts, WORDS, "letters").any()
    assert not lexicon_hits(
        mask_words(texts, [w for ws in WORDS.values() for w in ws], "letters"), WORDS, "letters"
    ).any()


def test_script_share_counts_words_but_no_numbers():
    assert script_share(["小明", "anna", "12"], "han") == script_share(["小明", "anna", "12"], "latin") == 0.5
    assert script_share([], "latin") == 0 and script_share(["怒"], "han") == 1


@pytest.mark.parametrize(("language", "splitter"), [("en", "letters"), ("zh", "jieba")])
def test_prompts_are_neutral_and_balanced(language, splitter):
    prompts = pd.read_csv(PROMPTS / f"{language}.tsv", sep="\t", keep_default_na=False)
    concepts = pd.read_csv(PROMPTS.parents[1] / "concepts" / f"{language}.tsv", sep="\t", keep_default_na=False)
    ordinary = pd.read_csv(PROMPTS.parents[1] / "planted" / "ordinary.tsv", sep="\t", keep_default_na=False)
    assert list(prompts) == ["prompt", "split", "text"] and prompts["text"].is_unique
    assert (
        prompts["prompt"].tolist() == [f"p{i:02d}" for i in range(1, 49)]
        and prompts["split"].tolist() == ["choose", "score"] * 24
    )
    coloured = ordinary.loc[ordinary["class_valence"] != 0, language].tolist()
    words = concepts["word"].tolist() + coloured
    assert not lexicon_hits(prompts["text"].tolist(), {"any": words}, splitter, extra_words=ordinary[language]).any()
    assert lexicon_hits([words[0]], {"any": words}, splitter).all()


def test_words_of_languages_with_letters_of_their_own_are_whole():
    segment = Segmenter("letters", ["über", "niño"])
    assert segment("¡El NIÑO está feliz! Über-glücklich; żółć, ćošak d'accord") == (
        ["el", "niño", "está", "feliz", "über", "glücklich", "żółć", "ćošak", "d'accord"]
    )
    assert lexicon_hits(["Die Freude ist groß", "Freudentag"], {"joy": ["Freude"]}, "letters")[:, 0].tolist() == [
        True,
        False,
    ]


def test_how_a_language_is_written_is_refused_where_it_cannot_be_honoured(root):
    with pytest.raises(ValueError, match=r"'xx' has no splitter, and texts are judged; allowed: letters, jieba"):
        check_splitter(None, "xx", "texts are judged")
    with pytest.raises(ValueError, match=r"splitter 'spaces'.*allowed: letters, jieba.*column splitter"):
        Writing("xx", "latin", "spaces")
    with pytest.raises(ValueError, match=r"script 'thai'; allowed: latin, han, arabic"):
        Writing("xx", "thai", "letters")
    schema = yaml.safe_load((root / "workflow/schemas/languages.yaml").read_text(encoding="utf-8"))["properties"]
    assert schema["splitter"]["enum"] == [*SPLITTERS, None] and schema["script"]["enum"] == list(SCRIPTS)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("मैं बहुत खुश हूँ।", ["मैं", "बहुत", "खुश", "हूँ"]),
        ("أنا سَعِيدٌ، جِدًّا", ["أنا", "سَعِيدٌ", "جِدًّا"]),
        ("می\u200cخواهم\u200c بروم", ["می\u200cخواهم", "بروم"]),
        ("আমি খুব খুশি", ["আমি", "খুব", "খুশি"]),
        ("አዝናለሁ፣ በጣም", ["አዝናለሁ", "በጣም"]),
        ("Ради нас, слёзы", ["ради", "нас", "слёзы"]),
        ("İstanbul’da x\u030cena", ["i\u0307stanbul’da", "x\u030cena"]),
        ("Freude \u0301 12\ufe0f ❤\ufe0f", ["freude", "12"]),
    ],
)
def test_marks_belong_to_their_letter_in_every_script(text, words):
    assert Segmenter("letters")(text) == Segmenter("jieba")(text) == [w for w in words]


def test_a_word_is_not_found_in_a_longer_one_that_goes_on_with_a_mark():
    texts = ["वह मैं हूँ", "म"]
    assert lexicon_hits(texts, {"joy": ["म"]}, "letters")[:, 0].tolist() == [False, True]
    assert plain_hits(dict(enumerate(texts)), ["म"]) == [Hit(1, "म", "म")]


def test_words_of_another_script_are_not_the_languages_own():
    assert script_share(["радость", "joy"], "latin") == script_share(["радость", "joy"], "cyrillic") == 0.5
    assert [script_share([w], s) for w, s in (("ｊｏｙ", "latin"), ("기쁨", "hangul"), ("χαρά", "greek"))] == [1, 1, 1]


@pytest.mark.parametrize(
    ("texts", "script", "word"),
    [
        (["मैं खुश हूँ"], "latin", "मैं"),
        (["I am glad"], "devanagari", "i"),
        (["I am 12"], "han", "i"),
        (["我很高兴"], "latin", "我很高兴"),
    ],
)
def test_texts_in_another_script_than_the_languages_row_says_are_refused(texts, script, word):
    with pytest.raises(ValueError, match=rf"the judge: 0% of the words are in {script} script, '{word}' is not"):
        check_texts(texts * 2000, Writing("xx", script, "letters"), "the judge")
    check_texts([], Writing("xx", script, "letters"), "the judge")
    check_texts(["12 !"], Writing("xx", script, "letters"), "the judge")
