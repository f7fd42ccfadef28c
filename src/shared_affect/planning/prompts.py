"""Prompts of a study, looked at before any job: the set, its words, and models that answer requests."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from shared_affect.study.config import PLACE, ConfigError, hint, listing
from shared_affect.study.inputs import OWN_CONCEPTS, SPLITS, read_concepts, read_prompt_sets, read_prompts
from shared_affect.words.prompt_words import plain_hits

if TYPE_CHECKING:
    from shared_affect.models.chat import Chat
    from shared_affect.models.tokens import Coded
    from shared_affect.planning.plan import Study

SETS = "prompts/sets.tsv"
"""Table of the sets, among the committed inputs."""

PLANTED = "planted"
"""The set whose words stand in the planted world: the only one that models of that world can read."""

LEAST = 2
"""Prompts of each half: an interval is one over prompts."""

Prompts = list[tuple[str, str, str]]


def kind_of(name: str, resources: str | Path) -> str:
    """Kind of the prompts of a set.

    Raises
    ------
    ConfigError
        If there is no such set.
    """
    sets = read_prompt_sets(Path(resources) / SETS)
    if name not in sets:
        raise ConfigError(
            f"{PLACE}: key prompts is {name!r}{hint(name, list(sets))}; allowed: {listing(list(sets))}"
            f" (resources/{SETS})"
        )
    return sets[name]


def read_set(name: str, language: str, resources: str | Path, without: str = "") -> Prompts:
    """Prompts of a set in a language.

    Parameters
    ----------
    name, language : str
    resources : path
        Folder of the committed inputs.
    without : str
        Another way out, said in refusals.

    Raises
    ------
    ConfigError
        If the set is unknown, lacks the language, or has fewer than `LEAST` prompts of a half.
    """
    kind_of(name, resources)
    path = Path(resources) / f"prompts/{name}/{language}.tsv"
    if not path.is_file():
        there = sorted(p.stem for p in path.parent.glob("*.tsv"))
        raise ConfigError(
            f"{path} does not exist: language {language!r} is steered from prompts of the set {name!r} ({PLACE}, key"
            f" prompts), which has {listing(there) if there else 'no language'}; write it (columns prompt, text),"
            f" name another set{without}"
        )
    prompts = read_prompts(path)
    halves = Counter(split for _, split, _ in prompts)
    if few := [s for s in SPLITS if halves[s] < LEAST]:
        raise ConfigError(
            f"{path} has {halves[few[0]] or 'no'} prompt{'s' * (halves[few[0]] > 1)} of split {few[0]!r}; needed:"
            f" {LEAST} or more of both halves ({', '.join(SPLITS)}){without}"
        )
    return prompts


def look(study: Study) -> None:
    """Everything about the prompts of a study that can be known before it runs.

    Raises
    ------
    ConfigError
        If a prompt holds a word of an emotion, models and prompts do not go together, or a chat template of a model
        that is there cannot be used.
    """
    if not study.steered:
        return
    name, resources = study.config["prompts"], study.checkout.resources
    kind = kind_of(name, resources)
    texts = {k: read_set(name, k, resources) for k in study.languages}
    for language, prompts in texts.items():
        _check_words(study, name, language, prompts)
    for model in study.steered:
        row = study.row("models", model=model)
        check_kind(row, name, kind)
        if kind == "request" and (Path(study.row_path(row)) / "tokenizer.json").is_file():
            requests = [text for prompts in texts.values() for _, _, text in prompts]
            look_at_chat(study.row_path(row), row, requests, study.config["steering"]["max_new_tokens"])


def _check_words(study: Study, name: str, language: str, prompts: Prompts) -> None:
    """No prompt holds a word of an emotion of the study, as far as those are known before the run."""
    labels = study.row("languages", language=language)["labels"]
    words = [str(r[c]) for r in study.tables["emotions"] for c in ("emotion", labels) if r.get(c)]
    source = study.config["concepts"]
    if source in OWN_CONCEPTS:
        sets = read_concepts(study.checkout.concepts(language), study.emotions, source)
        words += [w for own in sets.values() for w in own]
    named = {p: text for p, _, text in prompts}
    if hits := plain_hits(named, words):
        raise ConfigError(
            f"resources/prompts/{name}/{language}.tsv, prompt {hits[0].prompt}: {named[hits[0].prompt]!r} holds"
            f" {hits[0].word!r}, a word of an emotion of this study; allowed: prompts that call up none. Change the"
            f" prompt, or the concept words (resources/concepts/{language}.tsv)"
        )


def check_kind(row: Mapping, name: str, kind: str) -> None:
    """A model and a set of prompts go together.

    Raises
    ------
    ConfigError
        For requests to a model that is not told to be a chat model, a system prompt without a chat, and a model of the
        planted world with prompts from outside it.
    """
    where = f"config/models.tsv, row {row['model']}"
    if row["system_prompt"] and not row["chat"]:
        raise ConfigError(
            f"{where}: column system_prompt is {row['system_prompt']!r} where column chat is false; allowed: empty, or"
            " chat true"
        )
    if row["source"] == "trained" and name != PLANTED:
        raise ConfigError(
            f"{PLACE}: key prompts is {name!r}; allowed for {row['model']!r}, a model of the planted world, whose"
            f" tokenizer knows no other words: {PLANTED}"
        )
    if kind == "request" and not row["chat"]:
        raise ConfigError(
            f"{where}: column chat is false, and the prompts {name!r} are requests ({PLACE}, key prompts): a model that"
            " was not trained on chats would go on writing the request. Allowed: chat true for a model whose tokenizer"
            f" has a chat template, or a set of kind continuation (resources/{SETS})"
        )


def unwrapped(study: Study) -> list[str]:
    """What is said of chat models that are given beginnings."""
    if not study.steered or kind_of(study.config["prompts"], study.checkout.resources) == "request":
        return []
    return [
        f"config/models.tsv, row {m}: column chat is true, and the prompts {study.config['prompts']!r} are beginnings"
        f" ({PLACE}, key prompts): they are not wrapped in its chat template, it goes on with them as a base model does"
        for m in study.steered
        if study.row("models", model=m)["chat"]
    ]


def look_at_chat(
    folder: str | Path, row: Mapping, requests: Sequence[str], max_new_tokens: int
) -> tuple[Chat, list[Coded]]:
    """A model's chat template can wrap the requests, and they fit into its context.

    Parameters
    ----------
    folder : path
    row : mapping
        Of config/models.tsv.
    requests : sequence of str
    max_new_tokens : int
        Length of an answer.

    Returns
    -------
    Chat, list of Coded
        The template, and each request in it.

    Raises
    ------
    ConfigError
        As `models.chat.read_chat`; or naming the longest request.
    """
    from shared_affect.models.chat import read_chat
    from shared_affect.models.token_checks import context_of
    from shared_affect.models.tokens import load_ids

    where = f"config/models.tsv, row {row['model']}"
    try:
        ids = load_ids(folder, row["bos"])
    except ValueError as error:
        raise ConfigError(f"{where}: {error}") from None
    chat = read_chat(folder, ids, row["system_prompt"], where, requests)
    codes = chat.encode_batch(ids, requests)
    lengths = [len(c.ids) for c in codes]
    longest, context = max(lengths) + max_new_tokens, context_of(folder)
    if context is not None and longest > context:
        raise ConfigError(
            f"{where}: the request {requests[lengths.index(max(lengths))]!r} has {max(lengths)} tokens in the chat"
            f" template, with steering.max_new_tokens {longest}; the model's context has {context} (config.json)"
        )
    return chat, codes
