"""What a job will need, reckoned from configurations before it starts: memory of the card and the host, bytes on disk.

No torch, and no weights: ``config.json``, ``cfg.json`` and the row say it. Every term stands by its own name in
`Memory.parts`, so that a person sees what to change. The constants are those of the code that is reckoned: a pass of
`features.forward`, a block of codes of `features.encoding`.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from shared_affect.models.model_folder import causal_class
from shared_affect.models.numerics import Numerics
from shared_affect.models.sae_config import SaeConfig, read_config

BYTES = {"float32": 4, "bfloat16": 2, "float16": 2, "tf32": 4}
"""Bytes a number."""

LIBRARIES = 1_300_000_000
"""Host memory of Python with torch and transformers, before anything is loaded."""

CONTEXT = 600_000_000
"""Card memory of CUDA's own context and of the libraries of matrix products."""

CODES = 1 << 27
"""Numbers in a block of dense codes: rows encoded at once times features."""

GROUP = 1 << 29
"""Bytes of residuals that wait for SAEs which are held one after another."""

JOINED = 4
"""Passes of a card whose texts are sorted, forwarded and kept together; a kill loses at most so many at a time."""

LOGITS = 1 << 26
"""Numbers in the logits of a slice of running text."""

RUNNING = 128
"""Running texts a forward pass, at most."""


