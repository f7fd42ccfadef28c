"""How large a study is, as far as that is known before its first job: words, texts, and the shapes of models and SAEs.

What is there is read: ``config.json`` and ``cfg.json`` of a folder, the table of rated words. For what is yet to be
fetched or made, published facts stand in ``resources/shapes``. Where neither is at hand the answer is None, and what
rests on it is not said.
"""

from __future__ import annotations

from collections.abc import Callable, Sized
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from shared_affect.models.memory import BYTES, ModelFacts, SaeFacts
from shared_affect.models.numerics import Numerics
from shared_affect.planning.checkout import Row
from shared_affect.study.config import read_committed
from shared_affect.study.inputs import OWN_CONCEPTS, read_concepts, read_prompts, read_templates

if TYPE_CHECKING:
    from shared_affect.planning.plan import Study

ACTIVE = 200
"""Active features of a residual where neither the SAE's row nor a published fact says how many."""

SHARE_ON_TWINS = 8
"""Of so many features of a published SAE one is taken to be active on an untrained twin. How many are is not known: its
thresholds were set for other residuals. Between none and an eighth were measured (255 of 2,048)."""

MAY_BE_EMPTY = (
    *("num_local_experts", "num_experts_per_tok", "linear_num_key_heads", "linear_num_value_heads"),
    *("linear_key_head_dim", "linear_value_head_dim", "senses", "stored_gb"),
)
"""Columns of the models' shapes that most models do without: experts, linear attention; weights of eyes and ears, and
size of the files where it is not that of the weights."""

TRUE = {"true": True, "false": False}


@dataclass(frozen=True)
class Sae:
    """An SAE's shape, and how many of its features are active on a token."""

    facts: SaeFacts
    active: int


