"""Short texts in which people feel an emotion that is not named, and texts alike without it."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping
from pathlib import Path

import pandas as pd

from shared_affect.base.log import LOG
from shared_affect.base.reading import place
from shared_affect.human import published

COLUMNS = ["text_id", "text", "role", "category", "partner", "block"]

ROLES = ("vignette", "neutral", "unmatched")
"""A text with an unnamed emotion; the text alike without it; a text without emotion that belongs to none."""

AIPSY_SETS = {"B_clinical": "vignette", "neutral": "neutral", "C_complex_neutral": "unmatched", "A_standard": ""}
"""Sets of the published files and their role; texts with emotion words have none."""


def read_aipsy(stimuli: str | Path, complex_neutral: str | Path) -> pd.DataFrame:
    """English vignettes of keidolabs/affect-reception: 96 without emotion words, 96 matched neutral ones, 24 others.

    Parameters
    ----------
    stimuli : path
        ``stimuli.jsonl``: an object a line with ``id, text, emotion, domain, stimulus_set, matched_control_id``. The 90
        texts of the set ``A_standard``, which name emotions, are left out.
    complex_neutral : path
        ``set_c_complex_neutral.jsonl``: ``id, text, stimulus_set``; neutral texts that match no vignette.

    Returns
    -------
    DataFrame
        `COLUMNS`: ``category`` of the authors (8, by Plutchik), of a matched neutral text that of its vignette;
        ``partner``, the id of the text it is matched with; ``block``, texts of one category on one scenario (4
        vignettes), which are no independent samples of it. 216 rows.

    Raises
    ------
    ValueError
        A line that is no such object, an unknown set, an id or a text that stands twice, a vignette without its neutral
        text or the reverse.
    """
    needed: dict[str, type | None] = {"id": str, "text": str, "stimulus_set": str}
    rows = []
    for path, more in ((stimuli, {"emotion": str, "domain": None, "matched_control_id": None}), (complex_neutral, {})):
        for line, entry in _entries(path, needed | more):
            if (role := AIPSY_SETS.get(entry["stimulus_set"])) is None:
                raise ValueError(
                    f"{place(path, line)}: stimulus_set is {entry['stimulus_set']!r}; expected one of"
                    f" {', '.join(AIPSY_SETS)}"
                )
            if role:
                rows.append((path, line, role, entry))
    seen: dict[str, str] = {}
    for path, line, _, entry in rows:
        for what in ("id", "text"):
            if (first := seen.setdefault(entry[what], place(path, line))) != place(path, line):
                raise ValueError(
                    f"{place(path, line)}: {what} {entry[what][:40]!r} stands in {first} too; expected once"
                )
    found = _joined(rows)
    LOG.info("vignettes: %s", ", ".join(f"{n} {role}" for role, n in found["role"].value_counts().items()))
    return found


def _entries(path: str | Path, needed: Mapping[str, type | None]) -> list[tuple[int, dict]]:
    """Objects of a JSON lines file that hold the needed keys, with their lines; those of a type are text."""
    found = []
    for line, text in enumerate(published.read_text(path).split("\n"), start=1):
        if not text.strip():
            continue
        try:
            entry = json.loads(text)
        except json.JSONDecodeError as error:
            raise ValueError(f"{place(path, line)}: {error.msg}; expected one JSON object a line") from None
        if not isinstance(entry, dict) or (missing := [k for k in needed if k not in entry]):
            said = "no object" if not isinstance(entry, dict) else f"key {missing[0]!r} is missing"
            raise ValueError(f"{place(path, line)}: {said}; expected {', '.join(needed)}")
        for key, kind in needed.items():
            if kind and not (isinstance(entry[key], kind) and entry[key].strip()):
                raise ValueError(f"{place(path, line)}: {key} is {entry[key]!r}; expected text")
        found.append((line, entry))
    return found


def _joined(rows: list[tuple]) -> pd.DataFrame:
    """Vignettes and their neutral texts, each pointing at the other; category and scenario are the vignette's."""
    own = {e["id"]: (path, line, role, e) for path, line, role, e in rows}
    made: list[tuple] = []
    for path, line, role, e in rows:
        if role == "unmatched":
            made.append((e["id"], e["text"], role, None, None, None))
            continue
        partner = e["matched_control_id"]
        _, _, other, back = own.get(partner, (None, None, "", {}))
        if {role, other} != {"vignette", "neutral"} or back["matched_control_id"] != e["id"]:
            raise ValueError(
                f"{place(path, line)}: {e['id']!r} is matched with {partner!r}; expected a"
                f" {'neutral text' if role == 'vignette' else 'vignette'} that is matched with it"
            )
        of = e if role == "vignette" else back
        made.append((e["id"], e["text"], role, of["emotion"], partner, f"{of['emotion']}-{of['domain']}"))
    return pd.DataFrame(made, columns=COLUMNS)


