"""Extraction at its full size, tried on small models: texts of many lists together, SAEs in turn, residuals once, and
what a card's troubles look like.
"""

import multiprocessing
import os
import shutil
import signal

import numpy as np
import pytest
from conftest import make_model, make_sae

from shared_affect.base.journal import JournalParts, pack, unpack
from shared_affect.features import encoding
from shared_affect.features.chunks import chunks_of
from shared_affect.features.encoding import sparse_codes, widen
from shared_affect.features.extraction import Extractor
from shared_affect.features.held import Held, SaeSource
from shared_affect.features.readout import average, read_dense
from shared_affect.models import cards
from shared_affect.models.load import Numerics, load_model, resolve_device
from shared_affect.models.memory import ModelFacts, SaeFacts, extraction_disk, extraction_memory
from shared_affect.models.model_folder import ModelRow
from shared_affect.models.residual import Prefix
from shared_affect.models.saes import DiskSAE

TEMPLATES = {"bare": "{word}.", "word-is": "the word is {word}."}
LISTS = {"joy": ["joy", "calm"], "fear": ["fear", "sadness", "stone"], "n": ["table", "now", "joy", "sadness think"]}
TEXTS = ["the word is joy.", "now think of stone.", "the table is the word."]
ROW = ModelRow("config/models.tsv, model m")


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    return make_model("llama", tmp_path_factory.mktemp("m") / "m", layers=3)


@pytest.fixture(scope="module")
def saes(tmp_path_factory):
    folder = tmp_path_factory.mktemp("s")
    kinds = {"a": ("jumprelu", 0), "b": ("topk", 0), "c": ("standard", 1)}
    return {
        n: SaeSource(str(make_sae(folder / n, k, d_sae=64 + 8 * i, seed=i)), layer)
        for i, (n, (k, layer)) in enumerate(kinds.items())
    }


def extractor(model, saes, journal, kind=Extractor, **numerics):
    return kind(model, saes, "en", Numerics(**numerics), journal, row=ROW)


def equal(a, b):
    return all(np.array_equal(a[s][e][k], b[s][e][k]) for s in a for e in a[s] for k in a[s][e])


# texts of many lists together ------------------------------------------------------------------------------


@pytest.mark.parametrize("chunk_batch", [2, 64])
def test_texts_forwarded_together_have_the_values_of_each_list_by_itself(
    model, saes, tmp_path, monkeypatch, chunk_batch
):
    passes, real = [], Prefix.continued
    monkeypatch.setattr(Prefix, "continued", lambda self, ids: (passes.append(len(ids)), real(self, ids))[1])
    found = {}
    for joins in (False, True):
        ex = extractor(model, saes, tmp_path / str(joins), chunk_batch=chunk_batch)
        ex.prove([[1, 5, 9, 7]])
        passes.clear()
        ex.joins = joins
        found[joins] = ex.words(LISTS, TEMPLATES)
        assert sum(passes) == sum(map(len, LISTS.values())) * len(TEMPLATES)
        assert max(passes) <= chunk_batch
        if chunk_batch == 64:  # one pass a template, or one a list and template
            assert len(passes) == (len(TEMPLATES) if joins else len(TEMPLATES) * len(LISTS))
    for s in saes:
        for e in LISTS:
            a, b = found[False][s][e], found[True][s][e]
            assert a["words"].tolist() == b["words"].tolist() == LISTS[e]
            assert np.array_equal(a["indices"], b["indices"]) and np.array_equal(a["indptr"], b["indptr"])
            assert np.allclose(a["data"], b["data"], atol=1e-5) and np.allclose(a["dense"], b["dense"], atol=1e-5)
            assert np.array_equal(a["static"], b["static"])
    assert equal(
        found[True], extractor(model, saes, tmp_path / "True", chunk_batch=chunk_batch).words(LISTS, TEMPLATES)
    )


def test_bundles_are_of_one_template_and_bounded(model, saes, tmp_path):
    ex = extractor(model, saes, tmp_path, chunk_batch=1)
    chunks = list(chunks_of(ex.tokenizer, LISTS, TEMPLATES).values())
    assert [len(b) for g in ex._grouped(chunks) for b in g] == [1] * 6
    ex.joins = True
    bundles = [b for g in ex._grouped(chunks) for b in g]
    assert all(len({c.template for c in b}) == 1 for b in bundles) and sum(map(len, bundles)) == 6
    # a bundle is closed with the list that fills it
    assert all(sum(len(c.stimuli) for c in b[:-1]) < 4 for b in bundles) and len(bundles) == 4
    one = extractor(model, {"a": saes["a"]}, tmp_path)
    assert len(list(one._grouped(chunks))) == 6 and len(list(ex._grouped(chunks))) == 1


