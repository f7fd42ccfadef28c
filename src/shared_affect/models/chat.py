"""Requests in the form that a chat model was trained on: what the tokenizer's own template writes around them.

The template is taken apart once: what it writes before a request and after it, the generation prompt included. Which
tokens are the request's own is known from there; everything else is scaffolding and never steered. No torch.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from shared_affect.base.log import LOG
from shared_affect.base.reading import shown
from shared_affect.models.tokens import BOS_COLUMN, NO_BOS, Coded, TextIds, read_facts
from shared_affect.study.config import ConfigError

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

REQUEST, ANSWER = "Request7f3a", "Answer9c1e"
"""Stand for a request and an answer while a template is taken apart: letters and digits that no template writes."""

DAY = datetime(2024, 7, 26)
"""What a template that writes today's date is told, so that a text does not depend on the day it was written."""


@dataclass(frozen=True)
class Chat:
    """What a template writes around a request.

    Attributes
    ----------
    before, after : str
        With the first token, system prompt and roles; after it also what an answer begins with.
    lead : tuple of int
        Tokens that are put before it: those of the model's rule that the template does not write itself.
    closes : int or None
        Token with which the template closes an answer.
    where : str
        Table and row, named in errors.
    """

    before: str
    after: str
    lead: tuple[int, ...] = ()
    closes: int | None = None
    where: str = "config/models.tsv"

    def key(self) -> dict:
        """What a journal's key needs of it."""
        return {"chat": [self.before, self.after, list(self.lead), self.closes]}

    def ends(self, ids: TextIds) -> tuple[int, ...]:
        """Tokens that end an answer."""
        return tuple(dict.fromkeys([*ids.ends, *([] if self.closes is None else [self.closes])]))

    def encode_batch(self, ids: TextIds, requests: Sequence[str]) -> list[Coded]:
        """Wrapped requests in tokens.

        Parameters
        ----------
        ids : TextIds
            Of the same model.
        requests : sequence of str

        Returns
        -------
        list of Coded
            ``offsets`` are characters of the request, (0, 0) elsewhere; ``counts`` are the tokens that hold a character
            of the request.

        Raises
        ------
        ConfigError
            If a request has no token of its own.
        """
        found = []
        codes = ids.tokenizer.encode_batch(
            [f"{self.before}{r}{self.after}" for r in requests], add_special_tokens=False
        )
        for request, code in zip(requests, codes, strict=True):
            start, stop = len(self.before), len(self.before) + len(request)
            inside = [max(a, start) < min(b, stop) for a, b in code.offsets]
            if not any(inside):
                raise ConfigError(
                    f"{self.where}: no token stands for the request {shown(request)}; needed: one or more"
                )
            offsets = [
                (max(a, start) - start, min(b, stop) - start) if own else (0, 0)
                for (a, b), own in zip(code.offsets, inside, strict=True)
            ]
            n = len(self.lead)
            found.append(Coded([*self.lead, *code.ids], [(0, 0)] * n + offsets, [False] * n + inside))
        return found


def own_span(code: Coded) -> tuple[int, int]:
    """Which tokens of a beginning may be steered: how many tokens before its end they begin, and how many they stop.

    Counted from the end, because beginnings are padded on their left.

    Examples
    --------
    >>> own_span(Coded([1, 5, 6, 2, 3], [], [False, True, True, False, False]))
    (4, 2)
    """
    n, own = len(code.ids), [i for i, counts in enumerate(code.counts) if counts]
    return (n - own[0], n - own[-1] - 1) if own else (0, 0)


def read_chat(
    folder: str | Path, ids: TextIds, system_prompt: str | None, where: str, requests: Sequence[str] = ()
) -> Chat:
    """Take the chat template of a model's folder apart.

    Parameters
    ----------
    folder : path
    ids : TextIds
        Of the same folder, by the row's rule for the first token.
    system_prompt : str, optional
        Of the row; without one no system message is given, and what a template then writes of its own stays.
    where : str
        Table and row, named in errors.
    requests : sequence of str
        Each is tried: the template must leave it as it is.

    Raises
    ------
    ConfigError
        If there is no template, or it fails, writes a second first token, refuses or drops the system prompt, or
        changes a request.
    """
    tokenizer = _with_template(folder, where)
    system = [{"role": "system", "content": system_prompt}] if system_prompt else []
    ask = {"role": "user", "content": REQUEST}
    before, after = _apart(tokenizer, system, ask, where)
    if system_prompt and system_prompt.strip() not in before:
        raise ConfigError(
            f"{where}, column system_prompt is {shown(system_prompt)}, which the chat template of {folder} leaves out;"
            " allowed: empty, or a model whose template writes it"
        )
    special = {t.content for t in ids.tokenizer.get_added_tokens_decoder().values() if t.special}
    for request in requests:
        if named := sorted(t for t in special if t in request):
            raise ConfigError(
                f"{where}: the request {shown(request)} holds the special token {named[0]!r}; allowed: text"
            )
        if _render(tokenizer, [*system, ask | {"content": request}], where) != f"{before}{request}{after}":
            raise ConfigError(
                f"{where}: the chat template of {folder} does not write the request {shown(request)} as it stands;"
                " which tokens are the request's own cannot be told (resources/prompts)"
            )
    closes = _closing(tokenizer, ids, [*system, ask])
    lead, starts = _lead(tokenizer, ids, before, f"{where}, column chat")
    made = Chat(before, after, lead, closes, where)
    _one_first(tokenizer, ids, made, starts, [*system, ask])
    LOG.info("%s: a request stands between %r and %r", where, made.before, made.after)
    return made


