"""Changes of the residual stream as values: what is done to the output of a block, how much of it, and where.

An `Intervention` says what is meant and knows nothing of torch; `Edits` are interventions laid out for the rows of a
batch. Adding, subtracting, projecting out and clamping are one formula, so rows of all kinds may share a batch.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import torch
    from jaxtyping import Bool, Float, Int
    from torch import Tensor

OPERATORS = ("add", "project-out", "clamp")
POLICIES = ("all", "generated", "prompt")


@dataclass(frozen=True, eq=False)
class Intervention:
    """A change of the residual stream after one block.

    With h the residual at a position, v a vector, u = v / norm of v, s the strength and N the model's mean residual
    norm there:

    - ``add``: h + s N v (a negative strength subtracts);
    - ``project-out``: h - s (h . u) u (1 takes the component along u away, 0.5 half of it);
    - ``clamp``: h + s (level N - h . u) u (1 sets the component to `level` mean residual norms).

    Strength 0 leaves the residual as it is, bit for bit.

    Attributes
    ----------
    vectors : ndarray ``[d]`` or ``[n, d]``, or None
        One vector, or several that the rows of a batch take in turn; kept as float32. None changes nothing.
    strength : float
        s, finite.
    operator : {"add", "project-out", "clamp"}
    positions : {"all", "generated", "prompt"}
        Positions that are changed: all, those of new tokens, those of the beginning.
    level : float
        Of ``clamp`` alone, in mean residual norms.

    Raises
    ------
    ValueError
        If a word is unknown, strength or level is not finite or has no meaning here, or vectors are no table of them.

    Examples
    --------
    >>> joy = Intervention(np.array([0.0, 1.0]), strength=0.5)
    >>> change = joy.rows([0, 1], residual_norm=10.0)
    >>> change.offset.tolist(), change.gain.tolist()
    ([[0.0, 5.0], [0.0, 5.0]], [0.0, 0.0])
    >>> without = Intervention(np.array([0.0, 2.0]), strength=1.0, operator="project-out")
    >>> change = without.rows([0], residual_norm=10.0)
    >>> change.direction.tolist(), change.gain.tolist()
    ([[0.0, 1.0]], [-1.0])
    """

    vectors: np.ndarray | None = None
    strength: float = 0.0
    operator: str = "add"
    positions: str = "all"
    level: float = 0.0

    def __post_init__(self) -> None:
        if self.positions not in POLICIES:
            raise ValueError(
                f"positions is {self.positions!r}; allowed: {', '.join(POLICIES)} (config.yaml, key steering.positions)"
            )
        if self.operator not in OPERATORS:
            raise ValueError(f"operator is {self.operator!r}; allowed: {', '.join(OPERATORS)}")
        if not np.isfinite([self.strength, self.level]).all():
            raise ValueError(f"strength is {self.strength}, level {self.level}; allowed: finite numbers")
        if self.level != 0 and self.operator != "clamp":
            raise ValueError(f"level is {self.level} for operator {self.operator}; allowed: 0 (it belongs to clamp)")
        if self.vectors is None:
            if self.strength != 0 or self.operator != "add":
                raise ValueError(
                    f"strength is {self.strength}, operator {self.operator} without a vector; allowed: 0 and add"
                )
            return
        vectors = np.asarray(self.vectors, np.float32)
        if vectors.ndim not in (1, 2) or not vectors.size:
            raise ValueError(f"vectors have the shape {vectors.shape}; allowed: [d] or [n, d]")
        object.__setattr__(self, "vectors", vectors)

    @property
    def n_directions(self) -> int:
        """Number of vectors that rows take in turn; 0 where nothing is changed."""
        return 0 if self.vectors is None else len(np.atleast_2d(self.vectors))

    def length(self, residual_norm: float) -> float:
        """Length of what is added whatever the residual is, for vectors of norm 1."""
        return self.strength * residual_norm * {"add": 1.0, "project-out": 0.0, "clamp": self.level}[self.operator]

    def key(self) -> dict[str, str | None]:
        """What of it decides a text, for journal keys.

        Operator and level are named where the operator is not ``add``: keys of texts under an added vector are older
        than the other operators.
        """
        vector = None
        if self.vectors is not None:
            vector = hashlib.sha256(np.ascontiguousarray(self.vectors, np.float32).tobytes()).hexdigest()
        key = {"vector": vector, "strength": repr(float(self.strength)), "positions": self.positions}
        if self.operator != "add":
            key |= {"operator": self.operator, "level": repr(float(self.level))}
        return key

    def rows(self, numbers: Sequence[int], residual_norm: float) -> RowChanges:
        """The change of each row of a batch.

        Parameters
        ----------
        numbers : sequence of int
            Number of each row among those of this intervention: row k takes vector k modulo their number.
        residual_norm : float
            N.

        Raises
        ------
        ValueError
            If there is no vector, or one without a direction to project on.
        """
        if self.vectors is None:
            raise ValueError("an intervention without a vector has no rows to change")
        table = np.atleast_2d(self.vectors)
        v = table[np.asarray(numbers, int) % len(table)]
        if self.operator == "add":
            return RowChanges(v * np.float32(self.strength * residual_norm), v, np.zeros(len(v), np.float32))
        norm = np.linalg.norm(v.astype(float), axis=1, keepdims=True)
        if not (np.isfinite(norm).all() and np.all(norm > 0)):
            raise ValueError(f"operator {self.operator} needs vectors with a direction; found: one of norm 0, or NaN")
        u = (v / norm).astype(np.float32)
        return RowChanges(u * np.float32(self.length(residual_norm)), u, np.full(len(v), -self.strength, np.float32))


@dataclass(frozen=True, eq=False)
class RowChanges:
    """What is added to the residual h of each row: ``offset + gain (h . direction) direction``, the form of all
    operators.

    Attributes
    ----------
    offset, direction : ndarray ``[row, d]``, float32
    gain : ndarray ``[row]``, float32
        0 for ``add``.
    """

    offset: np.ndarray
    direction: np.ndarray
    gain: np.ndarray


@dataclass(frozen=True, eq=False)
class Edits:
    """Interventions on the rows of a batch, after one block.

    Attributes
    ----------
    layer : int
        The block, counted from 0.
    offset : Tensor ``[row, d]``, float32
    along : (Tensor ``[row, d]``, Tensor ``[row]``) or None
        Direction and gain as in `RowChanges`; None where every row adds.
    at_prompt, at_generated : Tensor of bool, ``[row]``
        Whether positions of the beginning, and of new tokens, are changed.
    spans : (Tensor of int ``[row]``, Tensor of int ``[row]``) or None
        Which positions of the beginning may be changed: how many tokens before its end they begin, and how many they
        stop (`chat.own_span`); None: all of them, the first too.
    """

    layer: int
    offset: Float[Tensor, "row d"]
    along: tuple[Float[Tensor, "row d"], Float[Tensor, " row"]] | None
    at_prompt: Bool[Tensor, " row"]
    at_generated: Bool[Tensor, " row"]
    spans: tuple[Int[Tensor, " row"], Int[Tensor, " row"]] | None = None

    @classmethod
    def of(
        cls,
        layer: int,
        parts: Sequence[tuple[Intervention, Sequence[int]]],
        residual_norm: float = 1.0,
        device: torch.device | str = "cpu",
        spans: Sequence[tuple[int, int]] | None = None,
    ) -> Edits | None:
        """Edits of a batch whose rows belong to one intervention after the other.

        Parameters
        ----------
        layer : int
        parts : sequence of (Intervention, sequence of int)
            The numbers of its rows, as in `Intervention.rows`.
        residual_norm : float
            Mean norm of the residual after the block.
        device : device
        spans : sequence of (int, int), optional
            Of every row, as in the attribute.

        Returns
        -------
        Edits, or None if no row is changed.
        """
        import torch

        changed = [p for p, _ in parts if p.vectors is not None]
        if not changed:
            return None
        d = np.asarray(changed[0].vectors).shape[-1]
        rows = [
            RowChanges(*(np.zeros((len(n), d), np.float32),) * 2, np.zeros(len(n), np.float32))
            if p.vectors is None
            else p.rows(n, residual_norm)
            for p, n in parts
        ]
        policies = [p.positions if p.vectors is not None else "" for p, n in parts for _ in n]

        def told(values: list) -> Tensor:
            return torch.tensor(np.concatenate(values) if isinstance(values[0], np.ndarray) else values, device=device)

        along = None
        if any(p.operator != "add" for p in changed):
            along = told([r.direction for r in rows]), told([r.gain for r in rows])
        return cls(
            layer,
            told([r.offset for r in rows]),
            along,
            told([p in ("all", "prompt") for p in policies]),
            told([p in ("all", "generated") for p in policies]),
            None if spans is None else (told([a for a, _ in spans]), told([b for _, b in spans])),
        )

    def take(self, rows: Int[Tensor, " kept"]) -> Edits:
        """The edits of some rows."""
        along = None if self.along is None else (self.along[0][rows], self.along[1][rows])
        spans = None if self.spans is None else (self.spans[0][rows], self.spans[1][rows])
        return Edits(self.layer, self.offset[rows], along, self.at_prompt[rows], self.at_generated[rows], spans)

    def changes(self, row: int) -> bool:
        """Whether anything is done to a row."""
        return bool(self.at_prompt[row] | self.at_generated[row])

    def apply(self, h: Float[Tensor, "row position d"], beginning: int) -> Float[Tensor, "row position d"]:
        """The residual with every row changed at the positions of its policy.

        Parameters
        ----------
        h : Tensor
        beginning : int
            How many of its positions, from the left, belong to the beginning of the texts.
        """
        import torch

        change = self.offset[:, None]
        if self.along is not None:
            direction, gain = self.along
            inner = (h.float() * direction[:, None]).sum(-1, keepdim=True)
            change = change + gain[:, None, None] * inner * direction[:, None]
        number = torch.arange(h.shape[1], device=h.device)
        at_prompt = self.at_prompt[:, None]
        if self.spans is not None:
            left = beginning - number  # tokens from here to the end of the beginning
            at_prompt = at_prompt & (left <= self.spans[0][:, None]) & (left > self.spans[1][:, None])
        here = torch.where(number < beginning, at_prompt, self.at_generated[:, None])
        return torch.where(here[..., None], h + change.to(h.dtype), h)
