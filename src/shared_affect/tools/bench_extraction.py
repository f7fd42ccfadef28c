"""Words a second from text to SAE codes: plain padded batches, the usual research loop, and the workflow's own engine.

Needs torch, transformers and safetensors alone; sae-lens only for the research loop, which is left out without it.
"""

from __future__ import annotations

import math
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from shared_affect.tools.bench import Prepared, compare, in_a_process
from shared_affect.tools.bench_models import LARGE, MIDDLE, TEMPLATES, TINY, Shape, Workload, prepare

if TYPE_CHECKING:
    from torch import Tensor
    from transformers import PreTrainedModel

    from shared_affect.models.saes import DiskSAE

OURS = "ours: both read-outs, residuals and journal included"


class Work(Workload):
    """Words of a shape in templates."""

    def texts(self, n: int) -> list[list[str]]:
        """`n` words in each template."""
        return [[t.format(word=f"w{i}") for i in range(n)] for t in TEMPLATES.values()]

    def load(self) -> tuple[PreTrainedModel, DiskSAE, Any]:
        """Model, SAE, and the tokenizer of whatever class transformers makes of the folder."""
        from transformers import AutoTokenizer

        from shared_affect.models.saes import DiskSAE

        return (
            self.load_model(),
            DiskSAE(self.folder / "sae", self.device),
            AutoTokenizer.from_pretrained(self.folder / "model"),
        )


def _mean(codes: Sequence[Tensor]) -> np.ndarray:
    """Mean over templates, summed in their order."""
    return (sum(codes[1:], codes[0]) / len(codes)).cpu().numpy()


def padded(work: Work) -> Prepared:
    """Plain padded batches of 64; all layers and logits are computed, every position is encoded."""
    import torch

    model, sae, tokenizer = work.load()
    shape = work.shape

    @torch.inference_mode()
    def run() -> np.ndarray:
        found = []
        for one in work.texts(shape.words):
            codes = []
            for i in range(0, len(one), 64):
                batch = tokenizer(one[i : i + 64], return_tensors="pt", padding=True).to(work.device)
                hidden = model(**batch, output_hidden_states=True).hidden_states[shape.layer + 1]
                codes.append(sae.encode(hidden)[torch.arange(len(hidden)), batch["attention_mask"].sum(1) - 2])
            found.append(torch.cat(codes))
        return _mean(found)

    return shape.words * len(TEMPLATES), run


def research_loop(work: Work) -> Prepared:
    """One word at a time through the SAELens bridge."""
    import torch
    from sae_lens import SAE, SAETransformerBridge

    model, _, tokenizer = work.load()
    bridge = SAETransformerBridge.boot_transformers(
        str(work.folder / "model"), device=work.device, hf_model=model, tokenizer=tokenizer
    )
    sae = SAE.load_from_disk(work.folder / "sae", device=work.device)

    @torch.no_grad()
    def run() -> np.ndarray:
        found = []
        for one in work.texts(work.shape.loop_words):
            codes = []
            for text in one:
                ids = tokenizer(text, return_tensors="pt")["input_ids"].to(work.device)
                _, cache = bridge.run_with_cache_with_saes(
                    ids, saes=[sae], names_filter=lambda name: name.endswith("hook_sae_acts_post")
                )
                codes.append(next(v for k, v in cache.items() if k.endswith("hook_sae_acts_post"))[0, -2])
            found.append(torch.stack(codes))
        return _mean(found)

    return work.shape.loop_words * len(TEMPLATES), run


def at_the_word(arrays: Mapping[str, np.ndarray]) -> np.ndarray:
    """Codes at the word, averaged over templates, dense ``[word, feature]``; `features.readout` needs scipy for it."""
    n, n_templates, ends = len(arrays["words"]), len(arrays["templates"]), arrays["indptr"]
    out = np.zeros((n, int(arrays["d_sae"])), np.float32)
    for row in (2 * t * n + w for t in range(n_templates) for w in range(n)):
        own = slice(ends[row], ends[row + 1])
        out[row % n, arrays["indices"][own]] += arrays["data"][own] / np.float32(n_templates)
    return out


def ours(work: Work) -> Prepared:
    """The workflow's own engine, with a journal of its own for every call."""
    from shared_affect.features.extraction import Extractor
    from shared_affect.features.held import SaeSource
    from shared_affect.models.load import Numerics
    from shared_affect.models.spans import locate

    model, sae, _ = work.load()
    shape, folder = work.shape, work.folder
    words = [f"w{i}" for i in range(shape.words)]
    numerics = Numerics(dtype=shape.dtype, device=work.device, chunk_batch=shape.chunk_batch)
    sources = {"s": SaeSource(str(folder / "sae"), shape.layer)}

    def fresh() -> Extractor:
        extractor = Extractor(folder / "model", sources, "en", numerics, tempfile.mkdtemp(dir=folder))
        extractor.held.put(model, {"s": sae})
        # once a model, not once a word
        extractor.prove([s.ids for s in locate(extractor.tokenizer, TEMPLATES["word-is"], words[:2])])
        return extractor

    # one journal for the warm-up and one for the measured call: nothing may come from the first
    extractors = iter([fresh(), fresh()])

    def run() -> np.ndarray:
        return at_the_word(next(extractors).words({"w": words}, TEMPLATES)["s"]["w"])

    return shape.words * len(TEMPLATES), run


def methods(shape: Shape, folder: Path, device: str = "cpu") -> dict[str, Callable[[], Prepared]]:
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
    work = Work(shape, folder, device)
    found: dict[str, Callable[[], Prepared]] = {}
    found["padded batches of 64, all layers and logits, every position encoded"] = partial(padded, work)
    if find_spec("sae_lens"):
        found["one word at a time through the SAELens bridge, no_grad, names_filter"] = partial(research_loop, work)
    return found | {OURS: partial(ours, work)}


def arithmetic(shape: Shape, folder: Path, device: str, size: int = 8192) -> dict[str, Callable[[], Prepared]]:
    """The same work counted in floating-point operations, beside a large matrix product: the share of a card's peak.

    Counted are the weights of the blocks that are run and the encoder, twice for each of the two tokens of a text that
    are not its template's beginning.
    """

    def product() -> Prepared:
        import torch

        x = torch.ones(size, size, device=device, dtype=getattr(torch, shape.dtype))
        calls = 10

        def run() -> np.ndarray:
            for _ in range(calls):
                y = x @ x
            return y[:1, :1].float().cpu().numpy() * 0

        return calls * 2 * size**3 / 1e12, run

    def counted() -> Prepared:
        n, run = ours(Work(shape, folder, device))
        weights = _weights_run(folder / "model", shape.layer) + shape.width * shape.d_sae
        return n * 2 * 2 * weights / 1e12, lambda: run()[:1, :1] * 0

    return {f"matrix product of {size}, {shape.dtype}": product, OURS: counted}


def _weights_run(folder: Path, layer: int) -> int:
    """Number of weights in the blocks up to `layer`."""
    from safetensors import safe_open

    weights = 0
    for file in folder.glob("*.safetensors"):
        with safe_open(file, "np") as f:
            weights += sum(
                math.prod(f.get_slice(k).get_shape())
                for k in f.keys()
                if ".layers." in k and int(k.split(".layers.")[1].split(".")[0]) <= layer
            )
    return weights


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
