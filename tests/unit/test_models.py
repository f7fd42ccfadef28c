"""A model's folder is looked at before anything is spent on it, and every weight of a loaded model comes from it."""

import json
import subprocess
import sys

import numpy as np
import pytest
from conftest import make_model, make_sae
from safetensors.numpy import load_file, save_file

from shared_affect.models.blocks import blocks
from shared_affect.models.load import load_model
from shared_affect.models.model_folder import check_folder

WHERE = "config/models.tsv, model m"


@pytest.fixture
def folder(tmp_path):
    return make_model("llama", tmp_path / "m")


def rewrite(folder, change, **config):
    """Save the folder's weights as `change` gives them, and its configuration with other values."""
    path = folder / "model.safetensors"
    save_file({k: np.ascontiguousarray(v) for k, v in change(load_file(path)).items()}, path, metadata={"format": "pt"})
    configure(folder, **config)


def configure(folder, **config):
    path = folder / "config.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | config))


def shard(folder, listed=lambda names: names, absent=()):
    """Cut the weights in two shards with an index that lists some of them."""
    weights = load_file(folder / "model.safetensors")
    (folder / "model.safetensors").unlink()
    names = sorted(weights)
    where = {k: f"model-0000{1 if i < len(names) // 2 else 2}-of-00002.safetensors" for i, k in enumerate(names)}
    for file in sorted(set(where.values()) - set(absent)):
        save_file({k: weights[k] for k in names if where[k] == file}, folder / file, metadata={"format": "pt"})
    (folder / "model.safetensors.index.json").write_text(
        json.dumps({"metadata": {}, "weight_map": {k: where[k] for k in listed(names)}})
    )
    return where


def refused(folder, match, early=True):
    """Refused when it is loaded, and, if it can be known without building the model, by the early look, too; both name
    the row.
    """
    for look in [check_folder] * early + [
        lambda f, where: load_model(f, where=where),
        lambda f, where: load_model(f, where=where, deepest=0),
    ]:
        with pytest.raises(ValueError, match=match) as error:
            look(folder, WHERE)
        assert "model m" in str(error.value) and len(str(error.value)) < 1200


