"""Random-weight models and SAEs of given shapes, for the benchmarks: speed does not depend on what they learned.

Needs torch, transformers and safetensors alone.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from transformers import PreTrainedModel

TEMPLATES = {
    "bare": "{word}.",
    "word-is": "the word is {word}.",
    "said": "they said {word}.",
    "think-of": "now think of {word}.",
}
"""The default study's four English carriers."""


@dataclass(frozen=True)
class Shape:
    """Size of a random-weight Gemma-2 model, of its SAE, and of the work.

    Attributes
    ----------
    name : str
    width, blocks, heads, key_value_heads, feed_forward, vocabulary : int
    layer : int
        Block after which the SAE reads.
    d_sae : int
    words, loop_words : int
        Words for batched methods, and for the loop over single words.
    dtype : str
    chunk_batch : int
    """

    name: str
    width: int
    blocks: int
    heads: int
    key_value_heads: int
    feed_forward: int
    vocabulary: int
    layer: int
    d_sae: int
    words: int
    loop_words: int
    dtype: str = "float32"
    chunk_batch: int = 64


TINY = Shape(
    "tiny, as in the default study: 2 blocks of 128, 1,024 features after the first",
    128,
    2,
    4,
    2,
    256,
    4000,
    0,
    1024,
    256,
    64,
)
MIDDLE = Shape(
    "131 million weights: 12 blocks of 768, 16,384 features after the sixth",
    768,
    12,
    8,
    4,
    3072,
    32000,
    5,
    16384,
    128,
    4,
)
LARGE = Shape(
    "Gemma-2-9B shape: 42 blocks of 3584, 131,072 features after the 21st",
    3584,
    42,
    16,
    8,
    14336,
    256000,
    20,
    131072,
    1024,
    4,
    "bfloat16",
    256,
)


def make_model(folder: Path, shape: Shape, device: str = "cpu") -> Path:
    """Write a random-weight model whose vocabulary holds the words ``w0 w1 ...`` and the templates' words."""
    import torch
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, processors
    from transformers import Gemma2Config, Gemma2ForCausalLM, PreTrainedTokenizerFast

    plain = sorted({w for t in TEMPLATES.values() for w in t.replace(".", " ").split() if w != "{word}"})
    n = shape.vocabulary - len(plain) - 6
    pieces = (
        [(s, 0.0) for s in ("<pad>", "<bos>", "<eos>", "<unk>")]
        + [(f"▁{w}", -1.0) for w in [*plain, *(f"w{i}" for i in range(n))]]
        + [(".", -1.0), ("▁", -8.0)]
    )
    tokenizer = Tokenizer(models.Unigram(pieces, unk_id=3, byte_fallback=False))
    tokenizer.pre_tokenizer, tokenizer.decoder = (
        pre_tokenizers.Metaspace(prepend_scheme="always"),
        decoders.Metaspace(prepend_scheme="always"),
    )
    tokenizer.post_processor = processors.TemplateProcessing(single="<bos> $A", special_tokens=[("<bos>", 1)])
    fast = PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        pad_token="<pad>",
        bos_token="<bos>",
        eos_token="<eos>",
        unk_token="<unk>",
        padding_side="right",
    )
    head = shape.width // shape.heads
    config = Gemma2Config(
        vocab_size=len(fast),
        hidden_size=shape.width,
        num_hidden_layers=shape.blocks,
        num_attention_heads=shape.heads,
        num_key_value_heads=shape.key_value_heads,
        head_dim=head,
        intermediate_size=shape.feed_forward,
        query_pre_attn_scalar=head,
        sliding_window=512,
        max_position_embeddings=512,
        pad_token_id=0,
        bos_token_id=1,
        eos_token_id=2,
    )
    with torch.random.fork_rng(), torch.device(device):
        torch.manual_seed(0)
        model = Gemma2ForCausalLM(config).to(getattr(torch, shape.dtype))
    model.save_pretrained(folder / "model")
    fast.save_pretrained(folder / "model")
    return folder / "model"


def make_sae(folder: Path, shape: Shape, residuals: np.ndarray) -> Path:
    """Write a random JumpReLU SAE on which one feature in two hundred is active on the given residuals ``[n,
    width]``.
    """
    from safetensors.numpy import save_file

    rng = np.random.default_rng(0)
    encoder = (rng.standard_normal((shape.width, shape.d_sae), np.float32)) / np.sqrt(shape.width, dtype=np.float32)
    threshold = np.quantile(residuals[:64] @ encoder[:, :4096], 0.995)
    (folder / "sae").mkdir()
    save_file(
        {
            "W_enc": encoder,
            "W_dec": np.ascontiguousarray(encoder.T),
            "b_enc": np.zeros(shape.d_sae, np.float32),
            "b_dec": np.zeros(shape.width, np.float32),
            "threshold": np.full(shape.d_sae, threshold, np.float32),
        },
        folder / "sae/sae_weights.safetensors",
    )
    cfg = {
        "architecture": "jumprelu",
        "d_in": shape.width,
        "d_sae": shape.d_sae,
        "dtype": "float32",
        "device": "cpu",
        "apply_b_dec_to_input": False,
        "normalize_activations": "none",
        "reshape_activations": "none",
        "metadata": {
            "sae_lens_version": "6.0.0",
            "hook_name": f"blocks.{shape.layer}.hook_resid_post",
            "prepend_bos": True,
        },
    }
    (folder / "sae/cfg.json").write_text(json.dumps(cfg))
    return folder / "sae"


def prepare(shape: Shape, folder: Path, device: str = "cpu") -> None:
    """Write model and SAE of a workload once for all methods."""
    import torch

    from shared_affect.models.load import load_model
    from shared_affect.models.residual import block_outputs

    model = load_model(make_model(folder, shape, device), dtype=shape.dtype, device=device)
    with torch.inference_mode():
        ids = torch.arange(8, 72, device=device)[:, None]
        residuals = block_outputs(model, [shape.layer], input_ids=ids)[shape.layer][:, 0].float().cpu().numpy()
    make_sae(folder, shape, residuals)


@dataclass(frozen=True)
class Workload:
    """What a benchmark computes on: the model and SAE that `prepare` wrote.

    Attributes
    ----------
    shape : Shape
    folder : path
        Holds ``model`` and ``sae``.
    device : str
    """

    shape: Shape
    folder: Path
    device: str = "cpu"

    def load_model(self) -> PreTrainedModel:
        """The model; torch then computes with one thread."""
        import torch

        from shared_affect.models.load import load_model

        torch.set_num_threads(1)
        return load_model(self.folder / "model", dtype=self.shape.dtype, device=self.device)
