"""Whether a folder's one tokenisation is what the folder declares, and whether the study's own texts come through it.

Looked at before anything that costs time, on the study's own templates, words, prompts and running texts. No torch; the
library transformers is imported only where a folder declares a class that may differ from its ``tokenizer.json``.
"""

from __future__ import annotations

import os
import unicodedata
from collections.abc import Mapping, Sequence
from pathlib import Path
from statistics import median

from shared_affect.base.log import LOG
from shared_affect.base.reading import read_lines
from shared_affect.models.pieces import spelt_shares
from shared_affect.models.sae_folder import check_hook
from shared_affect.models.spans import fill, locate
from shared_affect.models.tokens import (
    BOS_COLUMN,
    NO_BOS,
    UNKNOWN,
    TextIds,
    load_ids,
    log_rule,
    read_facts,
    text_config,
)
from shared_affect.study.config import ConfigError
from shared_affect.study.inputs import read_prompts, read_templates

AS_THE_FILE = ("PreTrainedTokenizerFast", "TokenizersBackend")
"""Declared classes that read ``tokenizer.json`` as it stands."""

MAX_SPELT = 0.5
"""Mean share of its words' characters that stand alone, from which an emotion is spelt and not read."""

WARN_SPELT = 0.25
"""The share that is worth a warning; where the middle one of the others has it too, the tokenizer is coarse for all."""


def _declared_class(folder: str | Path):
    """The tokenizer that transformers makes of a folder, None where that is ``tokenizer.json`` as it stands."""
    facts = read_facts(folder, "tokenizer_config.json")
    name = facts.get("tokenizer_class") or read_facts(folder, "config.json").get("tokenizer_class")
    if name in AS_THE_FILE and not any(
        facts.get(k)
        for k in (
            "add_prefix_space",
            "added_tokens_decoder",
            "extra_special_tokens",
            "auto_map",
            "split_special_tokens",
        )
    ):
        return None
    os.environ.setdefault("HF_HUB_OFFLINE", "1")
    from transformers import AutoTokenizer
    from transformers.utils import logging

    before = logging.get_verbosity()
    logging.set_verbosity_error()
    try:
        return AutoTokenizer.from_pretrained(str(folder))
    except Exception as error:  # whatever a class raises that cannot be made of this folder
        if name is None:
            return None  # nothing is declared, and the model type has no class either
        raise ConfigError(
            f"{folder}: the tokenizer class {name!r} cannot be made of its files ({type(error).__name__}:"
            f" {(str(error) or 'no reason').splitlines()[0]}), so tokenizer.json cannot be held against it. If"
            f" tokenizer.json is what the model was trained with, write tokenizer_class {AS_THE_FILE[0]!r} into"
            " tokenizer_config.json (config/models.tsv, column path)"
        ) from None
    finally:
        logging.set_verbosity(before)


def _before(tokenizer, text: str) -> list[int]:
    """What a tokenizer of transformers puts before a text."""
    whole, plain = tokenizer(text)["input_ids"], tokenizer(text, add_special_tokens=False)["input_ids"]
    return next((whole[:k] for k in range(len(whole) - len(plain) + 1) if whole[k : k + len(plain)] == plain), whole)


