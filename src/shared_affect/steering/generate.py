"""Steering vectors and the texts written under them.

A *chunk* of generation is one emotion x arm x strength over all prompts with a generator of its own; like a chunk of
extraction it is keyed by everything that determines it and kept in a journal, so a killed job resumes and an added
emotion leaves the others' texts alone. torch is imported only when a chunk is missing.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

from shared_affect.base.files import digest_of
from shared_affect.base.gates import passes
from shared_affect.base.journal import JournalParts
from shared_affect.base.log import LOG, progress
from shared_affect.base.seeds import torch_seed
from shared_affect.models.load import WHERE, Numerics, model_digest, tokenizer_digest
from shared_affect.models.proof import outcome, prove_steering
from shared_affect.models.saes import sae_digest
from shared_affect.models.sampling import POLICIES, Sampling, sample_texts
from shared_affect.models.token_checks import check_declared, check_round_trip
from shared_affect.models.tokens import load_ids

VERSION = 3
"""Raised by hand when the code below changes a value; a golden test guards it."""


@dataclass(frozen=True)
class Prompt:
    """A sentence beginning; `split` says whether it chooses the strength or is scored."""

    name: str
    split: str
    text: str


class Generator:
    """One model's texts in one language, steered after one block.

    Parameters
    ----------
    model_folder, sae_folder : path
    layer : int
        Block whose output is changed: the SAE's hook point.
    residual_norm : float
        Mean norm of the residual there; strengths are in its units.
    language : str
    prompts : sequence of Prompt
    sampling : Sampling
    numerics : Numerics
    journal_folder : path
    root_seed : int
    where : str
        Table and row of the model, named in errors.
    bos : str, optional
        The model's rule for the first token, see `tokens.load_ids`.

    Raises
    ------
    ValueError
        If the position policy is unknown or the residual norm is not positive and finite.
    """

    def __init__(
        self,
        *,
        model_folder,
        sae_folder,
        layer: int,
        residual_norm: float,
        language: str,
        prompts: Sequence[Prompt],
        sampling: Sampling,
        numerics: Numerics,
        journal_folder,
        root_seed: int,
        where: str = WHERE,
        bos: str | None = None,
    ):
        if sampling.positions not in POLICIES:
            raise ValueError(
                f"positions is {sampling.positions!r}; allowed: {', '.join(POLICIES)} (config.yaml, key"
                " steering.positions)"
            )
        if not (passes(residual_norm) and residual_norm > 0):
            raise ValueError(f"residual_norm is {residual_norm}; allowed: > 0 and finite")
        self.model_folder, self.layer, self.residual_norm, self.language = (
            Path(model_folder),
            layer,
            residual_norm,
            language,
        )
        self.prompts, self.sampling, self.numerics, self.root_seed = list(prompts), sampling, numerics, root_seed
        self.texts = load_ids(model_folder, bos)
        self.identity = {
            "model": model_digest(model_folder),
            "tokenizer": tokenizer_digest(model_folder),
            **self.texts.key(),
            **self.texts.end_key(),
            "sae": sae_digest(sae_folder),
            "layer": layer,
            "residual_norm": repr(float(residual_norm)),
            "language": language,
            "prompts": [[p.name, p.text] for p in prompts],
            **asdict(sampling),
            **{k: v for k, v in numerics.key().items() if k != "chunk_batch"},
            "version": VERSION,
        }
        name = digest_of([self.identity["model"], self.identity["sae"], layer, language, "generate"])[:24]
        self.journal_folder, self.journal_name = Path(journal_folder), name
        self.model_loads, self.where = 0, where
        self._loaded = None

    def _load(self):
        if self._loaded is None:
            from shared_affect.models.load import load_model, resolve_device

            self.model_loads += 1
            LOG.info("model load: %s", self.model_folder)
            n = self.numerics
            model = load_model(
                self.model_folder, dtype=n.dtype, device=n.device, attention=n.attention, where=self.where
            )
            self._loaded = model, resolve_device(n.device)
        return self._loaded

    def run(
        self, jobs: Sequence[tuple[str, str, float, np.ndarray | None]], part: str
    ) -> dict[tuple[str, str, float], list[dict]]:
        """Texts of every ``(emotion, arm, strength, vectors)``, from the journal where they are there.

        Parameters
        ----------
        jobs : sequence of tuple
            `vectors` is ``[d]`` (one direction), ``[n, d]`` (directions spread over the prompts in turn) or None (no
            steering).
        part : str
            Names this job's own journal file, so that jobs over other emotions write elsewhere; all parts are read.

        Returns
        -------
        dict
            ``(emotion, arm, strength)`` -> list of records ``emotion, arm, strength, prompt, split, sample, direction,
            text, nll, n_tokens``.

        Raises
        ------
        ValueError
            If a vector is not finite, the model cannot be steered (`proof`), or its logits are not finite.
        """
        for emotion, arm, _, vectors in jobs:
            if vectors is not None and not np.isfinite(vectors).all():
                raise ValueError(f"the vector of {emotion}, {arm}, holds NaN or infinite values ({self.where})")
        prompts = [p.text for p in self.prompts]
        check_declared(self.model_folder, self.texts, prompts)
        check_round_trip(self.model_folder, self.texts, prompts)
        self._prove(part)
        journal = JournalParts(self.journal_folder, self.journal_name, part)
        keys = {job[:3]: self._key(*job) for job in jobs}
        missing = [job for job in jobs if keys[job[:3]] not in journal]
        if missing:
            with journal.writing(f"generation {self.model_folder} {self.language} {part}"):
                for job in progress(missing, label=f"generate {self.language}"):
                    records = self._generate(*job)
                    journal.append(keys[job[:3]], json.dumps(records, ensure_ascii=False).encode())
        LOG.info("generation: computed %d of %d chunks, %d model load(s)", len(missing), len(jobs), self.model_loads)
        split = {p.name: p.split for p in self.prompts}
        return {
            job[:3]: [r | {"split": split[r["prompt"]]} for r in json.loads(journal.get(keys[job[:3]]))] for job in jobs
        }

    def _prove(self, part: str) -> None:
        """Refuse a model that is not steered as one thinks; found in the journal where extraction has looked
        already.
        """

        def prove():
            ids = self.texts.ids([p.text for p in self.prompts])
            ids.append([i for one in ids for i in one])  # beginnings may be as short as a token
            return prove_steering(self._load()[0], self.layer, ids, self.where)

        outcome(
            self.model_folder,
            self.numerics.key(),
            self.journal_folder,
            f"generate-{self.language}-{part}",
            f"steering after block {self.layer}",
            prove,
        )

    def _names(self, emotion: str, arm: str, strength: float) -> tuple[str, ...]:
        return "generate_texts", self.language, emotion, arm, repr(float(strength))

    def _key(self, emotion: str, arm: str, strength: float, vectors: np.ndarray | None) -> str:
        import hashlib

        vector = (
            None if vectors is None else hashlib.sha256(np.ascontiguousarray(vectors, np.float32).tobytes()).hexdigest()
        )
        return digest_of(
            {
                **self.identity,
                "vector": vector,
                "emotion": emotion,
                "arm": arm,
                "strength": repr(float(strength)),
                "seed": torch_seed(self.root_seed, *self._names(emotion, arm, strength)),
            }
        )

    def _generate(self, emotion: str, arm: str, strength: float, vectors: np.ndarray | None) -> list[dict]:
        import torch

        model, device = self._load()
        samples = self.sampling.samples_per_prompt
        if vectors is not None and vectors.ndim == 2:  # every direction gets a text at least
            samples = max(samples, -(-len(vectors) // len(self.prompts)))
        rows = [(p, s) for p in self.prompts for s in range(samples)]
        where = f"{self.where}, {self.language}: {emotion}, {arm}, strength {strength:g}"
        # a square that overflows in a norm makes zeros of the residual, and the logits look well
        if not (strength * self.residual_norm) ** 2 <= float(np.finfo(np.float32).max):
            raise ValueError(
                f"{where}: a vector {strength * self.residual_norm:g} long is infinite when squared; give smaller"
                " strengths (config.yaml, key steering.strengths)"
            )
        added, direction = None, [None] * len(rows)
        if vectors is not None:
            table = np.atleast_2d(vectors)
            pick = np.arange(len(rows)) % len(table)
            added = torch.tensor(table[pick] * np.float32(strength * self.residual_norm), device=device)
            direction = pick.tolist() if len(table) > 1 else direction
        seed = torch_seed(self.root_seed, *self._names(emotion, arm, strength))
        generator = torch.Generator(device=device).manual_seed(seed)
        ids = self.texts.ids([p.text for p, _ in rows])
        tokens, nll = sample_texts(
            model, ids, self.layer, added, self.sampling, generator, eos=self.texts.ends, where=where
        )
        out = []
        for (p, s), d, t, n in zip(rows, direction, tokens, nll, strict=True):
            out.append(
                {
                    "emotion": emotion,
                    "arm": arm,
                    "strength": float(strength),
                    "prompt": p.name,
                    "sample": s,
                    "direction": d,
                    "text": self.texts.decode(t).strip(),
                    "nll": n,
                    "n_tokens": len(t),
                }
            )
        return out


ARMS = ("concept", "diff-means")
NO_EMOTION = "-"


def plan(
    vectors: Mapping[str, Mapping[str, np.ndarray]], strengths: Sequence[float], *, baselines: bool
) -> list[tuple[str, str, float, np.ndarray | None]]:
    """Chunks of a group of emotions: every emotion x arm x strength.

    With `baselines` also the texts that belong to no emotion: unsteered, and random directions at every strength. The
    first group of emotions makes them for all.
    """
    of_none: list[tuple[str, str, float, np.ndarray | None]] = []
    if baselines:
        random = next(iter(vectors.values()))["random"]
        of_none = [(NO_EMOTION, "none", 0.0, None), *((NO_EMOTION, "random", float(s), random) for s in strengths)]
    return of_none + [(e, arm, float(s), arms[arm]) for e, arms in vectors.items() for arm in ARMS for s in strengths]


def write_generations(path: str | Path, emotion: str, texts: Mapping[tuple[str, str, float], list[dict]]) -> None:
    """The texts of one emotion (or of `NO_EMOTION`) as JSON lines."""
    from shared_affect.base.files import write_text

    rows = [r for key, records in texts.items() if key[0] == emotion for r in records]
    write_text(path, "".join(json.dumps(r, ensure_ascii=False) + "\n" for r in rows))


def write_vectors(path: str | Path, vectors: Mapping[str, np.ndarray], facts: Mapping) -> None:
    """Vectors of one emotion as safetensors; `facts` (words, features, weights) go into its metadata."""
    from safetensors.numpy import save

    from shared_affect.base.files import atomic_path

    with atomic_path(path) as tmp:
        tmp.write_bytes(
            save(
                {k: np.ascontiguousarray(v, np.float32) for k, v in vectors.items()},
                metadata={"facts": json.dumps(facts, ensure_ascii=False)},
            )
        )


def read_vectors(path: str | Path) -> tuple[dict[str, np.ndarray], dict]:
    """Read what `write_vectors` wrote."""
    from safetensors import safe_open

    with safe_open(path, "numpy") as f:
        return {k: f.get_tensor(k) for k in f.keys()}, json.loads(f.metadata()["facts"])
