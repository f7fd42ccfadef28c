"""What every job asks for: main memory, a card, minutes; reckoned from what it works on, or as a model's row says.

A rule's need is a foundation, measured on small data (libraries, fonts, tables), and what grows with words, features
and texts. The time is what is expected on one processor core, or on one H100, times `PATIENCE`. Both grow with each
attempt, so that a job that was stopped for want of either gets more when it is tried again.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from shared_affect.models.memory import BYTES, CONTEXT, LIBRARIES, ModelFacts, extraction_memory
from shared_affect.planning.sizes import Sizes
from shared_affect.steering.quality import ASSESSED

if TYPE_CHECKING:
    from shared_affect.planning.plan import Study

MB = 1_000_000
PATIENCE = 4
"""Times the expected time that a job is given: machines differ, and many share them."""

PATIENCE_CARD = 12
"""The same of a job on a card: rates are those of an H100, and most are slower."""

LEAST_MINUTES = 10
WRAPPER_MB = 400
"""Two processes of Snakemake that a job of a cluster holds besides its script (measured: 169 MB each)."""

UNKNOWN_MB, UNKNOWN_MINUTES = 4000, 120
"""Asked for while the shape of a job's model is not known; `profiles/slurm` has the same floor."""

PAIRS = 351
"""Pairs of all 27 emotions."""

SLICE = 64
"""Written texts whose logits are held at once, in float32."""

VIGNETTES, VIGNETTE = 216, 150
"""Texts of a dataset of vignettes, and tokens of one."""

PROMPT = 12
"""Tokens of a sentence beginning."""

SAMPLED = 200
"""At most, tokens of a text that a model writes for its SAE."""


@dataclass(frozen=True)
class Rates:
    """How fast a machine computes.

    Attributes
    ----------
    flops : float
        Operations a second of forward passes over words, encoders included.
    steps : float
        Steps of generation a second, where it is the start of kernels that counts.
    writing, token : float
        Operations a second of generation in full batches, the pass for the likelihood included; seconds that a token
        takes besides.
    start : float
        Seconds until a model computes, besides its weights.
    weights : float
        Bytes of weights read a second.
    name : str
    """

    flops: float
    steps: float
    writing: float
    token: float
    start: float
    weights: float
    name: str


RATES = {
    "card": Rates(2.4e14, 21, 9e13, 0, 25, 2e9, "one H100"),
    "card, float32": Rates(3e13, 21, 1.5e13, 0, 25, 2e9, "one H100"),
    "cpu": Rates(5e10, 250, 3e10, 2.5e-4, 20, 1e9, "one core at 70 Gflop/s"),
}
"""Of the card: 9,000 texts of 27 Gflop a second are what this engine is to reach with 9 billion weights in bfloat16 (a
prototype of it reached 10,500 on an H100; it has not run on a card itself); 47 ms a step of generation and 5,000
tokens a second at 432 rows were measured with the engine before. Float32 on a card is reckoned from data sheets. Of the
core: measured (docs/performance.md).
"""


@dataclass(frozen=True)
class Work:
    """What a job works on: numbers of things, of the larger language where it reads two.

    Attributes
    ----------
    concepts, rated, texts : int
        Words; words in carriers.
    hidden, features, active : int
        Width of the residual, features of the SAE, those active on a token.
    dtype : int
        Bytes of a stored residual.
    vocabulary : int
    emotions, permutations, draws : int
        `draws`: of features and of permuted codes.
    written, judged : int
        Texts that were written under steering; texts that a judge learns from.
    """

    concepts: int
    rated: int
    texts: int
    hidden: int
    features: int
    active: int
    dtype: int
    vocabulary: int
    emotions: int
    permutations: int
    draws: int
    written: int
    judged: int

    @property
    def words(self) -> int:
        return self.concepts + self.rated

    @property
    def stored(self) -> float:
        """Bytes of residuals and codes as extraction leaves them, both positions of every text."""
        return self.texts * 2.0 * (self.hidden * self.dtype + self.active * 12)

    @property
    def codes(self) -> float:
        """Bytes of averaged codes, sparse in float64, with residual and embedding; a word's active features are taken
        to be four times a token's.
        """
        return self.words * (min(self.features, 4 * self.active) * 12.0 + 8 * self.hidden)

    @property
    def active_codes(self) -> float:
        """Codes of the rated words that are not 0."""
        return self.rated * min(self.features, 4.0 * self.active)

    @property
    def dense(self) -> float:
        """Bytes of residuals of the rated words in float64, some copies, and the Gram matrices of a round of folds."""
        return 24.0 * self.rated * self.hidden + 80.0 * min(self.rated, self.hidden) ** 2

    @property
    def per_feature(self) -> float:
        """Bytes of a number a feature and emotion."""
        return 8.0 * self.features * self.emotions