def test_facts_of_a_whole_folder_without_torch(folder):
    code = f"""
import sys
from shared_affect.models.model_folder import check_folder
print(check_folder({str(folder)!r}, "row", [0, 1]), not {{"torch", "transformers"}} & set(sys.modules))"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    size = (folder / "model.safetensors").stat().st_size
    facts = {
        "architecture": "LlamaForCausalLM",
        "n_blocks": 2,
        "hidden_size": 32,
        "vocab_size": 53,
        "dtype": "float32",
        "bytes": size,
    }
    assert done.stdout.strip() == f"{facts} True", done.stderr


def test_a_layer_outside_the_model_is_named_without_loading_it(folder):
    with pytest.raises(
        ValueError, match=rf"has 2 blocks, layer is 2; allowed: 0 to 1 \({WHERE}; config/saes.tsv, column layer\)"
    ):
        check_folder(folder, WHERE, [0, 2])


def test_a_folder_or_a_tokenizer_that_is_not_there(folder, tmp_path):
    refused(tmp_path / "nowhere", "nowhere does not exist")
    (folder / "tokenizer.json").unlink()
    with pytest.raises(ValueError, match=r"no tokenizer.json.*model m"):
        check_folder(folder, WHERE)


@pytest.mark.parametrize(
    ("text", "match"),
    [
        (None, "needed config.json"),
        ("{", "config.json cannot be read"),
        ("[]", "holds list; needed: an object"),
        ("{}", "not a causal"),
    ],
)
def test_a_configuration_that_is_absent_cut_or_something_else(folder, text, match):
    (folder / "config.json").unlink() if text is None else (folder / "config.json").write_text(text)
    refused(folder, match)


def test_an_encoder_is_no_causal_language_model(tmp_path):
    from conftest import make_tokenizer
    from transformers import BertConfig, BertForMaskedLM, BertLMHeadModel

    shape = dict(vocab_size=53, hidden_size=32, num_hidden_layers=2, num_attention_heads=4, intermediate_size=64)
    for name, kind, config in (
        ("masked", BertForMaskedLM, BertConfig(**shape)),
        ("head", BertLMHeadModel, BertConfig(**shape)),
    ):
        kind(config).save_pretrained(tmp_path / name)
        make_tokenizer().save_pretrained(tmp_path / name)
        refused(tmp_path / name, "model_type is 'bert'.*not a causal language model")


@pytest.mark.parametrize(
    "config",
    [
        {"architectures": ["LlamaForSequenceClassification"]},
        {"model_type": "t5"},
        {"model_type": "unheard"},
        {"model_type": "bart", "is_encoder_decoder": True},
    ],
)
def test_other_heads_and_pairs_are_no_causal_language_models(folder, config):
    configure(folder, **config)
    refused(folder, "not a causal language model")


def test_tensors_under_other_names_are_named(folder):
    rewrite(folder, lambda w: {f"_orig_mod.{k}": v for k, v in w.items()})
    with pytest.raises(
        ValueError, match=r"missing from the weights: .*model\..*; in the weights, but not in the model: _orig_mod\."
    ) as error:
        load_model(folder, where=WHERE)
    assert "and 1" in str(error.value) and WHERE in str(error.value)
    with pytest.raises(ValueError, match="_orig_mod"):
        load_model(folder, deepest=0)


@pytest.mark.parametrize(
    "name", ["model.layers.0.mlp.down_proj.weight", "model.norm.weight", "model.embed_tokens.weight", "lm_head.weight"]
)
def test_one_missing_tensor_is_named(folder, name):
    configure(folder, tie_word_embeddings=False)
    rewrite(folder, lambda w: {k: v for k, v in w.items() if k != name})
    refused(folder, f"missing from the weights: {name}", early=False)


def test_a_block_that_is_not_read_may_be_absent_and_one_that_is_may_not(folder):
    whole = load_file(folder / "model.safetensors")
    rewrite(folder, lambda w: {k: v for k, v in w.items() if k != "model.layers.1.mlp.up_proj.weight"})
    assert len(blocks(load_model(folder, deepest=0))) == 1
    with pytest.raises(ValueError, match=r"missing from the weights: model.layers.1.mlp.up_proj.weight"):
        load_model(folder)
    rewrite(folder, lambda w: {k: v for k, v in whole.items() if ".layers.1." not in k})
    refused(folder, "config.json says 2 blocks, the weights hold 1")


def test_an_untied_head_without_weights_is_named_and_a_tied_one_needs_none(folder):
    rewrite(folder, lambda w: {k: v for k, v in w.items() if k != "lm_head.weight"}, tie_word_embeddings=True)
    model = load_model(folder)
    assert (model.lm_head.weight == model.model.embed_tokens.weight).all()
    configure(folder, tie_word_embeddings=False)
    refused(folder, "missing from the weights: lm_head.weight", early=False)
    rewrite(
        folder, lambda w: {k: v for k, v in w.items() if k != "model.embed_tokens.weight"}, tie_word_embeddings=True
    )
    refused(folder, "missing from the weights: .*model.embed_tokens.weight", early=False)


def test_a_head_that_is_said_to_be_tied_and_differs_is_refused(folder):
    rewrite(folder, lambda w: w | {"lm_head.weight": w["model.embed_tokens.weight"]}, tie_word_embeddings=True)
    assert load_model(folder)
    rewrite(folder, lambda w: w | {"lm_head.weight": 2 * w["model.embed_tokens.weight"]})
    refused(folder, "ties lm_head.weight to the embedding, but the weights hold both and they differ", early=False)


def test_an_adapter_is_not_left_out_without_a_word(folder):
    (folder / "adapter_config.json").write_text("{}")
    refused(folder, "holds an adapter .*merge it")


@pytest.mark.parametrize("name", ["model.layers.0.mlp.gate.weight", "model.layers.7.norm.weight", "adapter.weight"])
def test_tensors_that_are_left_over_are_named(folder, name):
    rewrite(folder, lambda w: w | {name: np.ones((2, 2), np.float32)})
    refused(folder, f"in the weights, but not in the model: {name}", early=False)


def test_a_tensor_of_another_shape_is_named_with_both(folder):
    rewrite(folder, lambda w: w | {"model.layers.0.mlp.up_proj.weight": np.ones((60, 32), np.float32)})
    refused(folder, r"model.layers.0.mlp.up_proj.weight \[60, 32\] for \[64, 32\]", early=False)


def test_vocabularies_of_configuration_weights_and_tokenizer_must_agree(folder):
    configure(folder, vocab_size=54)
    refused(folder, "config.json says a vocabulary of 54, the weights have 53 rows")
    configure(folder, vocab_size=53)
    path = folder / "tokenizer.json"
    tokenizer = json.loads(path.read_text())
    extra = {
        "id": 53,
        "content": "<image>",
        "single_word": False,
        "lstrip": False,
        "rstrip": False,
        "normalized": False,
        "special": True,
    }
    path.write_text(json.dumps(tokenizer | {"added_tokens": [*tokenizer["added_tokens"], extra]}))
    check_folder(folder, WHERE)  # Gemma 3 has such a one: no word contains it
    tokenizer["model"]["vocab"].append(["new", -2.0])
    path.write_text(json.dumps(tokenizer))
    refused(folder, "token with number 53, the model knows 0 to 52")


def test_shards_and_their_index(tmp_path):
    def made(name, **how):
        folder = make_model("llama", tmp_path / name)
        return folder, shard(folder, **how)

    folder, _ = made("whole")
    assert check_folder(folder, WHERE)["n_blocks"] == 2 and load_model(folder)
    refused(made("half", listed=lambda names: names[::2])[0], "does not list .*, which a shard holds")
    refused(
        made("one-shard", listed=lambda names: names[: len(names) // 2])[0],
        "does not list|lists no tensor of model-00002-of-00002|weights hold",
    )
    refused(
        made("absent", absent=["model-00002-of-00002.safetensors"])[0],
        "lacks model-00002-of-00002.safetensors, which model.safetensors.index.json lists",
    )
    folder, where = made("elsewhere")
    index = folder / "model.safetensors.index.json"
    first = sorted(where)[0]
    index.write_text(json.dumps({"weight_map": where | {first: "model-00002-of-00002.safetensors"}}))
    refused(folder, f"lists {first}, which its shard does not hold")
    index.write_text("{}")
    refused(folder, "has no weight_map")
    index.unlink()
    refused(folder, "but neither model.safetensors nor model.safetensors.index.json")
    folder, _ = made("cut")
    file = folder / "model-00002-of-00002.safetensors"
    file.write_bytes(file.read_bytes()[:-10])
    refused(folder, "is no whole safetensors file")


def test_weights_saved_as_integers_are_refused_and_bfloat16_is_not(folder):
    load_model(folder, dtype="bfloat16").save_pretrained(folder)
    assert check_folder(folder, WHERE)["dtype"] == "bfloat16" and load_model(folder).dtype.is_floating_point
    folder2 = make_model("llama", folder.parent / "m8")
    rewrite(folder2, lambda w: {k: v.astype(np.int8) for k, v in w.items()})
    refused(folder2, "saved as I8; allowed: float32|saved as I8; allowed: F32")


def test_two_loads_give_the_same_values(folder):
    import torch

    ids = torch.tensor([[1, 5, 6]])
    first, second = (load_model(folder)(input_ids=ids).logits for _ in range(2))
    assert torch.equal(first, second)


def test_an_attention_that_the_model_has_not_is_named_with_the_row(folder):
    with pytest.raises(ValueError, match=rf"cannot be loaded as a causal language model \({WHERE}\)"):
        load_model(folder, attention="flash_attention_2", where=WHERE)


def test_blocks_are_those_of_the_text_however_deep_the_eyes_are(tmp_path):
    from test_architectures import make

    for name in ("gemma3", "opt", "llama4"):
        model = load_model(make(name, tmp_path / name))
        assert (
            len(blocks(model)) == 4
            and "Vision" not in type(blocks(model)[0]).__name__
            and "Siglip" not in type(blocks(model)[0]).__name__
        )


def test_extraction_names_the_row_of_a_model_that_is_not_whole(folder, tmp_path):
    from shared_affect.features.extraction import Extractor
    from shared_affect.features.held import SaeSource
    from shared_affect.models.load import Numerics
    from shared_affect.models.model_folder import ModelRow

    rewrite(folder, lambda w: {k: v for k, v in w.items() if k != "model.layers.0.mlp.up_proj.weight"})
    extractor = Extractor(
        folder,
        {"s": SaeSource(str(make_sae(tmp_path / "s")), 0)},
        "en",
        Numerics(),
        tmp_path / "j",
        row=ModelRow(WHERE),
    )
    with pytest.raises(ValueError, match=rf"{WHERE}.*missing from the weights: model.layers.0.mlp.up_proj.weight"):
        extractor.words({"x": ["joy", "fear"]}, {"bare": "{word}."})
    assert not (tmp_path / "j").exists()
