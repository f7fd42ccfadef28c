"""What a results folder holds, so that a run with other settings does not overwrite a study unasked.

A run writes its settings into the folder when it starts (`STAMP`), so an unfinished study is known too. Whatever adds
to a study (`GROWS`) is allowed; whatever would change numbers that stand there is refused, by key and row.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Callable, Collection, Mapping, Sequence
from pathlib import Path

import yaml

from shared_affect.base.files import write_text
from shared_affect.study import analysed
from shared_affect.study.config import PLACE, ConfigError

STAMP = "settings.yaml"
"""Written below ``results/{study}/`` when a run starts."""

FREE = ("study", "force", "data_dir", "models_dir", "emotions_per_job")
"""Keys that change no number: names of folders, and how jobs are cut."""

GROWS = (
    "models",
    "control_models",
    "control_variants",
    "specs",
    "emotions",
    "saes",
    "judges",
    "judge_tests",
    "validity",
    "agreement",
)
"""Keys that may gain entries: what stands there already stays as it is."""

FINALS = ("report.rst", "claims.json", "claims.html", "report.html", "provenance.json", "run_config.yaml")
"""What says something about the whole study."""

COLUMNS = {
    "models": (
        "family",
        "source",
        "path",
        "id",
        "revision",
        "world",
        "train_tokens",
        "replicate",
        "control",
        "twin_of",
        "dtype",
        "device",
        "attention",
        "encoder",
        "chunk_batch",
        "bos",
        "chat",
        "system_prompt",
    ),
    "saes": (
        *("layer", "source", "path", "release", "id", "subfolder", "revision"),
        *("architecture", "k", "d_sae", "texts", "train_tokens"),
    ),
    "human": ("human_language", "loader", "path", "valence_norm", "valence_split", "coordinates"),
    "languages": ("script", "splitter", "lemma_rule", "labels"),
    "variants": ("kind", "templates", "readout", "concepts", "shuffle"),
    "judges": ("kind", "texts", "path", "id", "revision", "labels", "model", "question", "calibrated"),
    "emotions": ("basic", "contrast"),
}
"""Columns of the tables that bear on numbers; labels, notes, gates and shards do not."""

KEYS = {
    "models": ("model",),
    "saes": ("model", "sae"),
    "human": ("kind", "dataset", "language"),
    "languages": ("language",),
    "variants": ("variant",),
    "judges": ("judge", "language"),
    "emotions": ("emotion",),
}

SHOWN = 8
"""Differences named in a refusal."""


def describe_study(config: Mapping, emotions: Sequence[str], tables: Mapping[str, Sequence[Mapping]]) -> dict:
    """Settings of a study that bear on its numbers: its configuration, emotions and SAEs by name, and the table rows it
    uses.

    Parameters
    ----------
    config : mapping
        A whole configuration.
    emotions : sequence of str
        What the key `emotions` stands for.
    tables : mapping
        Rows of ``models, saes, languages, human, variants, emotions``.

    Returns
    -------
    dict
        ``config``, ``all_emotions`` (whether it asks for all), and ``tables`` (table -> row's key -> column -> value).
    """
    named = {
        "models": [*config["models"], *config["control_models"]],
        "languages": config["languages"],
        "variants": [*config["control_variants"], *config["specs"]],
        "emotions": emotions,
    }
    named_datasets = datasets(config, tables["variants"], tables.get("judges", ()))
    read = models_read(config, tables)
    used = {
        "models": lambda r: r["model"] in read,
        "saes": lambda r: r["model"] in named["models"] and r in analysed.analysed(config, tables["saes"], r["model"]),
        "languages": lambda r: r["language"] in config["languages"],
        "variants": lambda r: r["variant"] in named["variants"],
        "emotions": lambda r: r["emotion"] in emotions,
        "judges": lambda r: r in _judges(config, tables),
        "human": lambda r: r["language"] in config["languages"] and r["dataset"] in named_datasets,
    }
    rows = {
        t: {
            " ".join(str(r[k]) for k in KEYS[t]): {c: r[c] for c in columns if c in r}
            for r in tables.get(t, ())
            if used[t](r)
        }
        for t, columns in COLUMNS.items()
    }
    return {
        "config": dict(config) | {"emotions": list(emotions), "saes": analysed.names_of(config, tables["saes"])},
        "all_emotions": config["emotions"] == "all",
        "tables": rows,
    }


def models_read(config: Mapping, tables: Mapping[str, Sequence[Mapping]]) -> set[str]:
    """Every model of config/models.tsv on which a study's numbers rest: its own, the originals of twins, and those that
    judge.
    """
    own = set(analysed.models_of(config))
    originals = {r["twin_of"] for r in tables["models"] if r["model"] in own and r.get("twin_of")}
    judging = (
        {r["model"] for r in _judges(config, tables) if r.get("model")} if config["steering"]["enabled"] else set()
    )
    return own | originals | judging


def _judges(config: Mapping, tables: Mapping[str, Sequence[Mapping]]) -> list[Mapping]:
    """Rows of the judges that a study names."""
    named = config.get("judges", {})
    return [r for r in tables.get("judges", ()) if r["judge"] in named.get(r["language"], [])]


def datasets(config: Mapping, variants: Sequence[Mapping], judges: Sequence[Mapping] = ()) -> set[str]:
    """Every dataset of config/human.tsv that a study reads."""
    named = config.get("judges", {})
    learned = {r["texts"] for r in judges if r["texts"] and r["judge"] in named.get(r["language"], [])}
    learned |= {d for found in config.get("judge_tests", {}).values() for d in found}
    found = (
        {config["human"], config["norms"], config["concepts"], config["profiles"], *config["validity"]}
        | set(config["agreement"])
        | {r["concepts"] for r in variants if r["variant"] in config["specs"]}
    )
    for mapping in (
        config["associations"],
        config["dictionaries"],
        config["judge_texts"] if isinstance(config["judge_texts"], Mapping) else {},
    ):
        found |= set(mapping.values())
    return found | learned | {d for datasets in config["word_properties"].values() for d in datasets}


def read_settings(folder: str | Path) -> dict | None:
    """Settings that stand in a results folder; None where there are none, or nothing was made from them.

    A study made before `STAMP` was written is known by its ``run_config.yaml`` alone.
    """
    folder = Path(folder)
    if (folder / STAMP).exists():
        others = any(name != STAMP for _, _, names in os.walk(folder) for name in names)
        return _parsed(folder / STAMP, "config") if others else None
    return (
        {"config": _parsed(folder / "run_config.yaml", "study"), "tables": {}}
        if (folder / "run_config.yaml").exists()
        else None
    )


def _parsed(path: Path, key: str) -> dict:
    """A file of settings, which holds this key."""
    try:
        found = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (yaml.YAMLError, ValueError, RecursionError):
        found = None
    if not _is_settings(found, key):
        raise ConfigError(
            f"{path} cannot be read, so it is not known what {path.parent} holds; delete that file if the "
            "folder is to be overwritten, or give the study another name "
            "(--config study=NAME)"
        )
    return found


def _is_settings(found: object, key: str) -> bool:
    """Whether a file holds what `write_settings` (``config``, ``tables`` of rows) or a finished run writes."""
    if not isinstance(found, dict) or key not in found:
        return False
    if key != "config":
        return True
    tables = found.get("tables") or {}
    rows = [row for table in tables.values() for row in (table or {}).values()] if _nested(tables) else [None]
    return isinstance(found["config"], dict) and all(isinstance(row, dict) for row in rows)


def _nested(tables: object) -> bool:
    return isinstance(tables, dict) and all(isinstance(table or {}, dict) for table in tables.values())


def _flat(config: Mapping, sections: Collection[str]) -> dict:
    """Keys of a configuration, those of sections as ``section.key``."""
    return {
        f"{k}.{n}" if k in sections else k: v
        for k, value in config.items()
        for n, v in (value.items() if k in sections and isinstance(value, Mapping) else [("", value)])
    }


def _grown(old, new) -> bool:
    if isinstance(old, Mapping) and isinstance(new, Mapping):
        # judges by language: the first may be the declared one, so what is added stands behind
        return all(isinstance(new.get(k), list) and new[k][: len(v)] == list(v) for k, v in old.items())
    return isinstance(old, list) and isinstance(new, list) and all(v in new for v in old)


def _saes_by_name(config: Mapping, tables: Mapping, now: list[str]) -> list[str]:
    """SAEs of a finished study, whose configuration says `primary` or `all`; those of now where it does not say which
    all were.
    """
    if config["saes"] == analysed.PRIMARY:
        return [config["primary_sae"]]
    return list(dict.fromkeys(row.split()[1] for row in tables.get("saes", {}))) or now


def differences(old: Mapping, new: Mapping, sections: Collection[str]) -> list[tuple[str, object, object]]:
    """Settings that would change numbers which stand in a folder: where, value there, value now.

    Keys and columns that only one side knows belong to another version of this code and are passed over.

    Parameters
    ----------
    old, new : mapping
        Of `describe_study`.
    sections : collection of str
        Keys of the configuration whose value is a group of keys.
    """
    before, now = _flat(old["config"], sections), _flat(new["config"], sections)
    if (
        before.get("emotions") == "all" and new["all_emotions"]
    ):  # a study known by run_config.yaml alone does not say which they were
        now["emotions"] = "all"
    if isinstance(before.get("saes"), str):
        before["saes"] = _saes_by_name(before, old.get("tables") or {}, now["saes"])
    found = [
        (f"key {k}", before[k], now[k])
        for k in before
        if k in now and k not in FREE and before[k] != now[k] and not (k in GROWS and _grown(before[k], now[k]))
    ]
    for table, rows in (old.get("tables") or {}).items():
        for name, row in (rows or {}).items():
            after = new["tables"].get(table, {}).get(name, {})
            found += [
                (f"{'resources' if table == 'emotions' else 'config'}/{table}.tsv, row {name}, column {c}", v, after[c])
                for c, v in row.items()
                if c in after and after[c] != v
            ]
    return found


def check_folder(folder: str | Path, settings: Mapping, sections: Collection[str], force: bool = False) -> list[str]:
    """Refuse a run whose settings differ from those of the study that its folder holds.

    Settings of a finished study are its own even where a later run has added to them and did not end.

    Parameters
    ----------
    folder : path
        ``results/{study}``.
    settings : mapping
        Of `describe_study`.
    sections : collection of str
    force : bool
        Overwrite it.

    Returns
    -------
    list of str
        Keys and rows that differ where the folder is overwritten, else none.

    Raises
    ------
    ConfigError
        Naming the keys with both values, and the three ways on.
    """
    if (old := read_settings(folder)) is None:
        return []
    found = differences(old, settings, sections)
    finished = Path(folder) / "run_config.yaml"
    if found and old["tables"] and finished.exists():
        # back to what was finished, after something was added that is not wanted any more
        found = differences(old | {"config": _parsed(finished, "study")}, settings, sections)
    found = [f for f in found if not _is_pinned(folder, *f)]
    if not found or force:
        return [where for where, _, _ in found]
    listed = "\n".join(
        f"  {where}: {_short(there)} there, {_short(now)} now" for where, there, now in found[:SHOWN]
    ) + (f"\n  and {len(found) - SHOWN} more" if len(found) > SHOWN else "")
    state = "a study" if (Path(folder) / "run_config.yaml").exists() else "an unfinished study"
    raise ConfigError(
        f"{folder} holds {state} with other settings:\n{listed}\nA run would delete files of it and leave "
        "others beside the new ones. Give the new settings a name of their own "
        f"(--config study=NAME), set the old values again ({PLACE}), or overwrite the folder with --config "
        "force=true. Models, controls, specs, emotions and SAEs may be added to a study as it is."
    )


def _is_pinned(folder: str | Path, where: str, there: object, now: object) -> bool:
    """Whether a row only names by its commit what the finished study has used: a branch that is pinned."""
    row = re.fullmatch(r"config/(models|saes|judges)\.tsv, row (.+), column revision", where)
    path = Path(folder) / "provenance.json"
    if row is None or not path.exists():
        return False
    try:
        used = json.loads(path.read_text(encoding="utf-8"))["revisions"]["judge " * (row[1] == "judges") + row[2]]
        return (used["asked"], used["commit"]) == (there or "main", now)
    except (ValueError, KeyError, TypeError):
        return False


def _short(value, limit: int = 90) -> str:
    text = (
        "[" + ", ".join(map(str, value)) + "]"
        if isinstance(value, list)
        else str(value).lower()
        if isinstance(value, bool)
        else repr(value)
        if isinstance(value, str)
        else str(value)
    )
    return text if len(text) <= limit else text[: limit - 4] + " ..."


def write_settings(folder: str | Path, settings: Mapping) -> None:
    """Write what a run makes into its folder, before its first job."""
    Path(folder).mkdir(parents=True, exist_ok=True)
    head = (
        "# What this folder holds, written when a run starts. A run with other settings is refused"
        " (docs/configuration.md).\n"
    )
    write_text(Path(folder) / STAMP, head + yaml.safe_dump(dict(settings), allow_unicode=True, sort_keys=False))


def drop_finals(folder: str | Path, keep: Callable[[str], bool]) -> list[str]:
    """Remove claims, report and provenance of a study that is overwritten: none of them may stand beside new tables.

    Parameters
    ----------
    folder : path
    keep : function of a path
        True where the file is up to date under the new settings.

    Returns
    -------
    list of str
        What was removed.
    """
    gone = [p for name in FINALS if (p := Path(folder) / name).exists() and not keep(str(p))]
    for path in gone:
        path.unlink()
    return [str(p) for p in gone]
