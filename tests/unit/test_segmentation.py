"""Words of a text: whole words only, in both languages."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from test_judges import EMOTIONS, WORDS, sentence

from shared_affect.words.segmentation import Segmenter, drop_words, find_words, script_share

PROMPTS = Path(__file__).parents[2] / "resources" / "prompts" / "planted"


def lexicon_hits(texts, lexicon, language, extra_words=()):
    segment = Segmenter(language, [*extra_words, *(w for ws in lexicon.values() for w in ws)])
    return find_words([segment(t) for t in texts], lexicon, segment)


def mask_words(texts, words, language):
    segment = Segmenter(language, words)
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
    assert np.array_equal(lexicon_hits(texts, lexicon, "en"), np.array(want, bool))


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
    assert np.array_equal(lexicon_hits(texts, lexicon, "zh"), np.array(want, bool))


def test_chinese_words_given_stay_whole_whatever_their_parts():
    words = ["想知道", "松口气", "火大", "心灰", "的是的", "爱爱情情"]
    segment = Segmenter("zh", words)
    for w in words:
        assert segment(w) == [w]
        assert w in segment(f"小明{w}。")
    assert Segmenter("zh")("的是的") != ["的是的"]


def test_the_longer_of_two_known_words_wins():
    assert "面包" in Segmenter("zh", ["面包"])("面包师带着报告")
    assert "面包师" in Segmenter("zh", ["面包", "面包师"])("面包师带着报告")
    texts, lexicon = ["面包师带着报告"], {"food": ["面包"]}
    assert (
        lexicon_hits(texts, lexicon, "zh").all()
        and not lexicon_hits(texts, lexicon, "zh", extra_words=["面包师"]).any()
    )


def test_segmenters_share_nothing():
    import jieba

    before = jieba.dt.FREQ.copy()
    Segmenter("zh", ["的是的"])
    assert jieba.dt.FREQ == before
    assert "的是的" not in Segmenter("zh")("的是的")


@pytest.mark.parametrize(
    ("language", "words"), [("en", {"joy": []}), ("en", {"joy": ["!"]}), ("fr", {"joy": ["joie"]})]
)
def test_bad_lexicons_are_refused(language, words):
    with pytest.raises(ValueError, match=r"joy|letter|language"):
        lexicon_hits(["a"], words, language)


def test_masking_takes_words_and_phrases_out():
    assert mask_words(
        ["Happy Anna sat, happy!", "", "over the moon over the moon now"], ["happy", "over the moon"], "en"
    ) == ["anna sat", "", "now"]
    assert mask_words(["小明很不安。他有爱情"], ["不安", "爱"], "zh") == ["小 明 很 他 有 爱情"]


def test_masked_texts_never_hit():
    rng = np.random.default_rng(5)
    texts = [sentence(rng, rng.choice(EMOTIONS)) for _ in range(100)]
    assert lexicon_hits(texts, WORDS, "en").any()
    assert not lexicon_hits(mask_words(texts, [w for ws in WORDS.values() for w in ws], "en"), WORDS, "en").any()


def test_script_share_counts_words_but_no_numbers():
    assert script_share(["小明", "anna", "12"], "zh") == script_share(["小明", "anna", "12"], "en") == 0.5
    assert script_share([], "en") == 0 and script_share(["怒"], "zh") == 1


@pytest.mark.parametrize("language", ["en", "zh"])
def test_prompts_are_neutral_and_balanced(language):
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
    assert not lexicon_hits(prompts["text"].tolist(), {"any": words}, language, extra_words=ordinary[language]).any()
    assert lexicon_hits([words[0]], {"any": words}, language).all()