Grows = Callable[[Work], float]


@dataclass(frozen=True)
class Rule:
    """What a rule takes: `mb` and `seconds` on small data, and what grows with the work (bytes, seconds)."""

    mb: int
    seconds: float
    more: Grows = lambda w: 0.0
    longer: Grows = lambda w: 0.0


def _ridge_seconds(w: Work) -> float:
    """Of nested folds: Gram matrices of residuals and their factors at 2e10 operations a second; steps over the codes
    of all features; permuted ratings.
    """
    side = min(w.rated, w.hidden)
    factors = 60 * (side**3 / 3 + 2.0 * w.rated * side**2 / 10)
    return factors / 2e10 + 1e-4 * w.active_codes + w.rated * w.permutations / 3e5


RULES: Mapping[str, Rule] = {
    "build_concepts": Rule(300, 2),
    "build_space": Rule(400, 4, lambda w: 5 * w.codes + 6 * w.per_feature, lambda w: w.draws * w.codes / 4e9),
    "profile_sae": Rule(500, 5),
    "collect_table": Rule(300, 3),
    "compare_cultures": Rule(300, 2, lambda w: 4 * w.rated * 8.0 * w.permutations, lambda w: w.rated / 1e3),
    "compare_pairwise": Rule(400, 30),
    "compare_with_judgements": Rule(500, 5),
    "compare_with_profiles": Rule(500, 5),
    "draw_figure": Rule(500, 6),
    "draw_folds": Rule(400, 4, lambda w: 2e4 * w.rated, lambda w: w.rated / 500),
    "embed_associations": Rule(3000, 60),
    "find_dimensions": Rule(300, 3),
    "find_human_ceilings": Rule(300, 3),
    "find_human_agreement": Rule(400, 20),
    "find_norm_ceilings": Rule(300, 2, lambda w: 2e3 * w.rated),
    "find_shared_features": Rule(
        300, 4, lambda w: 6 * w.codes + 8 * w.per_feature, lambda w: w.permutations * w.features / 1e7
    ),
    "gather_codes": Rule(300, 2, lambda w: 2.5 * w.stored + 3 * w.codes, lambda w: w.stored / 2e7),
    "judge_claims": Rule(300, 2),
    "make_planted_human": Rule(300, 2),
    "make_vectors": Rule(
        300,
        2,
        lambda w: 10.0 * w.features * w.hidden + 3 * w.codes + 4e3 * w.hidden * w.emotions,
        lambda w: w.codes / 1e8,
    ),
    "match_controls": Rule(300, 3, lambda w: 5e3 * w.words + 3e3 * w.vocabulary, lambda w: w.words / 200),
    "predict_ratings": Rule(
        400,
        8,
        lambda w: 3 * w.codes + w.dense + 32.0 * w.rated * w.permutations,
        _ridge_seconds,
    ),
    "prepare_data": Rule(1500, 20),
    "prepare_prompts": Rule(300, 3),
    "wrap_requests": Rule(500, 5),
    "prepare_judge_texts": Rule(300, 5, lambda w: 1e4 * w.judged, lambda w: w.judged / 5000),
    "prepare_judgements": Rule(400, 2),
    "prepare_norms": Rule(300, 2, lambda w: 2e4 * w.rated),
    "prepare_profiles": Rule(300, 2),
    "prepare_translations": Rule(300, 2),
    "prepare_vignettes": Rule(300, 2),
    "record_provenance": Rule(300, 5),
    "score_texts": Rule(450, 10, lambda w: 1.5e4 * w.written, lambda w: w.written / 1000),
    "select_features": Rule(
        300, 2, lambda w: 6 * w.codes + 8 * w.per_feature, lambda w: w.codes / 1e7 + w.per_feature / 1e7
    ),
    "measure_validity": Rule(
        400, 8, lambda w: 6 * w.codes + 8 * w.per_feature, lambda w: 40 * (w.codes / 1e7 + w.per_feature / 1e7)
    ),
    "train_judge": Rule(400, 5, lambda w: 2e4 * w.judged, lambda w: w.judged / 300),
    "transfer_ratings": Rule(
        400,
        5,
        lambda w: 6 * w.codes + w.dense + 32.0 * w.rated * w.permutations,
        lambda w: 1.4 * _ridge_seconds(w),  # both directions
    ),
    "write_planted_texts": Rule(500, 8),
}
"""Rules that compute without a model. The foundations are measured: benchmarks of the default study on two cores."""

