"""The grid of a study: which files each published table is collected from, and whose each of them is."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from shared_affect.results.published import VARIANT, axes_of, published_files
from shared_affect.study.vocabulary import PRIMARY_SPEC

if TYPE_CHECKING:
    from shared_affect.planning.plan import Study

Identity = dict[str, str]
"""Column of a published table -> its value in every row of one file."""


@dataclass(frozen=True)
class Kind:
    """Files of one published table.

    Attributes
    ----------
    pattern : str
        Path below the study (and the variant's folder), with the axes of the grid in braces.
    side : {"model", "concepts", "human", "both"}, optional
        A variant that touches this side has files of its own; None: the primary configuration alone has any.
    needs : {"", "models", "pair", "steering", "profile", "profiles", "validity", "agreement"}
        The study has the table only with models, only with two languages, only if it steers, only if it reads some
        model through several SAEs (then the files are those of every SAE, else of the primary one), or only if it names
        profiles of words, vignettes, or datasets whose raters are compared.
    """

    pattern: str
    side: str | None = None
    needs: str = ""

    def __post_init__(self) -> None:
        if self.side and "model" not in self.axes:
            raise ValueError(f"side is {self.side!r} for {self.pattern}; allowed: none where no {{model}} is named")

    @property
    def axes(self) -> list[str]:
        """Axes of the grid along which the files differ, in the pattern's order."""
        return axes_of(self.pattern)


KINDS = {
    "rsa": Kind("rsa/{model}/{sae}/{language}/{human}.tsv", "both"),
    "rsa_differences": Kind("rsa_differences/{model}/{sae}/{language}/{human}.tsv", "both"),
    "human_ceilings": Kind("human/{human}/ceilings_{language}.tsv"),
    "dimensions": Kind("dimensions/{model}/{sae}/{language}/{human}.tsv", "both"),
    "sae_fidelity": Kind("features/{model}/{sae}/{language}/running_text.npz"),
    "ratings": Kind("ratings/{model}/{sae}/{language}/{norms}/{dimension}.tsv", "both"),
    "rating_differences": Kind("ratings/{model}/{sae}/{language}/{norms}/differences.tsv", "both"),
    "shared_features": Kind("shared/{model}/{sae}/summary.tsv", "model", "pair"),
    "judges": Kind("judges/{judge}/{language}/held-out.tsv", None, "steering"),
}
"""Published table -> its files; those collected as they are say so themselves (`base.contracts.Published`)."""
KINDS |= {
    name: Kind(files.place.removeprefix(VARIANT), own.side, own.needs)
    for name, (own, files) in published_files().items()
}

NORM_CEILINGS = Kind("human/{human}/norm_ceilings_{language}.tsv")


def spread(axes: Mapping[str, Sequence[str]]) -> Iterator[dict[str, str]]:
    """Every combination of the axes' values, the last axis fastest."""
    for values in itertools.product(*axes.values()):
        yield dict(zip(axes, values, strict=True))


class Grid:
    """All files that a study's published tables are collected from, with what each of them is about.

    Parameters
    ----------
    study : plan.Study
    """

    def __init__(self, study: Study):
        self.study = study
        self._control_of = {r["model"]: r["control"] for r in study.tables["models"]}

    @property
    def tables(self) -> list[str]:
        """Published tables of the study."""
        people = [table for table, kind in KINDS.items() if self.has(kind.needs)]
        return people if self.study.models else [t for t in people if "model" not in KINDS[t].axes]

    @property
    def claimed(self) -> list[str]:
        """Published tables that claims may read: those of the SAE that makes them."""
        return [table for table in self.tables if KINDS[table].needs != "profile"]

    def has(self, needs: str) -> bool:
        """Whether the study has what a table or a figure needs (`Kind.needs`)."""
        study = self.study
        there = {
            "models": bool(study.models),
            "pair": bool(study.pair),
            "steering": bool(study.steered),
            "profile": study.is_profiled,
        }
        there |= {"profiles": bool(study.profiled_languages), "validity": bool(study.vignettes)}
        there |= {"agreement": bool(study.config["agreement"])}
        return not needs or there[needs]

    def files(self, table: str) -> dict[str, Identity]:
        """Files of a published table and what each of them is about.

        Returns
        -------
        dict of path -> identity
            ``control`` and ``spec``; the axes along which the files differ (``model``, ``language``, ...); beside a
            dataset of judgements and a language, the raters' language (``human_language``). In the table's order.
        """
        if table == "human_ceilings":
            return self._ceilings()
        if table == "judges":
            return self._judges()
        kind = KINDS[table]
        return {
            self._path(kind, variant, at): self.identity(variant, {k: at[k] for k in kind.axes})
            for variant, model in self._units(kind)
            for at in spread({k: self._values(k, model, table) for k in kind.axes})
            if "vignettes" not in at or at["language"] in self.study.languages_of("vignettes", at["vignettes"])
        }

    def notes(self) -> dict[str, Identity]:
        """Notes on what predictions could not be tested, of the main study, and whose they are."""
        study = self.study
        pattern = f"{study.results}/ratings/{{model}}/{study.sae}/{{language}}/{study.norms}/notes.json"
        axes = {"model": study.claiming, "language": study.languages}
        return {pattern.format(**at): at for at in spread(axes)}

    def _ceilings(self) -> dict[str, Identity]:
        """Of judgements one file for each language of raters: two languages may be compared with the same people."""
        study = self.study
        norms = [(NORM_CEILINGS, study.norms, k) for k in study.languages]
        if not study.models:  # without models nothing needs judgements
            return {
                self._path(kind, "", {"human": d, "language": k}): self.identity("", {"human": d})
                for kind, d, k in norms
            }
        wanted = [(KINDS["human_ceilings"], study.human, k) for k in study.data.judged().values()]
        wanted += norms
        # whose language the ratings are in stands in the files
        return {
            self._path(kind, "", {"human": dataset, "language": k}): self.identity("", {"human": dataset})
            for kind, dataset, k in wanted
        }

    def _judges(self) -> dict[str, Identity]:
        """Of each judge and language what is said of texts held out from it and of each corpus that it is tested on."""
        found: dict[str, Identity] = {}
        for judge, language in self.study.judges.all:
            who = self.identity("", {"judge": judge, "language": language})
            found |= {path: who for path in self.study.judges.quality(judge, language)}
        return found

    def _path(self, kind: Kind, variant: str, at: Mapping[str, str]) -> str:
        return f"{self.study.results}/{variant}{kind.pattern.format(**at)}"

    def _units(self, kind: Kind) -> list[tuple[str, str]]:
        """Folders of variants and models that have files of this kind; the model is "" where no file belongs to one."""
        study = self.study
        if "model" not in kind.axes:
            return [("", "")]
        if kind.needs == "steering":
            return [("", m) for m in study.steered]
        own = study.variants.touching(kind.side) if kind.side else []
        return [("", m) for m in study.models] + [(v.folder, m) for v in own for m in study.claiming]

    def _values(self, axis: str, model: str, table: str) -> Sequence[str]:
        study = self.study
        values: dict[str, Sequence[str]] = {
            "model": [model],
            # claims and figures 1 to 4 read tables of the primary SAE alone
            "sae": [r["sae"] for r in study.saes_of(model)] if KINDS[table].needs == "profile" else [study.sae],
            "language": (
                study.profiled_languages
                if KINDS[table].needs == "profiles"
                else study.languages + (study.directions if table == "ratings" else [])
            ),
            "profiles": [study.profiles],
            "vignettes": study.vignettes,
            "human": [study.human],
            "norms": [study.norms],
            "emotion": study.emotions,
            "dimension": study.config["dimensions"],
        }
        return values[axis]

    def identity(self, variant: str, at: Mapping[str, str]) -> Identity:
        """What the rows of a file are about.

        Parameters
        ----------
        variant : str
            Folder of the variant, "" for the primary configuration.
        at : mapping of axis -> value
        """
        own = self.study.variants[variant]
        found = {
            "control": own.name if own.kind == "control" else self._control_of.get(at.get("model", ""), "none"),
            "spec": own.name if own.kind == "spec" else PRIMARY_SPEC,
            **at,
        }
        if "human" in at and "language" in at:
            found["human_language"] = self.study.data.row("judgements", at["human"], at["language"])["human_language"]
        return found