def test_non_zeros_found_where_the_codes_are_are_those_found_on_the_host(saes):
    import torch

    x = torch.randn(50, 32, generator=torch.Generator().manual_seed(3))
    for source in saes.values():
        codes = DiskSAE(source.folder).encode(x)
        here, there = encoding._find_here(codes)(), encoding._find_there(codes)()
        assert all(np.array_equal(a, b) for a, b in zip(here, there, strict=True))
        assert here[1].dtype == there[1].dtype == np.int32 and here[0].dtype == there[0].dtype == np.float32
    with pytest.raises(ValueError, match="1 NaN or infinite"):
        encoding._find_there(torch.tensor([[0.0, float("inf")]]))


def test_rows_of_wide_saes_are_encoded_in_smaller_blocks(saes, monkeypatch):
    import torch

    sae, x = DiskSAE(saes["b"].folder), torch.randn(50, 32, generator=torch.Generator().manual_seed(3))
    whole = sparse_codes(sae, x)()
    monkeypatch.setattr(encoding, "CODES", 7 * sae.d_sae)
    assert encoding.encode_rows(sae.d_sae) == 7
    parts = sparse_codes(sae, x)()
    assert all(np.allclose(whole[k], parts[k], atol=1e-5) for k in whole)
    assert (encoding.encode_rows(1 << 40), encoding.encode_rows(8)) == (1, 14 if sae.d_sae == 16 else 63)


# residuals once, SAEs in turn ------------------------------------------------------------------------------


def test_residuals_are_kept_once_a_layer_and_saes_held_one_at_a_time(model, saes, tmp_path):
    ex = extractor(model, saes, tmp_path)
    ex.words(LISTS, TEMPLATES)
    n = len(LISTS) * len(TEMPLATES)
    sizes = {name: len(j) for name, j in ex.records.journals.items()}
    assert sizes == {"a": n, "b": n, "c": n, "@0": n, "@1": n, "@static": len(LISTS)}
    assert ex.held.sae_loads == len(saes) and len(ex.held._saes) == 1  # over all lists, and no two at once
    record = ex.records.get("a", chunks_of(ex.tokenizer, LISTS, TEMPLATES)["joy", "bare"].what)
    assert set(record) == {"data", "indices", "indptr", "d_sae"}


def as_before(ex, lists, folder):
    """The journal of an earlier version: residuals and embeddings inside each SAE's record, under the same key."""
    for proof in ex.records.journals["@static"]._own.path.parent.glob("*.proof"):
        shutil.copy(proof, folder)
    old = {n: JournalParts(folder, j._own.path.name.removesuffix(".journal")) for n, j in ex.records.journals.items()}
    for name, source in ex.saes.items():
        with old[name].writing("test"):
            for chunk in chunks_of(ex.tokenizer, lists, TEMPLATES).values():
                a = ex.records.get(name, chunk.what)
                a["dense"] = ex.records.dense(source.layer, chunk.what)
                a["static"] = np.zeros((len(chunk.stimuli), 32), np.float32)
                if chunk.template == TEMPLATES["bare"]:
                    a["static"] = ex.records.static(chunk.what)
                old[name].append(ex.records.key(name, chunk.what), pack(a))


def test_records_from_before_are_served_and_only_what_they_lack_is_computed(model, saes, tmp_path):
    new = extractor(model, {"a": saes["a"]}, tmp_path / "new")
    expected = new.words(LISTS, TEMPLATES)
    (tmp_path / "old").mkdir()
    as_before(new, LISTS, tmp_path / "old")
    again = extractor(model, {"a": saes["a"]}, tmp_path / "old")
    assert equal(again.words(LISTS, TEMPLATES), expected) and again.model_loads == 0
    # another SAE of the same layer needs its codes alone; one of another layer its residuals, too
    more = extractor(model, saes, tmp_path / "old")
    found = more.words(LISTS, TEMPLATES)
    n = len(LISTS) * len(TEMPLATES)
    sizes = {name: len(j) for name, j in more.records.journals.items()}
    assert sizes == {"a": n, "b": n, "c": n, "@0": 0, "@1": n, "@static": 0}
    assert equal(found, extractor(model, saes, tmp_path / "fresh").words(LISTS, TEMPLATES))