@dataclass(frozen=True)
class ModelFacts:
    """Sizes of a decoder, in numbers.

    Attributes
    ----------
    blocks : int
    block_weights : int
        Weights of one block.
    embedding, head : int
        Weights of the input embedding, and of an output matrix of its own (0 where tied).
    hidden, inner, vocabulary : int
    key_value : int
        Width of a token's keys: heads of keys times their width.
    idle : int
        Weights of a block that a token does not pass: of experts that its router leaves out.
    linear_blocks, state, linear_width : int
        Blocks with linear attention (Qwen 3.5), what each of them remembers of a text, and the width of its values; the
        other blocks keep keys and values.
    senses : int
        Weights of eyes and ears, which are held with the whole model though text alone is read.
    """

    blocks: int
    block_weights: int
    embedding: int
    head: int
    hidden: int
    inner: int
    vocabulary: int
    key_value: int
    idle: int = 0
    linear_blocks: int = 0
    state: int = 0
    linear_width: int = 0
    senses: int = 0

    @classmethod
    def of_config(cls, config: Mapping) -> ModelFacts:
        """From the contents of a ``config.json``.

        Raises
        ------
        ValueError
            If it does not say a size that is needed.
        """
        inside: list[Mapping] = [
            config[k] for k in ("text_config", "decoder", "generator") if isinstance(config.get(k), dict)
        ]
        text = {**config, **(inside[0] if inside else {})}

        def size(*names: str, default: int | None = None) -> int:
            found = next((text[n] for n in names if isinstance(text.get(n), int)), default)
            if found is None:
                raise ValueError(f"config.json says no {names[0]}; needed to reckon what the model takes")
            return found

        hidden, blocks = size("hidden_size", "n_embd", "d_model"), size("num_hidden_layers", "n_layer", "num_layers")
        heads = size("num_attention_heads", "n_head", default=1)
        key_heads = size("num_key_value_heads", default=heads)
        width = size("head_dim", default=hidden // heads)
        inner = size("intermediate_size", "n_inner", "ffn_dim", default=4 * hidden)
        vocabulary = size("vocab_size")
        attention = hidden * width * (2 * heads + 2 * key_heads)
        linear_blocks, linear, state, linear_width = _linear_attention(text, blocks, hidden)
        if linear_blocks:  # and an output gate as wide as the queries where attention is full
            full = attention + hidden * width * heads
            attention = (linear_blocks * linear + (blocks - linear_blocks) * full) // blocks
        # older decoders (GPT-2, GPT-NeoX) have two matrices and biases, the others three: up, gate and down
        plain = config.get("model_type") in ("gpt2", "gpt_neox", "gptj", "opt", "bloom", "phi", "gpt_neo", "falcon")
        forward, idle = _experts(text, hidden, inner) or ((2 if plain else 3) * hidden * inner, 0)
        if dense := size("first_k_dense_replace", default=0):
            sparse = max(0, blocks - dense)
            forward, idle = (
                (sparse * forward + (blocks - sparse) * 3 * hidden * inner) // blocks,
                sparse * idle // blocks,
            )
        block = attention + forward + 4 * hidden
        tied = bool(
            text.get("tie_word_embeddings", config.get("model_type") in ("gpt2", "gemma", "gemma2", "gemma3_text"))
        )
        embedding = vocabulary * hidden
        head = 0 if tied else embedding
        return cls(
            *(blocks, block, embedding, head, hidden, inner, vocabulary, key_heads * width),
            *(idle, linear_blocks, state, linear_width, _senses(config)),
        )

    @classmethod
    def of_folder(cls, folder: str | Path) -> ModelFacts:
        """From a model's folder; its weights need not be there.

        Raises
        ------
        ValueError
            As `of_config`; FileNotFoundError without a ``config.json``.
        """
        return cls.of_config(json.loads((Path(folder) / "config.json").read_text(encoding="utf-8")))

    def weights(self, deepest: int | None = None) -> int:
        """Weights that are read for the blocks up to `deepest`; all, and the output matrix, by default."""
        blocks = self.blocks if deepest is None else min(self.blocks, deepest + 1)
        # an output matrix of its own is read with the part, too: it belongs to the model's class
        return blocks * self.block_weights + self.embedding + self.head + self.senses

    def working(self) -> int:
        """Weights that a token is multiplied with: all but those of experts that its router leaves out."""
        return self.weights() - self.senses - self.blocks * self.idle

    def remembered(self, tokens: int, size: int) -> int:
        """Bytes that a text of so many tokens keeps while it is written: keys and values, and states in float32.

        Examples
        --------
        Qwen 3.5 27B, 33 tokens in bfloat16: 144 MiB of states, 2 of keys and values.

        >>> qwen = ModelFacts(64, 1, 1, 1, 5120, 17408, 248_320, 1024, 0, 48, 48 * 128 * 128, 48 * 128)
        >>> round(qwen.remembered(33, 2) / 2**20)
        146
        """
        full = self.blocks - self.linear_blocks
        return 2 * size * tokens * full * self.key_value + 4 * self.linear_blocks * self.state


def _linear_attention(text: Mapping, blocks: int, hidden: int) -> tuple[int, int, int, int]:
    """Blocks with linear attention of the kind of Qwen 3-Next and 3.5, and of each: weights, state, width of values.

    Their projections make two keys, values and a gate as wide as these, and two numbers a head of values.
    """
    names = ("linear_num_key_heads", "linear_num_value_heads", "linear_key_head_dim", "linear_value_head_dim")
    found = [text.get(n) for n in names]
    if not all(isinstance(n, int) for n in found):
        return 0, 0, 0, 0
    key_heads, heads, key, value = (int(n) for n in found if n is not None)
    kinds = text.get("layer_types")
    every = text.get("full_attention_interval") or 4
    n = kinds.count("linear_attention") if isinstance(kinds, list) else blocks - blocks // every
    weights = hidden * (2 * key_heads * key + 2 * heads * value + 2 * heads) + heads * value * hidden
    return n, weights, heads * key * value, heads * value


def _senses(config: Mapping) -> int:
    """Weights of the eyes, at least, where transformers reads text with the class that has them: Gemma 3."""
    eyes = config.get("vision_config")
    if not isinstance(eyes, Mapping) or not causal_class(config.get("model_type")).endswith("ForConditionalGeneration"):
        return 0
    blocks, width, inner = (eyes.get(k) for k in ("num_hidden_layers", "hidden_size", "intermediate_size"))
    if not (isinstance(blocks, int) and isinstance(width, int) and isinstance(inner, int)):
        return 0
    return blocks * (4 * width * width + 2 * width * inner)


def _experts(text: Mapping, hidden: int, inner: int) -> tuple[int, int] | None:
    """Weights of a block's experts, and of those that a token does not pass; None of a decoder without experts."""
    counts = ("num_local_experts", "num_experts", "n_routed_experts")
    n = next((text[k] for k in counts if isinstance(text.get(k), int) and text[k] > 1), None)
    if n is None:
        return None
    used = min(n, next((text[k] for k in ("num_experts_per_tok", "top_k_experts") if isinstance(text.get(k), int)), n))
    width = text.get("moe_intermediate_size") or inner
    shared = text.get("shared_expert_intermediate_size") or (text.get("n_shared_experts") or 0) * width
    one = 3 * hidden * width
    return n * one + 3 * hidden * shared + n * hidden, (n - used) * one


@dataclass(frozen=True)
class SaeFacts:
    """Sizes of an SAE and the block that it reads."""

    d_in: int
    d_sae: int
    layer: int

    @classmethod
    def of_config(cls, config: SaeConfig, layer: int) -> SaeFacts:
        return cls(config.d_in, config.d_sae, layer)

    @classmethod
    def of_folder(cls, folder: str | Path, layer: int) -> SaeFacts:
        return cls.of_config(read_config(folder), layer)

    def encoder(self, precision: str = "float32") -> int:
        """Bytes of what encodes; biases and thresholds stay float32."""
        return self.d_in * self.d_sae * BYTES[precision] + 3 * 4 * self.d_sae

    @property
    def decoder(self) -> int:
        """Bytes of what decodes: running text needs it, words do not."""
        return self.d_in * self.d_sae * 4 + 4 * self.d_in


@dataclass(frozen=True)
class Memory:
    """Bytes that a job is reckoned to take at its peak.

    Attributes
    ----------
    vram_bytes : int
        On the card; 0 where the device is a CPU.
    ram_bytes : int
        On the host.
    parts : dict of str -> int
        The terms, largest first: ``card: ...`` and ``host: ...``.
    """

    vram_bytes: int
    ram_bytes: int
    parts: dict[str, int] = field(default_factory=dict)

    def told(self) -> str:
        """The statement in one line, GiB.

        Examples
        --------
        >>> Memory(2**34, 2**32, {"card: weights": 2**33, "card: an SAE": 2**33}).told()
        '16.0 GiB on the card (weights 8.0, an SAE 8.0), 4.0 GiB on the host'
        """
        card = ", ".join(f"{k[6:]} {v / 2**30:.1f}" for k, v in self.parts.items() if k.startswith("card: "))
        host = f"{self.ram_bytes / 2**30:.1f} GiB on the host"
        return f"{self.vram_bytes / 2**30:.1f} GiB on the card ({card}), {host}" if self.vram_bytes else host


def extraction_memory(
    model: ModelFacts,
    saes: Sequence[SaeFacts],
    numerics: Numerics,
    *,
    gates: bool = True,
    n_words: int = 0,
    n_templates: int = 4,
    active: int = 200,
    card: bool | None = None,
) -> Memory:
    """Peak memory of a job that extracts words, reckoned.

    Parameters
    ----------
    model : ModelFacts
    saes : sequence of SaeFacts
        Held one at a time, so the widest counts.
    numerics : Numerics
    gates : bool
        Whether the job measures the SAEs on running text, for which the whole model is held (a shard does not).
    n_words, n_templates, active : int
        Rated words, carriers, and active features of a residual: what is put together on the host at the end.
    card : bool, optional
        Whether it runs on one; by default anything but the device ``cpu`` does.

    Returns
    -------
    Memory

    Examples
    --------
    Gemma 2 9B up to block 20 with 131,072 features, 2,048 texts a forward pass:

    >>> gemma = ModelFacts(42, 198_194_176, 917_504_000, 0, 3584, 14336, 256_000, 2048)
    >>> row = Numerics("bfloat16", "cuda", "eager", 2048)
    >>> round(extraction_memory(gemma, [SaeFacts(3584, 131_072, 20)], row, gates=False).vram_bytes / 2**30, 1)
    13.7
    """
    card = numerics.device != "cpu" if card is None else card
    deepest = max(s.layer for s in saes)
    size, widest = BYTES[numerics.dtype], max(saes, key=lambda s: s.d_in * s.d_sae)
    rows = min(1024, max(1, CODES // widest.d_sae))
    # values, a mask, and places of what is found; the residuals that wait for the next SAE
    codes = rows * widest.d_sae * (4 + 1) + rows * active * 16
    waiting = JOINED * numerics.chunk_batch * 2 * model.hidden * size * len({s.layer for s in saes})
    words = {
        "weights": model.weights(deepest) * size,
        "an SAE's encoder": widest.encoder(numerics.encoder),
        "a pass": _pass(model, deepest, numerics.chunk_batch, size),
        "codes": codes + (max(GROUP, waiting) if len(saes) > 1 else waiting),
    }
    logits = min(LOGITS, RUNNING * TEXT * model.vocabulary)
    running = {
        "weights": model.weights() * size,
        "an SAE": widest.encoder() + widest.decoder,
        "a pass": min(numerics.chunk_batch, RUNNING) * TEXT * (3 * model.inner + 6 * model.hidden) * size,
        "codes": 2 * codes,
        "logits": logits * (size + 8),
    }
    phases = [words, *([running] if gates else [])]
    top = max(phases, key=lambda p: sum(p.values()))
    assembled = n_words * n_templates * 2 * active * 8 * 3 + n_words * model.hidden * 4 * 3
    host = {
        "libraries": LIBRARIES,
        "arrays of the words": assembled,
        # weights pass through the host to the card; the float32 sample casts one block at a time
        **(
            {"weights on their way": top["weights"], "an SAE on its way": widest.encoder() + widest.decoder}
            if card
            else top
        ),
    }
    if numerics.dtype != "float32":
        # the sample in float32: one block wide, of a second model where the first is on the host, too
        host["a block in float32"] = 4 * model.block_weights + (0 if card else model.weights(deepest) * size)
    on_card = {**top, "CUDA": CONTEXT} if card else {}
    parts = {f"card: {k}": v for k, v in on_card.items()} | {f"host: {k}": v for k, v in host.items()}
    ordered = dict(sorted(parts.items(), key=lambda kv: -kv[1]))
    return Memory(sum(on_card.values()), sum(host.values()), ordered)


TEXT, BEGINNING, REST = 32, 8, 4
"""Tokens of a running text, of a carrier's beginning, and of what follows it up to the last read-out position."""


def _pass(model: ModelFacts, deepest: int, texts: int, size: int) -> int:
    """Bytes of a forward pass over the rest of `texts`: the beginning's keys and values, and one block at work."""
    blocks = min(model.blocks, deepest + 1)
    # keys and values of the beginning once, of one block's whole texts while it works
    cache = 2 * size * model.key_value * (blocks * BEGINNING + texts * (BEGINNING + 2 * REST))
    at_work = texts * REST * (3 * model.inner * size + 6 * model.hidden * max(size, 4) // 2)
    return cache + at_work + texts * _linear_at_work(model)


PIECE, HELD_AT_ONCE = 64, 12
"""Tokens to which transformers' linear attention fills up every text, and arrays of them that it holds in float32."""


def _linear_at_work(model: ModelFacts) -> int:
    """Bytes of a text in one block of linear attention: the padded piece, and its state before and after."""
    if not model.linear_blocks:
        return 0
    return 4 * (HELD_AT_ONCE * PIECE * model.linear_width + 2 * model.state)


@dataclass(frozen=True)
class Disk:
    """Bytes that extraction leaves: in the journal, shared by all studies, and below ``results/``."""

    journal_bytes: int
    results_bytes: int


def extraction_disk(
    model: ModelFacts,
    saes: Sequence[SaeFacts],
    numerics: Numerics,
    *,
    n_words: int,
    n_templates: int,
    active: int = 200,
    n_readouts: int = 1,
) -> Disk:
    """What the words of one language leave on disk, reckoned.

    Parameters
    ----------
    model, saes, numerics
        As in `extraction_memory`.
    n_words : int
        Concept words, controls and rated words together.
    n_templates : int
    active : int
        Active features of a residual, mean.
    n_readouts : int
        Ways to average over templates and positions that the study's variants ask for.
    """
    rows = n_words * n_templates * 2
    layers = len({s.layer for s in saes})
    # mean embeddings are kept of the first template alone
    residuals = layers * rows * model.hidden * BYTES[numerics.dtype] + n_words * model.hidden * 4
    codes = len(saes) * rows * (active * 8 + 8)
    dense = len(saes) * n_words * model.hidden * 4 * (n_readouts + 1)
    return Disk(residuals + codes, codes + dense)
