"""Datasets of people: which files they are read from, and what is lacking."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from shared_affect.human.downloads import Lacking, find_file
from shared_affect.planning.checkout import Row
from shared_affect.study.config import ConfigError
from shared_affect.study.inputs import OWN_CONCEPTS

if TYPE_CHECKING:
    from shared_affect.planning.plan import Study

DATA = "{data}/"
"""Beginning of a path of ``config/human.tsv`` that stands in the user's folder, or where a download puts it."""

PROFILE_WORDS = {"names": "profiles", "concepts": "concepts"}
"""Folders with words that stand for emotions where words are profiled."""


class HumanData:
    """Datasets of ``config/human.tsv`` as a study reads them.

    Parameters
    ----------
    study : plan.Study

    Attributes
    ----------
    missing : dict
        Path in ``config/human.tsv`` -> why it is not there; filled by `files`. It stops a run before its first job; a
        plan does without.
    """

    def __init__(self, study: Study):
        self.study = study
        self.missing: dict[str, Lacking] = {}

    def row(self, kind: str, dataset: str, language: str) -> Row:
        """Row of a dataset."""
        return self.study.row("human", kind=kind, dataset=dataset, language=language)

    def cells(self, columns: Sequence[str], kind: str, dataset: str, language: str) -> Row:
        """Some columns of a dataset's row."""
        return self.study.cells("human", columns, kind=kind, dataset=dataset, language=language)

    def script(self, language: str) -> str | None:
        """Script of a language; None of one that has datasets and no row of its own."""
        return next((r["script"] for r in self.study.tables["languages"] if r["language"] == language), None)

    def files(self, kind: str, dataset: str, language: str) -> list[str]:
        """Files of a dataset: what begins with `DATA` stands in the user's folder, or where a download puts it.

        A file of the user's own that is not there is left out and kept in `missing`.

        Raises
        ------
        ConfigError
            For a file without a row in ``config/sources.tsv``, or a brace that names nothing.
        """
        found, folder, retrieved = [], self.study.config["data_dir"], f"{self.study.retrieved}/data"
        for path in self.row(kind, dataset, language)["path"].split():
            if not path.startswith(DATA):
                found.append(self.study.place(path))
                continue
            below, file = self._source(path.removeprefix(DATA))
            try:
                found.append(find_file(below, file, folder, self.study.tables["sources"], retrieved))
            except Lacking as error:
                self.missing[path] = error
        return found

    def _source(self, path: str) -> tuple[str, str]:
        """Folder and file of a path below the folder of data, as its row of ``config/sources.tsv`` divides it: a folder
        may stand in another.
        """
        known = {f"{r['folder']}/{r['file']}": (r["folder"], r["file"]) for r in self.study.tables["sources"]}
        below, _, file = path.rpartition("/")
        return known.get(path, (below, file))

    def digests(self, kind: str, dataset: str, language: str) -> list[str | None]:
        """The published sha256 of each of these files, None where none is known."""
        known = {f"{DATA}{r['folder']}/{r['file']}": r["sha256"] for r in self.study.tables["sources"]}
        return [known.get(p) for p in self.row(kind, dataset, language)["path"].split()]

    def kind_of(self, dataset: str, language: str, *kinds: str) -> str:
        """Which of some kinds a dataset is in a language."""
        rows = (r for r in self.study.tables["human"] if r["dataset"] == dataset and r["language"] == language)
        return next(r["kind"] for r in rows if r["kind"] in kinds)

    def concept_source(self, source: str, language: str) -> tuple[str, dict[str, str]]:
        """Where concept words come from: the kind of their source, and the files that its builder reads by name."""
        inputs = self.study.inputs
        if source in OWN_CONCEPTS:
            return "table", {"words": f"{inputs}/concepts/{language}.tsv"}
        kind = self.kind_of(source, language, "association", "lexicon")
        names = f"cues/{language}.tsv" if kind == "association" else f"categories/{source}.tsv"
        return kind, {
            "words": f"{self.study.results}/human/{source}/{kind}_{language}.tsv",
            "names": f"{inputs}/{names}",
        }

    def agreement(self) -> list[dict[str, str]]:
        """Sets of raters whose agreement the study asks for: ``dataset``, ``language`` of the raters, ``file``."""
        rows = [r for r in self.study.tables["human"] if r["kind"] == "concept-ratings"]
        return [
            {
                "dataset": d,
                "language": r["human_language"],
                "file": f"{self.study.results}/human/{d}/concept-ratings_{r['language']}.tsv",
            }
            for d in self.study.config["agreement"]
            for r in rows
            if r["dataset"] == d
        ]

    def word_properties(self, language: str) -> list[str]:
        """Files with frequency and concreteness of words."""
        datasets = self.study.config["word_properties"].get(language, [])
        kinds = {d: self.kind_of(d, language, "frequency", "concreteness") for d in datasets}
        return [f"{self.study.results}/human/{d}/{kinds[d]}_{language}.tsv" for d in datasets]

    def association_vectors(self, language: str) -> list[str]:
        """Vectors of the associations that stand beside the models as a baseline in a language, if any do."""
        dataset = self.study.config["associations"].get(language)
        return [f"{self.study.results}/human/{dataset}/vectors_{language}.npz"] if dataset else []

    def culture_values(self, norms: str) -> dict[str, str]:
        """File with the valence of the words of each language of the pair: the coordinates of a planted world, without
        noise, else the ratings.
        """
        own = {k: self.row("norms", norms, k)["coordinates"] for k in self.study.pair}
        return {
            k: self.study.place(own[k] or f"{self.study.results}/human/{norms}/norms_{k}.tsv") for k in self.study.pair
        }

    def profile_words(self, dataset: str, language: str) -> dict[str, str]:
        """Files with the words that stand for emotions in profiles of the raters' language: their names, and the
        committed concept words.
        """
        raters = self.row("profiles", dataset, language)["human_language"]
        return {f: f"{self.study.inputs}/{folder}/{raters}.tsv" for f, folder in PROFILE_WORDS.items()}

    def people(self, language: str) -> dict[str, dict[str, str]]:
        """Whom the RSA (``rho``) and the ratings (``r``) of a language compare a model with."""
        asked = {"rho": ("judgements", self.study.human), "r": ("norms", self.study.norms)}
        return {
            q: {"dataset": dataset} | self.cells(("human_language",), kind, dataset, language)
            for q, (kind, dataset) in asked.items()
        }

    def judged(self) -> dict[str, str]:
        """Language of raters -> the first language of the study that is held against them: two may be held against the
        same people.
        """
        study = self.study
        found: dict[str, str] = {}
        for k in study.languages:
            found.setdefault(self.row("judgements", study.human, k)["human_language"], k)
        return found

    def affect_of(self, dataset: str, language: str, kind: str = "judgements") -> tuple[str, dict[str, str] | None]:
        """File with valence and arousal of the emotions, and emotion -> word to look up if it is a file of norms.

        Parameters
        ----------
        dataset, language : str
        kind : {"judgements", "profiles"}

        Raises
        ------
        ConfigError
            If the row of the judgements does not say, or the emotions have no words in the raters' language (its row of
            config/languages.tsv, column labels).
        """
        own = self.row(kind, dataset, language)
        where = f"config/human.tsv: {kind} {dataset}, language {language}"
        if not own["valence_norm"] or own["valence_split"] is None:
            raise ConfigError(f"{where}: valence_norm or valence_split is empty; needed: both")
        if "/" in own["valence_norm"]:
            return self.study.place(own["valence_norm"]), None
        raters = own["human_language"]
        self.files("norms", own["valence_norm"], raters)
        column = next((r["labels"] for r in self.study.tables["languages"] if r["language"] == raters), None)
        if column not in self.study.tables["emotions"][0]:
            lacks = f"resources/emotions.tsv has no column {column!r}" if column else f"language {raters!r} has none"
            raise ConfigError(
                f"{where}: valence_norm is {own['valence_norm']!r}, whose words are looked up in the column of"
                f" resources/emotions.tsv that config/languages.tsv names for {raters!r} (column labels), but {lacks};"
                " needed: that column, or a file with emotion, valence, arousal"
            )
        labels = {r["emotion"]: r[column] for r in self.study.tables["emotions"]}
        return f"{self.study.results}/human/{own['valence_norm']}/norms_{raters}.tsv", labels
