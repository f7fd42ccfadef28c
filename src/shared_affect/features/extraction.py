"""Words in carrier templates -> residuals and SAE codes at the read-out positions, through the journal.

A *chunk* is one word list in one template, sorted by (token count, text) and forwarded in sub-batches of
``chunk_batch``. Its key is a digest of everything that determines its value, so that equal keys give equal bytes,
adding a list computes only that list, and a killed job resumes at the first missing chunk. Nothing here imports torch
before a chunk is found missing.

A run asks for the row's ``chunk_batch`` and for nothing else. Where memory runs out it takes half of it, and only then
a record of that half which an earlier run left: what a run gives does not depend on what the journal happens to hold.
"""

from __future__ import annotations

import json
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from shared_affect.base.files import digest_of
from shared_affect.base.journal import JournalParts, pack, unpack
from shared_affect.base.log import LOG, progress
from shared_affect.features.codes import POSITIONS
from shared_affect.models.load import WHERE, Numerics, is_out_of_memory, model_digest, tokenizer_digest
from shared_affect.models.proof import outcome, prove_reading, prove_steering
from shared_affect.models.saes import check_fidelity, check_folder, check_hook, sae_digest
from shared_affect.models.tokens import Stimulus, check_script, load_ids, locate

VERSION = 2
"""Raised by hand when the code below changes a value; a golden test guards it."""

ENCODE_BATCH = 1024
"""Residuals encoded at once; bounds the dense codes of wide SAEs on the device."""

PROVED = 16
"""Running texts from which those are taken that a model is proved on."""


@dataclass(frozen=True)
class SaeSource:
    """Where an SAE lies and which block it reads."""

    folder: str
    layer: int


