"""Which records a job needs, under which keys they stand in the journals, and the computing of those that are missing.

A key is a digest of everything that determines a record's value, so that on a CPU equal keys give equal bytes, and a
killed job resumes at the first missing record.

Codes are a record an SAE; residuals one a layer, whatever SAEs read there; mean embeddings one a model. Until 0.1.0
each SAE's record held all three: such a record is still served, and what it holds is not computed again.

A job asks for the row's ``chunk_batch`` and for nothing else. Where memory runs out it takes half of it, and only then
a record of that half which an earlier run left: what a run gives does not depend on what the journal happens to hold.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from shared_affect.base.files import digest_of
from shared_affect.base.journal import JournalParts, pack, packed_names, unpack
from shared_affect.base.log import LOG, progress
from shared_affect.base.writer import Writer
from shared_affect.features.encoding import Arrays, Later, widen
from shared_affect.features.forward import STATIC, residuals_at
from shared_affect.features.held import SaeSource
from shared_affect.models.cards import is_card_failure, is_out_of_memory, told_failure, told_memory
from shared_affect.models.sae_config import read_config
from shared_affect.models.sae_folder import sae_digest

Found = list[dict[str, Later]]
"""A task each: name of a record -> its arrays, when they are asked for."""


@dataclass(frozen=True)
class Group:
    """Tasks that are computed in one go, and whose records are written together.

    Attributes
    ----------
    tasks : sequence of mapping
        What enters a task's key besides the identity.
    needs : sequence of sequence of str
        Names of the records that are wanted of each.
    compute : callable
        Computes from the names that are missing of each task, with a ``chunk_batch``.
    """

    tasks: Sequence[Mapping]
    needs: Sequence[Sequence[str]]
    compute: Callable[[Sequence[Sequence[str]], int], Found]


class Records:
    """The records of one model and language.

    Parameters
    ----------
    identity : mapping
        What enters every key: model, tokenizer, numerics, version of the code.
    saes : mapping of name -> SaeSource
    chunk_batch : int
        The row's.
    folder : path
        Where the journals stand.
    language, part : str
        `part` names this job's own journal file where several jobs share the tasks; all parts are read.

    Attributes
    ----------
    journals : dict of name -> JournalParts
        Names are those of SAEs, `forward.residuals_at` of each layer, and `forward.STATIC`.
    halvings : int
        How often memory ran out.
    where, device : str
        The model's row, and where it is computed, for errors; `reckoned` tells what was reckoned.
    """

    where, device = "config/models.tsv", "cpu"

    def __init__(
        self,
        identity: Mapping,
        saes: Mapping[str, SaeSource],
        chunk_batch: int,
        folder: str | Path,
        language: str,
        part: str = "",
    ):
        self.identity, self.saes, self.chunk_batch = dict(identity), saes, chunk_batch
        self.digests = {name: sae_digest(s.folder) for name, s in saes.items()}
        model = identity["model"]
        named = {
            **{n: [model, self.digests[n], s.layer, language, "extract"] for n, s in saes.items()},
            **{residuals_at(layer): [model, layer, language, "residuals"] for layer in self.layers},
            STATIC: [model, language, "static"],
        }
        self.journals = {name: JournalParts(folder, digest_of(n)[:24], part) for name, n in named.items()}
        self.reckoned: Callable[[], str] = lambda: "not known"
        self.halvings = 0
        # key under the row's chunk_batch -> key under the one that fitted in this run
        self._halved: dict[str, str] = {}

    @property
    def width(self) -> int:
        """Numbers in a residual."""
        return max(read_config(s.folder).d_in for s in self.saes.values())

    @property
    def widest(self) -> int:
        """Features of the widest SAE."""
        return max(read_config(s.folder).d_sae for s in self.saes.values())

    @property
    def layers(self) -> list[int]:
        return sorted({s.layer for s in self.saes.values()})

    def key(self, name: str, what: Mapping, chunk_batch: int | None = None) -> str:
        """Key of a record; `chunk_batch` is the row's unless memory ran out."""
        batch = self.chunk_batch if chunk_batch is None else chunk_batch
        if name in self.saes:
            own = {"sae": self.digests[name], "layer": self.saes[name].layer}
            return digest_of({**self.identity, **own, **what, "chunk_batch": batch})
        # no SAE bears on these, nor the precision of its encoder
        identity = {k: v for k, v in self.identity.items() if k != "encoder"}
        return digest_of({**identity, **what, "record": name, "chunk_batch": batch})

    def find(self, name: str, what: Mapping) -> str | None:
        """Key under which this run's record stands; None if it must be computed."""
        key = self.key(name, what)
        if key in self.journals[name]:
            return key
        halved = self._halved.get(key)
        return halved if halved is not None and halved in self.journals[name] else None

    def get(self, name: str, what: Mapping) -> Arrays:
        """Arrays of a record that stands in the journal.

        Raises
        ------
        KeyError
            If it does not.
        """
        if (found := self._payload(name, what)) is None:
            raise KeyError(f"SAE {name}: no record of {what}")
        return unpack(found)

    def _payload(self, name: str, what: Mapping) -> bytes | None:
        key = self.find(name, what)
        return None if key is None else self.journals[name].get(key)

    def _older(self, what: Mapping, array: str, layer: int | None = None) -> Iterator[bytes]:
        """Payloads of SAEs' records from before residuals had their own, which hold an array."""
        for name, source in self.saes.items():
            if layer in (None, source.layer) and (payload := self._payload(name, what)) is not None:
                if array in packed_names(payload):
                    yield payload

    def dense(self, layer: int, what: Mapping) -> np.ndarray:
        """Residuals ``[2, n, d_in]`` after a block, float32."""
        if (payload := self._payload(residuals_at(layer), what)) is None:
            payload = next(self._older(what, "dense", layer), None)
        if payload is None:
            raise KeyError(f"layer {layer}: no record of {what}")
        return widen(unpack(payload))

    def static(self, what: Mapping) -> np.ndarray:
        """Mean input embeddings ``[n, d]``, float32."""
        if (payload := self._payload(STATIC, what)) is None:
            payload = next(self._older(what, "static"), None)
        if payload is None:
            raise KeyError(f"mean embeddings: no record of {what}")
        return unpack(payload)["static"]

    def missing(self, what: Mapping, names: Sequence[str]) -> list[str]:
        """Those of the named records that must be computed."""
        return [n for n in names if self.find(n, what) is None and not self._has_older(n, what)]

    def _has_older(self, name: str, what: Mapping) -> bool:
        if name in self.saes:
            return False
        older = self._older(what, "static") if name == STATIC else self._older(what, "dense", int(name[1:]))
        return next(older, None) is not None

    def compute(self, groups: Sequence[Group], label: str, holder: str) -> int:
        """Run each group of which some journal lacks a record.

        Parameters
        ----------
        groups : sequence of Group
            Whole, or of those tasks alone of which something is missing.
        label : str
            Named in the log.
        holder : str
            Who writes; named in the error a second writer gets.

        Returns
        -------
        int
            Tasks that were run.

        Raises
        ------
        cards.OutOfMemory, cards.CardFailed
            In words that name the row.
        OSError
            If the disk takes no more.
        """
        total = sum(len(g.tasks) for g in groups)
        left = [g for g in groups if any(self.missing(w, n) for w, n in zip(g.tasks, g.needs, strict=True))]
        if not left:
            LOG.info("%s: all %d records are in the journal, nothing is loaded", label, total)
            return 0
        computed = 0
        with ExitStack() as stack:
            for journal in self.journals.values():
                stack.enter_context(journal.writing(holder))
            writer = stack.enter_context(Writer(self._write, depth=2))
            for group in progress(left, label=label):
                found, lacks, batch = self._compute_halving(group)
                computed += sum(map(bool, lacks))
                pairs = []
                for what, names, records in zip(group.tasks, lacks, found, strict=True):
                    pairs += [(n, self.key(n, what, batch), records[n]) for n in names if n in records]
                    if batch != self.chunk_batch:
                        self._halved |= {self.key(n, what): self.key(n, what, batch) for n in names}
                writer.put(pairs)
        self._tell(label, computed, total)
        return computed

    def _write(self, groups: list[list[tuple[str, str, Later]]]) -> None:
        """Append what waits, each journal with one fsync: residuals before the codes that are read beside them."""
        by_name: dict[str, dict[str, Later]] = {}
        for name, key, later in (record for group in groups for record in group):
            by_name.setdefault(name, {}).setdefault(key, later)  # the same words may stand in two lists
        for name in sorted(by_name, key=lambda n: n in self.saes):
            journal = self.journals[name]
            journal.append_many((k, pack(later())) for k, later in by_name[name].items() if k not in journal)

    def _compute_halving(self, group: Group) -> tuple[Found, list[list[str]], int]:
        """What a group gives, the names of what it lacked, and the `chunk_batch` that fitted: half of the former each
        time memory runs out; records of a half that fitted before are not computed again.
        """
        batch = self.chunk_batch
        lacks = [self.missing(w, n) for w, n in zip(group.tasks, group.needs, strict=True)]
        while True:
            new = [
                [n for n in names if self.key(n, what, batch) not in self.journals[n]]
                for what, names in zip(group.tasks, lacks, strict=True)
            ]
            try:
                return group.compute(new, batch) if any(new) else [{} for _ in new], lacks, batch
            except (MemoryError, RuntimeError) as error:
                if is_card_failure(error):
                    raise told_failure(error, self.where, self.device) from error
                if not is_out_of_memory(error):
                    raise
                if batch == 1:
                    raise told_memory(error, self.where, self.device, self.reckoned()) from error
                LOG.warning(
                    "out of memory with chunk_batch %d (config/models.tsv), halved: %s",
                    batch,
                    str(error).splitlines()[0],
                )
            self.halvings += 1
            batch //= 2

    def _tell(self, label: str, computed: int, tasks: int) -> None:
        if self._halved:
            LOG.warning(
                "%s: %d records are of a smaller chunk_batch than the row's %d, for want of memory; their last bits may"
                " differ from a run with more memory, and every run tries the row's first. A smaller chunk_batch in"
                " config/models.tsv ends both",
                label,
                len(self._halved),
                self.chunk_batch,
            )
        LOG.info(
            "%s: computed %d of %d records, chunk_batch halved %d times for want of memory",
            label,
            computed,
            tasks,
            self.halvings,
        )