DRAWN = 5e7
"""Weights that are drawn and saved in a second: normal numbers, one after the other."""

JUDGING = ("assess_judge", "judge_texts")
"""Rules in which a judge reads texts: one that is trained here, a classifier, or a language model."""

ASKED = 90
"""Tokens of a question about a written text or a labelled one, on the average."""

OF_A_MODEL = (
    "extract_features",
    "read_vignettes",
    "gate_model",
    "extract_shard",
    "generate_texts",
    "sample_documents",
    "train_sae",
)
"""Rules that load a language model; ``ram_gb`` and ``minutes`` of its row are theirs."""

MADE = ("train_lm", "make_twin")
"""Rules that make a language model."""

LARGE_TABLES = ("li2024", "xu2022")
"""Loaders that read a workbook or a table of many columns."""


@dataclass(frozen=True)
class Need:
    """What one job takes.

    Attributes
    ----------
    ram, vram : float
        Bytes; `vram` is 0 without a card.
    seconds : float
        Expected.
    """

    ram: float
    vram: float
    seconds: float


class Needs:
    """What the jobs of a study ask for.

    Parameters
    ----------
    study : plan.Study
    """

    def __init__(self, study: Study):
        self.study, self.sizes = study, Sizes(study)
        self._work: dict[tuple, Work | None] = {}

    def __call__(self, rule: str, **fixed: str) -> dict[str, Callable[..., int]]:
        """The resources of a rule: functions of a job's wildcards and of how often it has been tried.

        Parameters
        ----------
        rule : str
            Its name, without the name of what it is emitted for.
        **fixed : str
            What its wildcards do not say, such as the model.

        Raises
        ------
        ValueError
            For a rule without a record: it would ask for nothing.
        """
        if rule not in (*RULES, *OF_A_MODEL, *JUDGING, *MADE):
            raise ValueError(
                f"rule {rule!r} says nowhere what it takes; needed: a record in planning/resources.py, RULES"
            )

        def mem_mb(wildcards: Any, attempt: int) -> int:
            return self.mem_mb(rule, dict(wildcards.items()) | fixed) * attempt

        def runtime(wildcards: Any, attempt: int) -> int:
            return self.minutes(rule, dict(wildcards.items()) | fixed) * attempt

        return {"mem_mb": mem_mb, "runtime": runtime}

    def mem_mb(self, rule: str, at: Mapping[str, str]) -> int:
        """Main memory of a job at its first attempt, MB: the row's ``ram_gb``, else reckoned, with what a cluster's job
        holds besides.
        """
        stated = self._stated(rule, at, "ram_gb")
        if stated is not None:
            return math.ceil(1000 * stated)
        need = self.need(rule, at)
        return WRAPPER_MB + 100 * math.ceil(need.ram / MB / 100) if need else UNKNOWN_MB

    def ram(self, rule: str, at: Mapping[str, str]) -> float | None:
        """Bytes of main memory of a job's own: the row's ``ram_gb``, else reckoned; None where nothing tells it."""
        stated = self._stated(rule, at, "ram_gb")
        need = self.need(rule, at)
        return 1e9 * stated if stated is not None else need.ram if need else None

    def minutes(self, rule: str, at: Mapping[str, str]) -> int:
        """Minutes of a job at its first attempt: the row's ``minutes``, else the expected time and patience."""
        stated = self._stated(rule, at, "minutes")
        if stated is not None:
            return math.ceil(stated)
        need = self.need(rule, at)
        if need is None:
            return UNKNOWN_MINUTES
        patience = PATIENCE_CARD if need.vram else PATIENCE
        return max(LEAST_MINUTES, math.ceil(patience * need.seconds / 60))

    def vram_gb(self, rule: str, at: Mapping[str, str]) -> float | None:
        """Memory of a card that a job takes, GB: the row's ``vram_gb``, else reckoned; None where nothing tells it."""
        stated = self._stated(rule, at, "vram_gb")
        need = self.need(rule, at)
        return stated if stated is not None else need.vram / 1e9 if need else None

    def _stated(self, rule: str, at: Mapping[str, str], column: str) -> float | None:
        return self.study.row("models", model=at["model"])[column] if rule in OF_A_MODEL else None

    def need(self, rule: str, at: Mapping[str, str]) -> Need | None:
        """What a job takes, reckoned; None where the shape of its model or the number of its words is not known.

        Raises
        ------
        KeyError
            For a rule without a record.
        """
        if rule in OF_A_MODEL or rule in MADE:
            return getattr(self, f"_{rule}")(at)
        if rule in JUDGING:
            return self._judging(rule, at)
        own = RULES[rule]
        work = self.work(at)
        if work is None:
            return None
        ram, seconds = own.mb * MB + own.more(work), own.seconds + own.longer(work)
        if rule.startswith("prepare_") and self._reads_large_table(rule, at):
            ram, seconds = ram + 1200 * MB, seconds + 20
        return Need(ram, 0, seconds)

    def _reads_large_table(self, rule: str, at: Mapping[str, str]) -> bool:
        kind, dataset = rule.removeprefix("prepare_"), at.get("human") or at.get("norms")
        return any(
            r["loader"] in LARGE_TABLES
            for r in self.study.tables["human"]
            if (r["kind"], r["dataset"]) == (kind, dataset)
        )

    # ---- judges

    def _judging(self, rule: str, at: Mapping[str, str]) -> Need | None:
        """What a judge takes to read the written texts, or a corpus; None where the size of its model is not known."""
        judges, judge, language = self.study.judges, at["judge"], at["language"]
        # the written texts are read twice: as they stand, and without concept words
        texts = 2 * self.sizes.written(language) if rule == "judge_texts" else ASSESSED
        kind = judges.kind(judge, language)
        if kind == "embedded":
            return Need(500 * MB + 1.5e4 * texts + 2e3 * self.sizes.judged(language), 0, 10 + texts / 1000)
        row = judges.row(judge, language)
        if kind == "classifier":
            size = self.sizes.judge_bytes(judge, language)
            on_card = row["device"] != "cpu" and (row["device"] != "auto" or self.sizes.a_card)
            # kept in 32 bits; values of a pass take less than the weights again
            return self._reading(texts, float(size), row["rows"] * 2e7, on_card) if size else None
        facts = self.sizes.model(row["model"])
        if facts is None:
            return None
        size = self._size(row["model"])
        cache = 4.0 * size * row["rows"] * 3 * ASKED * facts.blocks * facts.key_value
        held = cache + 12.0 * row["rows"] * facts.vocabulary
        return self._reading(texts, facts.weights() * size, held, self.sizes.on_card(row["model"]), facts.weights())

    def _reading(self, texts: int, weights: float, held: float, on_card: bool, n: float = 0) -> Need:
        """Texts of `ASKED` tokens through a model of so many bytes and numbers."""
        rates = RATES["card" if on_card else "cpu"]
        flops = texts * ASKED * 2.0 * (n or weights / 4)
        return Need(
            LIBRARIES + weights + (0 if on_card else held) + 2e4 * texts,
            weights + held + CONTEXT if on_card else 0,
            rates.start + weights / rates.weights + flops / (rates.flops / 4),
        )

    # ---- what a job works on

    def work(self, at: Mapping[str, str]) -> Work | None:
        """Sizes behind a job, by the wildcards that it has: the largest of the study's where it has none."""
        key = tuple(at.get(k) for k in ("model", "sae", "language"))
        if key not in self._work:
            self._work[key] = self._find_work(*key)
        return self._work[key]

    def _find_work(self, model: str | None, sae: str | None, language: str | None) -> Work | None:
        study, sizes, config = self.study, self.sizes, self.study.config
        languages = [language] if language in study.languages else study.languages
        words = [sizes.words(k) for k in languages]
        names = [model] if model else study.models
        facts = [sizes.model(m) for m in names]
        rows = [r for m in names for r in study.saes_of(m) if sae in (None, r["sae"])]
        found = [sizes.sae(r) for r in rows]
        if None in words or None in facts or None in found:
            return None
        numbers = [n for n in words if n]
        return Work(
            concepts=max(n[0] for n in numbers),
            rated=max(n[1] for n in numbers),
            texts=max(sizes.texts(k) or 0 for k in languages),
            hidden=max((f.hidden for f in facts if f), default=0),
            features=max((s.facts.d_sae for s in found if s), default=0),
            active=max((s.active for s in found if s), default=0),
            dtype=max((BYTES[sizes.numerics(m).dtype] for m in names), default=0),
            vocabulary=max((f.vocabulary for f in facts if f), default=0),
            emotions=len(study.emotions),
            permutations=config["ratings"]["n_permutations"],
            draws=config["rsa"]["n_code_permutations"] + 2 * config["rsa"]["n_draws"],
            written=max(sizes.written(k) for k in languages) if study.steered else 0,
            judged=max(sizes.judged(k) for k in languages) if study.steered else 0,
        )

    def _rates(self, model: str) -> Rates:
        if not self.sizes.on_card(model):
            return RATES["cpu"]
        return RATES["card, float32" if self.sizes.numerics(model).dtype == "float32" else "card"]

    def _size(self, model: str) -> int:
        """Bytes of a weight in memory."""
        return BYTES[self.sizes.numerics(model).dtype]

    # ---- jobs of a model

    def _extract_features(self, at: Mapping[str, str], gates: bool = True, share: float = 1.0) -> Need | None:
        sizes, model, language = self.sizes, at["model"], at["language"]
        facts, saes, words = sizes.model(model), sizes.saes(model), sizes.words(language)
        if facts is None or not saes or words is None:
            return None
        n_templates, active = sizes.templates(language), max(s.active for s in saes)
        memory = extraction_memory(
            facts,
            [s.facts for s in saes],
            sizes.numerics(model),
            gates=gates,
            n_words=sum(words) if share == 1.0 else 0,
            n_templates=n_templates,
            active=active,
            card=sizes.on_card(model),
        )
        rates = self._rates(model)
        flops = share * sum(words) * n_templates * text_flops(facts, [s.facts for s in saes])
        # the share of the words is read, and the running texts pass through the whole model
        running = (2 * 80 * 32 * 2.0 * facts.working()) if gates else 0.0
        seconds = rates.start + facts.weights() * self._size(model) / rates.weights + (flops + running) / rates.flops
        return Need(memory.ram_bytes, memory.vram_bytes, seconds)

    def _gate_model(self, at: Mapping[str, str]) -> Need | None:
        return self._extract_features(at, share=0.0)

    def _read_vignettes(self, at: Mapping[str, str]) -> Need | None:
        """Every token of every text passes the blocks up to the SAE, and the SAE."""
        found = self._extract_features(at, share=0.0, gates=False)
        facts, saes = self.sizes.model(at["model"]), self.sizes.saes(at["model"])
        if found is None or facts is None or not saes:
            return None
        inside = min(facts.blocks, max(s.facts.layer for s in saes) + 1) * facts.block_weights
        flops = VIGNETTES * VIGNETTE * (2.0 * inside + sum(2.0 * s.facts.d_in * s.facts.d_sae for s in saes))
        return Need(found.ram, found.vram, found.seconds + flops / self._rates(at["model"]).flops)

    def _extract_shard(self, at: Mapping[str, str]) -> Need | None:
        shards = self.study.row("models", model=at["model"])["shards"]
        return self._extract_features(at, gates=False, share=1.0 / max(2, shards))

    def _generate_texts(self, at: Mapping[str, str]) -> Need | None:
        sizes, model, study = self.sizes, at["model"], self.study
        facts = sizes.model(model)
        if facts is None:
            return None
        rows, new = study.row("models", model=model)["rows"], study.config["steering"]["max_new_tokens"]
        written, rates = sizes.written(at["language"]) / len(study.groups), self._rates(model)
        held = generation_bytes(facts, self._size(model), rows, PROMPT + new)
        directions = 4.0 * study.config["steering"]["random_directions"] * facts.hidden * len(study.emotions)
        weights = facts.weights() * self._size(model)
        on_card = sizes.on_card(model)
        # the likelihood is a second pass over what was written
        flops = written * new * 2 * facts.working() * 2.0
        steps = math.ceil(written / rows) * new
        return Need(
            LIBRARIES + 2 * directions + 2e3 * written + (weights if on_card else held),
            held + CONTEXT if on_card else 0,
            rates.start
            + weights / rates.weights
            + max(steps / rates.steps, flops / rates.writing)
            + written * new * rates.token,
        )

    def _sample_documents(self, at: Mapping[str, str]) -> Need | None:
        sizes, model = self.sizes, at["model"]
        facts = sizes.model(model)
        if facts is None:
            return None
        tokens = self.study.sampled_tokens(model)
        rates, weights = self._rates(model), facts.weights() * self._size(model)
        rows = self.study.row("models", model=model)["rows"]
        held = generation_bytes(facts, self._size(model), rows, SAMPLED)
        on_card = sizes.on_card(model)
        return Need(
            LIBRARIES + (weights if on_card else held),
            held + CONTEXT if on_card else 0,
            rates.start + tokens * (2.0 * facts.working() / rates.writing + rates.token),
        )

    def _train_sae(self, at: Mapping[str, str]) -> Need | None:
        """On a CPU in float32, whatever the model's row says of words."""
        sizes = self.sizes
        facts, row = sizes.model(at["model"]), self.study.row("saes", model=at["model"], sae=at["sae"])
        if facts is None:
            return None
        sae = 2.0 * facts.hidden * row["d_sae"]
        # weights, gradients, two moments; and a buffer of residuals
        ram = LIBRARIES + 4 * facts.weights() + 16 * sae + 4.0 * 2**16 * facts.hidden
        flops = row["train_tokens"] * (2.0 * facts.weights(row["layer"]) + 6 * sae)
        return Need(ram, 0, 20 + flops / 3e10 + row["train_tokens"] / 2e4)

    def _train_lm(self, at: Mapping[str, str]) -> Need | None:
        facts, row = self.sizes.model(at["model"]), self.study.row("models", model=at["model"])
        if facts is None:
            return None
        # weights, gradients, two moments; tokens a second of the planted shapes
        return Need(600 * MB + 16 * facts.weights(), 0, 20 + row["train_tokens"] / 6500)

    def _make_twin(self, at: Mapping[str, str]) -> Need | None:
        facts = self.sizes.model(at["model"])
        if facts is None:
            return None
        weights = facts.weights() * self._size(at["model"])
        return Need(LIBRARIES + 1.2 * weights, 0, 20 + facts.weights() / DRAWN + weights / 1e9)


