"""Small random models of the architectures that a row of config/models.tsv can name: each is read right, or refused in
words.

Right means: as the model itself computes one text at a time, without padding, without a cache, without anything of
ours.
"""

import numpy as np
import pytest
from conftest import make_sae, make_tokenizer

from shared_affect.features.extraction import Extractor
from shared_affect.features.held import SaeSource
from shared_affect.models.blocks import blocks
from shared_affect.models.interventions import Intervention
from shared_affect.models.load import Numerics, load_model
from shared_affect.models.model_folder import ModelRow, check_folder
from shared_affect.models.proof import prove_steering
from shared_affect.models.sampling import Sampling
from shared_affect.steering.generate import Generator, Place
from shared_affect.steering.plan import Chunk, Prompt

SIZE = dict(
    vocab_size=53,
    hidden_size=32,
    num_hidden_layers=4,
    num_attention_heads=4,
    num_key_value_heads=2,
    intermediate_size=48,
    max_position_embeddings=64,
    pad_token_id=0,
    bos_token_id=1,
    eos_token_id=2,
)
HEAD, LOCAL = dict(head_dim=8), dict(sliding_window=4)
EXPERTS = dict(num_experts=4, num_experts_per_tok=2, moe_intermediate_size=16)
LINEAR = dict(linear_key_head_dim=8, linear_value_head_dim=8, linear_num_key_heads=2, linear_num_value_heads=4)
OLD = dict(n_embd=32, n_head=4, n_layer=4)
GEMMA_N = dict(
    **HEAD,
    **LOCAL,
    vocab_size_per_layer_input=53,
    hidden_size_per_layer_input=8,
    num_kv_shared_layers=2,
    layer_types=["sliding_attention", "full_attention"] * 2,
)
EYES = dict(
    hidden_size=32, intermediate_size=48, num_hidden_layers=4, num_attention_heads=4, image_size=32, patch_size=8
)

RIGHT = {
    "gpt2": {},
    "gpt_neox": {},
    "llama": {},
    "qwen2": {},
    "qwen3": HEAD,
    "qwen3_moe": HEAD | EXPERTS,
    "mistral": HEAD | LOCAL,
    "mixtral": dict(num_local_experts=4),
    "gemma": HEAD,
    "gemma2": dict(query_pre_attn_scalar=8) | HEAD | LOCAL,
    "gemma3_text": dict(query_pre_attn_scalar=8) | HEAD | LOCAL,
    "gemma4_text": dict(global_head_dim=8) | GEMMA_N,
    "olmo": {},
    "olmo2": {},
    "olmo3": LOCAL,
    "gpt_oss": dict(num_local_experts=4) | HEAD | LOCAL,
    "phi": {},
    "phi3": {},
    "falcon": dict(new_decoder_architecture=False),
    "opt": dict(ffn_dim=48, word_embed_proj_dim=32),
    "llama4_text": dict(intermediate_size_mlp=48, num_local_experts=2, num_experts_per_tok=1, attention_chunk_size=8)
    | HEAD,
    "mpt": dict(d_model=32, n_heads=4, n_layers=4, max_seq_len=64),
    "bloom": dict(n_head=4, n_layer=4),
    "gptj": OLD | dict(rotary_dim=4),
    "gpt_neo": dict(num_layers=4, num_heads=4, attention_types=[[["global", "local"], 2]], window_size=4),
    "gpt_bigcode": {},
    "stablelm": {},
    "starcoder2": {},
    "cohere": {},
    "cohere2": HEAD | LOCAL,
    "granite": {},
    "smollm3": {},
    "glm4": HEAD,
    "nemotron": {},
    "exaone4": dict(sliding_window_pattern=2) | LOCAL,
    "ernie4_5": HEAD,
    "deepseek_v3": dict(
        q_lora_rank=8,
        kv_lora_rank=8,
        qk_rope_head_dim=4,
        qk_nope_head_dim=4,
        v_head_dim=8,
        n_routed_experts=4,
        num_experts_per_tok=2,
        moe_intermediate_size=16,
        n_group=1,
        topk_group=1,
        first_k_dense_replace=1,
        num_key_value_heads=4,
    ),
    "olmoe": dict(num_experts=4, num_experts_per_tok=2),
    "xglm": dict(d_model=32, attention_heads=4, num_layers=4, ffn_dim=48),
}
"""Texts share the cache of their beginning."""

