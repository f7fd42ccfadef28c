"""Which records a job needs, under which keys they stand in the journals, and the computing of those that are missing.

A key is a digest of everything that determines a record's value, so that equal keys give equal bytes, and a killed job
resumes at the first missing record.

A job asks for the row's ``chunk_batch`` and for nothing else. Where memory runs out it takes half of it, and only then
a record of that half which an earlier run left: what a run gives does not depend on what the journal happens to hold.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path

import numpy as np

from shared_affect.base.files import digest_of
from shared_affect.base.journal import JournalParts, pack, unpack
from shared_affect.base.log import LOG, progress
from shared_affect.features.held import SaeSource
from shared_affect.models.load import is_out_of_memory
from shared_affect.models.sae_folder import sae_digest

Found = dict[str, dict[str, np.ndarray]]
"""Name of an SAE -> arrays of its record."""

Compute = Callable[[Sequence[str], int], Found]
"""Computes the records of the named SAEs with a ``chunk_batch``."""


class Records:
    """The records of one model and language, one a task and SAE.

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
    halvings : int
        How often memory ran out.
    """

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
        self.journals = {
            name: JournalParts(
                folder, digest_of([identity["model"], self.digests[name], s.layer, language, "extract"])[:24], part
            )
            for name, s in saes.items()
        }
        self.halvings = 0
        # key under the row's chunk_batch -> key under the one that fitted in this run
        self._halved: dict[str, str] = {}

    def key(self, name: str, what: Mapping, chunk_batch: int | None = None) -> str:
        """Key of a record; `chunk_batch` is the row's unless memory ran out."""
        batch = self.chunk_batch if chunk_batch is None else chunk_batch
        return digest_of(
            {**self.identity, "sae": self.digests[name], "layer": self.saes[name].layer, **what, "chunk_batch": batch}
        )

    def find(self, name: str, what: Mapping) -> str | None:
        """Key under which this run's record stands; None if it must be computed."""
        key = self.key(name, what)
        return key if key in self.journals[name] else self._halved.get(key)

    def get(self, name: str, what: Mapping) -> dict[str, np.ndarray]:
        """Arrays of a record that stands in the journal.

        Raises
        ------
        KeyError
            If it does not.
        """
        key = self.find(name, what)
        if key is None:
            raise KeyError(f"SAE {name}: no record of {what}")
        return unpack(self.journals[name].get(key))

    def compute(self, tasks: Sequence[tuple[Mapping, Compute]], label: str, holder: str) -> int:
        """Run each (description, compute) whose record some journal lacks.

        Parameters
        ----------
        tasks : sequence of (what enters the key besides the identity, Compute)
        label : str
            Named in the log.
        holder : str
            Who writes; named in the error a second writer gets.

        Returns
        -------
        int
            Tasks that were run.
        """
        missing = [(what, compute, [n for n in self.saes if self.find(n, what) is None]) for what, compute in tasks]
        missing = [m for m in missing if m[2]]
        if not missing:
            LOG.info("%s: all %d records are in the journal, nothing is loaded", label, len(tasks))
            return 0
        with ExitStack() as stack:
            for journal in self.journals.values():
                stack.enter_context(journal.writing(holder))
            for what, compute, names in progress(missing, label=label):
                results, batch = self._compute_halving(what, compute, names)
                for name in names:
                    key = self.key(name, what, batch)
                    if key not in self.journals[name]:
                        self.journals[name].append(key, pack(results[name]))
                    if batch != self.chunk_batch:
                        self._halved[self.key(name, what)] = key
        self._tell(label, len(missing), len(tasks))
        return len(missing)

    def _compute_halving(self, what: Mapping, compute: Compute, names: Sequence[str]) -> tuple[Found, int]:
        """What `compute` gives, with half the `chunk_batch` each time memory runs out; records of a half that fitted
        before are not computed again.
        """
        batch = self.chunk_batch
        while True:
            missing = [n for n in names if self.key(n, what, batch) not in self.journals[n]]
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