@pytest.mark.parametrize("dtype", ["bfloat16", "float16"])
def test_residuals_of_few_bits_are_kept_in_few_bits_without_loss(model, saes, tmp_path, dtype):
    import torch

    wide, narrow = (extractor(model, {"c": saes["c"]}, tmp_path / t, dtype=t) for t in ("float32", dtype))
    wide.words(LISTS, TEMPLATES)
    found = narrow.words(LISTS, TEMPLATES)["c"]["fear"]["dense"]
    assert found.dtype == np.float32 and np.array_equal(
        torch.tensor(found).to(getattr(torch, dtype)).float().numpy(), found
    )
    size = {n: ex.records.journals["@1"]._own.path.stat().st_size for n, ex in (("wide", wide), ("narrow", narrow))}
    assert size["narrow"] < 0.75 * size["wide"]
    what = chunks_of(narrow.tokenizer, LISTS, TEMPLATES)["fear", "bare"].what
    (name,) = narrow.records.get("@1", what)
    assert name == ("dense.bfloat16" if dtype == "bfloat16" else "dense")


def test_residuals_beyond_float16_survive():
    values = np.array([[1e30, -70000.0, 3.140625, 0.0]], np.float32)
    bits = (values.view(np.uint32) >> 16).astype(np.uint16)
    kept = unpack(pack(encoding.narrow(bits, "bfloat16")))
    assert np.allclose(widen(kept), values, rtol=0.01) and np.isfinite(widen(kept)).all()


def test_means_of_the_readouts_asked_for_are_those_of_all_residuals(model, saes, tmp_path):
    a = extractor(model, {"a": saes["a"]}, tmp_path).words(LISTS, TEMPLATES)["a"]["fear"]
    asked = [(["bare", "word-is"], "word-after"), (["word-is"], "word")]
    kept = average(a, asked)
    assert kept["dense"].shape == (2, 3, 32)
    for templates, readout in asked:
        assert np.array_equal(read_dense(kept, templates, readout), read_dense(a, templates, readout))
    with pytest.raises(ValueError, match=r"no mean residuals of 'bare/after' were kept; there are: bare\+word-is"):
        read_dense(kept, ["bare"], "after")


# what is written, and when ---------------------------------------------------------------------------------


class Stopping(Extractor):
    """Dies, or fails, at some group."""

    at, error, seen = 3, None, 0

    def _forward(self, bundles, needs, batch, held):
        self.seen += 1
        if self.seen == self.at:
            if self.error is None:
                os.kill(os.getpid(), signal.SIGKILL)
            raise self.error
        return super()._forward(bundles, needs, batch, held)


def test_a_job_killed_in_the_middle_ends_in_the_bytes_of_one_that_was_not(model, saes, tmp_path):
    one = {"a": saes["a"]}
    expected = extractor(model, one, tmp_path / "whole").words(LISTS, TEMPLATES)
    job = multiprocessing.get_context("fork").Process(
        target=lambda: extractor(model, one, tmp_path / "killed", Stopping).words(LISTS, TEMPLATES)
    )
    job.start()
    job.join()
    assert job.exitcode == -signal.SIGKILL
    again = extractor(model, one, tmp_path / "killed")
    assert len(again.records.journals["a"]) <= 2  # two were computed before, and may wait for the disk
    assert equal(again.words(LISTS, TEMPLATES), expected)


def test_what_was_computed_before_an_error_stands_in_the_journal(model, saes, tmp_path):
    ex = extractor(model, {"a": saes["a"]}, tmp_path, Stopping)
    ex.error = ValueError("something else")
    with pytest.raises(ValueError, match="something else"):
        ex.words(LISTS, TEMPLATES)
    assert len(ex.records.journals["a"]) == len(ex.records.journals["@0"]) == 2


def test_a_disk_that_is_full_stops_the_job(model, saes, tmp_path, monkeypatch):
    def full(self, records):
        list(records)
        raise OSError(28, "a record of 9 bytes could not be written: No space left on device. Make room on this disk")

    monkeypatch.setattr(JournalParts, "append_many", full)
    with pytest.raises(OSError, match="Make room on this disk"):
        extractor(model, saes, tmp_path).words(LISTS, TEMPLATES)


# precision of the encoder ----------------------------------------------------------------------------------