WITHOUT_PREFIX = {
    "mamba": dict(state_size=4),
    "mamba2": dict(state_size=8, num_heads=8, head_dim=8, n_groups=2, expand=2, chunk_size=8),
    "falcon_mamba": dict(state_size=4),
    "jamba": dict(
        num_experts=2,
        mamba_d_state=4,
        mamba_d_conv=2,
        attn_layer_period=2,
        attn_layer_offset=1,
        expert_layer_period=2,
        use_mamba_kernels=False,
    ),
    "bamba": dict(
        attn_layer_indices=[1, 3],
        mamba_n_heads=8,
        mamba_d_head="auto",
        mamba_d_state=8,
        mamba_n_groups=2,
        mamba_chunk_size=8,
    ),
    "lfm2": dict(layer_types=["conv", "full_attention"] * 2, block_ff_dim=48, block_multiple_of=8),
    "qwen3_next": dict(layer_types=["linear_attention", "full_attention"] * 2, shared_expert_intermediate_size=16)
    | HEAD
    | LINEAR
    | EXPERTS,
    "qwen3_5_text": dict(full_attention_interval=2) | HEAD | LINEAR,
    "openai-gpt": OLD,
}
"""Their memory is no list of keys and values: each text is read whole."""

NOT_STEERED = {
    "recurrent_gemma": dict(lru_width=32, attention_window_size=8, block_types=["recurrent", "attention"]),
    "rwkv": dict(attention_hidden_size=32, context_length=64),
    "mbart": dict(
        d_model=32,
        decoder_layers=4,
        decoder_attention_heads=4,
        decoder_ffn_dim=48,
        is_decoder=True,
        is_encoder_decoder=False,
    ),
}
"""Read right, but padding on the left changes what they write."""

REFUSED = {"gemma3n_text": dict(laurel_rank=4, activation_sparsity_pattern=[0.0] * 4) | GEMMA_N}
"""A block hands on four streams."""

WITH_EYES = {
    "gemma3": (
        "Gemma3ForConditionalGeneration",
        "gemma3_text",
        dict(vision_config=dict(model_type="siglip_vision_model", **EYES), mm_tokens_per_image=4, image_token_index=52),
    ),
    "gemma4": ("Gemma4ForConditionalGeneration", "gemma4_text", dict(vision_config=None, audio_config=None)),
    "llama4": (
        "Llama4ForConditionalGeneration",
        "llama4_text",
        dict(
            vision_config=dict(
                num_channels=3, vision_output_dim=32, projector_input_dim=32, projector_output_dim=32, **EYES
            )
        ),
    ),
    "qwen3_5": (
        "Qwen3_5ForConditionalGeneration",
        "qwen3_5_text",
        dict(
            vision_config=dict(
                depth=4, hidden_size=32, num_heads=4, intermediate_size=48, out_hidden_size=32, patch_size=8
            )
        ),
    ),
}
TEXT = RIGHT | WITHOUT_PREFIX | NOT_STEERED | REFUSED
TEMPLATES = {"bare": "{word}.", "word-is": "the word is {word}.", "of": "now think of the word {word}."}
WORDS = ["joy", "sadness", "table", "calm"]


def make(name, folder):
    """A random model whose blocks do something, saved with the tokenizer."""
    import torch
    import transformers
    from transformers import AutoConfig, AutoModelForCausalLM

    if name in WITH_EYES:
        kind, text, more = WITH_EYES[name]
        model = getattr(transformers, kind)(
            AutoConfig.for_model(name, text_config={"model_type": text, **SIZE, **TEXT[text]}, **more)
        )
    else:
        model = AutoModelForCausalLM.from_config(AutoConfig.for_model(name, **{**SIZE, **TEXT[name]}))
    g = torch.Generator().manual_seed(1)
    with torch.no_grad():
        for key, p in model.named_parameters():
            if p.ndim > 1:
                p.copy_(
                    torch.randn(p.shape, generator=g)
                    * (1 if "emb" in key or "wte" in key else 0.6 / p.shape[-1] ** 0.5)
                )
    model.save_pretrained(folder)
    make_tokenizer().save_pretrained(folder)
    return folder


