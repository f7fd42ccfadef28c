"""Who judges generated texts in each language, what each judge is made of, and on which texts judges are tested."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from shared_affect.base.reading import shown
from shared_affect.planning.checkout import Row
from shared_affect.study.config import PLACE, ConfigError, hint, listing

if TYPE_CHECKING:
    from shared_affect.planning.plan import Study

EMBEDDED = "embedded"
"""The judge that the key `judge_texts` trains."""

NEEDS = {
    "embedded": ("texts",),
    "classifier": ("path", "labels", "device", "rows"),
    "language-model": ("labels", "model", "question", "calibrated", "rows"),
}
"""Columns that a row of a kind needs; the others of `COLUMNS` are empty there."""

COLUMNS = ("texts", "path", "id", "revision", "labels", "model", "question", "calibrated", "device", "rows")

LEARNED = {"embedded": (), "classifier": ("learned",), "language-model": ("learned",)}
"""Columns that a row of a kind may have besides."""

NONE_OF_THEM = "none"
"""In column learned: a judge that has learned from no dataset of ours."""


class Judges:
    """Learned judges of a study, by language.

    Parameters
    ----------
    study : plan.Study
    """

    def __init__(self, study: Study):
        self.study = study

    def named(self, language: str) -> list[str]:
        """Learned judges of a language; the first is the one by which the claim `expression` is decided."""
        config = self.study.config
        texts = config["judge_texts"]
        own = [EMBEDDED] if texts == "planted" or language in texts else []
        return own + list(config["judges"].get(language, []))

    @property
    def all(self) -> list[tuple[str, str]]:
        """Every judge and language of a study that steers."""
        study = self.study
        return [(j, k) for k in study.languages for j in self.named(k)] if study.steered else []

    def row(self, judge: str, language: str) -> Row:
        """Row of a judge; that of `embedded` is made of the key `judge_texts`."""
        if judge != EMBEDDED:
            return self.study.row("judges", judge=judge, language=language)
        texts = self.study.config["judge_texts"]
        named = texts if texts == "planted" else texts[language]
        return dict.fromkeys([*COLUMNS, "learned"]) | {
            "judge": judge,
            "language": language,
            "kind": "embedded",
            "texts": named,
        }

    def kind(self, judge: str, language: str) -> str:
        """Kind of a judge."""
        return self.row(judge, language)["kind"]

    def apart(self, language: str) -> list[str]:
        """Judges that read the texts in jobs of their own: all but `embedded`."""
        return [j for j in self.named(language) if j != EMBEDDED]

    @property
    def fetched(self) -> list[tuple[str, str]]:
        """Judges and languages whose classifier comes from the hub."""
        return [(j, k) for j, k in self.all if self.row(j, k)["id"]]

    @property
    def models(self) -> list[str]:
        """Language models that judge."""
        return list(dict.fromkeys(m for j, k in self.all if (m := self.row(j, k)["model"])))

    # ---- files

    def texts(self, judge: str, language: str) -> str:
        """Training texts of an embedded judge: of the planted world, or what people labelled."""
        results = self.study.results
        if self.row(judge, language)["texts"] == "planted":
            return f"{results}/world/affect/judge_{language}.tsv"
        return f"{results}/judges/{judge}/{language}/texts.tsv"

    def label_map(self, judge: str, language: str) -> str | None:
        """Table that says which emotions a judge's labels stand for; None where they are emotions themselves."""
        row = self.row(judge, language)
        name = row["labels"] or row["texts"]
        return None if name == "planted" else self.label_map_of(name)

    def label_map_of(self, name: str) -> str:
        """Table of the labels of a dataset, or of a column `labels`."""
        return f"{self.study.inputs}/judges/{name}.tsv"

    def folder(self, judge: str, language: str) -> str:
        """Folder of a classifier or of a language model that judges."""
        row = self.row(judge, language)
        if row["model"]:
            return self.study.model_path(row["model"])
        return self.study.place(row["path"], f"{where(row)}, column path")

    def files(self, judge: str, language: str) -> dict[str, str]:
        """Files of a judge by the names that `steering.learned.open_judge` knows; of a folder its configuration."""
        kind = self.kind(judge, language)
        if kind == "embedded":
            own = f"{self.study.results}/judges/{judge}/{language}"
            return {"judge": f"{own}.npz", "facts": f"{own}.json"}
        found = {
            "folder": f"{self.folder(judge, language)}/config.json",
            "labels": self.label_map(judge, language) or "",
        }
        if kind == "language-model":
            found["questions"] = f"{self.study.inputs}/questions/{language}.tsv"
        return found

    def how(self, judge: str, language: str) -> dict[str, Any]:
        """What opens a judge besides its files."""
        row = self.row(judge, language)
        found: dict[str, Any] = {"kind": row["kind"], "where": where(row)}
        if row["kind"] == "classifier":
            found |= {"device": row["device"], "rows": row["rows"], "changed": self._own_files(judge, language)}
        if row["kind"] == "language-model":
            model = self.study.row("models", model=row["model"])
            found |= {k: row[k] for k in ("question", "calibrated", "rows")}
            found |= {"bos": model["bos"], "numerics": self.study.numerics(row["model"])}
            found |= {"changed": self.study.own_files(model)}
        return found

    def _own_files(self, judge: str, language: str) -> dict[str, list]:
        """Sizes and times of the files of a classifier in a user's own folder."""
        row = self.row(judge, language)
        return {} if row["id"] else self.study.own_files({"source": "local", "path": row["path"]})

    def gpu(self, judge: str, language: str) -> int:
        """Slots for accelerators that a job of this judge takes."""
        row = self.row(judge, language)
        return self.study.gpu(row["model"]) if row["model"] else int((row["device"] or "cpu") != "cpu")

    def embedded(self, language: str) -> list[str]:
        """Files of the judge `embedded`, none in a language that has it not."""
        return list(self.files(EMBEDDED, language).values()) if EMBEDDED in self.named(language) else []

    # ---- what judges are tested on

    @property
    def labelled(self) -> list[str]:
        """All datasets of labelled texts."""
        return sorted({r["dataset"] for r in self.study.tables["human"] if r["kind"] == "labelled-text"})

    def corpora(self, judge: str, language: str) -> list[str]:
        """Labelled texts that a judge is tested on: those of the language's other judges, and of the key `judge_tests`.

        Not those that an embedded judge has learned from: its held-out texts are better ones.
        """
        config = self.study.config
        learned = [self.row(j, language)["texts"] for j in self.named(language)]
        found = dict.fromkeys([*learned, *config["judge_tests"].get(language, [])])
        return [c for c in found if c and c not in ("planted", self.row(judge, language)["texts"])]

    def tested_on(self, judge: str, language: str, corpus: str) -> str:
        """What a judge knows of a corpus that it is tested on: a word of `TESTED_ON`."""
        row = self.row(judge, language)
        if row["kind"] == "embedded":
            return "unseen"
        if not row["learned"]:
            return "unknown"
        return "seen" if corpus in row["learned"].split() else "unseen"

    def quality(self, judge: str, language: str) -> list[str]:
        """Files that say how good a judge is."""
        folder = f"{self.study.results}/judges/{judge}/{language}"
        own = [f"{folder}/held-out.tsv"] if self.kind(judge, language) == "embedded" else []
        return own + [f"{folder}/{corpus}.tsv" for corpus in self.corpora(judge, language)]

    def untested(self) -> list[str]:
        """What is said of judges of which nothing would be known but their verdicts."""
        return [
            f"Judge {judge!r}, language {language}: no labelled texts to test it on, so judges.csv says nothing of it;"
            f" name some under judge_tests.{language} (config.yaml; a dataset of kind labelled-text)"
            for judge, language in self.all
            if not self.quality(judge, language)
        ]


