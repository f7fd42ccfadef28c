"""The file of one model, SAE and language: an RDM of each representation, random draws, and draws of permuted codes."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

import numpy as np

from shared_affect.spaces.files import SPACE
from shared_affect.spaces.rdm import RDM, DrawnRDMs


class Spaces(NamedTuple):
    """Representations of one set of emotions.

    Attributes
    ----------
    rdms : representation -> RDM
    random : representation -> drawn RDMs
    permuted : representation -> RDMs of permuted codes
    """

    rdms: Mapping[str, RDM]
    random: Mapping[str, list[RDM]] = {}
    permuted: Mapping[str, DrawnRDMs] = {}


def write_spaces(
    path: str | Path,
    rdms: Mapping[str, RDM],
    random: Mapping[str, np.ndarray],
    permuted: Mapping[str, DrawnRDMs] | None = None,
) -> None:
    """Write RDMs of one set of emotions, random draws, and draws of permuted codes, to one npz file."""
    labels = next(iter(rdms.values())).labels
    SPACE.write(
        path,
        {
            "emotions": np.array(labels),
            **{f"rdm_{k}": v.subset(labels).values for k, v in rdms.items()},
            **{f"draws_{k}": v for k, v in random.items()},
            **{f"permuted_{k}": v.subset(labels).values for k, v in (permuted or {}).items()},
        },
    )


def load_spaces(path: str | Path) -> Spaces:
    """Read what `write_spaces` wrote."""
    a = SPACE.read(path)
    labels = tuple(a["emotions"].tolist())
    return Spaces(
        {k[4:]: RDM(labels, v) for k, v in a.items() if k.startswith("rdm_")},
        {k[6:]: [RDM(labels, v) for v in values] for k, values in a.items() if k.startswith("draws_")},
        {k[9:]: DrawnRDMs(labels, v) for k, v in a.items() if k.startswith("permuted_")},
    )