def _with_template(folder: str | Path, where: str) -> PreTrainedTokenizerBase:
    """The tokenizer of a folder as transformers makes it, which has a chat template."""
    os.environ.setdefault("HF_HUB_OFFLINE", "1")
    from transformers import AutoTokenizer
    from transformers.utils import logging

    before = logging.get_verbosity()
    logging.set_verbosity_error()
    try:
        tokenizer = AutoTokenizer.from_pretrained(str(folder))
    except Exception as error:  # whatever a class raises that cannot be made of this folder
        raise ConfigError(
            f"{where}, column chat is true, but no tokenizer can be made of {folder} ({type(error).__name__}:"
            f" {(str(error) or 'no reason').splitlines()[0]}), so it has no chat template to ask (column path)"
        ) from None
    finally:
        logging.set_verbosity(before)
    if not tokenizer.chat_template:
        kind = read_facts(folder, "config.json").get("model_type", "unknown")
        raise ConfigError(
            f"{where}, column chat is true, but the tokenizer in {folder} (model type {kind}) has no chat template"
            " (chat_template in tokenizer_config.json, or chat_template.jinja); allowed: true for models that were"
            " trained on chats, else false, with prompts of kind continuation (config.yaml, key prompts)"
        )
    return tokenizer


def _render(
    tokenizer: PreTrainedTokenizerBase, messages: Sequence[dict[str, str]], where: str, prompt: bool = True
) -> str:
    """Text of a chat. Thinking is off where the template can turn it off."""
    how: dict[str, Any] = {}
    try:
        template = tokenizer.get_chat_template()
        if "enable_thinking" in template:
            how["enable_thinking"] = False
        if "strftime_now" in template:
            how["chat_template"] = _on_one_day(template)
        text = tokenizer.apply_chat_template(list(messages), tokenize=False, add_generation_prompt=prompt, **how)
    except Exception as error:  # a template raises what it likes
        first = messages[0]
        reason = (str(error) or type(error).__name__).splitlines()[0]
        if first["role"] == "system":
            _render(tokenizer, messages[1:], where, prompt)  # raises what is not the system prompt's fault
            raise ConfigError(
                f"{where}, column system_prompt is {shown(first['content'])}, which the model's chat template refuses"
                f" ({reason}); allowed: empty, or a model whose template takes a system role"
            ) from None
        raise ConfigError(
            f"{where}, column chat is true, but the model's chat template fails on a request ({reason}); allowed:"
            " false, or a tokenizer whose template takes a message of role user"
        ) from None
    return str(text)


def _on_one_day(template: str) -> str:
    """A template whose clock stands still: a macro of the clock's name writes `DAY` in whatever form it is asked for.

    transformers takes no function as a template's argument. The macro fills in the directives of ``strftime`` one by
    one, and refuses a form that holds another.
    """
    day = "".join(
        f" | replace('%{flag}{x}', {DAY.strftime(f'%{flag}{x}')!r})"
        for flag in ("", "-")
        for x in "aAbBcdDeFfGHIjmMpRTuUVwWxXyYzZ"
    )
    refuses = "{{- raise_exception('no date can be written in the form ' ~ (format | string)) -}}"
    # the argument is named as in transformers; a doubled % is set aside as a character that no form holds
    macro = (
        "{%- macro strftime_now(format) -%}"
        f"{{%- if format is not string -%}}{refuses}{{%- endif -%}}"
        f"{{%- set told = format | replace('%%', '\\x00'){day} -%}}"
        f"{{%- if '%' in told -%}}{refuses}{{%- endif -%}}"
        "{{- told | replace('\\x00', '%') -}}{%- endmacro -%}"
    )
    return f"{macro}{{{{ '' }}}}{template}"  # the empty expression keeps a line break with which the template may begin


def _apart(tokenizer: PreTrainedTokenizerBase, system: list, ask: dict[str, str], where: str) -> tuple[str, str]:
    """What a template writes before and after a request."""
    text = _render(tokenizer, [*system, ask], where)
    if (n := text.count(REQUEST)) != 1:
        raise ConfigError(
            f"{where}, column chat is true, but the model's chat template writes a request {n} times; needed: once"
        )
    before, _, after = text.partition(REQUEST)
    return before, after


