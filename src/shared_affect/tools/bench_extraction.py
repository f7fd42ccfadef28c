"""Words a second from text to SAE codes: plain padded batches, the usual research loop, and the workflow's own engine.

Needs torch, transformers and safetensors alone; sae-lens only for the research loop, which is left out without it.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from shared_affect.tools.bench import compare, in_a_process

TEMPLATES = {
    "bare": "{word}.",
    "word-is": "the word is {word}.",
    "said": "they said {word}.",
    "think-of": "now think of {word}.",
}
"""The default study's four English carriers."""


OURS = "ours: both read-outs, residuals and journal included"


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


def methods(shape: Shape, folder: Path, device: str = "cpu") -> dict[str, Callable]:
    """Ways from words to codes ``[word, feature]`` at the word's last token, averaged over the templates.

    Parameters
    ----------
    shape : Shape
    folder : path
        Holds what `make_model` and `make_sae` wrote.
    device : str

    Returns
    -------
    mapping for `bench.compare`; plain padded batches stand first.
    """
    from importlib.util import find_spec

    def texts(n: int) -> list[list[str]]:
        return [[t.format(word=f"w{i}") for i in range(n)] for t in TEMPLATES.values()]

    def load():
        import torch
        from transformers import AutoTokenizer

        from shared_affect.models.load import load_model
        from shared_affect.models.saes import DiskSAE

        torch.set_num_threads(1)
        return (
            load_model(folder / "model", dtype=shape.dtype, device=device),
            DiskSAE(folder / "sae", device),
            AutoTokenizer.from_pretrained(folder / "model"),
        )

    def padded():
        import torch

        model, sae, tokenizer = load()

        @torch.inference_mode()
        def run():
            total = 0
            for one in texts(shape.words):
                codes = []
                for i in range(0, len(one), 64):
                    batch = tokenizer(one[i : i + 64], return_tensors="pt", padding=True).to(device)
                    hidden = model(**batch, output_hidden_states=True).hidden_states[shape.layer + 1]
                    codes.append(sae.encode(hidden)[torch.arange(len(hidden)), batch["attention_mask"].sum(1) - 2])
                total = total + torch.cat(codes)
            return (total / len(TEMPLATES)).cpu().numpy()

        return shape.words * len(TEMPLATES), run

    def research_loop():
        import torch
        from sae_lens import SAE, SAETransformerBridge

        model, _, tokenizer = load()
        bridge = SAETransformerBridge.boot_transformers(
            str(folder / "model"), device=device, hf_model=model, tokenizer=tokenizer
        )
        sae = SAE.load_from_disk(folder / "sae", device=device)

        @torch.no_grad()
        def run():
            total = 0
            for one in texts(shape.loop_words):
                codes = []
                for text in one:
                    ids = tokenizer(text, return_tensors="pt")["input_ids"].to(device)
                    _, cache = bridge.run_with_cache_with_saes(
                        ids, saes=[sae], names_filter=lambda name: name.endswith("hook_sae_acts_post")
                    )
                    codes.append(next(v for k, v in cache.items() if k.endswith("hook_sae_acts_post"))[0, -2])
                total = total + torch.stack(codes)
            return (total / len(TEMPLATES)).cpu().numpy()

        return shape.loop_words * len(TEMPLATES), run

    def ours():
        from shared_affect.features.codes import read_codes
        from shared_affect.features.extraction import Extractor, SaeSource
        from shared_affect.models.load import Numerics
        from shared_affect.models.tokens import locate

        model, sae, _ = load()
        words = [f"w{i}" for i in range(shape.words)]
        numerics = Numerics(dtype=shape.dtype, device=device, chunk_batch=shape.chunk_batch)

        def fresh():
            extractor = Extractor(
                folder / "model",
                {"s": SaeSource(str(folder / "sae"), shape.layer)},
                "en",
                numerics,
                tempfile.mkdtemp(dir=folder),
            )
            extractor.hold(model, {"s": sae})
            extractor.prove(
                [s.ids for s in locate(extractor.tokenizer, TEMPLATES["word-is"], words[:2])]
            )  # once a model, not once a word
            return extractor

        # one journal for the warm-up and one for the measured call: nothing may come from the first
        extractors = iter([fresh(), fresh()])

        def run():
            return read_codes(next(extractors).words({"w": words}, TEMPLATES)["s"]["w"], list(TEMPLATES), "word")

        return shape.words * len(TEMPLATES), run

    found = {"padded batches of 64, all layers and logits, every position encoded": padded}
    if find_spec("sae_lens"):
        found["one word at a time through the SAELens bridge, no_grad, names_filter"] = research_loop
    return found | {OURS: ours}


def arithmetic(shape: Shape, folder: Path, device: str, size: int = 8192) -> dict[str, Callable]:
    """The same work counted in floating-point operations, beside a large matrix product: the share of a card's peak.

    Counted are the weights of the blocks that are run and the encoder, twice for each of the two tokens of a text that
    are not its template's beginning.
    """

    def product():
        import torch

        x = torch.ones(size, size, device=device, dtype=getattr(torch, shape.dtype))
        calls = 10

        def run():
            for _ in range(calls):
                y = x @ x
            return y[:1, :1].float().cpu().numpy() * 0

        return calls * 2 * size**3 / 1e12, run

    def ours():
        import math

        from safetensors import safe_open

        n, run = methods(shape, folder, device)[OURS]()
        weights = 0
        for file in (folder / "model").glob("*.safetensors"):
            with safe_open(file, "np") as f:
                weights += sum(
                    math.prod(f.get_slice(k).get_shape())
                    for k in f.keys()
                    if ".layers." in k and int(k.split(".layers.")[1].split(".")[0]) <= shape.layer
                )
        return n * 2 * 2 * (weights + shape.width * shape.d_sae) / 1e12, lambda: run()[:1, :1] * 0

    return {f"matrix product of {size}, {shape.dtype}": product, OURS: ours}


def card_at_hand() -> bool:
    """Whether torch sees a card; asked in another process, since one that has asked cannot fork others that use it."""
    ask = "import sys, torch; sys.exit(not torch.cuda.is_available())"
    return subprocess.run([sys.executable, "-c", ask]).returncode == 0


def bench_extraction() -> Iterator[list[dict]]:
    """The tiny and the middle model on one CPU thread; where a card is at hand, all three there."""
    for shape, device in [
        (TINY, "cpu"),
        (MIDDLE, "cpu"),
        *([(TINY, "cuda"), (MIDDLE, "cuda"), (LARGE, "cuda")] if card_at_hand() else []),
    ]:
        with tempfile.TemporaryDirectory() as folder:
            in_a_process(prepare, shape, Path(folder), device)
            yield compare(f"{shape.name}; {device}", "words/s", methods(shape, Path(folder), device))
            if device != "cpu":
                yield compare(f"{shape.name}; {device}, arithmetic", "TFLOP/s", arithmetic(shape, Path(folder), device))
