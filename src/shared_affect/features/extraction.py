"""Words in carrier templates -> residuals and SAE codes at the read-out positions, through the journal.

A *chunk* (`chunks`) is one word list in one template, forwarded (`forward`) in sub-batches of ``chunk_batch``. Its key
(`records`) is a digest of everything that determines its value, so that adding a list computes only that list. Nothing
here imports torch before a chunk is found missing.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from shared_affect.base.files import digest_of
from shared_affect.features.chunks import Chunk, chunks_of
from shared_affect.features.forward import forward
from shared_affect.features.held import Held, SaeSource
from shared_affect.features.precision import difference
from shared_affect.features.readout import POSITIONS
from shared_affect.features.records import Compute, Found, Records
from shared_affect.features.running_text import batches, measure
from shared_affect.models.load import Numerics
from shared_affect.models.model_folder import ModelRow, model_digest, tokenizer_digest
from shared_affect.models.proof import outcome, prove_reading, prove_steering
from shared_affect.models.sae_folder import check_folder, check_hook
from shared_affect.models.tokens import load_ids

if TYPE_CHECKING:
    pass

VERSION = 2
"""Raised by hand when the code of extraction (this room and `chunks`, `forward`, `running_text`, `precision`) changes a
value; a golden test guards it.
"""

PROVED = 16
"""Running texts from which those are taken that a model is proved on."""


class Extractor:
    """All SAEs of one model over one language's stimuli, in one pass.

    Parameters
    ----------
    model_folder : path
    saes : mapping of name -> SaeSource
        One that is `steered` has a model refused that cannot be.
    language : str
    numerics : Numerics
    journal_folder : path
        Where the journals stand, shared by all studies.
    part : str
        Names this job's own journal file where several jobs share the stimuli; all parts are read.
    row : ModelRow, optional
        The model's row: how it is named in errors, and its rule for the first token.

    Raises
    ------
    ValueError
        If the model's folder, its tokenizer or an SAE's folder cannot be read, or they do not fit.
    """

    def __init__(
        self,
        model_folder: str | Path,
        saes: Mapping[str, SaeSource],
        language: str,
        numerics: Numerics,
        journal_folder: str | Path,
        part: str = "",
        *,
        row: ModelRow | None = None,
    ):
        self.model_folder, self.saes, self.language, self.numerics = Path(model_folder), dict(saes), language, numerics
        self.row = row or ModelRow()
        self.tokenizer = load_ids(model_folder, self.row.bos)
        identity = {
            "model": model_digest(model_folder),
            "tokenizer": tokenizer_digest(model_folder),
            **self.tokenizer.key(),
            **numerics.key(),
            "version": VERSION,
        }
        for name, s in self.saes.items():
            check_folder(s.folder, s.layer, f"config/saes.tsv, sae {name}")
            check_hook(s.folder, s.layer, bool(self.tokenizer.first), f"config/saes.tsv, sae {name}")
        self.records = Records(identity, self.saes, numerics.chunk_batch, journal_folder, language, part)
        self.held = Held(self.model_folder, self.saes, numerics, self.row.where)
        self._journal_folder, self._part = journal_folder, part
        self._shares_prefix: bool | None = None  # not known before `prove`

    @property
    def model_loads(self) -> int:
        """How often a model was loaded; 0 where the journal had everything."""
        return self.held.loads

    def prove(self, ids: Sequence[Sequence[int]], whole: bool = False) -> None:
        """Show on token ids of a few texts that the model is read as it should be, unless the journal knows (`proof`).

        Parameters
        ----------
        ids : sequence of token id lists
        whole : bool
            Whether the `whole` model is needed anyway.

        Raises
        ------
        ValueError
            If it is not, or cannot be steered where it will be.
        """
        if self._shares_prefix is not None:
            return
        part = "-".join(p for p in ("extract", self.language, self._part) if p)

        def steering(layer: int) -> dict[str, bool]:
            return prove_steering(self.held.get(whole=True).model, layer, ids, self.row.where)

        def reading() -> dict[str, bool]:
            return prove_reading(self.held.get(whole).model, ids, self.row.where)

        def found(what: str, prove: Callable[[], dict[str, bool]]) -> dict[str, bool]:
            return outcome(self.model_folder, self.numerics.key(), self._journal_folder, part, what, prove)

        for layer in sorted({s.layer for s in self.saes.values() if s.steered}):
            found(f"steering after block {layer}", partial(steering, layer))
        deepest = max(s.layer for s in self.saes.values())
        self._shares_prefix = found(f"reading to block {deepest}", reading)["prefix"]
        if not self._shares_prefix:
            # values of code that shared it all the same stand under other keys
            self.records.identity = self.records.identity | {"prefix": False}

    def _forward(self, chunk: Chunk, names: Sequence[str], chunk_batch: int, held: Held | None = None) -> Found:
        """`forward.forward` with the model that is held, or another."""
        return forward(
            (held or self.held).get(),
            chunk,
            self._layers(names),
            chunk_batch,
            reuse=self._shares_prefix is not False,
            model=str(self.model_folder),
        )

    def _layers(self, names: Sequence[str]) -> dict[str, int]:
        return {n: self.saes[n].layer for n in names}

    def _compute(self, tasks: Sequence[tuple[Mapping, Compute]], label: str) -> int:
        return self.records.compute(tasks, label, f"extraction {self.model_folder} {self.language}")

    # words -------------------------------------------------------------------------------------------------

    def _compute_chunks(self, chunks: Sequence[Chunk]) -> int:
        self.prove([s.ids for chunk in chunks for s in chunk.stimuli])
        tasks = [(c.what, partial(self._forward, c)) for c in chunks]
        return self._compute(tasks, f"extract {self.language}")

    def shard(self, lists: Mapping[str, Sequence[str]], templates: Mapping[str, str], number: int, shards: int) -> int:
        """Bring one share of the chunks into the journal: every `shards`-th, counted from `number`.

        When all shares are there, `words` of the same lists loads no model and gives what one job would have given.

        Parameters
        ----------
        lists, templates
            As in `words`.
        number, shards : int
            ``0 <= number < shards``.

        Returns
        -------
        int
            Chunks computed; others stood in the journal.

        Raises
        ------
        ValueError
            If `number` is no share of `shards`.
        """
        if not 0 <= number < shards:
            raise ValueError(
                f"shard {number} of {shards}; allowed: 0 to {shards - 1} (config/models.tsv, column shards)"
            )
        return self._compute_chunks(list(chunks_of(self.tokenizer, lists, templates).values())[number::shards])

    def words(
        self, lists: Mapping[str, Sequence[str]], templates: Mapping[str, str]
    ) -> dict[str, dict[str, dict[str, np.ndarray]]]:
        """Residuals and codes of word lists in templates.

        Parameters
        ----------
        lists : mapping of list name -> words
            Words of a list are distinct and not empty.
        templates : mapping of template name -> text with ``{word}``

        Returns
        -------
        dict
            ``[SAE][list]`` -> arrays, labels inside: ``words [n]``, ``templates [t]``, ``positions [2]``,
            ``dense [t, 2, n, d_in]``, ``static [n, d_in]`` (mean input embedding of the word's tokens in the first
            template), and the codes as a CSR matrix (``data, indices, indptr, d_sae``) of ``t * 2 * n`` rows in that
            order.

        Raises
        ------
        ValueError
            If a list is empty or repeats a word.
        """
        chunks = chunks_of(self.tokenizer, lists, templates)
        self._compute_chunks(list(chunks.values()))
        return {
            name: {
                ln: self._assemble(name, list(words), {tn: chunks[ln, tn] for tn in templates})
                for ln, words in lists.items()
            }
            for name in self.saes
        }

    def _assemble(self, name: str, words: list[str], chunks: Mapping[str, Chunk]) -> dict[str, np.ndarray]:
        dense, codes, statics = [], [], []
        for chunk in chunks.values():
            a = self.records.get(name, chunk.what)
            where = {s.word: i for i, s in enumerate(chunk.stimuli)}
            order = np.array([where[w] for w in words])
            dense.append(a["dense"][:, order])
            codes.append(take_rows(a, np.concatenate([order, order + len(words)])))
            statics.append(a["static"][order])
        data, indices, counts = (np.concatenate(part) for part in zip(*codes, strict=True))
        return {
            "words": np.array(words),
            "templates": np.array(list(chunks)),
            "positions": np.array(POSITIONS),
            "dense": np.stack(dense),
            "static": statics[0],
            "data": data,
            "indices": indices,
            "indptr": np.concatenate([[0], np.cumsum(counts)]),
            "d_sae": a["d_sae"][0],
        }

    def deviation(self, words: Sequence[str], template: str) -> dict[str, dict[str, np.ndarray]]:
        """What reduced precision changes: the same words in float32, computed on the CPU.

        Parameters
        ----------
        words : sequence of str
            A sample; some dozens are enough.
        template : str

        Returns
        -------
        dict
            ``[SAE]`` -> arrays of one number, as `precision.difference`. Nothing for float32 itself.
        """
        if self.numerics.dtype == "float32":
            return {name: {} for name in self.saes}
        chunk = Chunk.of(self.tokenizer, template, words)

        def compute(names: Sequence[str], batch: int) -> Found:
            plain = replace(self.numerics, dtype="float32", device="cpu")
            held = Held(self.model_folder, {n: self.saes[n] for n in names}, plain, self.row.where)
            reference = self._forward(chunk, names, batch, held)
            del held  # the float32 model is let go before the other is read
            low = self._forward(chunk, names, batch)
            return {n: difference(reference[n], low[n]) for n in names}

        self.prove([s.ids for s in chunk.stimuli])
        what = chunk.what | {"kind": "deviation"}
        self._compute([(what, compute)], f"precision {self.language}")
        return {name: self.records.get(name, what) for name in self.saes}

    # running text ------------------------------------------------------------------------------------------

    def running_text(
        self, fidelity_texts: Sequence[str], neutral_texts: Sequence[str]
    ) -> dict[str, dict[str, np.ndarray]]:
        """Fidelity of each SAE on ordinary text and the firing rate of each feature on neutral text.

        Returns
        -------
        dict
            As `running_text.measure`.
        """
        self.prove([c.ids for c in self.tokenizer.encode_batch(list(fidelity_texts[:PROVED]))], whole=True)
        what = {
            "kind": "running-text",
            "fidelity": digest_of(list(fidelity_texts)),
            "neutral": digest_of(list(neutral_texts)),
        }

        def compute(names: Sequence[str], batch: int) -> Found:
            loaded = self.held.get(whole=True)
            ordinary, neutral = (
                list(batches(self.tokenizer, t, loaded.device, batch)) for t in (fidelity_texts, neutral_texts)
            )
            return measure(loaded, self._layers(names), ordinary, neutral)

        self._compute([(what, compute)], f"running text {self.language}")
        return {name: self.records.get(name, what) for name in self.saes}


def take_rows(csr: Mapping[str, np.ndarray], rows: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Data, column indices and numbers of entries of some rows of a CSR matrix, in the order given."""
    starts, counts = csr["indptr"][rows], np.diff(csr["indptr"])[rows]
    at = np.repeat(starts - np.cumsum(counts) + counts, counts) + np.arange(counts.sum())
    return csr["data"][at], csr["indices"][at], counts