def test_a_declared_encoder_has_its_own_keys_and_float32_those_of_before():
    assert "encoder" not in Numerics().key() and Numerics(encoder="tf32").key()["encoder"] == "tf32"
    assert Numerics().key() == {"dtype": "float32", "device": "cpu", "attention": "eager", "chunk_batch": 64}


def test_the_encoders_deviation_is_told_beside_the_models(model, saes, tmp_path):
    words, template = ["joy", "fear", "stone", "calm"], TEMPLATES["word-is"]

    def deviation(**numerics):
        ex = extractor(model, saes, tmp_path / "-".join(numerics.values()), **numerics)
        return ex, ex.deviation(words, template)

    ex, own = deviation(encoder="bfloat16")
    assert all(set(v) == {"encoder_max_abs_diff", "encoder_flips"} for v in own.values())
    assert all(0 < v["encoder_max_abs_diff"][0] < 0.5 and 0 <= v["encoder_flips"][0] < 0.2 for v in own.values())
    _, low = deviation(dtype="bfloat16")
    _, both = deviation(dtype="bfloat16", encoder="bfloat16")
    for name in saes:
        assert {k: v for k, v in both[name].items() if k.startswith("precision")} == low[name]
        assert both[name]["encoder_max_abs_diff"] > 0
    # by hand: the same residuals through both encoders
    chunk = chunks_of(ex.tokenizer, {"x": words}, {"t": template})["x", "t"]
    ex.words({"x": words}, {"t": template})
    import torch

    x = torch.tensor(ex.records.dense(1, chunk.what)).flatten(0, 1)
    a, b = DiskSAE(saes["c"].folder).encode(x), DiskSAE(saes["c"].folder, encoder="bfloat16").encode(x)
    assert own["c"]["encoder_max_abs_diff"][0] == pytest.approx(float((a - b).abs().max()), rel=1e-4)
    flips = int(((a > 0) ^ (b > 0)).sum()) / int(((a > 0) | (b > 0)).sum())
    assert own["c"]["encoder_flips"][0] == pytest.approx(flips)


# cards -----------------------------------------------------------------------------------------------------


def test_a_card_that_is_not_there_is_refused_with_the_row():
    import torch

    if torch.cuda.is_available():
        pytest.skip("this machine has a card; the refusal of a row that asks for one needs a machine without")
    assert resolve_device("auto") == "cpu"
    with pytest.raises(ValueError, match=r"device is 'cuda:1'; allowed: cpu .no card is visible.*model m, column dev"):
        resolve_device("cuda:1", ROW.where)
    with pytest.raises(ValueError, match=r"device is 'cuda'.* sees no card.*model m, column device"):
        resolve_device("cuda", ROW.where)
    with pytest.raises(ValueError, match=r"encoder is 'tf32'.*allowed here: float32, bfloat16 \(.*model m, column enc"):
        resolve_device("auto", ROW.where, "tf32")


class Card:
    """A card of 24 GiB as torch tells of it."""

    def __init__(self, monkeypatch, free, own=0):
        import torch

        self.free, self.own = free, own
        monkeypatch.setattr(torch.cuda, "mem_get_info", lambda device: (self.free, 24 << 30))
        monkeypatch.setattr(torch.cuda, "memory_reserved", lambda device: self.own)
        monkeypatch.setattr(torch.cuda, "memory_allocated", lambda device: self.own)
        monkeypatch.setattr(torch.cuda, "empty_cache", lambda: None)


def test_a_card_that_another_process_fills_is_told(monkeypatch, caplog):
    Card(monkeypatch, free=3 << 30)
    with pytest.raises(ValueError, match=r"model m: the weights alone take 9.3 GiB.* 3.0 GiB of 24.0 GiB.*hold 21.0"):
        cards.check_room(10_000_000_000, "cuda", ROW.where)
    Card(monkeypatch, free=12 << 30, own=2 << 30)
    with caplog.at_level("WARNING", logger="shared_affect"):
        cards.check_room(10_000_000_000, "cuda", ROW.where)
    assert "two jobs on one card" in caplog.text and "other processes hold 10.0 GiB" in caplog.text
    caplog.clear()
    Card(monkeypatch, free=23 << 30)
    cards.check_room(10_000_000_000, "cuda", ROW.where)
    assert not caplog.text


