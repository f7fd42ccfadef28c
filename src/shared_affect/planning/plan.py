"""The study as one object: its configuration and tables, read and checked once, and where everything of it stands.

What a rule asks is answered here by name: a row, a path, a dataset's files, a variant's settings. Nothing is computed,
and of the disk nothing is read but the tables and, where a person may have put files, whether they are there.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from shared_affect.human.downloads import list_lacking
from shared_affect.models.hub import has_token, licence_message
from shared_affect.planning import judges, pinning, prompts, study_checks
from shared_affect.planning.checkout import Checkout, Row, Tables
from shared_affect.planning.grid import Grid, spread
from shared_affect.planning.human_data import HumanData
from shared_affect.planning.judges import Judges
from shared_affect.planning.resources import Needs
from shared_affect.planning.variants import Settings, Variants
from shared_affect.study import analysed, overlays
from shared_affect.study.banners import banner
from shared_affect.study.checks import check_study
from shared_affect.study.config import PLACE, ConfigError, check_values


@dataclass(frozen=True)
class Study:
    """A study whose configuration and tables have been checked (`read_study`).

    Parameters
    ----------
    config : dict
        The whole configuration, in the types of its schema.
    tables : mapping of table -> rows
    emotions : list of str
        In the table's order.
    checkout : Checkout
    inputs : str
        Folder of committed inputs, downloads and the journal, as jobs name it.
    """

    config: dict[str, Any]
    tables: Tables
    emotions: list[str]
    checkout: Checkout
    inputs: str = "resources"

    # ---- names

    @property
    def name(self) -> str:
        """Name of the study."""
        return self.config["study"]

    @property
    def results(self) -> str:
        """Folder of everything the study makes."""
        return f"results/{self.name}"

    @property
    def retrieved(self) -> str:
        """Folder of what is fetched, shared by all studies."""
        return f"{self.inputs}/retrieved"

    @property
    def journal(self) -> str:
        """Folder of what extraction and generation have computed, shared by all studies."""
        return f"{self.inputs}/journal"

    @property
    def languages(self) -> list[str]:
        """Languages, the pair of the cross-language analyses first."""
        return self.config["languages"]

    @property
    def pair(self) -> list[str]:
        """The two languages of the cross-language analyses; none where the study has one."""
        return self.languages[:2] if len(self.languages) > 1 else []

    @property
    def directions(self) -> list[str]:
        """Both directions between the pair: ``en-zh``, ``zh-en``."""
        return ["-".join(d) for d in (self.pair, self.pair[::-1])] if self.pair else []

    @property
    def claiming(self) -> list[str]:
        """Models that make claims."""
        return self.config["models"]

    @property
    def models(self) -> list[str]:
        """All models, those that make claims first, then the controls."""
        return self.claiming + self.config["control_models"]

    @property
    def steered(self) -> list[str]:
        """Models whose texts are steered."""
        return self.claiming if self.config["steering"]["enabled"] else []

    @property
    def sae(self) -> str:
        """The SAE that makes claims."""
        return self.config["primary_sae"]

    @property
    def human(self) -> str:
        """Dataset of the judgements."""
        return self.config["human"]

    @property
    def norms(self) -> str:
        """Dataset of the word ratings."""
        return self.config["norms"]

    @property
    def profiles(self) -> str:
        """Dataset of profiles of words, "" where the study names none."""
        return self.config["profiles"]

    @property
    def profiled_languages(self) -> list[str]:
        """Languages of the study that are compared with profiles of words."""
        return self.languages_of("profiles", self.profiles)

    @property
    def vignettes(self) -> list[str]:
        """Datasets of vignettes that some language of the study has."""
        return [d for d in self.config["validity"] if self.languages_of("vignettes", d)]

    def languages_of(self, kind: str, dataset: str) -> list[str]:
        """Languages of the study in which a dataset has a row of a kind."""
        found = {r["language"] for r in self.tables["human"] if (r["kind"], r["dataset"]) == (kind, dataset)}
        return [k for k in self.languages if k in found]

    @property
    def rated(self) -> tuple[tuple[str, str], ...]:
        """Kind and name of the datasets that results are compared with."""
        norms = ("norms", self.norms)
        return (("judgements", self.human), norms) if self.models else (norms,)

    @property
    def groups(self) -> list[list[str]]:
        """Emotions in the groups that one job of generation each takes."""
        size = self.config["emotions_per_job"] or len(self.emotions)
        return [self.emotions[i : i + size] for i in range(0, len(self.emotions), size)]

    # ---- rows and places

    def row(self, table: str, **keys: str) -> Row:
        """The one row of a table with these values.

        Raises
        ------
        ConfigError
            If there is none, or several.
        """
        found = [r for r in self.tables[table] if all(r[k] == v for k, v in keys.items())]
        if len(found) != 1:
            raise ConfigError(f"config/{table}.tsv has {len(found)} rows with {keys}; needed: exactly one")
        return found[0]

    def cells(self, table: str, columns: Sequence[str], **keys: str) -> Row:
        """Some columns of the one row with these values: a job is run anew when one of them changes, and no other."""
        found = self.row(table, **keys)
        return {c: found[c] for c in columns}

    @property
    def places(self) -> dict[str, str]:
        """What may stand in braces in a path of a table."""
        folders = {k: self.config[k] for k in overlays.FOLDERS}
        return {"results": self.results, **folders, "retrieved": self.retrieved}

    def place(self, text: str, where: str = "config/*.tsv: a path") -> str:
        """A path of a table with its folders filled in.

        Raises
        ------
        ConfigError
            For a brace that names nothing.
        """
        return study_checks.fill(text, self.places, where)

    def row_path(self, row: Mapping) -> str:
        """Folder of a row of models or SAEs."""
        table, name = ("saes", f"{row['model']} {row['sae']}") if "sae" in row else ("models", row["model"])
        return self.place(row["path"], f"config/{table}.tsv, row {name}, column path")

    def model_path(self, model: str) -> str:
        """Folder of a model."""
        return self.row_path(self.row("models", model=model))

    def sae_path(self, model: str, sae: str) -> str:
        """Folder of an SAE."""
        return self.row_path(self.row("saes", model=model, sae=sae))

    def saes_of(self, model: str) -> list[Row]:
        """Rows of a model's SAEs that the study analyses: the primary one, and what the key ``saes`` names."""
        return analysed.analysed(self.config, self.tables["saes"], model)

    @property
    def saes(self) -> list[Row]:
        """Rows of all SAEs that the study analyses."""
        return [r for m in self.models for r in self.saes_of(m)]

    @property
    def is_profiled(self) -> bool:
        """Whether some model is read through several SAEs, so that there is a profile of layers and widths."""
        return len(self.saes) > len(self.models)

    def numerics(self, model: str, *more: str) -> Row:
        """How a model is computed, and more columns of its row."""
        return self.cells("models", ("dtype", "device", "attention", *more), model=model)

    @property
    def chats(self) -> list[str]:
        """Models whose prompts are requests, wrapped in their chat template."""
        return [m for m in self.steered if self.beginning(m)["chat"]]

    def beginning(self, model: str) -> Row:
        """How a model's prompts are wrapped, and whether the first position of a text is steered."""
        row = self.row("models", model=model)
        chat = row["chat"] and prompts.kind_of(self.config["prompts"], self.checkout.resources) == "request"
        spares = self.config["steering"]["first_token"] == "spared"
        return {"chat": chat, "system_prompt": row["system_prompt"] if chat else None, "spares_first": spares}

    @property
    def readouts(self) -> list[tuple[list[str], str]]:
        """Templates and position over which some variant of the study averages, each once, the primary's first."""
        found: list[tuple[list[str], str]] = []
        for variant in (self.variants.primary, *self.variants.asked):
            one = list(variant.settings.templates), variant.settings.readout
            found += [one] if one not in found else []
        return found

    def gpu(self, model: str) -> int:
        """Slots for accelerators that a job of this model takes."""
        return 0 if self.row("models", model=model)["device"] == "cpu" else 1

    def own_files(self, row: Mapping) -> dict[str, list]:
        """Sizes and times of the files in a user's own folder, so that what is exchanged in place is read anew.

        None where the workflow makes or fetches them.
        """
        folder = Path(self.place(row["path"]))
        if row["source"] != "local" or folder.is_relative_to(self.results):
            return {}
        files = (f for f in sorted(folder.glob("*")) if f.is_file())
        return {f.name: [f.stat().st_size, f.stat().st_mtime_ns] for f in files}

    # ---- models and SAEs by their source

    def original(self, model: str) -> str:
        """The model itself, or the one whose untrained twin it is."""
        return self.row("models", model=model)["twin_of"] or model

    @property
    def twins(self) -> list[str]:
        """Models of the study whose weights the workflow draws."""
        return [m for m in self.models if self.row("models", model=m)["source"] == "untrained-twin"]

    @property
    def hub_models(self) -> list[str]:
        """Models of the study that are fetched, those that judge and originals of twins among them."""
        used = dict.fromkeys([*self.models, *map(self.original, self.models), *self.judges.models])
        return [m for m in used if self.row("models", model=m)["source"] == "hub"]

    @property
    def released_saes(self) -> list[Row]:
        """SAEs of the study's models that sae-lens' table finds."""
        return [r for r in self.saes if r["source"] == "release"]

    @property
    def hub_saes(self) -> list[Row]:
        """SAEs of the study's models that stand in a repository of the hub, each once: a twin's is its original's."""
        named = {(self.original(r["model"]), r["sae"]) for r in self.saes if r["source"] == "hub"}
        return [r for r in self.tables["saes"] if (r["model"], r["sae"]) in named]

    @property
    def fetched_saes(self) -> list[Row]:
        """SAEs of the study's models that are fetched."""
        return self.released_saes + self.hub_saes

    @property
    def from_hub(self) -> list[str]:
        """Names in ``revisions.json`` of what the study fetches at a commit: models, SAEs behind their model, and
        judges.
        """
        judging = [f"judge {judge} {language}" for judge, language in self.judges.fetched]
        return self.hub_models + [f"{r['model']} {r['sae']}" for r in self.hub_saes] + judging

    def commit(self, table: str, **keys: str) -> str:
        """The commit that a row names, "" where it names none: at it a job fetches, whatever it was asked by before."""
        return pinning.named_commit(self.row(table, **keys)["revision"])

    def fetched_model(self, model: str) -> Row:
        """What a model is fetched by: repository and revision."""
        row = self.row("models", model=model)
        return {"id": row["id"], "revision": pinning.as_asked(Path(self.row_path(row)), row["id"], row["revision"])}

    def fetched_sae(self, model: str, sae: str) -> Row:
        """What an SAE is fetched by: release and name, or repository, folder and revision, and the width of its model
        where that is published.
        """
        row = self.row("saes", model=model, sae=sae)
        if row["source"] == "release":
            return {"release": row["release"], "id": row["id"]}
        known = self.needs.sizes.published_model(model)
        revision = pinning.as_asked(Path(self.row_path(row)), row["id"], row["revision"])
        return {
            "id": row["id"],
            "subfolder": row["subfolder"],
            "revision": revision,
            "d_in": known.hidden if known else None,
        }

    def fetched_judge(self, judge: str, language: str) -> Row:
        """What a classifier that judges is fetched by: repository and revision; and the table of its labels."""
        row = self.row("judges", judge=judge, language=language)
        folder = Path(self.judges.folder(judge, language))
        return {
            "id": row["id"],
            "revision": pinning.as_asked(folder, row["id"], row["revision"]),
            "labels": row["labels"],
        }

    @property
    def trained_models(self) -> list[str]:
        """All models of the table that the workflow trains."""
        return [r["model"] for r in self.tables["models"] if r["source"] == "trained"]

    @property
    def trained_saes(self) -> list[Row]:
        """All SAEs of the table that the workflow trains."""
        return [r for r in self.tables["saes"] if r["source"] == "trained"]

    @property
    def sampled_saes(self) -> list[Row]:
        """Those of them that learn from texts which their model, or the original of a twin, writes."""
        return [r for r in self.tables["saes"] if study_checks.is_sampled(r)]

    def sampled_tokens(self, model: str) -> int:
        """Tokens that a model writes for its own SAEs, where it has none for those of its twins; 0 = none are asked
        for. A twin changes nothing of what it controls.
        """
        asked = [r for r in self.sampled_saes if self.original(r["model"]) == model]
        own = [r for r in asked if r["model"] == model]
        return max((r["train_tokens"] for r in own or asked), default=0)

    @property
    def sampling_models(self) -> list[str]:
        """Models that write texts for SAEs."""
        return list(dict.fromkeys(self.original(r["model"]) for r in self.sampled_saes))

    def training_texts(self, model: str, sae: str) -> list[str]:
        """Files with the training text of an SAE.

        Raises
        ------
        ConfigError
            If its row names something else than the planted world, samples, or texts that are there.
        """
        from shared_affect.models.texts import text_files

        row = self.row("saes", model=model, sae=sae)
        texts = row["texts"]
        world = self.row("models", model=model)["world"]
        if texts == "sampled":  # what an untrained twin writes is noise: it reads what its original wrote
            return [f"{self.results}/samples/{self.original(model)}.txt"]
        if texts == "world" and world:
            return [f"{self.results}/world/{world}/sae.txt"]
        where = f"config/saes.tsv, model {model}, sae {sae}"
        return [str(p) for p in text_files(texts, where, self.place, row["train_tokens"])]

    def uneven_texts(self) -> list[str]:
        """What is said of long lines in texts of the user's own that are to be read in equal parts."""
        from shared_affect.models.texts import long_lines

        said = []
        for r in (r for r in self.saes if r["source"] == "trained" and r["texts"] not in ("world", "sampled")):
            files = [Path(f) for f in self.training_texts(r["model"], r["sae"])]
            said += [
                f"SAE {r['model']} {r['sae']}: {file}, line {line} is {share:.0%} of what training reads; the parts of"
                " its files may differ by as much (config/saes.tsv, column texts)"
                for file, line, share in long_lines(files, r["train_tokens"])
            ]
        return said

    def own_texts(self, model: str, sae: str) -> dict[str, list[int]]:
        """Sizes and times of the user's own texts that an SAE learns from, so that what is exchanged is read anew."""
        if self.row("saes", model=model, sae=sae)["texts"] in ("world", "sampled"):
            return {}
        found = {file: Path(file).stat() for file in self.training_texts(model, sae)}
        return {file: [one.st_size, one.st_mtime_ns] for file, one in found.items()}

    def world_file(self, model: str, file: str) -> str:
        """A file of the planted world from which a model learns."""
        return f"{self.results}/world/{self.row('models', model=model)['world']}/{file}"

    def world_tokens(self, world: str) -> int:
        """Tokens that the most learned model of a planted world is trained on."""
        rows = [r for r in self.tables["models"] if r["source"] == "trained" and r["world"] == world]
        return max((r["train_tokens"] or 0 for r in rows), default=0)

    # ---- data, variants, grid

    def writing(self, language: str) -> Row:
        """How a language is written, for what reads its texts (`words.segmentation.Writing`)."""
        return self.cells("languages", ("language", "script", "splitter"), language=language)

    @cached_property
    def data(self) -> HumanData:
        """Datasets of people."""
        return HumanData(self)

    @cached_property
    def needs(self) -> Needs:
        """What jobs ask for."""
        return Needs(self)

    @cached_property
    def variants(self) -> Variants:
        """Variants of the primary configuration."""
        return Variants(self.config, self.tables["variants"])

    def settings(self, variant: str) -> Settings:
        """What a variant reads ("" = the primary configuration)."""
        return self.variants.settings(variant)

    @cached_property
    def grid(self) -> Grid:
        """Files behind the published tables."""
        return Grid(self)

    def own(self, side: str, pattern: str, **axes: Sequence[str]) -> Callable[[Any], list[str]]:
        """Input function: files of the variant where it touches that side, else the primary ones.

        Parameters
        ----------
        side : {"concepts", "human", "model"}
        pattern : str
            With ``{variant}`` and other wildcards.
        **axes
            Values of wildcards that the job gathers.
        """

        def files(wildcards) -> list[str]:
            known = dict(wildcards.items())
            known["variant"] = known["variant"] if self.variants.touches(known["variant"], side) else ""
            return [pattern.format(**known | at) for at in spread(axes)]

        return files

    @property
    def concept_files(self) -> dict[str, str]:
        """Source of concept words -> pattern of its files, with ``{language}``."""
        return {source: f"{self.results}/{file}" for source, file in self.variants.concept_files().items()}

    def own_words(self, variant: str) -> int:
        """Words that an emotion needs for itself; only the primary configuration is steered."""
        return study_checks.OWN_WORDS_STEERED if self.steered and not variant else study_checks.OWN_WORDS

    @property
    def emotion_names(self) -> list[str]:
        """Every emotion of the table, those of other studies too."""
        return [r["emotion"] for r in self.tables["emotions"]]

    @property
    def running_texts(self) -> str:
        """Folder of ordinary text (fidelity) and affect-free text (firing rates): of the planted world, or ours."""
        return {"planted": f"{self.results}/world/affect", "authored": f"{self.inputs}/texts"}[
            self.config["running_texts"]
        ]

    @cached_property
    def judges(self) -> Judges:
        """Who judges generated texts."""
        return Judges(self)

    # ---- what is said of the whole

    @cached_property
    def banner(self) -> str:
        """What is planted, said wherever numbers are shown that rest on something planted."""
        asked = itertools.product(self.rated, self.languages)
        sources = {m: self.row("models", model=m)["source"] for m in self.models}
        texts = ["running texts"] if self.config["running_texts"] == "planted" and self.models else []
        if self.config["judge_texts"] == "planted" and self.config["steering"]["enabled"]:
            texts.append("training texts of the judge")
        return banner(
            [self.data.row(kind, dataset, k) for (kind, dataset), k in asked],
            {m: sources[m] for m in self.claiming},
            {m: sources[m] for m in self.config["control_models"]},
            texts,
        )

    def saes_lacking(self) -> list[str]:
        """What is said of SAEs that the study names and some of its models do not have."""
        return analysed.lacking(self.config, self.tables["saes"])

    def left_out(self) -> list[str]:
        """What is said of languages that a dataset beside the claims does not have, of SAEs and of judges that lack
        something.
        """
        asked = [("profiles", self.profiles, "profiles")] if self.profiles else []
        asked += [("validity", d, "vignettes") for d in self.config["validity"]]
        said = [
            f"Key {key}: {dataset} has no {kind} in {', '.join(absent)}, which is left out of that table"
            for key, dataset, kind in asked
            if (absent := [k for k in self.languages if k not in self.languages_of(kind, dataset)])
        ]
        return [*self.saes_lacking(), *said, *prompts.unwrapped(self), *self.judges.untested(), *self.uneven_texts()]

    def lacking(self) -> list[str]:
        """What a run lacks that a plan does without, once a cause: files of the user's own, access to gated models."""
        rows = [r for r in self.tables["models"] if r["model"] in self.hub_models and r["gated"]]
        gated = [r for r in rows if not Path(self.row_path(r), "revision.json").exists()]
        said = [licence_message(r["id"], r["model"]) for r in gated] if gated and not has_token() else []
        return said + list_lacking(list(self.data.missing.values()), self.config["data_dir"])