def check_declared(folder: str | Path, ids: TextIds, texts: Sequence[str]) -> None:
    """Hold ``tokenizer.json`` against the tokenizer class that the folder declares.

    Parameters
    ----------
    folder : path
    ids : TextIds
        Of the same folder.
    texts : sequence of str
        The study's own.

    Raises
    ------
    ConfigError
        At the first text that the two split differently, with both lists of ids and what they say.
    """
    theirs = _declared_class(folder)
    if theirs is None or not texts:
        return
    texts, lead = list(dict.fromkeys(texts)), len(ids.first)
    before = _before(theirs, texts[0])
    if before != list(ids.template[0]) and ids.rule in ("own", "stand-in"):
        raise ConfigError(
            f"{folder}: the class {type(theirs).__name__} that the folder declares puts ids {before} before a text, the"
            f" template of tokenizer.json {list(ids.template[0])}; say which: a token, or {NO_BOS} ({BOS_COLUMN})"
        )
    for text, ours, other in zip(
        texts, ids.ids(texts), theirs(texts, add_special_tokens=False)["input_ids"], strict=True
    ):
        if ours[lead:] == other and ids.decode(other).strip() != theirs.decode(other, skip_special_tokens=True).strip():
            raise ConfigError(
                f"{folder}: ids {other} are {ids.decode(other)!r} by tokenizer.json and"
                f" {theirs.decode(other, skip_special_tokens=True)!r} by the class {type(theirs).__name__} that the"
                " folder declares; judges would read one of them. If tokenizer.json is right, write tokenizer_class"
                f" {AS_THE_FILE[0]!r} into tokenizer_config.json (config/models.tsv, column path)"
            )
        if ours[lead:] != other:
            raise ConfigError(
                f"{folder}: tokenizer.json and the class {type(theirs).__name__} that the folder declares split"
                f" {text!r} differently: ids {ours[lead:]} ({ids.decode(ours[lead:])!r}) and {other}"
                f" ({theirs.decode(other)!r}); one of them is not what the model was trained with. If tokenizer.json"
                f" is, write tokenizer_class {AS_THE_FILE[0]!r} into tokenizer_config.json and leave add_prefix_space"
                " out; else put the right tokenizer.json there (config/models.tsv, column path)"
            )


def _plain(text: str) -> str:
    return " ".join(unicodedata.normalize("NFKC", text).casefold().split())


def check_round_trip(folder: str | Path, ids: TextIds, texts: Sequence[str]) -> None:
    """Texts must come back from their tokens as they were, in blanks too: judges read what a model writes.

    Case, compatibility forms and the number of blanks may change; unknown pieces are left to `tokens.check_script`.

    Raises
    ------
    ConfigError
        At the first text that comes back as another.
    """
    unknown = {i for t in UNKNOWN if (i := ids.tokenizer.token_to_id(t)) is not None}
    for text, found in zip(texts, ids.ids(texts), strict=True):
        if not unknown & set(found[len(ids.first) :]) and _plain(ids.decode(found)) != _plain(text):
            raise ConfigError(
                f"{folder}: {text!r} comes back from its ids {found} as {ids.decode(found)!r}; judges would read such"
                " texts. Is the decoder of tokenizer.json that of its model? (config/models.tsv, column path)"
            )


def context_of(folder: str | Path) -> int | None:
    """Positions that a model of a folder has, by its configuration; None where that names none."""
    config = read_facts(folder, "config.json")
    return next(
        (
            f[k]
            for f in (text_config(config), config)
            for k in ("max_position_embeddings", "n_positions")
            if isinstance(f.get(k), int) and f[k] > 0
        ),
        None,
    )


def check_length(folder: str | Path, ids: TextIds, texts: Sequence[str]) -> None:
    """No text may be longer than the model's context, where it has none or meaningless positions.

    Raises
    ------
    ConfigError
        Naming the longest text.
    """
    context = context_of(folder)
    lengths = [len(x) for x in ids.ids(texts)]
    if context is not None and lengths and max(lengths) > context:
        text = texts[lengths.index(max(lengths))]
        raise ConfigError(
            f"{folder}: a text has {max(lengths)} tokens, the model's context {context} (config.json): {text[:60]!r}"
            " ...; shorten it, or leave the model out (config.yaml, key models)"
        )


def check_spelling(tokenizer, sets: Mapping[str, Sequence[str]], model: str, language: str) -> None:
    """Stop where the words of an emotion are spelt in single letters or bytes and those of the others are not.

    Their features would be those of "spelt in letters", and mark the emotion better than any feeling.

    Parameters
    ----------
    tokenizer : TextIds or tokenizers.Tokenizer
    sets : mapping of emotion -> words
    model, language : str
        Named in messages.

    Raises
    ------
    ConfigError
        If the words' mean of `tokens.spelt_shares` is `MAX_SPELT` or more and the middle one of the other emotions is
        below `WARN_SPELT`.
    """
    shares = spelt_shares(tokenizer, [w for words in sets.values() for w in words])
    means = {e: sum(shares[w] for w in words) / len(words) for e, words in sets.items() if words}
    for emotion, share in means.items():
        others = [s for e, s in means.items() if e != emotion]
        usual = median(others) if others else 0.0
        if usual >= WARN_SPELT or share < WARN_SPELT:
            continue
        worst = sorted(sets[emotion], key=lambda w: -shares[w])[:6]
        said = (
            f"model {model}, language {language}: {share:.0%} of the characters in the words of {emotion!r} stand"
            f" alone, in single letters, in bytes or unknown ({', '.join(worst)}); in the other emotions {usual:.0%}."
            f" Features of {emotion!r} would mark how its words are spelt"
        )
        if share >= MAX_SPELT:
            raise ConfigError(
                f"{said}; allowed: below {MAX_SPELT:.0%}. Choose words that the model's tokenizer knows"
                f" (resources/concepts/{language}.tsv), or take the emotion out (config.yaml, key emotions)"
            )
        LOG.warning("%s", said)