def test_saes_are_let_go_until_one_fits_and_too_wide_ones_come_in_columns(model, saes, monkeypatch, caplog):
    card = Card(monkeypatch, free=20 << 30)
    held = Held(model, saes, Numerics(), ROW.where)
    held._saes = dict.fromkeys("abc")
    wide = SaeFacts(3584, 131_072, 20)
    assert held._make_room("x", wide, wide.encoder()) is None and list(held._saes) == ["a", "b", "c"]
    frees = iter([2 << 30, 3 << 30, 8 << 30])
    monkeypatch.setattr("shared_affect.features.held.free_memory", lambda device: (next(frees), 24 << 30, 0))
    assert held._make_room("x", wide, wide.encoder()) is None and list(held._saes) == ["c"]
    monkeypatch.setattr("shared_affect.features.held.free_memory", lambda device: (3 << 30, 24 << 30, 0))
    columns = held._make_room("x", wide, wide.encoder())
    assert not held._saes and 1024 <= columns < 131_072 and columns * 3584 * 4 <= 1 << 30
    assert "features at a time" in caplog.text and card.free


def test_out_of_memory_at_a_batch_of_one_names_row_columns_and_what_was_reckoned(model, saes, tmp_path):
    ex = extractor(model, saes, tmp_path, Stopping, chunk_batch=2)
    ex.prove([[1, 5, 9, 7]])

    def always(bundles, needs, batch, held):
        raise RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried to allocate 9 bytes")

    ex._forward = always
    with pytest.raises(cards.OutOfMemory) as found:
        ex.words(LISTS, TEMPLATES)
    said = str(found.value)
    assert all(s in said for s in ("model m", "chunk_batch 1", "can't allocate memory", "Reckoned: ", "column dtype"))
    assert "GiB on the host" in said and ex.records.halvings == 1


@pytest.mark.parametrize(
    "said", ["CUDA error: unspecified launch failure\nCUDA kernel errors", "CUDA error: the device is lost"]
)
def test_a_card_that_disappears_is_told_as_such_and_keeps_what_was_computed(model, saes, tmp_path, said):
    ex = extractor(model, {"a": saes["a"]}, tmp_path, Stopping)
    ex.error = RuntimeError(said)
    with pytest.raises(cards.CardFailed, match=r"model m: the card \(cpu\) failed.*stands in the journal"):
        ex.words(LISTS, TEMPLATES)
    assert len(ex.records.journals["a"]) == 2 and ex.records.halvings == 0


def test_a_card_that_fails_while_a_model_is_proved_says_nothing_of_the_model(model, saes, tmp_path, monkeypatch):
    for said, kind in (
        ("CUDA error: the device is lost", cards.CardFailed),
        ("can't allocate memory", cards.OutOfMemory),
    ):

        def fails(self, ids, said=said):
            raise RuntimeError(said)

        monkeypatch.setattr(Prefix, "continued", fails)
        with pytest.raises(kind, match="model m"):
            extractor(model, saes, tmp_path).words(LISTS, TEMPLATES)
    assert not list(tmp_path.glob("*.proof"))


def test_errors_are_told_apart():
    class AcceleratorError(RuntimeError):
        pass

    memory = [MemoryError(), RuntimeError("CUDA error: out of memory"), RuntimeError("CUBLAS_STATUS_ALLOC_FAILED")]
    assert all(cards.is_out_of_memory(e) and not cards.is_card_failure(e) for e in memory)
    failures = [AcceleratorError("x"), RuntimeError("CUDA error: an illegal memory access was encountered")]
    assert all(cards.is_card_failure(e) and not cards.is_out_of_memory(e) for e in failures)
    assert not cards.is_card_failure(RuntimeError("shapes do not fit"))


# what is reckoned ------------------------------------------------------------------------------------------

GEMMA = dict(
    model_type="gemma2",
    hidden_size=3584,
    num_hidden_layers=42,
    num_attention_heads=16,
    num_key_value_heads=8,
    head_dim=256,
    intermediate_size=14336,
    vocab_size=256_000,
)


def test_reckoned_weights_are_those_of_a_model(model, saes, tmp_path):
    for folder in (model, make_model("gemma2", tmp_path / "g", layers=4)):
        facts = ModelFacts.of_folder(folder)
        for deepest in (None, 1):
            own = sum(p.numel() for p in load_model(folder, deepest=deepest).parameters())
            assert facts.weights(deepest) == pytest.approx(own, rel=0.01)
    for name, source in saes.items():
        facts, sae = SaeFacts.of_folder(source.folder, source.layer), DiskSAE(source.folder)
        own = sum(v.numel() * v.element_size() for k, v in sae.weights.items() if k != "W_dec")
        assert facts.encoder() == pytest.approx(own, rel=0.15) and (facts.d_sae == sae.d_sae), name
        assert facts.decoder == pytest.approx(sae.weights["W_dec"].numel() * 4, rel=0.05)


