"""From texts to token ids: one tokenisation, one rule for the first token, one set of end tokens for every stage.

Words in templates, fidelity text, training text of SAEs, documents sampled and prompts all pass `TextIds`; no other
room asks a tokenizer about BOS or EOS. Uses the tokenizer's file alone, no torch. `token_checks` holds it against what
the folder declares.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from shared_affect.base.gates import passes
from shared_affect.base.log import LOG

PLACEHOLDER = "{word}"

NO_BOS = "none"
"""Rule of a model whose texts begin with their own first token."""

BOS_COLUMN = "config/models.tsv, column bos"

STAND_INS = ("<|endoftext|>", "<|end_of_text|>")
"""Tokens between the documents of a model without BOS, for tokenizers that name none."""

UNKNOWN = ("<unk>", "[UNK]", "<|unk|>")


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


@dataclass(frozen=True)
class Coded:
    """A text in tokens.

    Attributes
    ----------
    ids : list of int
        The model's first token before those of the text.
    offsets : list of (int, int)
        Characters of the text that a token stands for; (0, 0) for the first token.
    counts : list of bool
        Positions that are text and not the model's first position, where attention sinks: those that are measured.
    """

    ids: list[int]
    offsets: list[tuple[int, int]]
    counts: list[bool]


@dataclass(frozen=True)
class TextIds:
    """The tokenisation of one model.

    Attributes
    ----------
    tokenizer : tokenizers.Tokenizer
    first : tuple of int
        What is put before every text: BOS, its stand-in, or nothing (rule `NO_BOS`).
    ends : tuple of int
        Tokens that end a text; the first of them closes documents. May be empty.
    special : frozenset of int
        Tokens that are never text: `first`, `ends`, BOS and padding as the tokenizer names them.
    rule : {"own", "stand-in", "declared", "none"}
        Where `first` comes from: the tokenizer's template, a token in place of a BOS that it lacks, or the row.
    template : (tuple of int, tuple of int)
        What ``tokenizer.json`` itself puts before and after a text.
    cleans_up : bool
        Whether the tokenizer's class takes blanks before punctuation out of decoded text.
    config_ends : frozenset of int
        Ends that the model's identity already holds (``config.json``).
    """

    tokenizer: object
    first: tuple[int, ...]
    ends: tuple[int, ...]
    special: frozenset[int]
    rule: str
    template: tuple[tuple[int, ...], tuple[int, ...]]
    cleans_up: bool = False
    config_ends: frozenset[int] = frozenset()

    @property
    def end(self) -> int | None:
        """The token that closes a document."""
        return self.ends[0] if self.ends else None

    def encode_batch(self, texts: Sequence[str]) -> list[Coded]:
        """Texts in tokens, the model's first token before each and nothing after it."""
        lead = max(len(self.first), 1)  # without a first token, the text's own first position is the sink
        return [
            Coded(
                [*self.first, *c.ids],
                [(0, 0)] * len(self.first) + c.offsets,
                [i >= lead for i in range(len(self.first) + len(c.ids))],
            )
            for c in self.tokenizer.encode_batch(list(texts), add_special_tokens=False)
        ]

    def ids(self, texts: Sequence[str]) -> list[list[int]]:
        """Token ids of texts, as `encode_batch`."""
        return [c.ids for c in self.encode_batch(texts)]

    def decode(self, ids: Sequence[int]) -> str:
        """Text of tokens, without special ones."""
        ends = set(self.ends)
        text = self.tokenizer.decode([i for i in ids if i not in ends], skip_special_tokens=True)
        return _clean_up(text) if self.cleans_up else text

    def key(self) -> dict:
        """What a journal's key needs besides the tokenizer's file; nothing where ids are those of its own template."""
        return {} if (self.first, ()) == self.template and self.rule != NO_BOS else {"first": list(self.first)}

    def end_key(self) -> dict:
        """What the key of written texts must hold besides the model's configuration."""
        return {} if set(self.ends) == self.config_ends else {"ends": sorted(self.ends)}


def _clean_up(text: str) -> str:
    """What transformers' ``clean_up_tokenization_spaces`` does."""
    for a, b in (
        (" .", "."),
        (" ?", "?"),
        (" !", "!"),
        (" ,", ","),
        (" ' ", "'"),
        (" n't", "n't"),
        (" 'm", "'m"),
        (" 's", "'s"),
        (" 've", "'ve"),
        (" 're", "'re"),
    ):
        text = text.replace(a, b)
    return text


def load_tokenizer(folder: str | Path):
    """Read ``tokenizer.json`` of a model folder as a `tokenizers.Tokenizer`, without padding or truncation.

    Raises
    ------
    ValueError
        If the folder has no ``tokenizer.json``, or it cannot be read.
    """
    from tokenizers import Tokenizer

    path = Path(folder) / "tokenizer.json"
    if not path.exists():
        raise ValueError(
            f"{folder} holds no tokenizer.json; a fast tokenizer is needed (config/models.tsv, column path)"
        )
    try:
        tokenizer = Tokenizer.from_file(str(path))
    except Exception as error:  # the library raises Exception itself
        raise ValueError(
            f"{path} cannot be read ({str(error).splitlines()[0]}); a tokenizer of the library tokenizers is needed"
            " (config/models.tsv, column path)"
        ) from None
    tokenizer.no_padding()
    tokenizer.no_truncation()
    return tokenizer