def _closing(tokenizer: PreTrainedTokenizerBase, ids: TextIds, asked: list) -> int | None:
    """The special token behind an answer, None where the template writes none or takes no answer."""
    try:
        text = _render(tokenizer, [*asked, {"role": "assistant", "content": ANSWER}], "", prompt=False)
    except ConfigError:
        return None
    rest = ids.tokenizer.encode(text.partition(ANSWER)[2], add_special_tokens=False).ids
    added = ids.tokenizer.get_added_tokens_decoder()
    return rest[0] if rest and rest[0] in added and added[rest[0]].special else None


def _lead(
    tokenizer: PreTrainedTokenizerBase, ids: TextIds, before: str, where: str
) -> tuple[tuple[int, ...], set[int]]:
    """Tokens of the row's rule that the template does not write itself, and all that may be a text's first token.

    A stand-in that nobody named is neither.
    """
    own = ids.tokenizer.encode(before, add_special_tokens=False).ids
    named = ids.tokenizer.token_to_id(str(tokenizer.bos_token)) if tokenizer.bos_token else None
    rule = ids.first if ids.rule not in ("stand-in", NO_BOS) else ()
    starts = {*rule, *([] if named is None else [named])}
    if own and own[0] in starts and ids.rule == NO_BOS:
        told = ids.tokenizer.id_to_token(own[0])
        raise ConfigError(
            f"{where}: the chat template begins with {told!r}, column bos is {NO_BOS!r}; allowed: that token, or empty"
            f" ({BOS_COLUMN})"
        )
    return () if own[: len(rule)] == list(rule) else rule, starts


def _one_first(
    tokenizer: PreTrainedTokenizerBase, ids: TextIds, chat: Chat, starts: set[int], asked: Sequence[dict[str, str]]
) -> None:
    """Refuse a chat with a second first token.

    That is one with nothing or blanks alone between it and the first, or one that neither begins nor ends a turn. In
    some chats the first token is the marker of turns (``<|im_start|>`` as BOS), in others it ends them.
    """
    head = _marks(ids, starts, chat.before, chat.lead)
    marks = [*head, *_marks(ids, starts, chat.after)]
    at = [k for k, (i, _) in enumerate(marks) if i in starts]
    n = 1 if ids.rule in ("stand-in", NO_BOS) else len(ids.first)
    if len(at) <= n:
        return
    first, rest = at[n - 1], at[n:]
    ends, opens, told = chat.ends(ids), _opening(tokenizer, ids, starts, asked), ""
    if not marks[first][1] and first + 1 == rest[0] < len(head):
        told = "it begins with " + " ".join(repr(ids.tokenizer.id_to_token(marks[k][0])) for k in (first, rest[0]))
    elif wrong := [k for k in rest if marks[k][0] not in ends and not (marks[k][1] and marks[k][0] in opens)]:
        place = "before" if wrong[0] < len(head) else "behind"
        told = f"{ids.tokenizer.id_to_token(marks[wrong[0]][0])!r} again, {place} the request"
    if told:
        raise ConfigError(
            f"{chat.where}, column chat: with the chat template a text has a second first token ({told}); allowed: one."
            f" Mend the template of the model's folder, or name the token that it writes ({BOS_COLUMN})"
        )


def _marks(ids: TextIds, starts: set[int], text: str, lead: Sequence[int] = ()) -> list[tuple[int, bool]]:
    """Tokens of a template's text that the tokenizer was given as they are, and first tokens, in their order.

    Each with whether letters stand next to it, such as a role's name: not another of them, nor blanks alone.
    """
    code, added = ids.tokenizer.encode(text, add_special_tokens=False), ids.tokenizer.get_added_tokens_decoder()
    whole = [(i, "") for i in lead]
    whole += [(i, text[a:b]) for i, (a, b) in zip(code.ids, code.offsets, strict=True)]
    found, letters = [], False
    for i, told in reversed(whole):
        if i in added or i in starts:
            found.append((i, letters))
        if told.strip():
            letters = i not in added
    return found[::-1]


def _opening(
    tokenizer: PreTrainedTokenizerBase, ids: TextIds, starts: set[int], asked: Sequence[dict[str, str]]
) -> set[int]:
    """First tokens that also stand between an answer and a later request."""
    try:
        text = _render(tokenizer, [*asked, {"role": "assistant", "content": ANSWER}, asked[-1]], "")
    except ConfigError:
        return set()
    between, later, _ = text.partition(ANSWER)[2].partition(REQUEST)
    return {i for i, _ in _marks(ids, starts, between) if i in starts} if later else set()
