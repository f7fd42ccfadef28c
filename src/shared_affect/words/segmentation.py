"""Words of a text in any language that has a splitter, and which of given words stand in it.

Which splitter a language has, and its script, stands in its row of config/languages.tsv: no language is named here.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np

from shared_affect.base.letters import MARKS, SCRIPTS, in_script

_CJK = "\u3400-\u9fff\uf900-\ufaff\U00020000-\U000323af"
_LETTER = rf"[^\W\d_{_CJK}]"
# marks belong to the letter before them, and joiners (Persian, Hindi) to the letters on both sides
WORD = rf"{_LETTER}+(?:(?:[{MARKS}]|[\u200c\u200d](?={_LETTER}|[{MARKS}]))+{_LETTER}*)*"
"""Regular expression: a run of letters of any script but Chinese, with their marks."""
_RUN = re.compile(rf"[{_CJK}]+|{WORD}(?:['’]{WORD})*|\d+")
LETTERS, JIEBA = "letters", "jieba"
SPLITTERS = (LETTERS, JIEBA)
"""Allowed in config/languages.tsv, column splitter, beside nothing. ``letters``: words are runs of letters with their
marks, as where words stand between spaces. ``jieba``: Chinese characters are cut by jieba's dictionary, other letters
as before.
"""


def check_splitter(splitter: str | None, language: str, what: str) -> str:
    """The splitter of a language.

    Parameters
    ----------
    splitter : str or None
        Of the language's row.
    language : str
    what : str
        What needs it, for the message.

    Raises
    ------
    ValueError
        If the row names none, or one that does not exist.
    """
    if splitter not in SPLITTERS:
        found = f"the splitter {splitter!r}" if splitter else "no splitter"
        raise ValueError(
            f"language {language!r} has {found}, and {what}; allowed: {', '.join(SPLITTERS)} (config/languages.tsv,"
            " column splitter)"
        )
    return splitter


@dataclass(frozen=True)
class Writing:
    """How a language is written: cells of its row of config/languages.tsv.

    Attributes
    ----------
    language : str
        Its code.
    script : one of `SCRIPTS`
    splitter : {"letters", "jieba"}

    Raises
    ------
    ValueError
        For a script or a splitter that does not exist.
    """

    language: str
    script: str
    splitter: str

    def __post_init__(self) -> None:
        if self.script not in SCRIPTS:
            raise ValueError(
                f"language {self.language!r} has the script {self.script!r}; allowed: {', '.join(SCRIPTS)}"
                " (config/languages.tsv, column script)"
            )
        check_splitter(self.splitter, self.language, "its texts are cut into words")


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

    ``letters``: runs of letters with their marks (an apostrophe inside a word belongs to it). ``jieba``: runs of
    Chinese characters are cut by a private jieba tokenizer without its hidden Markov model; a run of other letters is a
    word.

    Parameters
    ----------
    splitter : {"letters", "jieba"}
    words : iterable of str
        Words of two or more Chinese characters that jieba never cuts up themselves. Give the whole vocabulary known, so
        that the longer of two words wins. One-character words stay at their usual frequency, so that they are not
        cut out of longer words.

    Raises
    ------
    ValueError
        If the splitter is unknown.
    """

    def __init__(self, splitter: str, words: Iterable[str] = ()):
        if splitter not in SPLITTERS:
            raise ValueError(
                f"splitter is {splitter!r}; allowed: {', '.join(SPLITTERS)} (config/languages.tsv, column splitter)"
            )
        self.words = tuple(sorted({normal(w) for w in words}))
        self._jieba = self._make_jieba() if splitter == JIEBA else None

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

    Whole words only, case-folded; in Chinese after jieba has cut, so that 爱 is not found in 爱情.

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
    >>> segment = Segmenter("jieba", ["爱", "高兴"])
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
    >>> segment = Segmenter("letters")
    >>> drop_words([segment("Happy Anna was over the moon.")], ["happy", "over the moon"], segment)
    ['anna was']
    """
    dropper = _Dropper(words, segment)
    return [" ".join(text[i] for i in dropper.kept(text)) for text in tokens]


class _Dropper:
    """Which words of a text stay when others are taken out: phrases first, the longest first, then single words."""

    def __init__(self, words: Iterable[str], segment: Segmenter):
        sequences = set(tokens_of(words, segment))
        self.single = {w[0] for w in sequences if len(w) == 1}
        self.phrases = sorted((w for w in sequences if len(w) > 1), key=lambda w: (-len(w), w))

    def kept(self, text: Sequence[str]) -> list[int]:
        """Places of the words that stay."""
        left = list(range(len(text)))
        there = set(text)
        for phrase in (p for p in self.phrases if there.issuperset(p)):
            while (at := self._find(text, left, phrase)) is not None:
                del left[at : at + len(phrase)]  # what comes to stand side by side may be the phrase again
        return [i for i in left if text[i] not in self.single]

    @staticmethod
    def _find(text: Sequence[str], left: Sequence[int], phrase: tuple[str, ...]) -> int | None:
        n = len(phrase)
        return next(
            (k for k in range(len(left) - n + 1) if all(text[left[k + j]] == phrase[j] for j in range(n))), None
        )


def cut_out(texts: Iterable[str], words: Iterable[str], segment: Segmenter) -> list[str]:
    """Texts without the given words and otherwise as they stand: case, punctuation and blanks stay.

    The words taken out are those of `drop_words`. A text without any of them is returned as it is; one that has some
    comes back in NFC, and of the blanks on both sides of what was taken out one stays.

    Parameters
    ----------
    texts : iterable of str
    words, segment
        As of `drop_words`.

    Examples
    --------
    >>> texts = ["Happy Anna was over the MOON, he says.", "No such  word!"]
    >>> cut_out(texts, ["happy", "over the moon"], Segmenter("letters"))
    ['Anna was, he says.', 'No such  word!']
    >>> cut_out(["她很高兴，真的。"], ["高兴"], Segmenter("jieba", ["高兴"]))
    ['她很，真的。']
    """
    dropper = _Dropper(words, segment)
    out = []
    for text in texts:
        spans = _spans(text, segment)
        kept = set(dropper.kept([word for word, _, _ in spans]))
        gone = [span for i, (_, *span) in enumerate(spans) if i not in kept]
        out.append(_without(unicodedata.normalize("NFC", text), gone) if gone else text)
    return out


def _spans(text: str, segment: Segmenter) -> list[tuple[str, int, int]]:
    """Words of a text, and the characters of its NFC form that each stands for."""
    # case-folding is a matter of single characters, of which some become several
    origin = [i for i, c in enumerate(unicodedata.normalize("NFC", text)) for _ in c.casefold()]
    folded, found, at = normal(text), [], 0
    for word in segment(text):
        at = folded.index(word, at)
        found.append((word, origin[at], origin[at + len(word) - 1] + 1))
        at += len(word)
    return found


def _without(text: str, gone: Sequence[Sequence[int]]) -> str:
    """A text without spans of characters, and without blanks that only they needed."""
    starts, ends = [end for _, end in gone], [start for start, _ in gone]
    out, *parts = [text[a:b] for a, b in zip([0, *starts], [*ends, len(text)], strict=True)]
    for part in parts:
        if not out.strip():
            out = ""
        out = (out if part[:1].isalnum() else out.rstrip()) + (part if out else part.lstrip())
    return out


def _written_in(token: str, script: str) -> bool:
    return is_cjk(token) if script == "han" else in_script(token[0], script)


def script_share(tokens: Sequence[str], script: str) -> float:
    """Share of the words of a text, numbers aside, that are written in a script; 0 in a text without
    words.

    Examples
    --------
    >>> script_share(["я", "рад", "12", "ok"], "cyrillic")
    0.6666666666666666
    """
    words = [t for t in tokens if not t[0].isdigit()]
    return sum(_written_in(t, script) for t in words) / len(words) if words else 0.0


LOOKED_AT = 1000
"""Texts that `check_texts` looks at: their script shows soon."""


def check_texts(texts: Sequence[str], writing: Writing, where: str | Path) -> None:
    """Refuse texts that are not in the script of their language, which `script_share` would take for another's.

    Parameters
    ----------
    texts : sequence of str
        At most `LOOKED_AT` of them, evenly, are looked at.
    writing : Writing
    where : str or path
        What the texts are, for the message.

    Raises
    ------
    ValueError
        Fewer than half of the words are; names a word that is not.
    """
    segment = Segmenter(LETTERS)
    words = [w for t in texts[:: -(-len(texts) // LOOKED_AT) or 1] for w in segment(t) if not w[0].isdigit()]
    if words and (share := script_share(words, writing.script)) < 0.5:
        other = next(w for w in words if not _written_in(w, writing.script))
        raise ValueError(
            f"{where}: {share:.0%} of the words are in {writing.script} script, {other!r} is not; needed: half or more."
            f" Are these texts in {writing.language!r}? Allowed scripts: {', '.join(SCRIPTS)} (config/languages.tsv,"
            " column script)"
        )
