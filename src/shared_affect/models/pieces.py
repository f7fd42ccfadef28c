"""Whether a tokenizer has a language's script: the pieces that its words fall into, without special tokens."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from shared_affect.base.gates import passes
from shared_affect.models.tokens import UNKNOWN, TextIds

if TYPE_CHECKING:
    from tokenizers import Tokenizer


def _raw(tokenizer: TextIds | Tokenizer) -> Tokenizer:
    return tokenizer.tokenizer if isinstance(tokenizer, TextIds) else tokenizer


def word_pieces(tokenizer: TextIds | Tokenizer, words: Sequence[str]) -> dict[str, list[str]]:
    """Pieces of each word in running text, without special tokens and without a bare word-boundary mark."""
    codes = _raw(tokenizer).encode_batch([f" {w}" for w in words], add_special_tokens=False)
    return {w: [t for t in c.tokens if t.strip("▁Ġ ")] for w, c in zip(words, codes, strict=True)}


def _broken(tokenizer: Tokenizer, ids: Sequence[int]) -> dict[int, bool]:
    """Whether each of some tokens is unknown or a mere part of a character's bytes."""
    unknown = {i for t in UNKNOWN if (i := tokenizer.token_to_id(t)) is not None}
    return {
        i: (
            i in unknown
            or (tokenizer.id_to_token(i) or "").startswith("<0x")
            or "\ufffd" in tokenizer.decode([i], skip_special_tokens=False)
        )
        for i in set(ids)
    }


def broken_share(tokenizer: TextIds | Tokenizer, words: Sequence[str]) -> float:
    """Share of the words' pieces that are unknown or a mere part of a character's bytes.

    A tokenizer without a language's script turns its words into such pieces; a model reads nothing in them.

    Parameters
    ----------
    tokenizer : TextIds or tokenizers.Tokenizer
    words : sequence of str
        At least one.

    Examples
    --------
    >>> from tokenizers import Tokenizer, models, pre_tokenizers
    >>> tokenizer = Tokenizer(models.WordLevel({"<unk>": 0, "joy": 1}, unk_token="<unk>"))
    >>> tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    >>> broken_share(tokenizer, ["joy", "喜悦"])
    0.5
    """
    tokenizer = _raw(tokenizer)
    ids = [i for c in tokenizer.encode_batch([f" {w}" for w in words], add_special_tokens=False) for i in c.ids]
    broken = _broken(tokenizer, ids)
    return sum(broken[i] for i in ids) / len(ids)


def spelt_shares(tokenizer: TextIds | Tokenizer, words: Sequence[str]) -> dict[str, float]:
    """Share of each word's characters that stand alone: spelt in single letters, in bytes, or unknown.

    A single Chinese character is a piece like any other, and so is a word of one letter.
    """
    tokenizer = _raw(tokenizer)
    words = list(dict.fromkeys(words))
    codes = tokenizer.encode_batch([f" {w}" for w in words], add_special_tokens=False)
    broken = _broken(tokenizer, [i for c in codes for i in c.ids])
    shares = {}
    for word, code in zip(words, codes, strict=True):
        text, spelt = f" {word}", set()
        for i, (a, b) in zip(code.ids, code.offsets, strict=True):
            letters = [k for k in range(a, b) if not text[k].isspace()]
            if broken[i] or (
                len(letters) == 1 and len(word) > 1 and text[letters[0]].isalpha() and ord(text[letters[0]]) < 0x2E80
            ):
                spelt |= set(letters)
        shares[word] = len(spelt) / max(1, sum(not c.isspace() for c in word))
    return shares


def check_script(tokenizer: TextIds | Tokenizer, words: Sequence[str], limit: float, model: str, language: str) -> None:
    """Stop where a tokenizer cannot read a language.

    Raises
    ------
    ValueError
        If `broken_share` of the words is above `limit`.
    """
    share = broken_share(tokenizer, words)
    if not passes(share, high=limit):
        raise ValueError(
            f"model {model}, language {language}: {share:.0%} of the pieces of its words are unknown or parts of a"
            f" character's bytes; allowed: <= {limit:.0%} (config/languages.tsv, column max_broken_share). This"
            " tokenizer does not have the language's script"
        )