def alone(model, layer, ids):
    """What the model itself hands from a block to the next, one text, nothing of ours in the way."""
    import torch

    caught = []
    names = {
        n: m
        for n, m in model.named_modules()
        if isinstance(m, torch.nn.ModuleList) and len(m) == 4 and not n.startswith(("model.vision", "vision"))
    }
    handle = next(iter(names.values()))[layer + 1].register_forward_pre_hook(
        lambda module, args, kwargs: caught.append(args[0] if args else kwargs["hidden_states"]), with_kwargs=True
    )
    with torch.inference_mode():
        model(input_ids=torch.tensor([ids]), use_cache=False)
    handle.remove()
    return caught[0][0].numpy()


@pytest.mark.parametrize("name", [*RIGHT, *WITHOUT_PREFIX, *NOT_STEERED, *WITH_EYES])
def test_words_are_read_as_the_model_computes_each_text_by_itself(tmp_path, caplog, name):
    from shared_affect.models.spans import locate
    from shared_affect.models.tokens import load_tokenizer

    folder, sae = make(name, tmp_path / "m"), make_sae(tmp_path / "s")
    facts = check_folder(folder, f"config/models.tsv, model {name}", [1])
    assert (facts["n_blocks"], facts["hidden_size"], facts["vocab_size"], facts["dtype"]) == (4, 32, 53, "float32")
    extractor = Extractor(
        folder,
        {"s": SaeSource(str(sae), 1)},
        "en",
        Numerics(chunk_batch=3),
        tmp_path / "j",
        row=ModelRow(f"model {name}"),
    )
    with caplog.at_level("WARNING", logger="shared_affect"):
        found = extractor.words({"x": WORDS}, TEMPLATES)["s"]["x"]["dense"]
    model, part, tokenizer = load_model(folder), extractor.held.get().model, load_tokenizer(folder)
    assert len(blocks(part)) == 2 and len(blocks(model)) == 4
    for t, template in enumerate(TEMPLATES.values()):
        for w, s in enumerate(locate(tokenizer, template, WORDS)):
            own = alone(model, 1, list(s.ids))
            assert np.allclose(found[t, :, w], own[[s.last, s.after]], rtol=1e-4, atol=1e-4 * np.abs(own).max()), (
                template,
                s.word,
            )
    without = "texts do not share the cache" in caplog.text
    assert without == (name in WITHOUT_PREFIX or name in ("recurrent_gemma", "rwkv", "qwen3_5"))
    # kept, and under other keys where the beginning was not shared: values of older code, which shared it, are not
    # served
    again = Extractor(folder, {"s": SaeSource(str(sae), 1)}, "en", Numerics(chunk_batch=3), tmp_path / "j")
    again.words({"x": WORDS}, TEMPLATES)
    assert again.model_loads == 0 and ("prefix" in again.records.identity) == without
    ids = [list(s.ids) for s in locate(tokenizer, TEMPLATES["of"], WORDS)]
    if name in NOT_STEERED:
        with pytest.raises(ValueError, match=rf"model {name}.*not those steered one by one.*steering.enabled"):
            prove_steering(model, 1, ids, f"config/models.tsv, model {name}")
    else:
        assert prove_steering(model, 1, ids, f"config/models.tsv, model {name}") == {"steering": True}


