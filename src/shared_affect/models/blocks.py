"""Where the decoder blocks of a causal language model are."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from shared_affect.models.model_folder import WHERE

if TYPE_CHECKING:
    from torch.nn import ModuleList
    from transformers import PreTrainedModel


def find_blocks(model: PreTrainedModel, where: str = WHERE) -> tuple[str, int]:
    """Name of the list of decoder blocks inside a whole model, and its length: the list with as many modules as the
    text configuration has layers.

    Of several (a vision tower as deep as the text model, experts as many as blocks) the outermost inside the decoder.
    """
    from torch.nn import ModuleList

    n = model.config.get_text_config(decoder=True).num_hidden_layers
    decoder = model.get_decoder()
    lists = {name: m for name, m in model.named_modules() if isinstance(m, ModuleList) and len(m) == n}
    inside = {id(m) for m in decoder.modules()}
    found = [name for name, m in lists.items() if id(m) in inside] or list(lists)
    if not found:
        raise ValueError(
            f"{type(model).__name__}: no list of {n} decoder blocks found ({where}); this architecture cannot be read"
            " block by block"
        )
    return found[0], n


def cut(kind: type[PreTrainedModel], at: str, deepest: int) -> type[PreTrainedModel]:
    """The class of a model without the blocks above `deepest`.

    The configuration stays whole: it says more than a number (which blocks share keys, which attend locally), and some
    of it is counted from the last block.
    """

    def __init__(self, config, *args, **kwargs):
        kind.__init__(self, config, *args, **kwargs)
        del self.get_submodule(at)[deepest + 1 :]
        self.blocks_at = at

    return type(kind.__name__, (kind,), {"__init__": __init__, "__module__": kind.__module__})


def blocks(model: PreTrainedModel) -> ModuleList:
    """The decoder blocks (``ModuleList``) of a causal language model.

    Raises
    ------
    ValueError
        If it has no list of as many modules as its configuration has layers.
    """
    return cast("ModuleList", model.get_submodule(getattr(model, "blocks_at", None) or find_blocks(model)[0]))
