"""Variants of the primary configuration: what each reads otherwise, and on which side it has files of its own."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from shared_affect.study.config import ConfigError

SIDES: dict[str, tuple[str, ...]] = {
    "concepts": ("concepts",),
    "human": ("human",),
    "model": ("model",),
    "both": ("human", "model"),
}
"""Kinds of files by what they are made of: a unit of a study has files of its own where it touches one of these."""

TOUCHED_BY = {"concepts": ("concepts",), "human": ("norms",), "model": ("none", "concepts")}
"""Shuffles that touch a side; a file that a variant does not touch is the primary configuration's."""


@dataclass(frozen=True)
class Settings:
    """What the primary configuration or a variant reads.

    Attributes
    ----------
    templates : list of str
        Carriers over which codes are averaged.
    readout : {"word", "after", "word-after"}
    concepts : str
        Source of the concept words.
    shuffle : {"none", "norms", "concepts"}
    """

    templates: list[str]
    readout: str
    concepts: str
    shuffle: str = "none"


@dataclass(frozen=True)
class Variant:
    """A variant, or the primary configuration (no kind, no name, folder "").

    Attributes
    ----------
    kind : {"", "spec", "control"}
    name : str
    settings : Settings
    """

    kind: str
    name: str
    settings: Settings

    @property
    def folder(self) -> str:
        """What stands before its files' paths below the study: ``spec/{name}/``; "" for the primary configuration."""
        return f"{self.kind}/{self.name}/" if self.name else ""


class Variants:
    """All variants by their folder.

    Parameters
    ----------
    config : mapping
        ``templates, readout, concepts, specs, control_variants``.
    rows : rows of ``config/variants.tsv``

    Examples
    --------
    >>> config = {"templates": ["bare"], "readout": "word", "concepts": "table",
    ...           "specs": ["held"], "control_variants": []}
    >>> variants = Variants(config, [{"variant": "held", "kind": "spec", "templates": "said", "shuffle": "none"}])
    >>> variants.settings("spec/held/")
    Settings(templates=['said'], readout='word', concepts='table', shuffle='none')
    >>> variants.touches("spec/held/", "model"), variants.touches("spec/held/", "human")
    (True, False)
    """

    def __init__(self, config: Mapping, rows: Sequence[Mapping]):
        self.primary = Variant("", "", Settings(config["templates"], config["readout"], config["concepts"]))
        known = [self.primary, *(self._of_row(r) for r in rows)]
        self._of_folder = {v.folder: v for v in known}
        asked = [("spec", v) for v in config["specs"]] + [("control", v) for v in config["control_variants"]]
        self.asked = [self[f"{kind}/{name}/"] for kind, name in asked]
        """Variants of the study, specs first."""

    def _of_row(self, row: Mapping) -> Variant:
        own = self.primary.settings
        settings = Settings(
            row["templates"].split() if row.get("templates") else own.templates,
            row.get("readout") or own.readout,
            row.get("concepts") or own.concepts,
            row.get("shuffle") or "none",
        )
        return Variant(row["kind"], row["variant"], settings)

    def __getitem__(self, folder: str) -> Variant:
        if folder not in self._of_folder:
            known = ", ".join(f for f in self._of_folder if f) or "none"
            raise ConfigError(f"config/variants.tsv has no variant of the folder {folder!r}; allowed: {known}")
        return self._of_folder[folder]

    def settings(self, folder: str) -> Settings:
        """What a variant reads ("" = the primary configuration)."""
        return self[folder].settings

    def touches(self, folder: str, side: str) -> bool:
        """Whether a variant has files of its own on a side; one that shuffles nothing reads the model or its words
        otherwise.
        """
        own = self.settings(folder)
        words = own.concepts != self.primary.settings.concepts
        return own.shuffle in TOUCHED_BY[side] or (side == "concepts" and words)

    def touching(self, kind: str) -> list[Variant]:
        """Variants of the study with files of their own of this kind (`SIDES`)."""
        return [v for v in self.asked if any(self.touches(v.folder, side) for side in SIDES[kind])]

    def concept_files(self) -> dict[str, str]:
        """Source of concept words -> pattern of its files below the study: a spec may read other words."""
        primary = self.primary.settings.concepts
        found = {primary: "concepts/{language}.tsv"}
        for v in self._of_folder.values():  # in the table's order
            if v in self.asked and v.kind == "spec" and v.settings.concepts != primary:
                found[v.settings.concepts] = f"{v.folder}concepts/{{language}}.tsv"
        return found

    def concept_folder(self, source: str) -> str:
        """Folder of the codes of a source's words, beside those of the rated words."""
        return "concepts" if source == self.primary.settings.concepts else f"concepts-{source}"
