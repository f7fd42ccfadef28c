"""Texts that a model writes, kept chunk by chunk in the journal.

Like a chunk of extraction, a chunk of texts is keyed by everything that decides it and kept in a journal, so a killed
job resumes and an added emotion leaves the others' texts alone. Each text has a seed and a vector of its own, so texts
of many chunks are written in one batch, and a chunk is kept as soon as its last text is there. torch is imported only
when a chunk is missing.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from itertools import groupby
from operator import itemgetter
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from shared_affect.base.files import digest_of
from shared_affect.base.gates import passes
from shared_affect.base.journal import JournalParts
from shared_affect.base.log import LOG, progress
from shared_affect.models.chat import own_span, read_chat
from shared_affect.models.halving import in_batches
from shared_affect.models.interventions import Edits
from shared_affect.models.likelihood import mean_nll
from shared_affect.models.load import Numerics
from shared_affect.models.model_folder import WHERE, model_digest, tokenizer_digest
from shared_affect.models.proof import outcome, prove_steering
from shared_affect.models.sae_folder import sae_digest
from shared_affect.models.sampling import Sampling, Start, sample_texts
from shared_affect.models.token_checks import check_declared, check_round_trip
from shared_affect.models.tokens import Coded, load_ids
from shared_affect.steering.plan import Chunk, Row

if TYPE_CHECKING:
    from transformers import PreTrainedModel

VERSION = 4
"""Raised by hand when the code below changes a value; a golden test guards it."""

Texts = dict[tuple[str, str, float], list[dict]]
"""Records of texts by the name of their chunk: emotion, arm, strength."""

Line = tuple[Chunk, int, Row]
"""A text that is to be written: its chunk, its number there, and what it is."""


@dataclass(frozen=True)
class Place:
    """Where a model is steered.

    Attributes
    ----------
    model_folder, sae_folder : path
    layer : int
        Block whose output is changed: the SAE's hook point.
    residual_norm : float
        Mean norm of the residual there; strengths are in its units.
    bos : str, optional
        The model's rule for the first token, see `tokens.load_ids`.
    where : str
        Table and row of the model, named in errors.
    chat : bool
        Whether prompts are requests, wrapped in the tokenizer's chat template, no token of which is steered.
    system_prompt : str, optional
        Of a chat.
    spares_first : bool
        Whether the first position of a text, where attention sinks, is left alone.

    Raises
    ------
    ValueError
        If the residual norm is not positive and finite.
    """

    model_folder: str | Path
    sae_folder: str | Path
    layer: int
    residual_norm: float
    bos: str | None = None
    where: str = WHERE
    chat: bool = False
    system_prompt: str | None = None
    spares_first: bool = False

    def __post_init__(self) -> None:
        if not (passes(self.residual_norm) and self.residual_norm > 0):
            raise ValueError(f"residual_norm is {self.residual_norm}; allowed: > 0 and finite")


class Generator:
    """One model's texts in one language, steered at one place.

    Parameters
    ----------
    place : Place
    language : str
    sampling : Sampling
    numerics : Numerics
        Its ``chunk_batch`` belongs to extraction.
    journal_folder : path
    root_seed : int
    rows : int
        Texts written at once; halved where memory runs out. No key holds it: in float32 on a CPU a text is the same
        alone and in any batch.
    """

    def __init__(
        self,
        place: Place,
        language: str,
        sampling: Sampling,
        *,
        numerics: Numerics,
        journal_folder: str | Path,
        root_seed: int,
        rows: int = 96,
    ):
        if rows < 1:
            raise ValueError(f"rows is {rows}; allowed: an integer >= 1 (config/models.tsv, column rows)")
        self.rows = rows
        self.place, self.language, self.sampling = place, language, sampling
        self.model_folder = Path(place.model_folder)
        self.numerics, self.journal_folder, self.root_seed = numerics, Path(journal_folder), root_seed
        self.texts = load_ids(self.model_folder, place.bos)
        self.chat = read_chat(self.model_folder, self.texts, place.system_prompt, place.where) if place.chat else None
        self.ends = self.chat.ends(self.texts) if self.chat else self.texts.ends
        self.identity = {
            "model": model_digest(self.model_folder),
            "tokenizer": tokenizer_digest(self.model_folder),
            **self.texts.key(),
            **self.texts.end_key(),
            **(self.chat.key() if self.chat else {"first_token": "spared"} if place.spares_first else {}),
            "sae": sae_digest(place.sae_folder),
            "layer": place.layer,
            "residual_norm": repr(float(place.residual_norm)),
            "language": language,
            **asdict(sampling),
            **{k: numerics.key()[k] for k in ("dtype", "device", "attention")},
            "version": VERSION,
        }
        named = [self.identity["model"], self.identity["sae"], place.layer, language, "generate"]
        self.journal_name = digest_of(named)[:24]
        self.model_loads = 0
        self._loaded: tuple | None = None

    def _load(self) -> tuple:
        """The model and its device."""
        if self._loaded is None:
            from shared_affect.models.load import load_model, resolve_device

            self.model_loads += 1
            LOG.info("model load: %s", self.model_folder)
            n = self.numerics
            model = load_model(
                self.model_folder, dtype=n.dtype, device=n.device, attention=n.attention, where=self.place.where
            )
            self._loaded = model, resolve_device(n.device)
        return self._loaded

    def put(self, model: PreTrainedModel) -> None:
        """Take a model that is loaded already instead of loading it."""
        self._loaded = model, str(model.device)

    def run(self, chunks: Sequence[Chunk], part: str) -> Texts:
        """Texts of every chunk, from the journal where they are there.

        Parameters
        ----------
        chunks : sequence of Chunk
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
        self.check(chunks, part)
        journal = JournalParts(self.journal_folder, self.journal_name, part)
        keys = {chunk.name: self._key(chunk) for chunk in chunks}
        missing = [chunk for chunk in chunks if keys[chunk.name] not in journal]
        if missing:
            with journal.writing(f"generation {self.model_folder} {self.language} {part}"):
                written = progress(self._generate(missing), total=len(missing), label=f"generate {self.language}")
                for chunk, records in written:
                    journal.append(keys[chunk.name], json.dumps(records, ensure_ascii=False).encode())
        LOG.info("generation: computed %d of %d chunks, %d model load(s)", len(missing), len(chunks), self.model_loads)
        found: Texts = {}
        for chunk in chunks:
            split = {p.name: p.split for p in chunk.prompts}
            records = json.loads(journal.get(keys[chunk.name]))
            found[chunk.name] = [r | {"split": split[r["prompt"]]} for r in records]
        return found

    def check(self, chunks: Sequence[Chunk], part: str) -> None:
        """Refuse vectors that are not finite, prompts that the tokenizer does not carry, and a model that is not
        steered as one thinks; the latter is found in the journal where extraction has looked already.
        """
        for chunk in chunks:
            if chunk.intervention.vectors is not None and not np.isfinite(chunk.intervention.vectors).all():
                raise ValueError(
                    f"the vector of {chunk.emotion}, {chunk.arm}, holds NaN or infinite values ({self.place.where})"
                )
        prompts = [p.text for p in dict.fromkeys(p for chunk in chunks for p in chunk.prompts)]
        check_declared(self.model_folder, self.texts, prompts)
        check_round_trip(self.model_folder, self.texts, prompts)
        if self.place.chat:
            read_chat(self.model_folder, self.texts, self.place.system_prompt, self.place.where, prompts)

        def prove() -> dict[str, bool]:
            ids = [c.ids for c in self.begin(prompts)]
            ids.append([i for one in ids for i in one])  # beginnings may be as short as a token
            return prove_steering(self._load()[0], self.place.layer, ids, self.place.where)

        outcome(
            self.model_folder,
            self.numerics.key(),
            self.journal_folder,
            f"generate-{self.language}-{part}",
            f"steering after block {self.place.layer}",
            prove,
        )

    def begin(self, prompts: Sequence[str]) -> list[Coded]:
        """Beginnings of texts in tokens; those that count may be steered."""
        return self.chat.encode_batch(self.texts, prompts) if self.chat else self.texts.encode_batch(prompts)

    def _key(self, chunk: Chunk) -> str:
        return chunk.key(self.identity, chunk.seed(self.root_seed, self.language))

    def _where(self, chunk: Chunk) -> str:
        return f"{self.place.where}, {self.language}: {chunk.emotion}, {chunk.arm}, strength {chunk.strength:g}"

    def _generate(self, chunks: Sequence[Chunk]) -> Iterator[tuple[Chunk, list[dict]]]:
        """Each chunk with its records, as soon as all its texts are written."""
        for chunk in chunks:
            length = chunk.intervention.length(self.place.residual_norm)
            # a square that overflows in a norm makes zeros of the residual, and the logits look well
            if not length**2 <= float(np.finfo(np.float32).max):
                raise ValueError(
                    f"{self._where(chunk)}: a vector {length:g} long is infinite when squared; give smaller strengths"
                    " (config.yaml, key steering.strengths)"
                )
        prompts = list(dict.fromkeys(p.text for chunk in chunks for p in chunk.prompts))
        coded = dict(zip(prompts, self.begin(prompts), strict=True))
        ids = {p: c.ids for p, c in coded.items()}
        spares = self.chat is not None or self.place.spares_first
        rows = {chunk: chunk.rows() for chunk in chunks}
        lines = [(chunk, number, row) for chunk in chunks for number, row in enumerate(rows[chunk])]
        model, device = self._load()

        def write(batch: Sequence[Line]) -> list[list[int]]:
            starts = [
                Start(ids[r.prompt.text], c.row_seed(r, self.root_seed, self.language), self._where(c))
                for c, _, r in batch
            ]
            parts = [(c.intervention, [number for _, number, _ in own]) for c, own in groupby(batch, itemgetter(0))]
            spans = [own_span(coded[r.prompt.text]) for _, _, r in batch] if spares else None
            edits = Edits.of(self.place.layer, parts, self.place.residual_norm, device, spans)
            return sample_texts(model, starts, edits, self.sampling, self.ends)

        column = f"column rows is {self.rows}"
        tokens: list[list[int]] = []
        for batch, found in in_batches(lines, self.rows, write, where=self.place.where, column=column):
            for (chunk, number, _), new in zip(batch, found, strict=True):
                tokens.append(new)
                if number + 1 == len(rows[chunk]):
                    begin = [ids[r.prompt.text] for r in rows[chunk]]
                    nll = mean_nll(model, begin, tokens, self._where(chunk))
                    yield chunk, self._records(chunk, rows[chunk], tokens, nll)
                    tokens = []

    def _records(self, chunk: Chunk, rows: Sequence[Row], tokens: list[list[int]], nll: list[float]) -> list[dict]:
        return [
            {
                "emotion": chunk.emotion,
                "arm": chunk.arm,
                "strength": chunk.strength,
                "prompt": row.prompt.name,
                "sample": row.sample,
                "direction": row.direction,
                "text": self.texts.decode(t).strip(),
                "nll": n,
                "n_tokens": len(t),
            }
            for row, t, n in zip(rows, tokens, nll, strict=True)
        ]