def read_facts(folder: str | Path, name: str) -> dict:
    """A JSON object of a model folder; empty where the file is absent.

    Raises
    ------
    ValueError
        If it is no JSON object.
    """
    path = Path(folder) / name
    if not path.exists():
        return {}
    try:
        facts = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise ValueError(
            f"{path} is no JSON in UTF-8 ({error}); copy or fetch it again (config/models.tsv, column path)"
        ) from None
    if not isinstance(facts, dict):
        raise ValueError(
            f"{path} holds a {type(facts).__name__}; needed: a JSON object (config/models.tsv, column path)"
        )
    return facts


def named_token(facts: Mapping, name: str) -> str | None:
    """A special token of ``tokenizer_config.json`` or ``special_tokens_map.json``: text, or an object that holds it."""
    found = facts.get(name)
    return found.get("content") if isinstance(found, Mapping) else found


def _template(tokenizer) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """Special tokens that the tokenizer's file puts before and after a text."""
    code = tokenizer.encode("a")
    plain = [not special for special in code.special_tokens_mask]
    if not any(plain):
        return tuple(code.ids), ()
    start, stop = plain.index(True), len(plain) - plain[::-1].index(True)
    return tuple(code.ids[:start]), tuple(code.ids[stop:])


def _build(
    tokenizer,
    bos: str | None,
    names: Mapping[str, Sequence[str | None]],
    numbers: Mapping[str, Sequence[int]],
    *,
    where: str,
    cleans_up: bool = False,
    config_ends: Sequence[int] = (),
) -> TextIds:
    """`names` are special tokens as text, `numbers` those that only a model's configuration knows, by id."""
    template = _template(tokenizer)
    added = tokenizer.get_added_tokens_decoder()
    # an id that stands for an ordinary piece is a default that nobody has set
    numbers = {k: [i for i in v if i in added and added[i].special] for k, v in numbers.items()}

    def known(name: str) -> list[int]:
        found = []
        for text in names.get(name, ()):
            if text is not None and (i := tokenizer.token_to_id(text)) is None:
                raise ValueError(
                    f"{where}: {name}_token is {text!r}, which tokenizer.json does not know; the model has no embedding"
                    " for it (config/models.tsv, column path)"
                )
            found += [i] if text is not None else []
        return found

    ends = tuple(dict.fromkeys([*known("eos"), *numbers.get("eos", ())]))
    starts = list(dict.fromkeys([*known("bos"), *numbers.get("bos", ())]))
    between = [i for t in STAND_INS if (i := tokenizer.token_to_id(t)) is not None]
    ends = ends or tuple(between[:1])
    if bos == NO_BOS:
        first, rule = (), NO_BOS
    elif bos is not None:
        if (i := tokenizer.token_to_id(bos)) is None:
            raise ValueError(
                f"{where}: bos is {bos!r}, which tokenizer.json does not know; allowed: {NO_BOS}, empty, or a token"
                f" such as {', '.join(repr(t.content) for t in list(added.values())[:8]) or 'of its vocabulary'}"
                f" ({BOS_COLUMN})"
            )
        first, rule = (i,), "own" if (i,) == template[0] else "declared"
    elif template[0]:
        first, rule = template[0], "own"
    else:
        stand_in = next(iter([*starts, *between, *ends]), None)
        first, rule = ((), NO_BOS) if stand_in is None else ((stand_in,), "stand-in")
    pad = [i for t in names.get("pad", ()) if t is not None and (i := tokenizer.token_to_id(t)) is not None]
    return TextIds(
        tokenizer,
        first,
        ends,
        frozenset([*first, *ends, *starts, *pad]),
        rule,
        template,
        cleans_up,
        frozenset(config_ends),
    )


def _numbers(facts: Mapping, key: str) -> list[int]:
    found = facts.get(key)
    return [i for i in (found if isinstance(found, list) else [found]) if isinstance(i, int)]


