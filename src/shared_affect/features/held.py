"""A model and its SAEs in memory, loaded on first need, no more of the model than is asked for, and no more SAEs than
fit.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from shared_affect.base.log import LOG
from shared_affect.models.cards import HEADROOM, check_room, free_memory, gib, is_card, resolve_device
from shared_affect.models.load import load_model
from shared_affect.models.memory import BYTES, Memory, ModelFacts, SaeFacts, extraction_memory
from shared_affect.models.numerics import Numerics
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
    sae_loads : int
        How often an SAE was.
    """

    def __init__(self, model_folder: Path, saes: Mapping[str, SaeSource], numerics: Numerics, where: str):
        self.model_folder, self.saes, self.numerics, self.where = model_folder, saes, numerics, where
        self.loads, self.sae_loads = 0, 0
        self._loaded: Loaded | None = None
        self._whole = False
        self._saes: dict[str, SAE] = {}  # the one used last stands last
        self._looked_through: set[str] = set()

    @property
    def device(self) -> str:
        """Where model and SAEs are.

        Raises
        ------
        ValueError
            As `cards.resolve_device`.
        """
        return resolve_device(self.numerics.device, self.where, self.numerics.encoder)

    def put(self, model: PreTrainedModel, saes: Mapping[str, SAE]) -> None:
        """Use what is in memory already; it must be that of the folders, on the device."""
        self._loaded, self._whole = Loaded(model, self.device), True
        self._saes = dict(saes)

    def reckoned(self, gates: bool) -> Memory | None:
        """What the job is reckoned to take; None where the model's configuration does not say its sizes."""
        try:
            model = ModelFacts.of_folder(self.model_folder)
        except ValueError:
            return None
        saes = [SaeFacts.of_folder(s.folder, s.layer) for s in self.saes.values()]
        return extraction_memory(model, saes, self.numerics, gates=gates, card=is_card(self.device))

    def get(self, whole: bool = False) -> Loaded:
        """The model; blocks above the deepest SAE only if the `whole` is asked for.

        Raises
        ------
        ValueError
            As `load.load_model`, or if the card has no room for it, or an SAE reads residuals of another width.
        """
        if self._loaded is None or (whole and not self._whole):
            self._loaded = None  # the part is let go before the whole is read
            self._saes.clear()
            self._loaded, self._whole = self._load(whole), whole
        return self._loaded

    def _load(self, whole: bool) -> Loaded:
        n, device = self.numerics, self.device
        self.loads += 1
        deepest = None if whole else max(s.layer for s in self.saes.values())
        LOG.info("model load: %s (%s, %s)", self.model_folder, n.dtype, n.device)
        if (reckoned := self.reckoned(whole)) is not None:
            LOG.info("reckoned to take: %s", reckoned.told())
            if is_card(device):
                self._empty()
                needed = ModelFacts.of_folder(self.model_folder).weights(deepest) * BYTES[n.dtype]
                check_room(needed, device, self.where, reckoned.told())
        model = load_model(
            self.model_folder, dtype=n.dtype, device=device, attention=n.attention, deepest=deepest, where=self.where
        )
        width = model.config.get_text_config(decoder=True).hidden_size
        for name, source in self.saes.items():
            if (reads := SaeFacts.of_folder(source.folder, source.layer).d_in) != width:
                raise ValueError(
                    f"SAE {name} reads {reads} dimensions, the model {self.model_folder} has {width} (config/saes.tsv)"
                )
        return Loaded(model, device)

    def sae(self, name: str, decoder: bool = False) -> SAE:
        """An SAE; others are let go where they do not fit beside it: on a card by what is free there, on a CPU always.

        Parameters
        ----------
        name : str
        decoder : bool
            Whether it will rebuild residuals, for which a card needs room, too.

        Raises
        ------
        ValueError
            As `saes.DiskSAE`.
        """
        if name not in self._saes:
            source, device = self.saes[name], self.device
            facts = SaeFacts.of_folder(source.folder, source.layer)
            needed = facts.encoder(self.numerics.encoder) + (facts.decoder if decoder else 0)
            columns = None
            if is_card(device):
                columns = self._make_room(name, facts, needed)
            else:
                self._saes.clear()
            self.sae_loads += 1
            self._saes[name] = DiskSAE(
                source.folder,
                device,
                encoder=self.numerics.encoder,
                columns=columns,
                check=name not in self._looked_through,
            )
            self._looked_through.add(name)
        self._saes[name] = self._saes.pop(name)
        return self._saes[name]

    def _make_room(self, name: str, facts: SaeFacts, needed: int) -> int | None:
        """Let SAEs go until one fits; features at a time where it does not fit into an empty card."""
        device = self.device
        while (free := free_memory(device)[0]) < needed + HEADROOM and self._saes:
            del self._saes[next(iter(self._saes))]
            self._empty()
        if free >= needed + HEADROOM:
            return None
        columns = max(1024, max(0, free - HEADROOM) // (8 * facts.d_in))
        LOG.warning(
            "SAE %s takes %s and the card has %s free: its weights stay on the host and come %d features at a time,"
            " which is several times slower; column encoder (bfloat16) halves them",
            name,
            gib(needed),
            gib(free),
            columns,
        )
        return columns

    def let_go(self) -> None:
        """Let all SAEs go from a card, so that their decoders take no room while words are read."""
        if is_card(self.device):
            self._saes.clear()
            self._empty()

    def _empty(self) -> None:
        import torch

        torch.cuda.empty_cache()
