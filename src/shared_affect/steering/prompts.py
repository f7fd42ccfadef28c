"""Prompts of a study: their halves, and words of its emotions that must not stand in them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from shared_affect.base.log import LOG
from shared_affect.steering.files import PROMPTS
from shared_affect.words.lemma_families import family_links
from shared_affect.words.prompt_words import family_hits
from shared_affect.words.segmentation import Segmenter, Writing, check_texts


def read_prepared(path: str | Path) -> list[tuple[str, str, str]]:
    """Prompts that `prepare_prompts` wrote: name, split, text."""
    frame = PROMPTS.read(path)
    return list(zip(*(frame[c].astype(str) for c in ("prompt", "split", "text")), strict=True))


def halves(prompts: Sequence[tuple[str, str, str]]) -> str:
    """How many prompts each half has, in words."""
    return ", ".join(f"{n} {split}" for split, n in sorted(Counter(split for _, split, _ in prompts).items()))


def refuse_words(
    prompts: Sequence[tuple[str, str, str]], words: Sequence[str], writing: Writing, rule: str, path: str | Path
) -> None:
    """Refuse a prompt that holds a word of an emotion; name in the log those that hold one of its lemma family.

    Parameters
    ----------
    prompts : sequence of (name, split, text)
    words : sequence of str
        Of all emotions.
    writing : Writing
        Of the language.
    rule : str
        Of config/languages.tsv, column lemma_rule.
    path : path
        Where the prompts stand.

    Raises
    ------
    ValueError
        Naming the prompt and the word; or the prompts are in another script.
    """
    texts, words = {name: text for name, _, text in prompts}, list(dict.fromkeys(words))
    check_texts(list(texts.values()), writing, path)
    segment = Segmenter(writing.splitter, words)
    for hit in family_hits(texts, words, segment, lambda every: family_links(every, rule)):
        said = f"{path}, prompt {hit.prompt}: {texts[hit.prompt]!r} holds {hit.found!r}"
        if hit.found == hit.word:
            raise ValueError(
                f"{said}, a word of an emotion of this study; allowed: prompts that call up none. Change the prompt, or"
                " the concept words (config.yaml, key concepts)"
            )
        LOG.warning(
            "%s, of the family of the emotion word %r (%s): what it calls up is not known", said, hit.word, rule
        )
