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
from typing import TYPE_CHECKING, TypeAlias, cast

from shared_affect.base.log import LOG

if TYPE_CHECKING:
    from tokenizers import Tokenizer
    from transformers import PreTrainedTokenizerFast

    AnyTokenizer: TypeAlias = "TextIds | Tokenizer | PreTrainedTokenizerFast"

NO_BOS = "none"
"""Rule of a model whose texts begin with their own first token."""

BOS_COLUMN = "config/models.tsv, column bos"

STAND_INS = ("<|endoftext|>", "<|end_of_text|>")
"""Tokens between the documents of a model without BOS, for tokenizers that name none."""

UNKNOWN = ("<unk>", "[UNK]", "<|unk|>")


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

    tokenizer: Tokenizer
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


def load_tokenizer(folder: str | Path) -> Tokenizer:
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


def text_config(config: Mapping) -> dict:
    """The part of a model's configuration that is about its text model; empty where it is not apart."""
    found = config.get("text_config")
    return found if isinstance(found, dict) else {}


def named_token(facts: Mapping, name: str) -> str | None:
    """A special token of ``tokenizer_config.json`` or ``special_tokens_map.json``: text, or an object that holds it."""
    found = facts.get(name)
    return found.get("content") if isinstance(found, Mapping) else found


def _template(tokenizer: Tokenizer) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """Special tokens that the tokenizer's file puts before and after a text."""
    code = tokenizer.encode("a")
    plain = [not special for special in code.special_tokens_mask]
    if not any(plain):
        return tuple(code.ids), ()
    start, stop = plain.index(True), len(plain) - plain[::-1].index(True)
    return tuple(code.ids[:start]), tuple(code.ids[stop:])


def _first(
    tokenizer: Tokenizer, bos: str | None, own: tuple[int, ...], stand_ins: Sequence[int], where: str
) -> tuple[tuple[int, ...], str]:
    """What is put before every text, and the rule by which it is."""
    if bos == NO_BOS:
        return (), NO_BOS
    if bos is not None:
        if (i := tokenizer.token_to_id(bos)) is None:
            known = [repr(t.content) for t in list(tokenizer.get_added_tokens_decoder().values())[:8]]
            raise ValueError(
                f"{where}: bos is {bos!r}, which tokenizer.json does not know; allowed: {NO_BOS}, empty, or a token"
                f" such as {', '.join(known) or 'of its vocabulary'} ({BOS_COLUMN})"
            )
        return (i,), "own" if (i,) == own else "declared"
    if own:
        return own, "own"
    return (tuple(stand_ins[:1]), "stand-in") if stand_ins else ((), NO_BOS)


def _build(
    tokenizer: Tokenizer,
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
            if text is None:
                continue
            if (i := tokenizer.token_to_id(text)) is None:
                raise ValueError(
                    f"{where}: {name}_token is {text!r}, which tokenizer.json does not know; the model has no embedding"
                    " for it (config/models.tsv, column path)"
                )
            found.append(i)
        return found

    ends = tuple(dict.fromkeys([*known("eos"), *numbers.get("eos", ())]))
    starts = list(dict.fromkeys([*known("bos"), *numbers.get("bos", ())]))
    between = [i for t in STAND_INS if (i := tokenizer.token_to_id(t)) is not None]
    ends = ends or tuple(between[:1])
    first, rule = _first(tokenizer, bos, template[0], [*starts, *between, *ends], where)
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
    text = text_config(config)
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


def text_ids(tokenizer: AnyTokenizer) -> TextIds:
    """The tokenisation of a `TextIds`, a `tokenizers.Tokenizer`, or a fast tokenizer of transformers.

    Examples
    --------
    >>> from tokenizers import Tokenizer, models, pre_tokenizers, processors
    >>> tokenizer = Tokenizer(models.WordLevel({"<s>": 0, "joy": 1, "fear": 2}, unk_token="<s>"))
    >>> tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    >>> tokenizer.post_processor = processors.TemplateProcessing(single="<s> $A", special_tokens=[("<s>", 0)])
    >>> ids = text_ids(tokenizer)
    >>> ids.first, ids.rule, ids.ids(["fear joy"])
    ((0,), 'own', [[0, 2, 1]])
    >>> ids.encode_batch(["joy"])[0].counts
    [False, True]
    """
    if isinstance(tokenizer, TextIds):
        return tokenizer
    raw = cast("Tokenizer", getattr(tokenizer, "backend_tokenizer", tokenizer))
    raw.no_padding()
    raw.no_truncation()
    names = {n: [getattr(tokenizer, f"{n}_token", None)] for n in ("bos", "eos", "pad")}
    cleans_up = bool(getattr(tokenizer, "clean_up_tokenization_spaces", False)) and type(raw.model).__name__ != "BPE"
    return _build(raw, None, names, {}, where=type(tokenizer).__name__, cleans_up=cleans_up)


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
