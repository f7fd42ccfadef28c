"""Words of emotions in prompts: a prompt that names one calls up what the texts are judged for."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import NamedTuple

from shared_affect.base.letters import MARKS
from shared_affect.base.reading import HAN
from shared_affect.words.segmentation import normal


class Hit(NamedTuple):
    """A prompt, the word of an emotion, and the prompt's own word that is of its family (the same word where exact)."""

    prompt: str
    word: str
    found: str


def plain_hits(prompts: Mapping[str, str], words: Iterable[str]) -> list[Hit]:
    """Prompts in which a word stands as it is, without segmentation: quick, for a look before any job.

    Words between characters that are no letters; Chinese words of two characters or more anywhere. A single Chinese
    character is part of too many words to be looked for like this; `family_hits` finds it.

    Examples
    --------
    >>> plain_hits({"a": "Anna felt Joy", "b": "the joyless"}, ["joy"])
    [Hit(prompt='a', word='joy', found='joy')]
    """
    wanted = {normal(w) for w in words}
    han = [w for w in sorted(wanted) if HAN.search(w) and len(w) > 1]
    plain = "|".join(re.escape(w) for w in sorted(wanted, key=lambda w: (-len(w), w)) if not HAN.search(w))
    pattern = re.compile(rf"(?<![\w{MARKS}])(?:{plain})(?![\w{MARKS}])") if plain else None
    hits = []
    for name, text in prompts.items():
        line = normal(text)
        found = [w for w in han if w in line] + (pattern.findall(line) if pattern else [])
        hits += [Hit(name, w, w) for w in dict.fromkeys(found)]
    return hits


def family_hits(
    prompts: Mapping[str, str],
    words: Sequence[str],
    segment: Callable[[str], list[str]],
    links: Callable[[list[str]], list[tuple[int, int]]],
) -> list[Hit]:
    """Prompts that hold a word, or one of its lemma family.

    Parameters
    ----------
    prompts : mapping of name -> text
    words : sequence of str
        Of the emotions.
    segment : function of a text
        Its words, case-folded; should know `words`.
    links : function of words
        Pairs of words of one family, as positions (`lemma_families.family_links` by the language's rule).

    Examples
    --------
    >>> both = lambda words: [(i, j) for j, b in enumerate(words) for i, a in enumerate(words[:j]) if a[:3] == b[:3]]
    >>> family_hits({"a": "she kissed"}, ["kiss"], str.split, both)
    [Hit(prompt='a', word='kiss', found='kissed')]
    """
    own = list(dict.fromkeys(normal(w) for w in words))
    cut = {name: list(dict.fromkeys(segment(text))) for name, text in prompts.items()}
    others = [t for t in dict.fromkeys(t for tokens in cut.values() for t in tokens) if t not in set(own)]
    every = [*own, *others]
    relatives: dict[str, str] = {w: w for w in own}
    for i, j in links(every):
        for a, b in ((i, j), (j, i)):
            if a < len(own) <= b:
                relatives.setdefault(every[b], every[a])
    hits = [Hit(name, relatives[t], t) for name, tokens in cut.items() for t in tokens if t in relatives]
    phrases = [w for w in own if len(segment(w)) > 1]
    return hits + [h for h in plain_hits(prompts, phrases) if h not in hits]
