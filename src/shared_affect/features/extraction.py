"""Words in carrier templates -> residuals and SAE codes at the read-out positions, through the journal.

A *chunk* (`chunks`) is one word list in one template, forwarded (`forward`) in sub-batches of ``chunk_batch``. Its key
(`records`) is a digest of everything that determines its value, so that adding a list computes only that list. On a
card the missing chunks of a template are forwarded together: it is idle with one at a time. Nothing here imports torch
before a chunk is found missing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np

from shared_affect.base.files import digest_of
from shared_affect.features.chunks import Chunk, chunks_of
from shared_affect.features.encoding import Arrays, take_rows, widen
from shared_affect.features.forward import STATIC, forward, residuals_at
from shared_affect.features.held import Held, SaeSource
from shared_affect.features.precision import codes_differ, difference
from shared_affect.features.readout import POSITIONS
from shared_affect.features.records import Found, Group, Records
from shared_affect.features.running_text import RUNNING_BATCH, batches, cut_otherwise, measure
from shared_affect.features.texts import text_codes
from shared_affect.models.cards import is_card, is_card_failure, is_out_of_memory, told_failure, told_memory
from shared_affect.models.float32 import in_float32
from shared_affect.models.memory import BYTES, GROUP, JOINED
from shared_affect.models.model_folder import ModelRow, look, model_digest, tokenizer_digest
from shared_affect.models.numerics import DTYPES, Numerics
from shared_affect.models.proof import outcome, prove_reading, prove_steering
from shared_affect.models.sae_folder import check_folder, check_hook
from shared_affect.models.tokens import load_ids

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
        self.records.where = self.row.where
        self.records.reckoned = self._reckoned
        self._joins: bool | None = None
        self._journal_folder, self._part = journal_folder, part
        self._shares_prefix: bool | None = None  # not known before `prove`

    @property
    def model_loads(self) -> int:
        """How often a model was loaded; 0 where the journal had everything."""
        return self.held.loads

    def _reckoned(self) -> str:
        found = self.held.reckoned(gates=False)
        return "not known for this architecture" if found is None else found.told()

    @property
    def joins(self) -> bool:
        """Whether chunks of a template are forwarded together: on a card. On a CPU each is forwarded by itself, so that
        its bytes depend on nothing else; set it to try the other.
        """
        return is_card(self.held.device) if self._joins is None else self._joins

    @joins.setter
    def joins(self, value: bool) -> None:
        self._joins = value

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
            kept = replace(self.numerics, encoder="float32").key()  # what is proved of a model bears on no encoder
            try:
                return outcome(self.model_folder, kept, self._journal_folder, part, what, prove)
            except (MemoryError, RuntimeError) as error:
                if is_card_failure(error):
                    raise told_failure(error, self.row.where, self.held.device) from error
                if is_out_of_memory(error):
                    raise told_memory(error, self.row.where, self.held.device, self._reckoned()) from error
                raise

        for layer in sorted({s.layer for s in self.saes.values() if s.steered}):
            found(f"steering after block {layer}", partial(steering, layer))
        deepest = max(s.layer for s in self.saes.values())
        self._shares_prefix = found(f"reading to block {deepest}", reading)["prefix"]
        if not self._shares_prefix:
            # values of code that shared it all the same stand under other keys
            self.records.identity = self.records.identity | {"prefix": False}

    def _forward(
        self, bundles: Sequence[Sequence[Chunk]], needs: Mapping[Chunk, Sequence[str]], batch: int, held: Held | None
    ) -> dict:
        """`forward.forward` with the model that is held, or another."""
        held = held or self.held
        return forward(
            held.get(),
            bundles,
            needs,
            self._layers(self.saes),
            held.sae,
            batch,
            reuse=self._shares_prefix is not False,
            model=str(self.model_folder),
        )

    def _layers(self, names: Sequence[str] | Mapping[str, SaeSource]) -> dict[str, int]:
        return {n: self.saes[n].layer for n in names}

    def _compute(self, groups: Sequence[Group], label: str) -> int:
        if any(self.records.missing(w, n) for g in groups for w, n in zip(g.tasks, g.needs, strict=True)):
            self.records.device = self.held.device
        return self.records.compute(groups, label, f"extraction {self.model_folder} {self.language}")

    # words -------------------------------------------------------------------------------------------------

    def _compute_chunks(self, chunks: Sequence[Chunk], first: str) -> int:
        """Bring chunks into the journal; mean embeddings are read of those of the `first` template alone."""
        self.prove([s.ids for chunk in chunks for s in chunk.stimuli])
        read = [*self.saes, *map(residuals_at, self.records.layers)]
        needs = {c: [*read, *([STATIC] if c.template == first else [])] for c in chunks}
        lacking = [c for c in chunks if self.records.missing(c.what, needs[c])]
        groups = [self._group(bundles, needs) for bundles in self._grouped(lacking)]
        if not groups:
            groups = [Group([c.what for c in chunks], [[] for _ in chunks], lambda new, batch: [])]
        return self._compute(groups, f"extract {self.language}")

    def _group(self, bundles: Sequence[Sequence[Chunk]], needs: Mapping[Chunk, Sequence[str]]) -> Group:
        chunks = [c for bundle in bundles for c in bundle]

        def compute(new: Sequence[Sequence[str]], batch: int) -> Found:
            wanted = dict(zip(chunks, new, strict=True))
            left = [own for bundle in bundles if (own := [c for c in bundle if wanted[c]])]
            found = self._forward(left, wanted, batch, None)
            return [found.get(c, {}) for c in chunks]

        return Group([c.what for c in chunks], [needs[c] for c in chunks], compute)

    def _grouped(self, chunks: Sequence[Chunk]) -> Iterator[list[list[Chunk]]]:
        """Chunks in bundles that are forwarded together, and bundles in groups over which each SAE is loaded once.

        Where one SAE is read, a bundle is a group, and is written as soon as it is computed.
        """
        bundles: list[list[Chunk]] = [[c] for c in chunks]
        if chunks and self.joins:
            bundles, texts = [], 0
            for c in sorted(chunks, key=lambda c: c.template):  # stable: lists keep their order
                if not bundles or texts >= JOINED * self.numerics.chunk_batch or bundles[-1][0].template != c.template:
                    bundles.append([])
                    texts = 0
                bundles[-1].append(c)
                texts += len(c.stimuli)
        group: list[list[Chunk]] = []
        held = 0
        for bundle in bundles:
            texts = sum(len(c.stimuli) for c in bundle)
            size = texts * 2 * BYTES[self.numerics.dtype] * self.records.width * len(self.records.layers)
            if group and (len(self.saes) == 1 or held + size > GROUP):
                yield group
                group, held = [], 0
            group.append(bundle)
            held += size
        if group:
            yield group

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
        chunks = list(chunks_of(self.tokenizer, lists, templates).values())[number::shards]
        return self._compute_chunks(chunks, next(iter(templates.values())))

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
        self.compute_words(lists, templates)
        return {name: dict(self.lists(name, lists, templates)) for name in self.saes}

    def compute_words(self, lists: Mapping[str, Sequence[str]], templates: Mapping[str, str]) -> None:
        """Bring all that `lists` reads into the journal; arguments and errors as of `words`."""
        chunks = chunks_of(self.tokenizer, lists, templates)
        self._compute_chunks(list(chunks.values()), next(iter(templates.values())))

    def lists(
        self, name: str, lists: Mapping[str, Sequence[str]], templates: Mapping[str, str]
    ) -> Iterator[tuple[str, Arrays]]:
        """Each list's arrays of one SAE, as in `words`, one after another: all of them may not fit into memory.

        Raises
        ------
        KeyError
            If `compute_words` has not been called with these words and templates.
        """
        for ln, words in lists.items():
            chunks = chunks_of(self.tokenizer, {ln: words}, templates)
            yield ln, self._assemble(name, list(words), {tn: chunks[ln, tn] for tn in templates})

    def _assemble(self, name: str, words: list[str], chunks: Mapping[str, Chunk]) -> Arrays:
        dense, codes, layer = [], [], self.saes[name].layer
        static = None
        for chunk in chunks.values():
            a = self.records.get(name, chunk.what)
            where = {s.word: i for i, s in enumerate(chunk.stimuli)}
            order = np.array([where[w] for w in words])
            dense.append(self.records.dense(layer, chunk.what)[:, order])
            codes.append(take_rows(a, np.concatenate([order, order + len(words)])))
            static = self.records.static(chunk.what)[order] if static is None else static
        data, indices, counts = (np.concatenate(part) for part in zip(*codes, strict=True))
        assert static is not None
        return {
            "words": np.array(words),
            "templates": np.array(list(chunks)),
            "positions": np.array(POSITIONS),
            "dense": np.stack(dense),
            "static": static,
            "data": data,
            "indices": indices,
            "indptr": np.concatenate([[0], np.cumsum(counts)]),
            "d_sae": a["d_sae"][0],
        }

    def deviation(self, words: Sequence[str], template: str) -> dict[str, Arrays]:
        """What reduced precision changes: the same words in float32, computed on the CPU a block at a time.

        Parameters
        ----------
        words : sequence of str
            A sample; some dozens are enough.
        template : str

        Returns
        -------
        dict
            ``[SAE]`` -> arrays of one number: ``precision_...`` of the model's dtype as `precision.difference`,
            ``encoder_...`` of the encoder's as `precision.codes_differ`. Nothing for float32 itself.
        """
        n = self.numerics
        if n.dtype == "float32" and n.encoder == "float32":
            return {name: {} for name in self.saes}
        chunk = Chunk.of(self.tokenizer, template, words)

        def compute(new: Sequence[Sequence[str]], batch: int) -> Found:
            (names,) = new
            facts: dict[str, Arrays] = {name: {} for name in names}
            plain = self._read(chunk, names, batch, replace(n, encoder="float32"))
            if n.dtype != "float32":
                exact = self._read(chunk, names, batch, replace(n, dtype="float32", device="cpu", encoder="float32"))
                facts = {name: difference(exact[name], plain[name]) for name in names}
            if n.encoder != "float32":
                low = self._read(chunk, names, batch, n)
                facts = {name: facts[name] | codes_differ(plain[name], low[name], "encoder") for name in names}
            return [{name: partial(dict, facts[name]) for name in names}]

        self.prove([s.ids for s in chunk.stimuli])
        what = chunk.what | {"kind": "deviation"}
        self._compute([Group([what], [list(self.saes)], compute)], f"precision {self.language}")
        return {name: self.records.get(name, what) for name in self.saes}

    def _read(self, chunk: Chunk, names: Sequence[str], batch: int, numerics: Numerics) -> dict[str, Arrays]:
        """``dense`` and codes of a chunk for each SAE, computed in some precision.

        Where the model is held in that precision already it is used; else one is read in the type of its files, and a
        block at a time computed in float32: the whole in float32 may be more than the host holds.
        """
        layers = self._layers(names)
        needs = {chunk: [*names, *map(residuals_at, sorted(set(layers.values())))]}
        if replace(numerics, encoder=self.numerics.encoder) == self.numerics:
            held = Held(self.model_folder, self.saes, numerics, self.row.where)
            held.put(self.held.get().model, {})
            computing: AbstractContextManager = nullcontext()
        else:
            kind = look(self.model_folder, self.row.where)["dtype"]
            saved = replace(numerics, dtype=kind if kind in DTYPES else numerics.dtype)
            held = Held(self.model_folder, {n: self.saes[n] for n in names}, saved, self.row.where)
            computing = in_float32(held.get().model)
        self.held.let_go()
        with computing:
            found = self._forward([[chunk]], needs, batch, held)[chunk]
            arrays = {name: later() for name, later in found.items()}
        held.let_go()
        return {n: arrays[n] | {"dense": widen(arrays[residuals_at(layer)])} for n, layer in layers.items()}

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
        what: dict[str, str | int] = {
            "kind": "running-text",
            "fidelity": digest_of(list(fidelity_texts)),
            "neutral": digest_of(list(neutral_texts)),
        }
        vocabulary = look(self.model_folder, self.row.where)["vocab_size"] or 0
        if cut_otherwise(vocabulary, self.records.widest, self.numerics.chunk_batch):
            what["cut"] = 1

        def compute(new: Sequence[Sequence[str]], batch: int) -> Found:
            loaded, rows = self.held.get(whole=True), min(batch, RUNNING_BATCH)
            ordinary, neutral = (
                list(batches(self.tokenizer, t, loaded.device, rows)) for t in (fidelity_texts, neutral_texts)
            )
            facts = measure(loaded.model, self._layers(new[0]), self.held.sae, ordinary, neutral)
            self.held.let_go()
            return [{name: partial(dict, own) for name, own in facts.items()}]

        self._compute([Group([what], [list(self.saes)], compute)], f"running text {self.language}")
        return {name: self.records.get(name, what) for name in self.saes}

    def texts(self, texts: Sequence[str]) -> dict[str, Arrays]:
        """Codes of whole texts at each of `texts.READOUTS`, one record an SAE and list of texts.

        Parameters
        ----------
        texts : sequence of str
            Some hundred of some hundred tokens: all of them are one record.

        Returns
        -------
        dict
            As `texts.text_codes`; ``d_sae`` is a number.

        Raises
        ------
        ValueError
            As `texts.text_codes`.
        """
        coded = self.tokenizer.encode_batch(list(texts))
        self.prove([c.ids for c in coded[:PROVED]])
        what = {"kind": "texts", "texts": digest_of(list(texts))}

        def compute(new: Sequence[Sequence[str]], batch: int) -> Found:
            loaded, rows = self.held.get(), min(batch, RUNNING_BATCH)
            found = text_codes(loaded.model, self._layers(new[0]), self.held.sae, coded, loaded.device, rows)
            return [{name: partial(dict, own) for name, own in found.items()}]

        self._compute([Group([what], [list(self.saes)], compute)], f"texts {self.language}")
        return {name: (own := self.records.get(name, what)) | {"d_sae": own["d_sae"][0]} for name in self.saes}
