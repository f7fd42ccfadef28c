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

from shared_affect.extraction import Numerics
from shared_affect.gates import passes
from shared_affect.journal import JournalParts
from shared_affect.models import WHERE, model_digest, tokenizer_digest
from shared_affect.proof import outcome, prove_steering
from shared_affect.runtime import LOG, digest_of, progress, torch_seed
from shared_affect.saes import sae_digest
from shared_affect.token_checks import check_declared, check_round_trip
from shared_affect.tokens import load_ids

VERSION = 3
"""Raised by hand when the code below changes a value; a golden test guards it."""

POLICIES = ("all", "generated", "prompt")


@dataclass(frozen=True)
class Prompt:
    """A sentence beginning; `split` says whether it chooses the strength or is scored."""

    name: str
    split: str
    text: str


@dataclass(frozen=True)
class Sampling:
    """How texts are written.

    Attributes
    ----------
    max_new_tokens, samples_per_prompt : int
        Random directions get as many samples a prompt as it takes for one text a direction.
    temperature : float
    positions : {"all", "generated", "prompt"}
        Positions at which the vector is added.
    """

    max_new_tokens: int = 24
    samples_per_prompt: int = 1
    temperature: float = 1.0
    positions: str = "all"


def split_words(words: Sequence[str], rng: np.random.Generator, kinds: Sequence[str] | None = None) -> tuple[list[str], list[str]]:
    """Two halves of a concept-set: the words a vector is built from, and the words held out.

    Parameters
    ----------
    words : sequence of str
    rng : Generator
    kinds : sequence of str, optional
        Part of speech of each word. Each is spread over both halves as evenly as numbers allow: otherwise the vector of a small
        half points to verbs or nouns as much as to the emotion.

    Raises
    ------
    ValueError
        If there are fewer than two words.
    """
    if len(words) < 2:
        raise ValueError(f"a concept-set of {len(words)} word(s) cannot be halved; needed: 2 or more (resources/concepts/<language>.tsv)")
    order = rng.permutation(len(words))
    if kinds is not None and len(set(kinds)) > 1:
        names = {k: i for i, k in enumerate(rng.permutation(sorted(set(kinds))))}
        order = order[np.argsort([names[kinds[i]] for i in order], kind="stable")]
        first = int(rng.integers(2)) if len(words) % 2 == 0 else 0
        order = np.concatenate([order[first::2], order[1 - first :: 2]])
    used = set(order[: (len(words) + 1) // 2].tolist())
    return [w for i, w in enumerate(words) if i in used], [w for i, w in enumerate(words) if i not in used]


def unit(v: np.ndarray) -> np.ndarray:
    """Vector(s) scaled to norm 1 along the last axis.

    Raises
    ------
    ValueError
        If a vector is zero or not finite.
    """
    norm = np.linalg.norm(v, axis=-1, keepdims=True)
    if not np.isfinite(norm).all():
        raise ValueError("a steering vector is NaN or infinite: residuals, codes or decoder rows that it is made of are not finite")
    if not np.all(norm > 0):
        raise ValueError("a steering vector is zero: no feature of the emotion space tells the emotion's words from the others'")
    return (v / norm).astype(np.float32)


def concept_vector(feature_ids: np.ndarray, weights: np.ndarray, directions: np.ndarray) -> np.ndarray:
    """Weighted sum of decoder rows, unit norm (docs/steering.md).

    Parameters
    ----------
    feature_ids : ndarray of int, ``[k]``
    weights : ndarray, ``[k]``
        Of either sign.
    directions : ndarray, ``[d_sae, d]``
        Decoder rows.
    """
    return unit(np.asarray(weights, float) @ directions[np.asarray(feature_ids, int)].astype(float))


def difference_of_means(inside: np.ndarray, outside: np.ndarray) -> np.ndarray:
    """Unit difference of the mean residuals of two word groups (``[n, d]`` each), the usual baseline without an SAE."""
    return unit(inside.mean(0, dtype=np.float64) - outside.mean(0, dtype=np.float64))


def random_directions(n: int, d: int, rng: np.random.Generator) -> np.ndarray:
    """`n` directions ``[n, d]``, uniform on the sphere."""
    return unit(rng.normal(size=(n, d)))


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

    def __init__(self, *, model_folder, sae_folder, layer: int, residual_norm: float, language: str, prompts: Sequence[Prompt],
                 sampling: Sampling, numerics: Numerics, journal_folder, root_seed: int, where: str = WHERE, bos: str | None = None):
        if sampling.positions not in POLICIES:
            raise ValueError(f"positions is {sampling.positions!r}; allowed: {', '.join(POLICIES)} (config.yaml, key steering.positions)")
        if not (passes(residual_norm) and residual_norm > 0):
            raise ValueError(f"residual_norm is {residual_norm}; allowed: > 0 and finite")
        self.model_folder, self.layer, self.residual_norm, self.language = Path(model_folder), layer, residual_norm, language
        self.prompts, self.sampling, self.numerics, self.root_seed = list(prompts), sampling, numerics, root_seed
        self.texts = load_ids(model_folder, bos)
        self.identity = {
            "model": model_digest(model_folder), "tokenizer": tokenizer_digest(model_folder), **self.texts.key(), **self.texts.end_key(), "sae": sae_digest(sae_folder), "layer": layer,
            "residual_norm": repr(float(residual_norm)), "language": language, "prompts": [[p.name, p.text] for p in prompts], **asdict(sampling),
            **{k: v for k, v in numerics.key().items() if k != "chunk_batch"}, "version": VERSION,
        }
        name = digest_of([self.identity["model"], self.identity["sae"], layer, language, "generate"])[:24]
        self.journal_folder, self.journal_name = Path(journal_folder), name
        self.model_loads, self.where = 0, where
        self._loaded = None

    def _load(self):
        if self._loaded is None:
            from shared_affect.models import load_model, resolve_device

            self.model_loads += 1
            LOG.info("model load: %s", self.model_folder)
            n = self.numerics
            model = load_model(self.model_folder, dtype=n.dtype, device=n.device, attention=n.attention, where=self.where)
            self._loaded = model, resolve_device(n.device)
        return self._loaded

    def run(self, jobs: Sequence[tuple[str, str, float, np.ndarray | None]], part: str) -> dict[tuple[str, str, float], list[dict]]:
        """Texts of every ``(emotion, arm, strength, vectors)``, from the journal where they are there.

        Parameters
        ----------
        jobs : sequence of tuple
            `vectors` is ``[d]`` (one direction), ``[n, d]`` (directions spread over the prompts in turn) or None (no steering).
        part : str
            Names this job's own journal file, so that jobs over other emotions write elsewhere; all parts are read.

        Returns
        -------
        dict
            ``(emotion, arm, strength)`` -> list of records ``emotion, arm, strength, prompt, split, sample, direction, text, nll, n_tokens``.

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
        return {job[:3]: [r | {"split": split[r["prompt"]]} for r in json.loads(journal.get(keys[job[:3]]))] for job in jobs}

    def _prove(self, part: str) -> None:
        """Refuse a model that is not steered as one thinks; found in the journal where extraction has looked already."""

        def prove():
            ids = self.texts.ids([p.text for p in self.prompts])
            ids.append([i for one in ids for i in one])  # beginnings may be as short as a token
            return prove_steering(self._load()[0], self.layer, ids, self.where)

        outcome(self.model_folder, self.numerics.key(), self.journal_folder, f"generate-{self.language}-{part}", f"steering after block {self.layer}", prove)

    def _names(self, emotion: str, arm: str, strength: float) -> tuple[str, ...]:
        return "generate_texts", self.language, emotion, arm, repr(float(strength))

    def _key(self, emotion: str, arm: str, strength: float, vectors: np.ndarray | None) -> str:
        import hashlib

        vector = None if vectors is None else hashlib.sha256(np.ascontiguousarray(vectors, np.float32).tobytes()).hexdigest()
        return digest_of({**self.identity, "vector": vector, "emotion": emotion, "arm": arm, "strength": repr(float(strength)),
                          "seed": torch_seed(self.root_seed, *self._names(emotion, arm, strength))})

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
            raise ValueError(f"{where}: a vector {strength * self.residual_norm:g} long is infinite when squared; give smaller strengths (config.yaml, key steering.strengths)")
        added, direction = None, [None] * len(rows)
        if vectors is not None:
            table = np.atleast_2d(vectors)
            pick = np.arange(len(rows)) % len(table)
            added = torch.tensor(table[pick] * np.float32(strength * self.residual_norm), device=device)
            direction = pick.tolist() if len(table) > 1 else direction
        seed = torch_seed(self.root_seed, *self._names(emotion, arm, strength))
        generator = torch.Generator(device=device).manual_seed(seed)
        ids = self.texts.ids([p.text for p, _ in rows])
        tokens, nll = sample_texts(model, ids, self.layer, added, self.sampling, generator, eos=self.texts.ends, where=where)
        out = []
        for (p, s), d, t, n in zip(rows, direction, tokens, nll, strict=True):
            out.append({"emotion": emotion, "arm": arm, "strength": float(strength), "prompt": p.name, "sample": s, "direction": d,
                        "text": self.texts.decode(t).strip(), "nll": n, "n_tokens": len(t)})
        return out


def draw_tokens(p, generator):
    """One token a row from probabilities ``[batch, vocabulary]``, as ``[batch, 1]``.

    Inverts the distribution function in float64: several times faster than `torch.multinomial`, which draws a number
    for every token of the vocabulary.
    """
    import torch

    cdf = p.double().cumsum(-1)
    u = torch.rand(len(p), 1, dtype=torch.float64, device=p.device, generator=generator)
    return torch.searchsorted(cdf, u * cdf[:, -1:], right=True).clamp(max=p.shape[-1] - 1)


class Continuation:
    """Texts that grow by a token a step while a vector is added to a block's output.

    Parameters
    ----------
    model : causal language model
    ids : sequence of token id lists
        Beginnings with their special tokens; padded on the left here.
    layer : int
    added : Tensor ``[batch, d]`` or None
        What is added to the output of the block at the positions of the policy; None leaves the model alone.
    positions : {"all", "generated", "prompt"}

    Attributes
    ----------
    cached : bool
        Whether a step starts from the keys and values of the one before. A model that gives none (state-space models) reads the whole text at each step.
    width : int
        Positions of the beginnings.
    full, mask : Tensor ``[batch, position]``
        Tokens, and 1 where there is one.
    """

    def __init__(self, model, ids: Sequence[Sequence[int]], layer: int, added, positions: str):
        import torch

        self.model, self.layer, self.added, self.policy, self.cached = model, layer, added, positions, True
        device = next(model.parameters()).device
        self.width = max(map(len, ids))
        self.full = torch.tensor([[0] * (self.width - len(x)) + list(x) for x in ids], device=device)
        self.mask = torch.tensor([[0] * (self.width - len(x)) + [1] * len(x) for x in ids], device=device)
        self._cache, self._step, self._positions = None, self.full, self.positions

    @property
    def positions(self):
        """Number of each token in its text, from 0."""
        return (self.mask.cumsum(1) - 1).clamp(min=0)

    def _edit(self, h):
        """Add the vector where the policy says: to all of a cached step, which is the beginning or one new token, or to a part of a whole text."""
        if self.policy == "all":
            return h + self.added[:, None].to(h.dtype)
        if self.cached:
            return h + self.added[:, None].to(h.dtype) if (self.policy == "prompt") == (self._cache is None) else h
        import torch

        here = (torch.arange(h.shape[1], device=h.device) < self.width) == (self.policy == "prompt")
        return torch.where(here[None, :, None], h + self.added[:, None].to(h.dtype), h)

    def logits(self):
        """Logits of the next token, ``[batch, vocabulary]``, float32."""
        import contextlib

        from shared_affect.activations import editing

        with editing(self.model, self.layer, self._edit) if self.added is not None else contextlib.nullcontext():
            if self.cached:
                out = self.model(input_ids=self._step, attention_mask=self.mask, position_ids=self._positions, past_key_values=self._cache, use_cache=True, logits_to_keep=1)
                self._cache = getattr(out, "past_key_values", None)
                self.cached = self._cache is not None
            else:
                out = self.model(input_ids=self.full, attention_mask=self.mask, position_ids=self.positions, use_cache=False, logits_to_keep=1)
        return out.logits[:, -1].float()

    def append(self, new, alive) -> None:
        """Append a token ``[batch, 1]`` to each text; those of texts that are over do not count."""
        import torch

        self.full, self.mask = torch.cat([self.full, new], 1), torch.cat([self.mask, alive[:, None].long()], 1)
        self._step, self._positions = new, self.mask.sum(1, keepdim=True) - 1


def sample_texts(model, ids: Sequence[Sequence[int]], layer: int, added, sampling: Sampling, generator, eos: int | Sequence[int] | None, *, where: str = ""):
    """Sample continuations while a vector is added to a block's output.

    Parameters
    ----------
    model, ids, layer, added
        As in `Continuation`.
    sampling : Sampling
    generator : torch.Generator
    eos : int, sequence of int, or None
        A text ends after one of these tokens.
    where : str
        What is written, named in errors.

    Returns
    -------
    tokens : list of list of int
        New tokens of each text, the end token included.
    nll : list of float
        Mean negative log-likelihood (nats) per new token under the unsteered model.

    Raises
    ------
    ValueError
        If a probability is NaN: without this a token would be drawn from it all the same.
    """
    import torch

    texts = Continuation(model, ids, layer, added, sampling.positions)
    ends = torch.tensor([] if eos is None else [eos] if isinstance(eos, int) else list(eos), dtype=torch.long, device=texts.full.device)
    width, alive = texts.width, torch.ones(len(ids), dtype=torch.bool, device=texts.full.device)
    with torch.inference_mode():
        for _ in range(sampling.max_new_tokens):
            p = (texts.logits() / sampling.temperature).softmax(-1)
            _check_probabilities(p.sum(-1)[alive], model, where, added is not None)
            new = draw_tokens(p, generator)
            new = torch.where(alive[:, None], new, torch.zeros_like(new))
            texts.append(new, alive)
            alive = alive & ~torch.isin(new[:, 0], ends)
            if not alive.any():
                break
        full, mask = texts.full, texts.mask
        logits = model(input_ids=full, attention_mask=mask, position_ids=texts.positions, use_cache=False).logits[:, width - 1 : -1].float()
        nll = -logits.log_softmax(-1).gather(2, full[:, width:, None])[..., 0]
    keep = mask[:, width:].bool()
    _check_probabilities(nll[keep], model, where, False)
    tokens = [row[k].tolist() for row, k in zip(full[:, width:], keep, strict=True)]
    return tokens, [float(n[k].double().mean()) for n, k in zip(nll, keep, strict=True)]


def _check_probabilities(numbers, model, where: str, steered: bool) -> None:
    if not bool(numbers.isfinite().all()):
        dtype = str(model.dtype).removeprefix("torch.")
        smaller = " or smaller strengths (config.yaml, key steering.strengths)" if steered else ""
        raise ValueError(f"{where or 'sampling'}: NaN or infinite logits in {dtype}{' under the vector added' if steered else ''}; no token can be drawn. "
                         f"Try dtype bfloat16 or float32 (config/models.tsv, column dtype){smaller}")


ARMS = ("concept", "diff-means")
NO_EMOTION = "-"


def plan(vectors: Mapping[str, Mapping[str, np.ndarray]], strengths: Sequence[float], *, baselines: bool) -> list[tuple[str, str, float, np.ndarray | None]]:
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
    from shared_affect.runtime import write_text

    rows = [r for key, records in texts.items() if key[0] == emotion for r in records]
    write_text(path, "".join(json.dumps(r, ensure_ascii=False) + "\n" for r in rows))


def write_vectors(path: str | Path, vectors: Mapping[str, np.ndarray], facts: Mapping) -> None:
    """Vectors of one emotion as safetensors; `facts` (words, features, weights) go into its metadata."""
    from safetensors.numpy import save

    from shared_affect.runtime import atomic_path

    with atomic_path(path) as tmp:
        tmp.write_bytes(save({k: np.ascontiguousarray(v, np.float32) for k, v in vectors.items()}, metadata={"facts": json.dumps(facts, ensure_ascii=False)}))


def read_vectors(path: str | Path) -> tuple[dict[str, np.ndarray], dict]:
    """Read what `write_vectors` wrote."""
    from safetensors import safe_open

    with safe_open(path, "numpy") as f:
        return {k: f.get_tensor(k) for k in f.keys()}, json.loads(f.metadata()["facts"])