def test_a_model_of_9_billion_weights_fits_the_cards_that_it_is_said_to_fit():
    gemma = ModelFacts.of_config(GEMMA)
    assert gemma.weights() == pytest.approx(9.24e9, rel=0.001)
    row, gib = Numerics("bfloat16", "cuda", "eager", 2048), 1 << 30
    one = extraction_memory(gemma, [SaeFacts(3584, 131_072, 20)], row, gates=False)
    assert 11 * gib < one.vram_bytes <= 18 * gib
    six = [SaeFacts(3584, n, layer) for layer in (9, 20, 31) for n in (16_384, 131_072)]
    assert extraction_memory(gemma, six, row, gates=False).vram_bytes <= 19 * gib
    assert extraction_memory(gemma, six, row).vram_bytes <= 24 * gib
    assert extraction_memory(gemma, six, row, card=False).vram_bytes == 0
    # an encoder of fewer bits takes less
    low = extraction_memory(gemma, six, Numerics("bfloat16", "cuda", "eager", 2048, "bfloat16"), gates=False)
    assert low.vram_bytes < extraction_memory(gemma, six, row, gates=False).vram_bytes - 0.8 * gib
    assert one.told().startswith("13.") and "weights 9.5" in one.told()


SHAPES = {
    "qwen3_5_text": dict(
        num_hidden_layers=8,
        linear_key_head_dim=128,
        linear_value_head_dim=128,
        linear_num_key_heads=16,
        linear_num_value_heads=32,
    ),
    "qwen3_next": dict(num_hidden_layers=8),
    "qwen3_moe": dict(num_hidden_layers=3),
    "gpt_oss": dict(num_hidden_layers=3),
    "mixtral": dict(num_hidden_layers=3),
    "deepseek_v3": dict(num_hidden_layers=6),
    "cohere2": dict(num_hidden_layers=3),
}
"""Architectures in the sizes that transformers gives them, with few blocks."""


@pytest.mark.parametrize("kind", SHAPES)
def test_weights_of_experts_and_of_linear_attention_are_reckoned(kind):
    """Against the model itself without weights: what a plan says of gpt-oss was an eighth of the truth."""
    import torch
    from transformers import AutoConfig, AutoModelForCausalLM

    config = AutoConfig.for_model(kind, **SHAPES[kind])
    with torch.device("meta"):
        own = sum(p.numel() for p in AutoModelForCausalLM.from_config(config).parameters())
    facts = ModelFacts.of_config(config.to_dict() | {"model_type": kind})
    assert facts.weights() == pytest.approx(own, rel=0.02)
    assert (facts.idle > 0) == (kind in ("qwen3_next", "qwen3_moe", "gpt_oss", "mixtral", "deepseek_v3"))
    assert facts.working() < 0.6 * own if facts.idle else facts.working() == facts.weights()
    assert (facts.linear_blocks, facts.state > 0) == (
        (6, True) if "linear_key_head_dim" in config.to_dict() else (0, False)
    )


def test_eyes_that_are_held_though_not_read_are_counted(tmp_path):
    from test_architectures import make

    for kind in ("gemma3", "qwen3_5"):
        folder = make(kind, tmp_path / kind)
        own = sum(p.numel() for p in load_model(folder).parameters())
        facts = ModelFacts.of_folder(folder)
        assert facts.weights() == pytest.approx(own, rel=0.25), kind  # blocks of 32 numbers: biases and patches count
        assert (facts.senses > 0) == (kind == "gemma3")


def test_records_on_disk_are_as_reckoned(model, saes, tmp_path):
    lists = {"n": [f"joy {'calm ' * k}fear" for k in range(40)]}
    ex = extractor(model, saes, tmp_path)
    found = ex.words(lists, TEMPLATES)
    active = int(np.mean([len(a["n"]["data"]) / (len(a["n"]["indptr"]) - 1) for a in found.values()]))
    size = sum(p.stat().st_size for p in tmp_path.glob("*.journal"))
    facts = [SaeFacts.of_folder(s.folder, s.layer) for s in saes.values()]
    disk = extraction_disk(ModelFacts.of_folder(model), facts, Numerics(), n_words=40, n_templates=2, active=active)
    assert disk.journal_bytes == pytest.approx(size, rel=0.25)