class Extractor:
    """All SAEs of one model over one language's stimuli, in one pass.

    Parameters
    ----------
    model_folder : path
    saes : mapping of name -> SaeSource
    language : str
    numerics : Numerics
    journal_folder : path
        Where the journals stand, shared by all studies.
    part : str
        Names this job's own journal file where several jobs share the stimuli; all parts are read.
    where : str
        Table and row of the model, named in errors.
    steered : sequence of str
        SAEs after whose blocks the study will steer, so that a model that cannot be steered is refused here already.
    bos : str, optional
        The model's rule for the first token, see `tokens.load_ids`.
    """

    def __init__(
        self,
        model_folder,
        saes: Mapping[str, SaeSource],
        language: str,
        numerics: Numerics,
        journal_folder,
        part: str = "",
        *,
        where: str = WHERE,
        steered: Sequence[str] = (),
        bos: str | None = None,
    ):
        self.model_folder, self.saes, self.language, self.numerics = Path(model_folder), dict(saes), language, numerics
        self.tokenizer, self._bos = load_ids(model_folder, bos), bos
        self.identity = {
            "model": model_digest(model_folder),
            "tokenizer": tokenizer_digest(model_folder),
            **self.tokenizer.key(),
            **numerics.key(),
            "version": VERSION,
        }
        self.halvings = 0
        self._halved: dict[
            str, str
        ] = {}  # key under the row's chunk_batch -> key under the one that fitted in this run
        for name, s in self.saes.items():
            check_folder(s.folder, s.layer, f"config/saes.tsv, sae {name}")
            check_hook(s.folder, s.layer, bool(self.tokenizer.first), f"config/saes.tsv, sae {name}")
        self.digests = {name: sae_digest(s.folder) for name, s in self.saes.items()}
        self.journals = {
            name: JournalParts(
                journal_folder,
                digest_of([self.identity["model"], self.digests[name], s.layer, language, "extract"])[:24],
                part,
            )
            for name, s in self.saes.items()
        }
        self.model_loads = 0
        self._loaded, self._whole = None, False
        self.where, self._steered, self._journal_folder, self._part = where, tuple(steered), journal_folder, part
        self._shares_prefix: bool | None = None  # not known before `prove`

    def _key(self, name: str, what: Mapping, chunk_batch: int | None = None) -> str:
        """Key of a record; `chunk_batch` is the row's unless memory ran out."""
        batch = self.numerics.chunk_batch if chunk_batch is None else chunk_batch
        return digest_of(
            {**self.identity, "sae": self.digests[name], "layer": self.saes[name].layer, **what, "chunk_batch": batch}
        )

    def _find(self, name: str, what: Mapping) -> str | None:
        """Key under which this run's record stands; None if it must be computed."""
        key = self._key(name, what)
        return key if key in self.journals[name] else self._halved.get(key)

    def hold(self, model, saes: Mapping) -> None:
        """Use a model and SAEs that are in memory already; they must be those of the folders, on the device."""
        from shared_affect.models.load import resolve_device

        self._loaded = model, dict(saes), resolve_device(self.numerics.device)
        self._whole = True

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

        def found(what, prove):
            return outcome(self.model_folder, self.numerics.key(), self._journal_folder, part, what, prove)

        for layer in sorted({self.saes[s].layer for s in self._steered}):
            found(
                f"steering after block {layer}",
                lambda layer=layer: prove_steering(self._load(whole=True)[0], layer, ids, self.where),
            )
        deepest = max(s.layer for s in self.saes.values())
        self._shares_prefix = found(
            f"reading to block {deepest}", lambda: prove_reading(self._load(whole)[0], ids, self.where)
        )["prefix"]
        if not self._shares_prefix:
            self.identity = self.identity | {
                "prefix": False
            }  # values of code that shared it all the same stand under other keys

    def _load(self, whole: bool = False):
        """Model and SAEs, loaded on first need; blocks above the deepest SAE only if the `whole` model is asked for."""
        if self._loaded is None or (whole and not self._whole):
            from shared_affect.models.load import load_model, resolve_device
            from shared_affect.models.saes import DiskSAE

            self.model_loads += 1
            LOG.info("model load: %s (%s, %s)", self.model_folder, self.numerics.dtype, self.numerics.device)
            n = self.numerics
            deepest = None if whole else max(s.layer for s in self.saes.values())
            self._loaded = None  # the part is let go before the whole is read
            model = load_model(
                self.model_folder,
                dtype=n.dtype,
                device=n.device,
                attention=n.attention,
                deepest=deepest,
                where=self.where,
            )
            width = model.config.get_text_config(decoder=True).hidden_size
            device = resolve_device(n.device)
            saes = {name: DiskSAE(s.folder, device) for name, s in self.saes.items()}
            for name, sae in saes.items():
                if sae.d_in != width:
                    raise ValueError(
                        f"SAE {name} reads {sae.d_in} dimensions, the model {self.model_folder} has {width} "
                        "(config/saes.tsv)"
                    )
            self._loaded, self._whole = (model, saes, device), whole
        return self._loaded

    def _compute_missing(self, tasks: Sequence[tuple[Mapping, Callable]], label: str) -> int:
        """Run each ``(description, compute)`` whose record some journal lacks; ``compute(names, chunk_batch)`` gives
        name -> arrays.
        """
        missing = [(what, compute, [n for n in self.saes if self._find(n, what) is None]) for what, compute in tasks]
        missing = [m for m in missing if m[2]]
        if not missing:
            LOG.info("%s: all %d records are in the journal, nothing is loaded", label, len(tasks))
            return 0
        from contextlib import ExitStack

        with ExitStack() as stack:
            for journal in self.journals.values():
                stack.enter_context(journal.writing(f"extraction {self.model_folder} {self.language}"))
            for what, compute, names in progress(missing, label=label):
                results, batch = self._compute_halving(what, compute, names)
                for name in names:
                    key = self._key(name, what, batch)
                    if key not in self.journals[name]:
                        self.journals[name].append(key, pack(results[name]))
                    if batch != self.numerics.chunk_batch:
                        self._halved[self._key(name, what)] = key
        if self._halved:
            LOG.warning(
                "%s: %d records are of a smaller chunk_batch than the row's %d, for want of memory; their last bits may"
                " differ from a run with more memory, and every run tries the row's first. A smaller chunk_batch in"
                " config/models.tsv ends both",
                label,
                len(self._halved),
                self.numerics.chunk_batch,
            )
        LOG.info(
            "%s: computed %d of %d records, chunk_batch halved %d times for want of memory",
            label,
            len(missing),
            len(tasks),
            self.halvings,
        )
        return len(missing)

    def _compute_halving(self, what: Mapping, compute: Callable, names: Sequence[str]) -> tuple[dict, int]:
        """What `compute` gives, with half the `chunk_batch` each time memory runs out; records of a half that fitted
        before are not computed again.
        """
        batch = self.numerics.chunk_batch
        while True:
            missing = [n for n in names if self._key(n, what, batch) not in self.journals[n]]
            try:
                return compute(missing, batch) if missing else {}, batch
            except (MemoryError, RuntimeError) as error:
                if not is_out_of_memory(error) or batch == 1:
                    raise
                LOG.warning(
                    "out of memory with chunk_batch %d (config/models.tsv), halved: %s",
                    batch,
                    str(error).splitlines()[0],
                )
            self.halvings += 1
            batch //= 2

    # words -------------------------------------------------------------------------------------------------

    def _chunk(self, template: str, words: Sequence[str]) -> tuple[dict, list[Stimulus]]:
        stimuli = sorted(locate(self.tokenizer, template, list(words)), key=lambda s: (len(s.ids), s.text))
        return {"kind": "words", "template": template, "stimuli": [s.word for s in stimuli]}, stimuli

    def _forward(
        self, stimuli: Sequence[Stimulus], names: Sequence[str], chunk_batch: int
    ) -> dict[str, dict[str, np.ndarray]]:
        """Arrays of one chunk for each SAE. Tokens that all texts begin with are computed once; those after the last
        read-out position never."""
        import torch

        from shared_affect.models.residual import Prefix

        model, saes, device = self._load()
        layers = sorted({self.saes[n].layer for n in names})
        common = _common_prefix(stimuli)
        rests = [s.ids[common : s.after + 1] for s in stimuli]
        width = max(map(len, rests))
        ids = torch.tensor([rest + (0,) * (width - len(rest)) for rest in rests], device=device)
        at = torch.tensor([[s.last, s.after] for s in stimuli], device=device) - common
        found: dict[int, list] = {layer: [] for layer in layers}
        with torch.inference_mode():
            prefix = Prefix(model, layers, stimuli[0].ids[:common], reuse=self._shares_prefix is not False)
            for i in range(0, len(stimuli), chunk_batch):
                # sorted by length, so the last is the longest
                part = slice(i, i + chunk_batch)
                out = prefix.continued(ids[part, : int(at[part, 1].max()) + 1])
                rows = torch.arange(len(ids[part]), device=device)[:, None]
                for layer in layers:
                    found[layer].append(out[layer][rows, at[part]])
            static = self._static(model, stimuli, device)
            result = {}
            for name in names:
                layer = self.saes[name].layer
                x = torch.cat(found[layer]).transpose(0, 1).float().contiguous()
                if not torch.isfinite(x).all():
                    raise ValueError(
                        f"{self.model_folder}: NaN or infinite residual after block {layer}; try dtype float32"
                        " (config/models.tsv)"
                    )
                result[name] = {
                    "dense": x.cpu().numpy(),
                    "static": static,
                    **_sparse_codes(saes[name], x.flatten(0, 1)),
                }
        return result

    def _static(self, model, stimuli: Sequence[Stimulus], device: str) -> np.ndarray:
        """Mean input embedding of each word's tokens, ``[n, d]`` float32."""
        import torch

        pieces = [s.ids[s.first : s.last + 1] for s in stimuli]
        sizes = torch.tensor([len(p) for p in pieces], device=device)
        rows = model.get_input_embeddings()(torch.tensor([i for p in pieces for i in p], device=device)).float()
        words = torch.repeat_interleave(torch.arange(len(pieces), device=device), sizes)
        return (
            (torch.zeros(len(pieces), rows.shape[1], device=device).index_add_(0, words, rows) / sizes[:, None])
            .cpu()
            .numpy()
        )

    def _chunks(
        self, lists: Mapping[str, Sequence[str]], templates: Mapping[str, str]
    ) -> dict[tuple[str, str], tuple[dict, list[Stimulus]]]:
        for name, words in lists.items():
            if not words or len(set(words)) != len(words):
                raise ValueError(
                    f"word list {name!r} has {len(words)} words, {len(set(words))} distinct; needed: at least one, all"
                    " distinct"
                )
        return {(ln, tn): self._chunk(text, words) for ln, words in lists.items() for tn, text in templates.items()}

    def _compute_chunks(self, chunks) -> int:
        self.prove([s.ids for _, stimuli in chunks for s in stimuli])
        tasks = [(what, lambda names, batch, s=s: self._forward(s, names, batch)) for what, s in chunks]
        return self._compute_missing(tasks, f"extract {self.language}")

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
        return self._compute_chunks(list(self._chunks(lists, templates).values())[number::shards])

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
        chunks = self._chunks(lists, templates)
        self._compute_chunks(list(chunks.values()))
        return {
            name: {
                ln: self._assemble(name, list(words), {tn: chunks[ln, tn][0] for tn in templates})
                for ln, words in lists.items()
            }
            for name in self.saes
        }

    def _assemble(self, name: str, words: list[str], chunks: Mapping[str, Mapping]) -> dict[str, np.ndarray]:
        dense, codes, static = [], [], None
        for what in chunks.values():
            a = unpack(self.journals[name].get(self._find(name, what)))
            where = {w: i for i, w in enumerate(what["stimuli"])}
            order = np.array([where[w] for w in words])
            dense.append(a["dense"][:, order])
            codes.append(_take_rows(a, np.concatenate([order, order + len(words)])))
            static = a["static"][order] if static is None else static
        data, indices, counts = (np.concatenate(part) for part in zip(*codes, strict=True))
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
            ``[SAE]`` -> arrays of one number: ``precision_cosine`` (smallest cosine of a residual with its float32
            value), ``precision_max_abs_diff`` (of the codes), ``precision_flips`` (share of the codes active in either
            that are active in one alone). Nothing for float32 itself.
        """
        if self.numerics.dtype == "float32":
            return {name: {} for name in self.saes}
        what, stimuli = self._chunk(template, words)

        def compute(names, batch):
            numerics = replace(self.numerics, dtype="float32", device="cpu")
            with tempfile.TemporaryDirectory() as empty:
                plain = Extractor(
                    self.model_folder,
                    {n: self.saes[n] for n in names},
                    self.language,
                    numerics,
                    empty,
                    where=self.where,
                    bos=self._bos,
                )
                plain._shares_prefix = self._shares_prefix
                reference = plain._forward(stimuli, names, batch)
            low = self._forward(stimuli, names, batch)
            return {n: _difference(reference[n], low[n]) for n in names}

        self.prove([s.ids for s in stimuli])
        what = what | {"kind": "deviation"}
        self._compute_missing([(what, compute)], f"precision {self.language}")
        return {name: unpack(self.journals[name].get(self._find(name, what))) for name in self.saes}

    # running text ------------------------------------------------------------------------------------------

    def running_text(
        self, fidelity_texts: Sequence[str], neutral_texts: Sequence[str]
    ) -> dict[str, dict[str, np.ndarray]]:
        """Fidelity of each SAE on ordinary text and the firing rate of each feature on neutral text.

        Returns
        -------
        dict
            ``[SAE]`` -> every quantity of `saes.fidelity` as an array of one number, and ``density [d_sae]``.
        """
        self.prove([c.ids for c in self.tokenizer.encode_batch(list(fidelity_texts[:PROVED]))], whole=True)
        what = {
            "kind": "running-text",
            "fidelity": digest_of(list(fidelity_texts)),
            "neutral": digest_of(list(neutral_texts)),
        }

        def compute(names, batch):
            import torch

            from shared_affect.models.residual import block_outputs
            from shared_affect.models.saes import fidelity

            model, saes, device = self._load(whole=True)
            result = {}
            ordinary, neutral = (list(self._batches(t, device, batch)) for t in (fidelity_texts, neutral_texts))
            for name in names:
                layer = self.saes[name].layer
                facts = fidelity(model, saes[name], layer, ordinary)
                with torch.inference_mode():
                    active = sum(
                        (saes[name].encode(block_outputs(model, [layer], input_ids=ids)[layer][mask]) > 0).sum(0)
                        for ids, mask in neutral
                    )
                density = active.cpu().numpy() / sum(int(mask.sum()) for _, mask in neutral)
                result[name] = {k: np.array([v]) for k, v in facts.items()} | {"density": density}
            return result

        self._compute_missing([(what, compute)], f"running text {self.language}")
        return {name: unpack(self.journals[name].get(self._find(name, what))) for name in self.saes}

    def _batches(self, texts: Sequence[str], device: str, batch: int):
        """Token ids of equal width with masks that leave out the first position and padding."""
        import torch

        codes = sorted(self.tokenizer.encode_batch(list(texts)), key=lambda c: len(c.ids))
        for i in range(0, len(codes), batch):
            part = codes[i : i + batch]
            width = max(len(c.ids) for c in part)
            ids = torch.tensor([c.ids + [0] * (width - len(c.ids)) for c in part], device=device)
            mask = torch.tensor([c.counts + [False] * (width - len(c.ids)) for c in part], device=device)
            yield ids, mask


def check_gates(
    extractor: Extractor,
    words: Sequence[str],
    fidelity_texts: Sequence[str],
    neutral_texts: Sequence[str],
    limits: Mapping[str, Mapping],
    *,
    max_broken_share: float,
    model: str,
) -> dict[str, dict[str, np.ndarray]]:
    """Everything that must hold before a model's words are read; what it measures stands in the journal afterwards.

    Parameters
    ----------
    extractor : Extractor
    words : sequence of str
        All concept words of the language.
    fidelity_texts, neutral_texts
        As in `Extractor.running_text`.
    limits : mapping of SAE name -> limits of `saes.check_fidelity`
    max_broken_share : float
        Limit of `tokens.check_script`.
    model : str
        Row named in messages.

    Returns
    -------
    dict
        As `Extractor.running_text`.

    Raises
    ------
    ValueError
        If the tokenizer cannot read the words, or an SAE does not stand for the residual it reads.
    """
    check_script(extractor.tokenizer, list(words), max_broken_share, model, extractor.language)
    running = extractor.running_text(fidelity_texts, neutral_texts)
    for sae, facts in running.items():
        LOG.info("fidelity %s %s: %s", sae, extractor.language, describe(facts))
        check_fidelity(facts, limits[sae], f"config/saes.tsv, model {model}, sae {sae}, language {extractor.language}")
    return running


def _common_prefix(stimuli: Sequence[Stimulus]) -> int:
    """Number of tokens that all texts begin with, before any of their words."""
    n = min(s.first for s in stimuli)
    first = stimuli[0].ids
    return next((i for i in range(n) if any(s.ids[i] != first[i] for s in stimuli)), n)


def _sparse_codes(sae, x) -> dict[str, np.ndarray]:
    """Codes of residuals ``[n, d_in]`` as the arrays of a CSR matrix; dense codes stand for `ENCODE_BATCH` rows at a
    time.
    """
    import torch

    data, indices, counts = [], [], []
    for part in x.split(ENCODE_BATCH):
        codes = sae.encode(part)
        # numpy finds what is true several times faster than what is not zero
        active = (codes != 0).cpu().numpy()
        flat = np.flatnonzero(active)
        data.append(codes.flatten()[torch.from_numpy(flat).to(codes.device)].cpu().numpy())
        indices.append((flat % codes.shape[1]).astype(np.int32))
        counts.append(active.sum(1))
    values = np.concatenate(data)
    if not np.isfinite(values).all():
        raise ValueError(
            f"SAE codes hold {int((~np.isfinite(values)).sum())} NaN or infinite values; is a residual zero, which"
            " run-time normalisation divides by?"
        )
    return {
        "data": values,
        "indices": np.concatenate(indices),
        "indptr": np.concatenate([[0], np.cumsum(np.concatenate(counts))]).astype(np.int64),
        "d_sae": np.array([sae.d_sae]),
    }


def _difference(reference: Mapping[str, np.ndarray], low: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Differences of two results of `Extractor._forward`, named as in `Extractor.deviation`."""
    a, b = (r["dense"].astype(np.float64) for r in (reference, low))
    cosine = (a * b).sum(-1) / np.linalg.norm(a, axis=-1) / np.linalg.norm(b, axis=-1)
    codes = []
    for r in (reference, low):
        dense = np.zeros((len(r["indptr"]) - 1, int(r["d_sae"][0])), np.float32)
        dense[np.repeat(np.arange(len(dense)), np.diff(r["indptr"])), r["indices"]] = r["data"]
        codes.append(dense)
    active = [c != 0 for c in codes]
    flips = (active[0] ^ active[1]).sum() / max(1, (active[0] | active[1]).sum())
    found = {
        "precision_cosine": cosine.min(),
        "precision_max_abs_diff": np.abs(codes[0] - codes[1]).max(),
        "precision_flips": flips,
    }
    return {k: np.array([v], np.float64) for k, v in found.items()}


def _take_rows(csr: Mapping[str, np.ndarray], rows: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Data, column indices and numbers of entries of some rows of a CSR matrix, in the order given."""
    starts, counts = csr["indptr"][rows], np.diff(csr["indptr"])[rows]
    at = np.repeat(starts - np.cumsum(counts) + counts, counts) + np.arange(counts.sum())
    return csr["data"][at], csr["indices"][at], counts


def describe(facts: Mapping[str, np.ndarray]) -> str:
    """One line of the fidelity facts, for logs."""
    return json.dumps({k: round(float(v[0]), 4) for k, v in facts.items() if v.shape == (1,)})
