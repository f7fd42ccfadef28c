"""Seeds by purpose and name: a stream of random numbers for each thing that needs one."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

import numpy as np


def seed_sequence(root_seed: int, *names: str | int) -> np.random.SeedSequence:
    """Child seed of `root_seed` for a named purpose, stable across processes and platforms.

    Parameters
    ----------
    root_seed : int
        The study's root seed, >= 0.
    *names
        What the numbers are for, e.g. rule name and wildcard values. Equal names give equal seeds.

    Raises
    ------
    ValueError
        If `root_seed` is negative.
    """
    if root_seed < 0:
        raise ValueError(f"root_seed is {root_seed}; allowed: an integer >= 0 (config.yaml, key root_seed)")
    digest = hashlib.sha256("\x1f".join(str(n) for n in names).encode()).digest()
    return np.random.SeedSequence([root_seed, *np.frombuffer(digest[:16], np.uint32).tolist()])


def rng(root_seed: int, *names: str | int) -> np.random.Generator:
    """NumPy generator seeded by `seed_sequence`."""
    return np.random.default_rng(seed_sequence(root_seed, *names))


@dataclass(frozen=True)
class Seeds:
    """Random streams of one analysis, each found by what it is for.

    One generator handed from step to step makes every number depend on how many were drawn before: an arm more, or a
    draw more, then moves all others. A stream of its own for each purpose does not.

    Attributes
    ----------
    root_seed : int
    names : tuple
        What the analysis is, e.g. rule and wildcards.

    Examples
    --------
    >>> seeds = Seeds(0, ("predict_ratings", "en"))
    >>> bool((seeds.rng("bootstrap").random(3) == seeds.rng("bootstrap").random(3)).all())
    True
    >>> int(seeds.child("dense").rng("folds").integers(1000)), int(seeds.child("sae").rng("folds").integers(1000))
    (720, 888)
    """

    root_seed: int
    names: tuple[str | int, ...] = ()

    def rng(self, *purpose: str | int) -> np.random.Generator:
        """A new generator at the start of the stream for a purpose."""
        return rng(self.root_seed, *self.names, *purpose)

    def child(self, *names: str | int) -> Seeds:
        """The streams of a part of the analysis."""
        return Seeds(self.root_seed, (*self.names, *names))


def torch_seed(root_seed: int, *names: str | int) -> int:
    """A 63-bit integer seed for a ``torch.Generator``, derived like `rng`."""
    return int(seed_sequence(root_seed, *names).generate_state(1, np.uint64)[0] >> np.uint64(1))