def load_ids(folder: str | Path, bos: str | None = None) -> TextIds:
    """The tokenisation of a model folder, for all stages.

    Parameters
    ----------
    folder : path
        Holds ``tokenizer.json``; ``tokenizer_config.json``, ``special_tokens_map.json``, ``config.json`` and
        ``generation_config.json`` name special tokens.
    bos : str, optional
        The row's rule: a token that is put before every text, or `NO_BOS`. Left out: what the tokenizer's template
        puts; where it puts nothing, a stand-in, the first that there is of the named BOS, a token between documents,
        and the named EOS.

    Raises
    ------
    ValueError
        If the tokenizer cannot be read, a named token is not in it, or template and ``add_bos_token`` contradict each
        other and the row does not decide.
    """
    tokenizer = load_tokenizer(folder)
    own, old = read_facts(folder, "tokenizer_config.json"), read_facts(folder, "special_tokens_map.json")
    config, generation = read_facts(folder, "config.json"), read_facts(folder, "generation_config.json")
    text = config.get("text_config") if isinstance(config.get("text_config"), dict) else {}
    names = {n: [named_token(own, f"{n}_token") or named_token(old, f"{n}_token")] for n in ("bos", "eos", "pad")}
    numbers = {
        n: [i for facts in (config, text, generation) for i in _numbers(facts, f"{n}_token_id")] for n in ("bos", "eos")
    }
    # as transformers does it: never for BPE, where blanks before punctuation are text
    cleans_up = bool(own.get("clean_up_tokenization_spaces")) and type(tokenizer.model).__name__ != "BPE"
    config_ends = [i for facts in (config, text) for i in _numbers(facts, "eos_token_id")]
    found = _build(tokenizer, bos, names, numbers, where=str(folder), cleans_up=cleans_up, config_ends=config_ends)
    declared = own.get("add_bos_token")
    if (
        bos is None
        and isinstance(declared, bool)
        and declared != bool(found.template[0])
        and (declared or found.template[0])
    ):
        puts = tokenizer.decode(list(found.template[0]), skip_special_tokens=False) if found.template[0] else "nothing"
        raise ValueError(
            f"{folder}: tokenizer_config.json says add_bos_token {str(declared).lower()}, the template of"
            f" tokenizer.json puts {puts} before a text; say which: the token, or {NO_BOS} ({BOS_COLUMN})"
        )
    return found


def text_ids(tokenizer) -> TextIds:
    """The tokenisation of a `TextIds`, a `tokenizers.Tokenizer`, or a fast tokenizer of transformers."""
    if isinstance(tokenizer, TextIds):
        return tokenizer
    raw = getattr(tokenizer, "backend_tokenizer", tokenizer)
    raw.no_padding()
    raw.no_truncation()
    names = {n: [getattr(tokenizer, f"{n}_token", None)] for n in ("bos", "eos", "pad")}
    cleans_up = bool(getattr(tokenizer, "clean_up_tokenization_spaces", False)) and type(raw.model).__name__ != "BPE"
    return _build(raw, None, names, {}, where=type(tokenizer).__name__, cleans_up=cleans_up)


def _raw(tokenizer):
    return tokenizer.tokenizer if isinstance(tokenizer, TextIds) else tokenizer


def log_rule(ids: TextIds, model: str) -> None:
    """Say in the log where texts are not read as the tokenizer's template says."""
    if ids.template[1]:
        LOG.info(
            "model %s: its tokenizer puts %s after a text; that is left out, in words, running text and prompts alike",
            model,
            " ".join(repr(ids.tokenizer.id_to_token(i)) for i in ids.template[1]),
        )
    if ids.rule == "stand-in":
        LOG.info(
            "model %s: its tokenizer puts no BOS; %r stands before every text in its stead (%s)",
            model,
            ids.tokenizer.id_to_token(ids.first[0]),
            BOS_COLUMN,
        )
    elif ids.rule == NO_BOS:
        LOG.info(
            "model %s: nothing stands before its texts; their first position is measured nowhere (%s)",
            model,
            BOS_COLUMN,
        )


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


def locate(tokenizer, template: str, words: list[str]) -> list[Stimulus]:
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


def word_pieces(tokenizer, words: list[str]) -> dict[str, list[str]]:
    """Pieces of each word in running text, without special tokens and without a bare word-boundary mark."""
    codes = _raw(tokenizer).encode_batch([f" {w}" for w in words], add_special_tokens=False)
    return {w: [t for t in c.tokens if t.strip("▁Ġ ")] for w, c in zip(words, codes, strict=True)}


def _broken(tokenizer, ids: Sequence[int]) -> dict[int, bool]:
    """Whether each of some tokens is unknown or a mere part of a character's bytes."""
    unknown = {i for t in UNKNOWN if (i := tokenizer.token_to_id(t)) is not None}
    return {
        i: (
            i in unknown
            or tokenizer.id_to_token(i).startswith("<0x")
            or "\ufffd" in tokenizer.decode([i], skip_special_tokens=False)
        )
        for i in set(ids)
    }


def broken_share(tokenizer, words: list[str]) -> float:
    """Share of the words' pieces that are unknown or a mere part of a character's bytes.

    A tokenizer without a language's script turns its words into such pieces; a model reads nothing in them.

    Parameters
    ----------
    tokenizer : TextIds or tokenizers.Tokenizer
    words : list of str
        At least one.
    """
    tokenizer = _raw(tokenizer)
    ids = [i for c in tokenizer.encode_batch([f" {w}" for w in words], add_special_tokens=False) for i in c.ids]
    broken = _broken(tokenizer, ids)
    return sum(broken[i] for i in ids) / len(ids)


def spelt_shares(tokenizer, words: Sequence[str]) -> dict[str, float]:
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


def check_script(tokenizer, words: list[str], limit: float, model: str, language: str) -> None:
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
