"""Words of a text in English and Chinese, and which of given words stand in it."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache

import numpy as np

_CJK = "\u3400-\u9fff\uf900-\ufaff\U00020000-\U000323af"
_RUN = re.compile(rf"[{_CJK}]+|[^\W\d_{_CJK}]+(?:['’][^\W\d_{_CJK}]+)*|\d+")
_IS_CJK = {"en": False, "zh": True}
LANGUAGES = tuple(_IS_CJK)
"""Languages in whose texts words can be found, and so in which texts can be judged."""


@lru_cache(maxsize=1)
def _jieba_frequencies() -> tuple[dict[str, int], int]:
    """jieba's own dictionary, read directly: its cache file in the shared temporary folder is neither read nor
    written.
    """
    import jieba

    fresh = jieba.Tokenizer()
    return fresh.gen_pfdict(fresh.get_dict_file())


def normal(text: str) -> str:
    """NFC, case-folded."""
    return unicodedata.normalize("NFC", text).casefold()


class Segmenter:
    """Words of a text, case-folded, without punctuation.

    English: runs of letters (an apostrophe inside a word belongs to it). Chinese: a private jieba tokenizer without its
    hidden Markov model; a run of Latin letters in a Chinese text is a word.

    Parameters
    ----------
    language : {"en", "zh"}
    words : iterable of str
        Chinese words of two or more characters that are never cut up themselves. Give the whole vocabulary known,
        so that the longer of two words wins. One-character words stay at their usual frequency, so that they are not
        cut out of longer words.

    Raises
    ------
    ValueError
        If the language is unknown.
    """

    def __init__(self, language: str, words: Iterable[str] = ()):
        if language not in _IS_CJK:
            raise ValueError(
                f"language is {language!r}; words are known to be found in: {', '.join(_IS_CJK)}"
                " (shared_affect/words/segmentation.py)"
            )
        self.words = tuple(sorted({normal(w) for w in words}))
        self._jieba = self._make_jieba() if language == "zh" else None

    def _make_jieba(self):
        import jieba

        tokenizer = jieba.Tokenizer()
        frequencies, total = _jieba_frequencies()
        tokenizer.FREQ, tokenizer.total, tokenizer.initialized = dict(frequencies), total, True
        # With f at least every other frequency, log f + log total exceeds the sum for any two parts: never cut up. They
        # may be cut out of longer words that are not given (面包 out of 面包师); less would lose 伤心 to 伤心地.
        top = max(frequencies.values())
        for word in self.words:
            if len(word) > 1 and re.fullmatch(f"[{_CJK}]+", word):
                tokenizer.add_word(word, top)
        return tokenizer

    def __call__(self, text: str) -> list[str]:
        runs = _RUN.findall(normal(text))
        if self._jieba is None:
            return runs
        out = []
        for run in runs:
            if is_cjk(run):
                out += self._jieba.cut(run, HMM=False)
            else:
                out.append(run)
        return out


def is_cjk(token: str) -> bool:
    """Whether a word is written in Chinese characters."""
    return token[0] >= "\u3400" and re.match(f"[{_CJK}]", token) is not None


def tokens_of(words: Iterable[str], segment: Segmenter) -> list[tuple[str, ...]]:
    """Words as token sequences; more than one token where a "word" is a phrase."""
    out = [tuple(segment(w)) for w in words]
    if () in out:
        raise ValueError("a lexicon holds a word without a letter; allowed: words (resources/concepts/<language>.tsv)")
    return out


def _check_lexicon(lexicon: Mapping[str, Sequence[str]]) -> None:
    if empty := [e for e, words in lexicon.items() if not len(words)]:
        raise ValueError(
            f"the lexicon has no word for {empty[0]!r}; allowed: one or more (resources/concepts/<language>.tsv)"
        )


def find_words(tokens: Sequence[Sequence[str]], lexicon: Mapping[str, Sequence[str]], segment: Segmenter) -> np.ndarray:
    """Which emotions' words occur in which text.

    Whole words only, case-folded; in Chinese after segmentation, so that 爱 is not found in 爱情.

    Parameters
    ----------
    tokens : sequence of sequence of str, length n_texts
        Texts as `segment` cuts them.
    lexicon : mapping of emotion -> words, length n_emotions
    segment : Segmenter
        Which knows the words of the lexicon, and every other word that they may be part of.

    Returns
    -------
    ndarray of bool, ``[n_texts, n_emotions]``

    Raises
    ------
    ValueError
        If an emotion has no word, or a word has no letter.

    Examples
    --------
    >>> lexicon = {"love": ["爱"], "joy": ["高兴"]}
    >>> segment = Segmenter("zh", ["爱", "高兴"])
    >>> find_words([segment(t) for t in ("她爱他。", "爱情", "Anna很高兴")], lexicon, segment).astype(int).tolist()
    [[1, 0], [0, 0], [0, 1]]
    """
    _check_lexicon(lexicon)
    single: dict[str, list[int]] = {}
    phrases: list[tuple[str, int]] = []
    for k, words in enumerate(lexicon.values()):
        for w in tokens_of(words, segment):
            if len(w) == 1:
                single.setdefault(w[0], []).append(k)
            else:
                phrases.append((f" {' '.join(w)} ", k))
    out = np.zeros((len(tokens), len(lexicon)), bool)
    for i, text in enumerate(tokens):
        for token in text:
            if token in single:
                out[i, single[token]] = True
        if phrases:
            line = f" {' '.join(text)} "
            for phrase, k in phrases:
                out[i, k] |= phrase in line
    return out


def drop_words(tokens: Sequence[Sequence[str]], words: Iterable[str], segment: Segmenter) -> list[str]:
    """Texts without the given words (and without punctuation), the remaining words between spaces.

    Parameters
    ----------
    tokens : sequence of sequence of str
        Texts as `segment` cuts them.
    words : iterable of str
        Phrases are taken out before single words, the longest first.
    segment : Segmenter
        Which knows the words.

    Raises
    ------
    ValueError
        If a word has no letter.

    Examples
    --------
    >>> segment = Segmenter("en")
    >>> drop_words([segment("Happy Anna was over the moon.")], ["happy", "over the moon"], segment)
    ['anna was']
    """
    sequences = set(tokens_of(words, segment))
    single = {w[0] for w in sequences if len(w) == 1}
    phrases = sorted((w for w in sequences if len(w) > 1), key=lambda w: (-len(w), w))
    out = []
    for text in tokens:
        line = f" {' '.join(text)} "
        for w in phrases:
            phrase = f" {' '.join(w)} "
            while phrase in line:
                line = line.replace(phrase, " ")
        out.append(" ".join(t for t in line.split() if t not in single))
    return out


def script_share(tokens: Sequence[str], language: str) -> float:
    """Share of the words of a text, numbers aside, that are written in the language's script; 0 in a text without
    words.
    """
    words = [t for t in tokens if not t[0].isdigit()]
    return sum(is_cjk(t) == _IS_CJK[language] for t in words) / len(words) if words else 0.0
