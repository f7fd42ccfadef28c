"""Tokenizer of the planted world: one piece per word, characters as a fallback."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import TYPE_CHECKING

from shared_affect.planted.world import World

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerFast

SPECIAL_TOKENS = ("<pad>", "<bos>", "<eos>", "<unk>")
PAD, BOS, EOS, UNK = range(4)

_WHOLE_PIECE, _CHARACTER = -1.0, -8.0


def make_tokenizer(world: World, extra_texts: Iterable[str] = ()) -> PreTrainedTokenizerFast:
    """Unigram tokenizer that knows every word of the world and of its templates, the held-out ones included.

    Chinese needs no spaces: the segmentation with the fewest pieces wins because every whole word scores alike.
    ``<bos>`` is put before each text; equal worlds give equal files.

    Parameters
    ----------
    world : World
    extra_texts : iterable of str
        Texts that must be tokenised without ``<unk>`` too, e.g. prompts: their Latin words become pieces, their other
        characters fall back to single characters.

    Returns
    -------
    transformers.PreTrainedTokenizerFast
        Save it with ``save_pretrained``.
    """
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, processors
    from transformers import PreTrainedTokenizerFast

    pieces, texts = world.vocabulary()
    extra = list(extra_texts)
    pieces += ["▁" + word for text in extra for word in re.findall(r"[A-Za-z]+", text)]
    pieces = list(dict.fromkeys(pieces))
    characters = sorted(set("".join([*pieces, *texts, *extra])) - set(pieces) - set("{} "))
    vocabulary = (
        [(s, 0.0) for s in SPECIAL_TOKENS] + [(p, _WHOLE_PIECE) for p in pieces] + [(c, _CHARACTER) for c in characters]
    )
    tokenizer = Tokenizer(models.Unigram(vocabulary, unk_id=UNK, byte_fallback=False))
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace(prepend_scheme="always")
    tokenizer.decoder = decoders.Metaspace(prepend_scheme="always")
    tokenizer.post_processor = processors.TemplateProcessing(single="<bos> $A", special_tokens=[("<bos>", BOS)])
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        pad_token="<pad>",
        bos_token="<bos>",
        eos_token="<eos>",
        unk_token="<unk>",
        padding_side="right",
        clean_up_tokenization_spaces=False,
    )