def emotions_of(texts: pd.DataFrame, names: Collection[tuple[str, str]], emotions: Collection[str]) -> dict[str, str]:
    """Category of the vignettes -> emotion of the study; categories that stand for none are left out.

    Parameters
    ----------
    texts : DataFrame `COLUMNS`
    names : pairs (emotion, category)
        Of ``resources/categories/{dataset}.tsv``; the emotion is "" where there is none.
    emotions : collection of str
        Of the study.

    Raises
    ------
    ValueError
        A category of the texts that is not among the names, or fewer than two emotions left.
    """
    of_category = {category: emotion for emotion, category in names}
    categories = list(dict.fromkeys(texts["category"].dropna()))
    if unknown := [c for c in categories if c not in of_category]:
        raise ValueError(
            f"category {unknown[0]!r} of the vignettes stands for no known emotion; allowed: {', '.join(of_category)}"
            " (resources/categories)"
        )
    found = {c: of_category[c] for c in categories if of_category[c] in emotions}
    if len(set(found.values())) < 2:
        raise ValueError(
            f"the vignettes stand for {len(set(found.values()))} of the study's emotions; needed: 2 or more"
            " (config.yaml, keys validity and emotions)"
        )
    LOG.info("vignettes: %s", ", ".join(f"{c} stands for {found.get(c, 'none of the study')}" for c in categories))
    return found


def check_design(texts: pd.DataFrame, emotion_of: Mapping[str, str]) -> None:
    """Whether emotions can be told apart with these texts, before a model reads them.

    Parameters
    ----------
    texts : DataFrame `COLUMNS`
    emotion_of : mapping of category -> emotion of the study
        As `emotions_of` finds it.

    Raises
    ------
    ValueError
        A vignette without category, scenario or neutral text of its own; a scenario of two categories; scenarios of
        unequal numbers of vignettes; an emotion with one scenario; one unmatched text.
    """
    own, neutral = texts[texts["role"] == "vignette"], set(texts["text_id"][texts["role"] == "neutral"])
    for row in own.to_dict("records"):
        if empty := [c for c in ("category", "block") if pd.isna(row[c])]:
            raise ValueError(f"vignette {row['text_id']!r} has no {empty[0]}; needed: one for each vignette")
        if (partner := row["partner"]) not in neutral:
            said = None if pd.isna(partner) else partner
            raise ValueError(
                f"vignette {row['text_id']!r} is matched with {said!r}; needed: the text_id of a neutral text"
            )
    if shared := own["partner"][own["partner"].duplicated()].tolist():
        raise ValueError(f"neutral text {shared[0]!r} is matched with several vignettes; allowed: one")
    for block, found in own.groupby("block", sort=False)["category"]:
        if found.nunique() > 1:
            names = ", ".join(found.unique())
            raise ValueError(f"scenario {block!r} has vignettes of {names}; allowed: of one category")
    sizes = own["block"].value_counts(sort=False)
    if sizes.nunique() > 1:
        raise ValueError(
            f"scenarios of {', '.join(map(str, sorted(sizes.unique())))} vignettes ({sizes.idxmin()!r} has"
            f" {sizes.min()}); needed: as many in each"
        )
    for emotion, n in own["block"].groupby(own["category"].map(emotion_of)).nunique().items():
        if n < 2:
            raise ValueError(f"emotion {emotion!r} has {n} scenario; needed: 2 or more")
    if (n := int((texts["role"] == "unmatched").sum())) == 1:
        raise ValueError(f"{n} unmatched neutral text; needed: none, or 2 or more")