def check_reading(
    folder: str | Path,
    ids: TextIds,
    sets: Mapping[str, Mapping[str, Sequence[str]]],
    templates: Mapping[str, str],
    texts: Sequence[str],
    *,
    model: str,
    language: str,
    rated: Sequence[str] = (),
) -> None:
    """All checks of one model's tokenisation on one language's texts.

    Parameters
    ----------
    folder : path
    ids : TextIds
    sets : mapping of source -> emotion -> words
        Concept-sets.
    templates : mapping of template name -> text with ``{word}``
    texts : sequence of str
        Prompts and running text.
    model, language : str
        Named in messages.
    rated : sequence of str
        Other words; tried in the first template.

    Raises
    ------
    ValueError
        As the other checks here and `tokens.locate`.
    """
    log_rule(ids, model)
    words = list(dict.fromkeys(w for own in sets.values() for ws in own.values() for w in ws))
    for own in sets.values():
        check_spelling(ids, own, model, language)
    check_declared(
        folder,
        ids,
        [
            *(fill(t, w) for t in templates.values() for w in words),
            *(fill(t, w) for t in list(templates.values())[:1] for w in rated),
            *texts,
        ],
    )
    for template in templates.values():
        locate(ids, template, words)
    check_length(folder, ids, texts)
    check_round_trip(folder, ids, texts)


def look(
    folder: str | Path,
    bos: str | None,
    languages: Mapping[str, tuple],
    model: str,
    *,
    sampled: bool = False,
    saes: Sequence[tuple[str | Path, int, str]] = (),
) -> None:
    """`check_reading` for a folder that is there already, before any job; nothing where it is not.

    Parameters
    ----------
    folder : path
    bos : str, optional
        The row's rule.
    languages : mapping of language -> (sets, file of templates, files of prompts, files of running text)
        Sets as in `check_reading`.
    model : str
        Row of config/models.tsv.
    sampled : bool
        Whether the model is to write the training texts of its SAEs.
    saes : sequence of (folder, layer, where)
        SAEs that somebody else trained, held against the rule for the first token where they are there.

    Raises
    ------
    ConfigError
        Naming the row and what is wrong.
    """
    there = (Path(folder) / "tokenizer.json").exists()
    if sampled and bos == NO_BOS:
        raise ConfigError(no_start(model))
    if not there:
        return
    try:
        ids = load_ids(folder, bos)
        if sampled and not ids.first:
            raise ConfigError(no_start(model))
        for language, (sets, templates, prompts, running) in languages.items():
            texts = [
                *(text for f in prompts for _, _, text in read_prompts(f)),
                *(t for f in running for t in read_lines(f)),
            ]
            check_reading(folder, ids, sets, read_templates(templates), texts, model=model, language=language)
        for sae, layer, where in saes:
            if (Path(sae) / "cfg.json").exists():
                check_hook(sae, layer, bool(ids.first), where)
    except ValueError as error:
        raise ConfigError(f"config/models.tsv, model {model}: {error}") from None


def no_start(model: str) -> str:
    """What to do where a model has nothing to start a text from."""
    return (
        f"model {model} has no token to start a text from, so it cannot write the texts that its SAEs are trained on;"
        " name a file or folder of texts (config/saes.tsv, column texts), or a token that stands before every text"
        f" ({BOS_COLUMN})"
    )