def where(row: Mapping) -> str:
    """A row of ``config/judges.tsv`` in messages."""
    return f"config/judges.tsv, row {row['judge']} {row['language']}"


# ---- checks before any job


def check(config: Mapping, tables: Mapping[str, Sequence[Mapping]]) -> None:
    """Judges that a study names have rows, each with the columns of its kind; every language has a judge.

    Raises
    ------
    ConfigError
        Naming key, table, row and column.
    """
    if not config["steering"]["enabled"]:
        return
    _check_languages(config)
    for language in config["languages"]:
        rows = {r["judge"]: r for r in tables["judges"] if r["language"] == language}
        named = config["judges"].get(language, [])
        if config["judge_texts"] != "planted" and language not in config["judge_texts"] and not named:
            raise ConfigError(
                f"{PLACE}: language {language!r} has no judge; needed where steering.enabled is true: labelled texts"
                f" under judge_texts.{language} (config/human.tsv, kind labelled-text), or judges.{language}: "
                f"{listing(list(rows)) or 'none has a row'} (config/judges.tsv, column language)"
            )
        for name in named:
            if name not in rows:
                raise ConfigError(
                    f"{PLACE}: key judges.{language} names {shown(name)}{hint(name, list(rows))}; allowed:"
                    f" {listing(list(rows)) or 'none'} (config/judges.tsv, language {language})"
                )
            check_row(rows[name], tables)
        for name in config["judge_tests"].get(language, []):
            _check_texts(name, language, tables, f"{PLACE}: key judge_tests.{language}")


def _check_languages(config: Mapping) -> None:
    """Keys that go by language name languages of the study."""
    for key in ("judges", "judge_tests"):
        for language in config[key]:
            if language not in config["languages"]:
                raise ConfigError(
                    f"{PLACE}: key {key} has the language {shown(language)}; allowed: {listing(config['languages'])}"
                    " (config.yaml, key languages)"
                )