def read_study(config: Mapping[str, Any], checkout: Checkout, tables: Tables) -> Study:
    """Check a merged configuration and its tables, and make a study of them.

    Parameters
    ----------
    config : mapping
        What snakemake has merged: overlays, then the command line, whose nested values come as text.
    checkout : Checkout
    tables : mapping of table -> rows
        Of `Checkout.read_tables`.

    Raises
    ------
    ConfigError
        At the first thing that is wrong.
    """
    check_values(config, PLACE)
    made: dict[str, Any] = overlays.convert(config, checkout.schema)
    known = [r["language"] for r in tables["languages"]]
    concepts = {k: checkout.concepts(k) for k in known}
    templates = {k: checkout.templates(k) for k in known}
    emotions = check_study(made, checkout.schemas / "config.yaml", tables, concepts, templates)
    overlays.expand_folders(made)
    study_checks.check_rows(made, tables)
    study = Study(made, tables, emotions, checkout)
    for r in tables["human"]:
        if r["kind"] == "concept-ratings" and r["dataset"] in made["agreement"]:
            study.data.files(r["kind"], r["dataset"], r["language"])
    for language in study.languages:
        study.data.files("norms", study.norms, language)
    if not study.models:
        return study
    judges.check(made, tables)
    study_checks.check_words(made, emotions, tables, concepts)
    for language in study.languages:
        study.data.files("judgements", study.human, language)
        study.data.affect_of(study.human, language)
    for language in study.profiled_languages:
        study.data.files("profiles", study.profiles, language)
        study.data.affect_of(study.profiles, language, "profiles")
    for dataset in study.vignettes:
        for language in study.languages_of("vignettes", dataset):
            study.data.files("vignettes", dataset, language)
    return study