def packed(folder):
    """Weights of experts as gpt-oss stores them: four bits each in blocks of 32, with one exponent a block."""
    import json

    import torch
    from safetensors.torch import load_file, save_file

    g, packed = torch.Generator().manual_seed(2), {}
    for key, value in load_file(folder / "model.safetensors").items():
        if not key.endswith(("gate_up_proj", "down_proj")):
            packed[key] = value.to(torch.bfloat16)
            continue
        experts, inside, out = value.shape
        packed[f"{key}_blocks"] = torch.randint(
            0, 256, (experts, out, inside // 32, 16), generator=g, dtype=torch.uint8
        )
        packed[f"{key}_scales"] = torch.randint(122, 126, (experts, out, inside // 32), generator=g, dtype=torch.uint8)
    save_file(packed, folder / "model.safetensors", {"format": "pt"})
    config = json.loads((folder / "config.json").read_text())
    plain = ["model.layers.*.self_attn", "model.layers.*.mlp.router", "model.embed_tokens", "lm_head"]
    config["quantization_config"] = {"quant_method": "mxfp4", "modules_to_not_convert": plain}
    (folder / "config.json").write_text(json.dumps(config))
    return packed


@pytest.mark.filterwarnings("ignore")
def test_packed_weights_of_experts_are_unpacked_read_and_steered(tmp_path, monkeypatch):
    """gpt-oss: whatever kernels are installed, what is computed with are plain weights, those of the file."""
    import torch
    from transformers.quantizers.quantizer_mxfp4 import Mxfp4HfQuantizer

    monkeypatch.setitem(TEXT, "gpt_oss", TEXT["gpt_oss"] | {"intermediate_size": 32})
    folder, sae = make("gpt_oss", tmp_path / "m"), make_sae(tmp_path / "s")
    stored, where = packed(folder), "config/models.tsv, model gpt-oss"
    assert check_folder(folder, where, [1])["n_blocks"] == 4
    asked, own_check = [], Mxfp4HfQuantizer.validate_environment
    monkeypatch.setattr(
        Mxfp4HfQuantizer,
        "validate_environment",
        lambda self, *a, **k: asked.append(self.quantization_config.dequantize) or own_check(self, *a, **k),
    )
    model = load_model(folder)
    assert asked == [True]  # before anything is known of a card and of kernels
    key = "model.layers.1.mlp.experts.gate_up_proj"
    levels = torch.tensor([0, 0.5, 1, 1.5, 2, 3, 4, 6, -0.0, -0.5, -1, -1.5, -2, -3, -4, -6])
    bits, scales = stored[f"{key}_blocks"], stored[f"{key}_scales"]
    pairs = torch.stack([levels[(bits & 15).long()], levels[(bits >> 4).long()]], -1).flatten(-2)
    own = (pairs * 2.0 ** (scales.float() - 127)[..., None]).flatten(-2).transpose(1, 2)
    assert torch.equal(dict(model.named_parameters())[key], own)
    ex = Extractor(folder, {"s": SaeSource(str(sae), 1)}, "en", Numerics(), tmp_path / "j", row=ModelRow(where))
    assert np.isfinite(ex.words({"x": WORDS}, TEMPLATES)["s"]["x"]["dense"]).all()
    assert len(blocks(ex.held.get().model)) == 2
    ids = [[1, 5, 6, 7, 8, 9], [1, 9, 4, 11]]
    assert prove_steering(model, 1, ids, where) == {"steering": True}


@pytest.mark.parametrize("name", ["llama", "gemma2"])
def test_a_cache_from_which_ended_texts_are_not_dropped_is_seen(tmp_path, monkeypatch, name):
    """The batch goes on with another text's memory: its rows look like any others."""
    from transformers import DynamicCache

    model, ids = load_model(make(name, tmp_path / "m")), [[1, 5, 6, 7, 8, 9], [1, 9, 4, 11]]
    assert prove_steering(model, 0, ids, "m") == {"steering": True}
    real = DynamicCache.reorder_cache
    monkeypatch.setattr(DynamicCache, "reorder_cache", lambda self, rows: real(self, rows - 1))
    with pytest.raises(ValueError, match="texts steered after block 0 in a padded batch"):
        prove_steering(model, 0, ids, "m")


def chunk(*prompts):
    named = tuple(Prompt(f"p{i}", "score", text) for i, text in enumerate(prompts))
    return Chunk("joy", "concept", Intervention(np.ones(32), 1.0), named)


@pytest.mark.parametrize("name", REFUSED)
def test_what_is_no_residual_stream_is_refused_with_the_row(tmp_path, name):
    folder, sae = make(name, tmp_path / "m"), make_sae(tmp_path / "s")
    where = f"config/models.tsv, model {name}"
    with pytest.raises(
        ValueError,
        match=rf"config/models.tsv, model {name}.*block 0 gives \(4, 1, .*, 32\).*not one vector of 32 a token",
    ):
        Extractor(folder, {"s": SaeSource(str(sae), 1)}, "en", Numerics(), tmp_path / "j", row=ModelRow(where)).words(
            {"x": WORDS}, TEMPLATES
        )
    with pytest.raises(ValueError, match=f"model {name}"):
        Generator(
            Place(folder, sae, 1, 1.0, where=where),
            "en",
            Sampling(max_new_tokens=2),
            numerics=Numerics(),
            journal_folder=tmp_path / "j",
            root_seed=1,
        ).run([chunk("the word is", "now")], "x")


def test_a_study_that_steers_is_refused_before_its_words_are_read(tmp_path):
    folder, sae = make("recurrent_gemma", tmp_path / "m"), make_sae(tmp_path / "s")
    texts = ["the word is joy.", "now think of the table."]

    def extractor(**more):
        return Extractor(
            folder,
            {"s": SaeSource(str(sae), 1, **more)},
            "en",
            Numerics(),
            tmp_path / "j",
            row=ModelRow("config/models.tsv, model r"),
        )

    with pytest.raises(ValueError, match=r"model r.*steering.enabled"):
        extractor(steered=True).running_text(texts, texts)
    with pytest.raises(ValueError, match=r"model r.*steering.enabled"):
        extractor(steered=True).words({"x": WORDS}, TEMPLATES)
    assert not list((tmp_path / "j").glob("*.journal"))
    assert extractor().words({"x": WORDS}, TEMPLATES)


def test_a_model_is_proved_once_for_all_languages_and_for_steering(tmp_path, monkeypatch):
    from shared_affect.features import extraction
    from shared_affect.steering import generate as steering

    folder, sae, seen = make("llama", tmp_path / "m"), make_sae(tmp_path / "s"), []
    for room, name in ((extraction, "prove_reading"), (extraction, "prove_steering"), (steering, "prove_steering")):
        real = getattr(room, name)
        monkeypatch.setattr(room, name, lambda *args, real=real, name=name: seen.append(name) or real(*args))
    for language in ("en", "zh"):
        Extractor(folder, {"s": SaeSource(str(sae), 1, steered=True)}, language, Numerics(), tmp_path / "j").words(
            {"x": WORDS}, TEMPLATES
        )
    Generator(
        Place(folder, sae, 1, 1.0),
        "en",
        Sampling(max_new_tokens=2),
        numerics=Numerics(),
        journal_folder=tmp_path / "j",
        root_seed=1,
    ).run([chunk("the word is")], "x")
    assert seen == ["prove_steering", "prove_reading"]
    Extractor(folder, {"s": SaeSource(str(sae), 1)}, "en", Numerics(attention="sdpa"), tmp_path / "j").words(
        {"x": WORDS}, TEMPLATES
    )
    assert seen[2:] == ["prove_reading"]


def test_the_proof_sees_each_mistake_it_is_for(tmp_path):
    """Wrong assumptions planted one by one in a model that is read right."""
    import torch

    from shared_affect.models.proof import prove_reading

    ids = [[1, 5, 6, 7, 8, 9], [1, 9, 4], [1, 6, 7, 11]]

    def model():
        return load_model(make("llama", tmp_path / "m"))

    assert prove_reading(model(), ids, "row") == {"prefix": True}
    # later tokens reach earlier ones
    leaky = model()
    leaky.model.layers[0].register_forward_hook(lambda m, a, out: out + 0.05 * out.mean(1, keepdim=True))
    with pytest.raises(ValueError, match=r"row.*when tokens follow"):
        prove_reading(leaky, ids, "row")
    # what a block hands on is not what the model goes on with
    split = model()
    told = split.model.forward

    def changed(*args, **kwargs):
        out = told(*args, **kwargs)
        if out.hidden_states is not None:
            out.hidden_states = tuple(h * 1.001 if i == 2 else h for i, h in enumerate(out.hidden_states))
        return out

    split.model.forward = changed

    with pytest.raises(ValueError, match=r"row.*output of block 1 differs from the hidden state"):
        prove_reading(split, ids, "row")
    # a cache is filled but not used rightly: the beginning is left out, and the values stay right
    deaf = model()
    own = deaf.model.layers[1].self_attn.forward
    deaf.model.layers[1].self_attn.forward = lambda *a, past_key_values=None, **k: own(*a, past_key_values=None, **k)
    assert prove_reading(deaf, ids, "row") == {"prefix": False}
    # steering: a cached step sees another position
    lame = model()
    forward = lame.forward
    lame.forward = lambda *a, position_ids=None, **k: forward(
        *a, position_ids=None if position_ids is None else position_ids * 0, **k
    )
    with pytest.raises(ValueError, match=r"row.*not those steered one by one"):
        prove_steering(lame, 1, ids, "row")
    # a model that does not run at all
    torn = model()
    torn.model.layers[1].mlp.up_proj = torch.nn.Linear(3, 4)
    for prove in (prove_reading, lambda *args: prove_steering(args[0], 0, *args[1:])):
        with pytest.raises(
            ValueError, match=r"LlamaForCausalLM \(row\).*does not run on plain text \(RuntimeError: mat1"
        ):
            prove(torn, ids, "row")
