"""From a word in a carrier template to token positions. Uses the tokenizer file alone, no torch."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from shared_affect.gates import passes

PLACEHOLDER = "{word}"


@dataclass(frozen=True)
class Stimulus:
    """One word in one template, tokenised.

    Attributes
    ----------
    word, text : str
    ids : tuple of int
        Token ids with the tokenizer's own special tokens (BOS).
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


def load_tokenizer(folder: str | Path):
    """Read ``tokenizer.json`` of a model folder as a `tokenizers.Tokenizer`, without padding or truncation.

    Raises
    ------
    ValueError
        If the folder has no ``tokenizer.json``.
    """
    from tokenizers import Tokenizer

    path = Path(folder) / "tokenizer.json"
    if not path.exists():
        raise ValueError(f"{folder} holds no tokenizer.json; a fast tokenizer is needed (config/models.tsv, column path)")
    tokenizer = Tokenizer.from_file(str(path))
    tokenizer.no_padding()
    tokenizer.no_truncation()
    return tokenizer


def starts_with_special(tokenizer) -> bool:
    """Whether the tokenizer puts a special token (BOS) before every text."""
    mask = tokenizer.encode("a").special_tokens_mask
    return bool(mask and mask[0])


def fill(template: str, word: str) -> str:
    """Put `word` into `template`.

    Raises
    ------
    ValueError
        If the template lacks its placeholder, holds it twice, or does not end in a full stop.
    """
    if template.count(PLACEHOLDER) != 1 or not template.endswith((".", "。")):
        raise ValueError(f"template {template!r} needs {PLACEHOLDER} once and a full stop at its end (resources/templates/<language>.tsv)")
    return template.replace(PLACEHOLDER, word)


def locate(tokenizer, template: str, words: list[str]) -> list[Stimulus]:
    """Tokenise words in a template and find each word's tokens and the token after it.

    Parameters
    ----------
    tokenizer : tokenizers.Tokenizer
    template : str
        Text with ``{word}`` once, ending in a full stop.
    words : list of str

    Returns
    -------
    list of Stimulus, in the order of `words`

    Raises
    ------
    ValueError
        If a word has no token, or none follows it.
    """
    start = template.index(PLACEHOLDER) if PLACEHOLDER in template else 0
    texts = [fill(template, w) for w in words]
    out = []
    for word, text, code in zip(words, texts, tokenizer.encode_batch(texts), strict=True):
        end = start + len(word)
        inside = [i for i, (a, b) in enumerate(code.offsets) if not code.special_tokens_mask[i] and a < end and b > start]
        if not inside or inside[-1] + 1 >= len(code.ids):
            raise ValueError(f"word {word!r} in {text!r}: {'no token of its own' if not inside else 'no token after it'}; "
                             f"tokens are {code.tokens}")
        out.append(Stimulus(word, text, tuple(code.ids), inside[0], inside[-1], inside[-1] + 1))
    return out


def word_pieces(tokenizer, words: list[str]) -> dict[str, list[str]]:
    """Pieces of each word as it stands in running text, without special tokens and without a bare word-boundary mark."""
    codes = tokenizer.encode_batch([f" {w}" for w in words], add_special_tokens=False)
    return {w: [t for t in c.tokens if t.strip("▁Ġ ")] for w, c in zip(words, codes, strict=True)}


def broken_share(tokenizer, words: list[str]) -> float:
    """Share of the words' pieces that are unknown or a mere part of a character's bytes.

    A tokenizer without a language's script turns its words into such pieces; a model reads nothing in them.

    Parameters
    ----------
    tokenizer : tokenizers.Tokenizer
    words : list of str
        At least one.
    """
    unknown = {i for t in ("<unk>", "[UNK]", "<|unk|>") if (i := tokenizer.token_to_id(t)) is not None}
    ids = [i for c in tokenizer.encode_batch([f" {w}" for w in words], add_special_tokens=False) for i in c.ids]
    broken = {i: i in unknown or tokenizer.id_to_token(i).startswith("<0x") or "\ufffd" in tokenizer.decode([i], skip_special_tokens=False) for i in set(ids)}
    return sum(broken[i] for i in ids) / len(ids)


def check_script(tokenizer, words: list[str], limit: float, model: str, language: str) -> None:
    """Stop where a tokenizer cannot read a language.

    Raises
    ------
    ValueError
        If `broken_share` of the words is above `limit`.
    """
    share = broken_share(tokenizer, words)
    if not passes(share, high=limit):
        raise ValueError(f"model {model}, language {language}: {share:.0%} of the pieces of its words are unknown or parts of a character's bytes; "
                         f"allowed: <= {limit:.0%} (config/languages.tsv, column max_broken_share). This tokenizer does not have the language's script")