@dataclass
class Sizes:
    """Sizes of a study's parts by their name.

    Parameters
    ----------
    study : plan.Study
    a_card : bool
        Whether jobs whose row says ``auto`` find a card where they run; a cluster is taken to have some.
    """

    study: Study
    a_card: bool = True
    _models: dict[str, ModelFacts | None] = field(default_factory=dict)
    _saes: dict[tuple[str, str], Sae | None] = field(default_factory=dict)
    _words: dict[str, tuple[int, int] | None] = field(default_factory=dict)
    _counts: dict[tuple[str, str], int] = field(default_factory=dict)

    def _shapes(self, table: str, *needed: str, may_be_empty: tuple[str, ...] = ()) -> list[dict]:
        path = self.study.checkout.resources / "shapes" / f"{table}.tsv"
        return read_committed(path, needed, may_be_empty, may_be_empty=may_be_empty)

    @cached_property
    def _published_models(self) -> dict[str, dict]:
        rows = self._shapes(
            "models",
            "id",
            "model_type",
            "hidden_size",
            "intermediate_size",
            "num_hidden_layers",
            "num_attention_heads",
            "num_key_value_heads",
            "head_dim",
            "vocab_size",
            "tie_word_embeddings",
            "source",
            may_be_empty=MAY_BE_EMPTY,
        )
        return {
            r["id"]: {
                k: TRUE[v] if v in TRUE else int(v) if v.isdigit() else v
                for k, v in r.items()
                if k not in ("line", "source") and v
            }
            for r in rows
        }

    @cached_property
    def _published_saes(self) -> dict[tuple[str, str], dict]:
        rows = self._shapes("saes", "release", "id", "d_in", "d_sae", "source", may_be_empty=("l0",))
        return {(r["release"], r["id"]): r for r in rows}

    @cached_property
    def _published_rows(self) -> dict[tuple[str, str, str], int]:
        rows = self._shapes("words", "dataset", "kind", "language", "rows")
        return {(r["dataset"], r["kind"], r["language"]): int(r["rows"]) for r in rows}

    @cached_property
    def _published_judges(self) -> dict[str, float]:
        return {r["id"]: float(r["stored_gb"]) for r in self._shapes("judges", "id", "stored_gb", "source")}

    # ---- models, SAEs, judges

    def model(self, name: str) -> ModelFacts | None:
        """Shape of a model; None where neither its folder nor a published fact tells it."""
        if name not in self._models:
            self._models[name] = self._model(self.study.row("models", model=name))
        return self._models[name]

    def _model(self, row: Row) -> ModelFacts | None:
        if row["twin_of"]:
            return self.model(row["twin_of"])
        try:
            return ModelFacts.of_folder(self.study.row_path(row))
        except (OSError, ValueError):
            return self._published(row)

    def _published(self, row: Row) -> ModelFacts | None:
        config = self._published_models.get(f"trained/{row['family']}" if row["source"] == "trained" else row["id"])
        if not config:
            return None
        return replace(ModelFacts.of_config(config), senses=int(config.get("senses", 0)))

    def published_model(self, name: str) -> ModelFacts | None:
        """Shape of a model by the committed table alone, whether it is there or not."""
        return self._published(self.study.row("models", model=name))

    def sae(self, row: Row) -> Sae | None:
        """Shape of an SAE and how many features are active; None where nothing tells it.

        Parameters
        ----------
        row : row of ``config/saes.tsv``
        """
        name = (row["model"], row["sae"])
        if name not in self._saes:
            self._saes[name] = self._sae(row)
        return self._saes[name]

    def is_foreign(self, row: Row) -> bool:
        """Whether an SAE was made for another model than it is read on: a published one on an untrained twin."""
        return bool(self.study.row("models", model=row["model"])["twin_of"]) and row["source"] != "trained"

    def _sae(self, row: Row) -> Sae | None:
        found = self._own_sae(row)
        if found and self.is_foreign(row):
            return replace(found, active=max(found.active, found.facts.d_sae // SHARE_ON_TWINS))
        return found

    def _own_sae(self, row: Row) -> Sae | None:
        """An SAE on the model that it was made for."""
        of_hub = row["source"] == "hub"
        named = (row["id"], row["subfolder"]) if of_hub else (row["release"], row["id"])
        known = self._published_saes.get((named[0] or "", named[1] or ""), {})
        active = row["k"] or (int(known["l0"]) if known.get("l0") else ACTIVE)
        try:
            return Sae(SaeFacts.of_folder(self.study.row_path(row), row["layer"]), active)
        except (OSError, ValueError):
            if known:
                return Sae(SaeFacts(int(known["d_in"]), int(known["d_sae"]), row["layer"]), active)
        model = self.model(row["model"])
        return Sae(SaeFacts(model.hidden, row["d_sae"], row["layer"]), active) if model and row["d_sae"] else None

    def judge_bytes(self, judge: str, language: str) -> int | None:
        """Bytes of the weights of a classifier that judges: of its files, else as published; None where nothing tells
        them.
        """
        files = list(Path(self.study.judges.folder(judge, language)).glob("*.safetensors"))
        if files:
            return sum(f.stat().st_size for f in files if f.exists())
        known = self._published_judges.get(self.study.judges.row(judge, language)["id"] or "")
        return None if known is None else round(known * 1e9)

    def saes(self, model: str) -> list[Sae] | None:
        """Shapes of all SAEs that are read with a model; None where one is not known."""
        found = [self.sae(r) for r in self.study.saes_of(model)]
        return [s for s in found if s] if all(found) else None

    def numerics(self, model: str) -> Numerics:
        """How a model is computed."""
        return Numerics(**self.study.numerics(model, "chunk_batch", "encoder"))

    def on_card(self, model: str) -> bool:
        """Whether its jobs compute on a card."""
        device = self.study.row("models", model=model)["device"]
        return device != "cpu" and (device != "auto" or self.a_card)

    def stored_bytes(self, model: str) -> int | None:
        """Bytes of a model's files: as published, else hub models are saved in 16 bits unless their row computes in
        float32.
        """
        facts, folder = self.model(model), Path(self.study.model_path(model))
        if files := list(folder.glob("*.safetensors")):
            return sum(f.stat().st_size for f in files if f.exists())
        stored = self._published_models.get(self.study.row("models", model=model)["id"] or "", {}).get("stored_gb")
        if stored is not None:
            return round(float(stored) * 1e9)
        return facts.weights() * BYTES[self.numerics(model).dtype] if facts else None

    def drawn_bytes(self, model: str) -> int | None:
        """Bytes of the weights of an untrained twin, in the dtype of its row."""
        facts = self.model(model)
        return facts.weights() * BYTES[self.numerics(model).dtype] if facts else None

    # ---- words and texts

    def words(self, language: str) -> tuple[int, int] | None:
        """Concept words of all sources and rated words of a language; None where the ratings are not known.

        Of concept words that come from associations or a lexicon, the most that the configuration allows.
        """
        if language not in self._words:
            self._words[language] = self._count_words(language)
        return self._words[language]

    def _count_words(self, language: str) -> tuple[int, int] | None:
        study = self.study
        concepts = 0
        for source in study.variants.concept_files() if study.models else ():  # none stands beside human data alone
            if source in OWN_CONCEPTS:
                found = read_concepts(study.checkout.concepts(language), study.emotions, source)
                concepts += sum(map(len, found.values()))
            else:
                concepts += study.config["concept_sets"]["max_words"] * len(study.emotions)
        prepared = Path(f"{study.results}/human/{study.norms}/norms_{language}.tsv")
        rated = self._published_rows.get((study.norms, "norms", language))
        if prepared.is_file():
            with open(prepared, encoding="utf-8") as f:
                rated = sum(1 for _ in f) - 1
        return None if rated is None else (concepts, rated)

    def templates(self, language: str) -> int:
        """Carriers that every word is put into."""
        return self._count("templates", language, read_templates)

    def prompts(self, language: str) -> int:
        """Sentence beginnings of a language."""
        return self._count(f"prompts/{self.study.config['prompts']}", language, read_prompts)

    def _count(self, what: str, language: str, read: Callable[[Path], Sized]) -> int:
        """Rows of a committed table of a language, read once."""
        if (what, language) not in self._counts:
            found = read(self.study.checkout.resources / what / f"{language}.tsv")
            self._counts[what, language] = len(found)
        return self._counts[what, language]

    def judged(self, language: str) -> int:
        """Texts that a judge learns from, 50,000 where a dataset's are not known."""
        named = self.study.config["judge_texts"]
        if named == "planted":
            return self.study.config["texts"]["judge"]
        rows = [self.study.judges.row(j, language)["texts"] for j in self.study.judges.named(language)]
        return max((self._published_rows.get((t, "labelled-text", language), 50_000) for t in rows if t), default=0)

    def texts(self, language: str) -> int | None:
        """Words in carriers of a language: what extraction reads."""
        words = self.words(language) if self.study.models else None
        return sum(words) * self.templates(language) if words else None

    def written(self, language: str) -> int:
        """Texts that a model writes in a language under all arms and strengths, by the arms' own record."""
        from shared_affect.steering.plan import written_arms

        study, n = self.study, self.study.config["steering"]
        per_prompt = self.prompts(language) * n["samples_per_prompt"]
        total = 0
        for arm in written_arms():
            strengths = len(n["strengths"]) if arm.has_strength else 1
            if arm.name == "random":
                total += max(per_prompt, n["random_directions"]) * strengths
            else:
                total += per_prompt * strengths * (len(study.emotions) if arm.of_emotion else 1)
        return total
