"""Words in carrier templates: which tokens are the word's, and which one follows it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from shared_affect.models.tokens import BOS_COLUMN, text_ids

if TYPE_CHECKING:
    from shared_affect.models.tokens import AnyTokenizer

PLACEHOLDER = "{word}"


@dataclass(frozen=True)
class Stimulus:
    """One word in one template, tokenised.

    Attributes
    ----------
    word, text : str
    ids : tuple of int
        Token ids, the model's first token before them.
    first, last : int
        Positions of the word's first and last token.
    after : int
        Position of the token that follows the word.
    """

    word: str
    text: str
    ids: tuple[int, ...]
    first: int
    last: int
    after: int


def fill(template: str, word: str) -> str:
    """Put `word` into `template`.

    Raises
    ------
    ValueError
        If the template lacks its placeholder, holds it twice, or does not end in a full stop.
    """
    if template.count(PLACEHOLDER) != 1 or not template.endswith((".", "。")):
        raise ValueError(
            f"template {template!r} needs {PLACEHOLDER} once and a full stop at its end"
            " (resources/templates/<language>.tsv)"
        )
    return template.replace(PLACEHOLDER, word)


def locate(tokenizer: AnyTokenizer, template: str, words: Sequence[str]) -> list[Stimulus]:
    """Tokenise words in a template and find each word's tokens and the token after it.

    Parameters
    ----------
    tokenizer : TextIds, or what `text_ids` takes
    template : str
        Text with ``{word}`` once, ending in a full stop.
    words : list of str

    Returns
    -------
    list of Stimulus, in the order of `words`

    Raises
    ------
    ValueError
        If a word has no token, none follows it, or its last token is the first of the whole text.

    Examples
    --------
    >>> from tokenizers import Tokenizer, models, pre_tokenizers
    >>> known = {"<s>": 0, "I": 1, "feel": 2, "joy": 3, ".": 4}
    >>> tokenizer = Tokenizer(models.WordLevel(known, unk_token="<s>"))
    >>> tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    >>> found = locate(tokenizer, "I feel {word}.", ["joy"])[0]
    >>> found.ids, found.first, found.after
    ((1, 2, 3, 4), 2, 3)
    """
    ids = text_ids(tokenizer)
    start = template.index(PLACEHOLDER) if PLACEHOLDER in template else 0
    texts = [fill(template, w) for w in words]
    lead, out = len(ids.first), []
    for word, text, code in zip(words, texts, ids.encode_batch(texts), strict=True):
        end = start + len(word)
        inside = [i for i, (a, b) in enumerate(code.offsets) if i >= lead and a < end and b > start]
        if not inside or inside[-1] + 1 >= len(code.ids):
            raise ValueError(
                f"word {word!r} in {text!r}: {'no token of its own' if not inside else 'no token after it'}; "
                f"tokens are {[ids.tokenizer.id_to_token(i) for i in code.ids]}"
            )
        if not code.counts[inside[-1]]:
            raise ValueError(
                f"word {word!r} in {text!r} would be read at the text's first position, where attention sinks and all"
                f" words look alike; name a token that stands before every text ({BOS_COLUMN}), or leave this template"
                " out (config.yaml, key templates)"
            )
        out.append(Stimulus(word, text, tuple(code.ids), inside[0], inside[-1], inside[-1] + 1))
    return out
