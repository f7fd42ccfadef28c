"""What people commit beside the tables: concept words, templates, prompts, and names of emotions in other sources."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from shared_affect.base.reading import LINE, place, shown
from shared_affect.study.config import ConfigError, as_typed, hint, listing, read_committed

SPLITS = ("choose", "score")
"""What a prompt is for: to choose the strength of steering, or to be scored."""

OWN_CONCEPTS = ("planted", "table")
"""Concept-sets of the committed tables; any other source is a dataset."""


def read_concepts(
    path: str | Path, emotions: Sequence[str], rows: str = "table", known: Sequence[str] | None = None
) -> dict[str, list[str]]:
    """Concept words of the given emotions in one language.

    Parameters
    ----------
    path : path
    emotions : sequence of str
    rows : {"table", "planted"}
        All rows, or those that stand in the planted world's texts; an emotion without any such row keeps all of its
        rows.
    known : sequence of str, optional
        Every emotion that may have rows; without it the rows of other emotions are not looked at.

    Raises
    ------
    ConfigError
        Anything that `reading.read_written` refuses; `planted` is neither true nor false, an emotion is not `known` or
        has fewer than two words, or a word repeats within an emotion.
    """
    path = Path(path)
    name = "/".join(path.parts[-3:])
    if not path.exists():
        raise ConfigError(
            f"{name} does not exist: the language {path.stem!r} has no concept words; write that table or take the"
            " language out of config.yaml, key languages"
        )
    found = read_committed(
        path, ["emotion", "word"], ["planted", "pos", "source"], may_be_empty=["planted", "pos", "source"]
    )
    words: dict[str, list[str]] = {e: [] for e in emotions}
    first: dict[tuple[str, str], int] = {}
    planted = {r["emotion"] for r in found if r.get("planted") == "true"} if rows == "planted" else set()
    for r in found:
        line = r[LINE]
        if known is not None and r["emotion"] not in known:
            raise ConfigError(
                f"{name}, line {line}: emotion is {r['emotion']!r}{hint(r['emotion'], known)}; allowed:"
                f" {listing(known)} (resources/emotions.tsv)"
            )
        if r.get("planted", "false") not in ("true", "false"):
            raise ConfigError(f"{name}, line {line}: planted is {r['planted']!r}; allowed: true, false")
        if r["emotion"] in words:
            if (own := (r["emotion"], r["word"])) in first:
                raise ConfigError(
                    f"{name}: word {r['word']!r} stands twice under {r['emotion']!r} (lines {first[own]}, {line});"
                    " allowed: once"
                )
            first[own] = line
            if r["emotion"] not in planted or r["planted"] == "true":
                words[r["emotion"]].append(r["word"])
    if empty := [e for e, w in words.items() if len(w) < 2]:
        raise ConfigError(
            f"{name}: the concept-set of {empty[0]!r} has {len(words[empty[0]])} word(s); needed: 2 or more; add rows,"
            " or take the emotion out of config.yaml, key emotions"
        )
    return words


def read_parts_of_speech(path: str | Path) -> dict[tuple[str, str], str]:
    """Part of speech of every emotion and word of a table of `read_concepts`, "" where none is given."""
    return {
        (r["emotion"], r["word"]): r.get("pos", "")
        for r in read_committed(
            path,
            ["emotion", "word"],
            ["planted", "pos", "source"],
            may_be_empty=["planted", "pos", "source"],
            key=["emotion", "word"],
        )
    }


def read_names(
    path: str | Path, column: str, known: Sequence[str] | None = None, may_be_empty: bool = False
) -> list[tuple[str, str]]:
    """What an emotion is called in a source of concept-sets: emotion and cue (``resources/cues``) or category
    (``resources/categories``).

    Parameters
    ----------
    path : path
        Columns ``emotion`` and `column`.
    column : {"word", "category"}
    known : sequence of str, optional
        Every emotion that may have rows.
    may_be_empty : bool
        Whether a name may stand for no emotion.

    Raises
    ------
    ConfigError
        Anything that `reading.read_written` refuses, a row that stands twice, an emotion that is not `known`, or a name
        that stands for an emotion and for none.
    """
    rows = read_committed(
        path, ["emotion", column], may_be_empty=["emotion"] if may_be_empty else [], key=["emotion", column]
    )
    for r in rows:
        if known is not None and r["emotion"] and r["emotion"] not in known:
            raise ConfigError(
                f"{place(path, r[LINE], 3)}: emotion is {r['emotion']!r}{hint(r['emotion'], known)}; allowed:"
                f" {listing(known)} (resources/emotions.tsv)"
            )
    of_none = {r[column]: r[LINE] for r in rows if not r["emotion"]}
    if both := [r for r in rows if r["emotion"] and r[column] in of_none]:
        raise ConfigError(
            f"{place(path, both[0][LINE], 3)}: {column} {both[0][column]!r} stands for {both[0]['emotion']!r}, but for"
            f" no emotion in line {of_none[both[0][column]]}; allowed: one of them"
        )
    return [(r["emotion"], r[column]) for r in rows]


def read_templates(path: str | Path) -> dict[str, str]:
    """Templates of one language: name -> text, as written.

    Raises
    ------
    ConfigError
        Anything that `reading.read_written` refuses; a template has no place for the word, `held_out` is neither true
        nor false, or a name stands twice.
    """
    name = place(path, parts=3)
    rows = read_committed(path, ["template", "text", "held_out"], texts=["text"])
    for r in rows:
        if r["text"].count("{word}") != 1:
            raise ConfigError(f"{name}, line {r[LINE]}: text is {r['text']!r}; allowed: a text with {{word}} once")
        if r["held_out"] not in ("true", "false"):
            raise ConfigError(f"{name}, line {r[LINE]}: held_out is {r['held_out']!r}; allowed: true, false")
    names = [r["template"] for r in rows]
    if twice := [n for n, c in Counter(names).items() if c > 1]:
        raise ConfigError(
            f"{name}: template {twice[0]!r} stands {names.count(twice[0])} times (lines"
            f" {', '.join(str(r[LINE]) for r in rows if r['template'] == twice[0])}); allowed: once"
        )
    return {r["template"]: r["text"] for r in rows}


PROMPT_KINDS = ("continuation", "request")
"""What a prompt is: a beginning that a model goes on with, or a request that a chat model answers."""


def half_of(name: str) -> str:
    """The half of a prompt by its name: a prompt that is added moves no other.

    Examples
    --------
    >>> half_of("kettle"), half_of("ferry")
    ('choose', 'score')
    """
    return SPLITS[hashlib.sha256(name.encode()).digest()[0] % 2]


def read_prompts(path: str | Path) -> list[tuple[str, str, str]]:
    """Prompts of one language, as written: name, split (``choose`` or ``score``), text.

    Without a column `split` the name decides (`half_of`).

    Raises
    ------
    ConfigError
        Anything that `reading.read_written` refuses; a name or a text that stands twice, or another split.
    """
    rows = read_committed(path, ["prompt", "text"], ["split"], texts=["text"], key=["prompt"])
    for r in rows:
        if r.get("split", SPLITS[0]) not in SPLITS:
            raise ConfigError(f"{place(path, r[LINE], 3)}: split is {r['split']!r}; allowed: {', '.join(SPLITS)}")
    first: dict[str, int] = {}
    for r in rows:
        if (line := first.setdefault(r["text"], r[LINE])) != r[LINE]:
            raise ConfigError(
                f"{place(path, r[LINE], 3)}: text is {shown(r['text'])}, as in line {line}; allowed: each once"
            )
    return [(r["prompt"], r.get("split") or half_of(r["prompt"]), r["text"]) for r in rows]


def read_prompt_sets(path: str | Path) -> dict[str, str]:
    """Sets of prompts and their kind (`PROMPT_KINDS`), from ``resources/prompts/sets.tsv``.

    Raises
    ------
    ConfigError
        Anything that `reading.read_written` refuses, a set that stands twice, or another kind.
    """
    rows = read_committed(path, ["set", "kind"], ["about"], key=["set"])
    for r in rows:
        if r["kind"] not in PROMPT_KINDS:
            raise ConfigError(f"{place(path, r[LINE], 3)}: kind is {r['kind']!r}; allowed: {', '.join(PROMPT_KINDS)}")
    return {r["set"]: r["kind"] for r in rows}


BASIC = ("anger", "disgust", "fear", "joy", "sadness", "surprise")
"""The six basic emotions (Ekman 1992)."""


def read_labels(path: str | Path, emotions: Collection[str] | None = None) -> list[dict]:
    """Which emotion, and which basic emotion, a label of a dataset of texts stands for (``resources/judges``).

    Parameters
    ----------
    path : path
        Table ``label, emotion, basic``; an empty cell = no counterpart.
    emotions : collection of str, optional
        All emotions that exist; without it they are not looked at.

    Raises
    ------
    ConfigError
        Anything that `reading.read_written` refuses, a label twice, or an emotion that does not exist.
    """
    rows = read_committed(path, ["label", "emotion", "basic"], may_be_empty=["emotion", "basic"], key=["label"])
    for column, allowed in (("emotion", emotions), ("basic", BASIC)):
        for r in rows:
            if allowed is not None and r[column] and r[column] not in allowed:
                raise ConfigError(
                    f"{place(path, r[LINE], 3)}: {column} is {r[column]!r}; allowed: {listing(list(allowed))}, or empty"
                )
    return rows


@dataclass(frozen=True)
class Question:
    """What a language model is asked about a text, as the beginning of a sentence that a label ends.

    Attributes
    ----------
    text : str
        ``{text}`` once, then ``{label}`` once, at its end.

    Examples
    --------
    >>> asked = Question("He said: {text} That sounds like {label}")
    >>> asked.before("What a day!"), asked.lead
    ('He said: What a day! That sounds like', ' ')
    """

    text: str

    @property
    def _before(self) -> str:
        return self.text.removesuffix("{label}")

    @property
    def lead(self) -> str:
        """What stands before a label and belongs to its first token: the blank of languages that write one."""
        return self._before[len(self._before.rstrip(" ")) :]

    def before(self, text: str) -> str:
        """The question about a text, up to the label."""
        return self._before.rstrip(" ").replace("{text}", text)


def read_question(path: str | Path, question: str) -> Question:
    """A question of one language (``resources/questions``), by its name.

    Raises
    ------
    ConfigError
        Anything that `reading.read_written` refuses; a place for text or label that is missing, doubled or in the wrong
        order; a name that stands twice; no such question.
    """
    rows = read_committed(path, ["question", "text"], texts=["text"], key=["question"])
    for r in rows:
        text = r["text"]
        if text.count("{text}") != 1 or text.count("{label}") != 1 or not text.endswith("{label}"):
            raise ConfigError(
                f"{place(path, r[LINE], 3)}: text is {text!r}; allowed: a text with {{text}} once, which ends in"
                " {label}"
            )
    if not (found := [r for r in rows if r["question"] == question]):
        names = [r["question"] for r in rows]
        raise ConfigError(
            f"{place(path, parts=3)} has no question {question!r}{hint(question, names)}; allowed: {listing(names)}"
            " (config/judges.tsv, column question)"
        )
    return Question(found[0]["text"])


def read_number(path: str | Path, row: Mapping, column: str, most: float) -> float:
    """A number in a row of a table of the planted world, from -`most` to `most`.

    Raises
    ------
    ConfigError
        Naming file, line and column.
    """
    found = as_typed(row[column], "number")
    # a NaN lies in no range
    if isinstance(found, str) or not -most <= found <= most:
        where = place(path, row[LINE], 3)
        raise ConfigError(f"{where}: {column} is {shown(row[column])}; allowed: a number from {-most:g} to {most:g}")
    return float(found)
