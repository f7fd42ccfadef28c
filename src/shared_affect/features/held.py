"""A model and its SAEs in memory, loaded on first need and no more of the model than is asked for."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from shared_affect.base.log import LOG
from shared_affect.models.load import Numerics, load_model, resolve_device
from shared_affect.models.saes import SAE, DiskSAE

if TYPE_CHECKING:
    from transformers import PreTrainedModel


@dataclass(frozen=True)
class SaeSource:
    """Where an SAE lies, which block it reads, and whether the study will steer after that block."""

    folder: str
    layer: int
    steered: bool = False


@dataclass(frozen=True)
class Loaded:
    """What is in memory, on one device."""

    model: PreTrainedModel
    saes: Mapping[str, SAE]
    device: str


class Held:
    """The model and SAEs of one job.

    Parameters
    ----------
    model_folder : path
    saes : mapping of name -> SaeSource
    numerics : Numerics
    where : str
        Table and row of the model, named in errors.

    Attributes
    ----------
    loads : int
        How often a model was loaded.
    """

    def __init__(self, model_folder: Path, saes: Mapping[str, SaeSource], numerics: Numerics, where: str):
        self.model_folder, self.saes, self.numerics, self.where = model_folder, saes, numerics, where
        self.loads = 0
        self._loaded: Loaded | None = None
        self._whole = False

    def put(self, model: PreTrainedModel, saes: Mapping[str, SAE]) -> None:
        """Use what is in memory already; it must be that of the folders, on the device."""
        self._loaded, self._whole = Loaded(model, dict(saes), resolve_device(self.numerics.device)), True

    def get(self, whole: bool = False) -> Loaded:
        """Model and SAEs; blocks above the deepest SAE only if the `whole` model is asked for.

        Raises
        ------
        ValueError
            As `load.load_model` and `saes.DiskSAE`, or if an SAE reads residuals of another width.
        """
        if self._loaded is None or (whole and not self._whole):
            self._loaded = None  # the part is let go before the whole is read
            self._loaded, self._whole = self._load(whole), whole
        return self._loaded

    def _load(self, whole: bool) -> Loaded:
        n = self.numerics
        self.loads += 1
        LOG.info("model load: %s (%s, %s)", self.model_folder, n.dtype, n.device)
        model = load_model(
            self.model_folder,
            dtype=n.dtype,
            device=n.device,
            attention=n.attention,
            deepest=None if whole else max(s.layer for s in self.saes.values()),
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
        return Loaded(model, saes, device)