def check_row(row: Mapping, tables: Mapping[str, Sequence[Mapping]]) -> None:
    """A row has the columns of its kind and no others, and what it names exists.

    Raises
    ------
    ConfigError
        Naming row and column.
    """
    from shared_affect.study.vocabulary import JUDGES

    if row["judge"] in JUDGES:
        raise ConfigError(
            f"{where(row)}: column judge is {row['judge']!r}, a judge of every study; allowed: another name"
        )
    needed = NEEDS[row["kind"]]
    if empty := [c for c in needed if row[c] is None]:
        raise ConfigError(f"{where(row)}: column {empty[0]} is empty; needed where kind is {row['kind']}")
    allowed = (*needed, *LEARNED[row["kind"]])
    spare = [c for c in (*COLUMNS, "learned") if row[c] is not None and c not in allowed]
    if row["kind"] == "classifier" and row["id"]:
        spare = [c for c in spare if c not in ("id", "revision")]
        own = f"{{retrieved}}/judges/{row['judge']}/{row['language']}"
        if row["path"] != own:
            raise ConfigError(f"{where(row)}: column path is {row['path']!r}; allowed where id is given: {own}")
    if spare:
        raise ConfigError(
            f"{where(row)}: column {spare[0]} is {row[spare[0]]!r}; allowed where kind is {row['kind']}"
            f"{'' if row['id'] else ' and id is empty'}: empty"
        )
    if row["texts"]:
        _check_texts(row["texts"], row["language"], tables, f"{where(row)}, column texts")
    _check_learned(row, tables)
    models = [r["model"] for r in tables["models"]]
    if row["model"] and row["model"] not in models:
        raise ConfigError(
            f"{where(row)}: column model is {row['model']!r}{hint(row['model'], models)}; allowed: {listing(models)}"
            " (config/models.tsv)"
        )


def _check_learned(row: Mapping, tables: Mapping[str, Sequence[Mapping]]) -> None:
    """What a judge of others has learned from are datasets, or `NONE_OF_THEM` alone."""
    named = (row["learned"] or "").split()
    if named == [NONE_OF_THEM]:
        return
    allowed = sorted({r["dataset"] for r in tables["human"] if r["kind"] == "labelled-text"})
    for name in named:
        if name not in allowed:
            raise ConfigError(
                f"{where(row)}: column learned names {shown(name)}{hint(name, allowed)}; allowed: {listing(allowed)}"
                f" (config/human.tsv, kind labelled-text), or {NONE_OF_THEM} alone; empty where it is not known"
            )


def _check_texts(name: str, language: str, tables: Mapping[str, Sequence[Mapping]], place: str) -> None:
    allowed = [r["dataset"] for r in tables["human"] if r["kind"] == "labelled-text" and r["language"] == language]
    if name not in allowed:
        raise ConfigError(
            f"{place} names {shown(name)}{hint(name, allowed)}; allowed: {listing(allowed) or 'none'}"
            f" (config/human.tsv, kind labelled-text, language {language})"
        )


def look(study: Study) -> None:
    """Look at what judges are made of and that is there already: tables of labels, questions, folders, labelled texts.

    Raises
    ------
    ConfigError
        Naming the table or the row, the labels found, and the file to change.
    """
    for judge, language in study.judges.all:
        try:
            _look_at(study, judge, language)
        except (ValueError, OSError) as error:
            raise error if isinstance(error, ConfigError) else ConfigError(str(error)) from None


def _look_at(study: Study, judge: str, language: str) -> None:
    row, judges = study.judges.row(judge, language), study.judges
    if path := judges.label_map(judge, language):
        _look_at_labels(study, path, judge, row)
    for corpus in judges.corpora(judge, language):
        _look_at_labels(study, judges.label_map_of(corpus), judge, row)
    if row["kind"] == "embedded":
        return
    folder = Path(judges.folder(judge, language))
    if row["kind"] == "classifier":
        from shared_affect.models.classifiers import labels_of
        from shared_affect.steering.label_maps import read_targets

        if folder.is_dir() or not row["id"]:
            read_targets(path or "", labels_of(folder, where(row)), f"the classifier {folder}")
        return
    from shared_affect.planning.early_look import look_at_model
    from shared_affect.study.inputs import read_question

    questions = Path(judges.files(judge, language)["questions"])
    if not questions.is_file():
        raise ConfigError(
            f"{questions} does not exist: it holds the questions that a language model is asked in {language!r}; write"
            f" it (columns question, text), or take the judge out of config.yaml, key judges ({where(row)})"
        )
    read_question(questions, row["question"])
    model = study.row("models", model=row["model"])
    if (folder / "config.json").is_file() or model["source"] == "local":
        if not model["path"].startswith("{results}"):
            look_at_model(folder, f"config/models.tsv, row {row['model']}", [])


def _look_at_labels(study: Study, path: str, judge: str, row: Mapping) -> None:
    """A table of labels is there, reads well, and has an emotion of the study."""
    from shared_affect.study.inputs import read_labels

    if not Path(path).is_file():
        raise ConfigError(
            f"{path} does not exist: it says which emotions the labels of judge {judge!r} stand for; write it (columns"
            f" label, emotion, basic; docs/concepts.md), or take the judge out of config.yaml, key judges"
        )
    rows = read_labels(path, study.emotion_names)
    if not any(r["emotion"] in study.emotions for r in rows):
        found = [r["label"] for r in rows]
        raise ConfigError(
            f"{path}: none of its labels stands for an emotion of the study; found: {listing(found)}; needed in column"
            f" emotion: one of {listing(study.emotions)}, or take judge {row['judge']!r} out (config.yaml, key judges)"
        )