def text_flops(model: ModelFacts, saes: list) -> float:
    """Operations of a word in a carrier: three tokens up to the deepest block, two positions for each SAE."""
    deepest = max(s.layer for s in saes)
    inside = min(model.blocks, deepest + 1) * (model.block_weights - model.idle)
    return 3 * 2.0 * inside + sum(2 * 2.0 * s.d_in * s.d_sae for s in saes)


def generation_bytes(model: ModelFacts, size: int, rows: int, tokens: int) -> float:
    """Bytes held while `rows` texts of so many tokens are written: weights, keys and values, logits of a step and of a
    slice of texts.

    Examples
    --------
    Gemma 2 9B in bfloat16, 432 texts of 33 tokens. An engine that drew in float64 took 24 GiB on an H100, transformers'
    `generate` 26.9; ours draws in float32 and has not run there, so the larger term stays:

    >>> gemma = ModelFacts(42, 198_194_176, 917_504_000, 0, 3584, 14336, 256_000, 2048)
    >>> round(generation_bytes(gemma, 2, 432, 33) / 2**30, 1)
    27.0
    """
    cache = 1.0 * rows * model.remembered(tokens, size)
    step = rows * model.vocabulary * (4 + 4 + 8.0)
    scored = min(rows, SLICE) * tokens * model.vocabulary * (size + 4.0)
    return model.weights() * size + cache + step + scored + rows * tokens * 6.0 * model.hidden * size
