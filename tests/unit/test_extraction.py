import logging

import numpy as np
import pytest
from conftest import make_model, make_sae

from shared_affect.features.chunks import Chunk
from shared_affect.features.codes import drop_shared_tokens, gather, load_codes, write_codes
from shared_affect.features.encoding import take_rows
from shared_affect.features.extraction import Extractor
from shared_affect.features.held import SaeSource
from shared_affect.features.readout import join_blocks, read_codes, read_dense
from shared_affect.models.blocks import blocks
from shared_affect.models.fidelity import check_fidelity, fidelity
from shared_affect.models.load import Numerics, load_model
from shared_affect.models.pieces import word_pieces
from shared_affect.models.residual import Prefix, block_outputs, editing
from shared_affect.models.sae_folder import decoder_directions
from shared_affect.models.saes import DiskSAE
from shared_affect.models.spans import Stimulus, fill, locate
from shared_affect.models.tokens import load_tokenizer

TEMPLATES = {"bare": "{word}.", "word-is": "the word is {word}."}
LISTS = {"joy": ["joy", "calm"], "fear": ["fear", "sadness", "stone"]}


def extractor(model_folder, sae_folder, journal, **numerics):
    return Extractor(
        model_folder,
        {"s0": SaeSource(str(sae_folder), 0), "s1": SaeSource(str(sae_folder), 1)},
        "en",
        Numerics(**numerics),
        journal,
    )


def test_recorded_residual_is_the_models_own(model_folder):
    import torch

    model = load_model(model_folder)
    ids = torch.randint(4, 20, (3, 7), generator=torch.Generator().manual_seed(1))
    with torch.inference_mode():
        found = block_outputs(model, [0, 1], input_ids=ids)
        assert not any(len(b._forward_hooks) for b in blocks(model))
        hidden = model(input_ids=ids, output_hidden_states=True).hidden_states
        assert torch.allclose(found[0], hidden[1], atol=1e-5)
        # hidden_states ends after the final norm, the hook before it
        assert torch.allclose(model.base_model.norm(found[1]), hidden[2], atol=1e-5)
    with pytest.raises(ValueError, match="0 to 1"):
        block_outputs(model, [2], input_ids=ids)


def test_hooks_come_off_after_an_error(model_folder):
    import torch

    model = load_model(model_folder)
    with pytest.raises(RuntimeError), editing(model, 0, lambda h: h @ torch.zeros(3, 3)):
        model(input_ids=torch.tensor([[1, 5]]))
    assert not any(len(b._forward_hooks) for b in blocks(model))


def test_locate_finds_word_and_following_token(model_folder):
    tokenizer = load_tokenizer(model_folder)
    for template in TEMPLATES.values():
        for s in locate(tokenizer, template, ["joy", "sadness"]):
            tokens = [tokenizer.id_to_token(i) for i in s.ids]
            assert "".join(tokens[s.first : s.last + 1]).lstrip("▁") == s.word
            assert tokens[s.after] == "." and s.after == s.last + 1
    zh = locate(tokenizer, "这个词是{word}。", ["快乐"])[0]
    assert tokenizer.id_to_token(zh.ids[zh.last]) == "快乐" and tokenizer.id_to_token(zh.ids[zh.after]) == "。"
    assert len(locate(tokenizer, "{word}.", ["sadness"])[0].ids) == 4


def test_template_must_end_in_a_full_stop():
    for bad in ("{word}", "no place.", "{word} {word}."):
        with pytest.raises(ValueError, match="full stop"):
            fill(bad, "joy")


def test_batched_equals_one_word_at_a_time(model_folder, sae_folder, tmp_path):
    import torch

    found = extractor(model_folder, sae_folder, tmp_path).words(LISTS, TEMPLATES)
    model, sae, tokenizer = load_model(model_folder), DiskSAE(sae_folder), load_tokenizer(model_folder)
    for layer, name in ((0, "s0"), (1, "s1")):
        for emotion, words in LISTS.items():
            a = found[name][emotion]
            assert a["words"].tolist() == words
            for t, text in enumerate(TEMPLATES.values()):
                for row, s in enumerate(locate(tokenizer, text, words)):
                    with torch.inference_mode():
                        h = (
                            model(input_ids=torch.tensor([s.ids]), output_hidden_states=True).hidden_states[1][0]
                            if layer == 0
                            else block_outputs(model, [1], input_ids=torch.tensor([s.ids]))[1][0]
                        )
                        code = sae.encode(h)
                    for p, at in enumerate((s.last, s.after)):
                        assert np.allclose(a["dense"][t, p, row], h[at].numpy(), atol=1e-5)
                        one = read_codes(a, [list(TEMPLATES)[t]], ("word", "after")[p])[row]
                        assert np.allclose(one, code[at].numpy(), atol=1e-4)
    a = found["s0"]["fear"]
    both = read_codes(a, list(TEMPLATES), "word-after")
    parts = [read_codes(a, [t], p) for t in TEMPLATES for p in ("word", "after")]
    assert np.allclose(both, np.mean(parts, axis=0), atol=1e-6)
    assert np.allclose(read_dense(a, list(TEMPLATES), "word"), a["dense"][:, 0].mean(0), atol=1e-6)
    with pytest.raises(ValueError, match="allowed: bare, word-is"):
        read_codes(a, ["nope"], "word")
    with pytest.raises(ValueError, match="word-after"):
        read_codes(a, ["bare"], "both")


def test_journal_serves_everything_a_second_time_without_loading(model_folder, sae_folder, tmp_path):
    first = extractor(model_folder, sae_folder, tmp_path)
    texts = ["the word is joy.", "now think of stone."]
    ra, a = first.running_text(texts, texts), first.words(LISTS, TEMPLATES)
    assert first.model_loads == 1
    second = extractor(model_folder, sae_folder, tmp_path)
    b, rb = second.words(LISTS, TEMPLATES), second.running_text(texts, texts)
    assert second.model_loads == 0
    for name in a:
        assert all(np.array_equal(a[name][e][k], b[name][e][k]) for e in LISTS for k in a[name][e])
        assert all(np.array_equal(ra[name][k], rb[name][k]) for k in ra[name])


def test_an_added_list_computes_only_itself(model_folder, sae_folder, tmp_path):
    extractor(model_folder, sae_folder, tmp_path).words(LISTS, TEMPLATES)
    more = extractor(model_folder, sae_folder, tmp_path)
    before = {n: len(j) for n, j in more.records.journals.items()}
    more.words(LISTS | {"calm": ["calm", "table"]}, TEMPLATES)
    assert more.model_loads == 1
    assert {n: len(j) - before[n] for n, j in more.records.journals.items()} == {
        "s0": len(TEMPLATES),
        "s1": len(TEMPLATES),
        "@0": len(TEMPLATES),
        "@1": len(TEMPLATES),
        "@static": 1,
    }


def test_key_follows_everything_that_decides_the_value(model_folder, sae_folder, tmp_path):
    base = extractor(model_folder, sae_folder, tmp_path)
    what = Chunk.of(base.tokenizer, TEMPLATES["bare"], LISTS["joy"]).what
    key = base.records.key("s0", what)
    assert key != base.records.key("s1", what)
    assert key != extractor(model_folder, sae_folder, tmp_path, chunk_batch=2).records.key("s0", what)
    assert key != extractor(model_folder, sae_folder, tmp_path, dtype="bfloat16").records.key("s0", what)
    assert key != base.records.key("s0", Chunk.of(base.tokenizer, TEMPLATES["word-is"], LISTS["joy"]).what)
    other = make_sae(tmp_path / "other", seed=9)
    assert key != extractor(model_folder, other, tmp_path).records.key("s0", what)
    assert (
        extractor(model_folder, sae_folder, tmp_path, device="cuda:1").records.identity
        == extractor(model_folder, sae_folder, tmp_path, device="cuda:0").records.identity
    )


def test_chunk_batch_changes_nothing_beyond_rounding(model_folder, sae_folder, tmp_path):
    a = extractor(model_folder, sae_folder, tmp_path, chunk_batch=64).words(LISTS, TEMPLATES)["s0"]["fear"]
    b = extractor(model_folder, sae_folder, tmp_path, chunk_batch=1).words(LISTS, TEMPLATES)["s0"]["fear"]
    assert np.allclose(a["dense"], b["dense"], atol=1e-5)


def test_a_record_that_is_not_there_is_named(model_folder, sae_folder, tmp_path):
    ex = extractor(model_folder, sae_folder, tmp_path)
    what = Chunk.of(ex.tokenizer, TEMPLATES["bare"], LISTS["joy"]).what
    assert ex.records.find("s0", what) is None
    with pytest.raises(KeyError, match=r"SAE s0: no record of .*joy"):
        ex.records.get("s0", what)


def test_bad_lists_are_named(model_folder, sae_folder, tmp_path):
    for words in ([], ["joy", "joy"]):
        with pytest.raises(ValueError, match="'joy' has"):
            extractor(model_folder, sae_folder, tmp_path).words({"joy": words}, TEMPLATES)


def test_sae_of_another_width_is_refused(model_folder, tmp_path):
    wrong = make_sae(tmp_path / "wrong", d_in=16)
    with pytest.raises(ValueError, match="reads 16 dimensions"):
        Extractor(model_folder, {"w": SaeSource(str(wrong), 0)}, "en", Numerics(), tmp_path).words(LISTS, TEMPLATES)


def test_fidelity_against_a_naive_loop(model_folder, sae_folder):
    import torch

    model, sae = load_model(model_folder), DiskSAE(sae_folder)
    ids = torch.randint(4, 20, (4, 6), generator=torch.Generator().manual_seed(3))
    mask = torch.ones(4, 6, dtype=torch.bool)
    mask[:, 0] = False
    facts = fidelity(model, sae, 0, [(ids[:2], mask[:2]), (ids[2:], mask[2:])])
    with torch.inference_mode():
        x = torch.stack(
            [
                h
                for row, m in zip(model(input_ids=ids, output_hidden_states=True).hidden_states[1], mask)
                for h, keep in zip(row, m)
                if keep
            ]
        ).numpy()
        codes = np.array([sae.encode(torch.tensor(v)).numpy() for v in x])
        logits = model(input_ids=ids).logits.log_softmax(-1)
    rebuilt = codes @ sae.weights["W_dec"].numpy() + sae.weights["b_dec"].numpy()
    assert facts["explained_variance"] == pytest.approx(
        1 - ((x - rebuilt) ** 2).sum() / ((x - x.mean(0)) ** 2).sum(), rel=1e-4
    )
    assert facts["l0"] == pytest.approx((codes > 0).sum(1).mean())
    assert facts["dead_share"] == pytest.approx((~(codes > 0).any(0)).mean())
    assert facts["loss"] == pytest.approx(
        -np.mean([float(logits[b, t, ids[b, t + 1]]) for b in range(4) for t in range(5)]), rel=1e-5
    )
    assert facts["n_tokens"] == 20
    perfect = type("Same", (), {"d_sae": 32, "encode": lambda self, h: h, "reconstruct": lambda self, h: h})()
    assert fidelity(model, perfect, 0, [(ids, mask)])["loss_recovered"] == pytest.approx(1)


def test_fidelity_gate_names_row_and_limit():
    limits = {"explained_variance_min": 0.7, "l0_min": 8, "l0_max": 32}
    check_fidelity({"explained_variance": np.array([0.9]), "l0": np.array([16.0])}, limits, "config/saes.tsv, sae x")
    for facts, word in (
        ({"explained_variance": 0.1, "l0": 16}, "explained_variance is 0.100"),
        ({"explained_variance": 0.9, "l0": 200}, "l0 is 200.000; allowed: <= 32"),
    ):
        with pytest.raises(ValueError, match=word):
            check_fidelity(facts, limits, "config/saes.tsv, sae x")


OPTIONS = [
    {"apply_b_dec_to_input": True},
    {"apply_b_dec_to_input": False},
    {"normalize_activations": "layer_norm"},
    {"normalize_activations": "constant_norm_rescale"},
]


@pytest.mark.parametrize(
    ("architecture", "cfg"),
    [
        *((a, c) for a in ("standard", "topk", "jumprelu", "gated") for c in OPTIONS),
        ("topk", {"rescale_acts_by_decoder_norm": True}),
    ],
)
def test_encode_equals_sae_lens(tmp_path, architecture, cfg):
    import torch
    from sae_lens import SAE

    folder = make_sae(tmp_path / "sae", architecture, metadata={"sae_lens_version": "6.0.0"}, **cfg)
    ours, theirs = DiskSAE(folder), SAE.load_from_disk(folder, device="cpu")
    for scale in (0.1, 1.0, 10.0):
        x = scale * torch.randn(50, 32, generator=torch.Generator().manual_seed(2))
        with torch.no_grad():
            expected = theirs.encode(x)
            rebuilt = theirs.decode(expected)
        assert torch.allclose(ours.encode(x), expected, atol=1e-5 * max(1, scale))
        assert torch.allclose(ours.reconstruct(x), rebuilt, atol=1e-5 * max(1, scale))
        assert (expected > 0).any() and not (expected > 0).all()
        if "normalize_activations" not in cfg:
            # codes times directions is what sae-lens adds to its bias
            assert np.allclose(
                expected.numpy() @ decoder_directions(folder) + ours.weights["b_dec"].numpy(),
                rebuilt.numpy(),
                atol=1e-4 * max(1, scale),
            )


def test_unknown_architecture_is_refused(tmp_path):
    with pytest.raises(ValueError, match="architecture is 'mystery'; allowed: standard, topk, jumprelu, gated"):
        DiskSAE(make_sae(tmp_path / "sae", "mystery"))
    with pytest.raises(ValueError, match="fold the factor"):
        DiskSAE(make_sae(tmp_path / "sae2", "jumprelu", normalize_activations="expected_average_only_in"))
    with pytest.raises(ValueError, match="reshape_activations is 'hook_z'"):
        DiskSAE(make_sae(tmp_path / "sae3", "jumprelu", reshape_activations="hook_z"))


def test_codes_gather_join_and_survive_the_file(model_folder, sae_folder, tmp_path):
    ex = extractor(model_folder, sae_folder, tmp_path)
    found = ex.words(LISTS | {"n0": ["table", "the"], "n1": ["word"]}, TEMPLATES)["s0"]
    norms = join_blocks([found["n0"], found["n1"]])
    assert norms["words"].tolist() == ["table", "the", "word"]
    codes = gather({e: found[e] for e in LISTS}, norms, LISTS, np.zeros(64), list(TEMPLATES), "word-after")
    assert np.allclose(codes.rated.columns(np.arange(64))[2], read_codes(found["n1"], list(TEMPLATES), "word-after")[0])
    assert codes.membership[codes.concepts.words.index("stone")].tolist() == [False, True]
    write_codes(tmp_path / "c.npz", codes)
    again = load_codes(tmp_path / "c.npz")
    assert again.emotions == codes.emotions and np.array_equal(again.membership, codes.membership)
    assert (again.concepts.sparse != codes.concepts.sparse).nnz == 0 and np.array_equal(
        again.rated.dense, codes.rated.dense
    )
    with pytest.raises(ValueError, match="'nope'"):
        codes.rated.rows(["nope"])


def test_words_that_share_pieces_across_emotions_are_dropped(model_folder, sae_folder, tmp_path):
    sets = {"joy": ["joy", "calm"], "fear": ["fear", "sadness", "stone"]}
    found = extractor(model_folder, sae_folder, tmp_path).words(sets | {"n": ["table"]}, TEMPLATES)["s0"]
    codes = gather({e: found[e] for e in sets}, found["n"], sets, np.zeros(64), ["bare"], "word")
    pieces = word_pieces(load_tokenizer(model_folder), list(codes.concepts.words))
    assert pieces["sadness"] == ["▁sad", "ness"]
    assert drop_shared_tokens(codes, pieces).concepts.words == codes.concepts.words
    left = drop_shared_tokens(codes, pieces | {"joy": ["▁joy"], "stone": ["▁calm"]} | {"calm": ["▁cal"]})
    assert "stone" in left.concepts.words
    shared = pieces | {"calm": ["▁x"], "stone": ["▁x"]}
    left = drop_shared_tokens(codes, shared)  # or joy would be left with one
    assert "calm" in left.concepts.words and "stone" not in left.concepts.words
    with pytest.raises(ValueError, match="'fear' keeps 0"):
        drop_shared_tokens(codes, {key: ["▁x"] for key in pieces})


def test_weights_must_be_safetensors(tmp_path):
    folder = make_model("llama", tmp_path / "m")
    (folder / "model.safetensors").rename(folder / "model.bin")
    with pytest.raises(ValueError, match="no model folder"):
        Extractor(folder, {}, "en", Numerics(), tmp_path)


def test_prefix_gives_what_the_whole_text_gives(tmp_path):
    import torch

    for family in ("llama", "gemma2"):
        model = load_model(make_model(family, tmp_path / family))
        ids = torch.randint(4, 20, (3, 7), generator=torch.Generator().manual_seed(5))
        ids[:, :4] = ids[0, :4]
        with torch.inference_mode():
            whole = block_outputs(model, [0, 1], input_ids=ids)
            for common in (0, 1, 4):
                rest = Prefix(model, [0, 1], ids[0, :common].tolist())
                for layer in (0, 1):
                    assert torch.allclose(rest.continued(ids[:, common:])[layer], whole[layer][:, common:], atol=1e-5)
                # a second call starts from the same beginning
                assert torch.equal(rest.continued(ids[:, common:])[1], rest.continued(ids[:, common:])[1])


def test_common_prefix_against_a_loop():
    def naive(stimuli):
        n = 0
        while all(n < s.first and s.ids[n] == stimuli[0].ids[n] for s in stimuli):
            n += 1
        return n

    g = np.random.default_rng(0)
    for _ in range(200):
        stimuli = [
            Stimulus("w", "w.", tuple(g.integers(0, 2, 8).tolist()), int(g.integers(0, 6)), 6, 7)
            for _ in range(int(g.integers(1, 4)))
        ]
        assert Chunk("w.", tuple(stimuli)).common_prefix() == naive(stimuli)


class Hungry(Extractor):
    """Runs out of memory above a batch of `fits`."""

    fits = 1

    def _forward(self, bundles, needs, chunk_batch, held):
        if chunk_batch > self.fits:
            raise RuntimeError(
                "[enforce fail at alloc_cpu.cpp] DefaultCPUAllocator: can't allocate memory: you tried to allocate 1"
                " bytes"
            )
        return super()._forward(bundles, needs, chunk_batch, held)


def test_a_chunk_too_large_for_memory_is_halved(model_folder, sae_folder, tmp_path, caplog):
    saes = {"s": SaeSource(str(sae_folder), 1)}
    plain = Extractor(model_folder, saes, "en", Numerics(chunk_batch=1), tmp_path / "a").words(LISTS, TEMPLATES)["s"]
    caplog.set_level(logging.WARNING, logger="shared_affect")
    hungry = Hungry(model_folder, saes, "en", Numerics(chunk_batch=4), tmp_path / "b")
    found = hungry.words(LISTS, TEMPLATES)["s"]
    assert hungry.records.halvings == 2 * len(LISTS) * len(TEMPLATES) and "chunk_batch 4" in caplog.text
    for e in LISTS:
        assert all(np.array_equal(found[e][k], plain[e][k]) for k in found[e])
    assert "smaller chunk_batch than the row's 4" in caplog.text
    # journalled under the batch that fitted and found there by a row that asks for it
    what = Chunk.of(hungry.tokenizer, TEMPLATES["bare"], LISTS["joy"]).what
    journal = hungry.records.journals["s"]
    assert hungry.records.key("s", what) not in journal and hungry.records.find("s", what) in journal
    small = Hungry(model_folder, saes, "en", Numerics(chunk_batch=1), tmp_path / "b")
    small.words(LISTS, TEMPLATES)
    assert small.model_loads == 0


def test_what_a_run_gives_does_not_depend_on_halvings_of_the_past(model_folder, sae_folder, tmp_path):
    """Three histories of one journal folder: a run with memory, one without and then one with, one killed between the
    two.
    """
    saes, numerics = (
        {"s": SaeSource(str(sae_folder), 1)},
        Numerics(chunk_batch=4, dtype="bfloat16"),
    )  # in which batches differ in more than last bits
    texts = ["the word is joy.", "now think of stone.", "the table is the word."]

    def run(kind, folder):
        ex = kind(model_folder, saes, "en", numerics, tmp_path / folder)
        return ex, ex.words(LISTS, TEMPLATES)["s"], ex.running_text(texts, texts)["s"]

    def equal(a, b):
        return all(np.array_equal(a[e][k], b[e][k]) for e in LISTS for k in a[e])

    _, plain, facts = run(Extractor, "never")
    first, halved, _ = run(Hungry, "halved")
    assert first.records.halvings
    later, found, found_facts = run(Extractor, "halved")
    assert (
        later.records.halvings == 0
        and later.model_loads >= 1
        and equal(found, plain)
        and all(np.array_equal(facts[k], found_facts[k]) for k in facts)
    )
    # memory runs out again: the same bytes as the first time, and nothing is computed twice
    part = Hungry(model_folder, saes, "en", numerics, tmp_path / "killed")
    part.words({"joy": LISTS["joy"]}, TEMPLATES)
    before = len(part.records.journals["s"])
    again, found, _ = run(Hungry, "killed")
    assert equal(found, halved) and len(again.records.journals["s"]) == before + len(TEMPLATES) + 1


def test_other_errors_and_a_batch_of_one_are_not_halved(model_folder, sae_folder, tmp_path):
    saes = {"s": SaeSource(str(sae_folder), 1)}
    hungry = Hungry(model_folder, saes, "en", Numerics(chunk_batch=4), tmp_path)
    hungry.fits = 0
    with pytest.raises(RuntimeError, match="can't allocate memory"):
        hungry.words(LISTS, TEMPLATES)
    assert not any(map(len, hungry.records.journals.values()))

    class Broken(Extractor):
        def _forward(self, bundles, needs, chunk_batch, held):
            raise RuntimeError("shapes do not fit")

    broken = Broken(model_folder, saes, "en", Numerics(chunk_batch=4), tmp_path)
    with pytest.raises(RuntimeError, match="do not fit"):
        broken.words(LISTS, TEMPLATES)
    assert broken.records.halvings == 0


def test_rows_of_a_sparse_matrix_against_scipy():
    from scipy.sparse import random as random_matrix

    g = np.random.default_rng(0)
    for density in (0.0, 0.05, 0.5):
        m = random_matrix(30, 40, density, "csr", rng=g)
        rows = g.permutation(30)[:20]
        data, indices, counts = take_rows({"data": m.data, "indices": m.indices, "indptr": m.indptr}, rows)
        expected = m[rows]
        assert (
            np.array_equal(data, expected.data)
            and np.array_equal(indices, expected.indices)
            and np.array_equal(counts, np.diff(expected.indptr))
        )


def test_reduced_precision_reports_what_it_changes(model_folder, sae_folder, tmp_path):
    import torch

    words, template = ["joy", "fear", "stone", "calm"], TEMPLATES["word-is"]
    assert extractor(model_folder, sae_folder, tmp_path / "a").deviation(words, template) == {"s0": {}, "s1": {}}
    low = extractor(model_folder, sae_folder, tmp_path / "b", dtype="bfloat16")
    found = low.deviation(words, template)["s1"]
    models = [load_model(model_folder, dtype=t) for t in ("float32", "bfloat16")]
    sae, cosine, diff, both, either = DiskSAE(sae_folder), [], [], 0, 0
    for s in locate(load_tokenizer(model_folder), template, words):
        for at in (s.last, s.after):
            with torch.inference_mode():
                x, y = (block_outputs(m, [1], input_ids=torch.tensor([s.ids]))[1][0, at].float() for m in models)
                a, b = sae.encode(x), sae.encode(y)
            cosine.append(float(torch.cosine_similarity(x, y, dim=0)))
            diff.append(float((a - b).abs().max()))
            both, either = both + int(((a > 0) & (b > 0)).sum()), either + int(((a > 0) | (b > 0)).sum())
    # batches of another size round bfloat16 a little differently
    assert found["precision_cosine"][0] == pytest.approx(min(cosine), abs=2e-4) and min(cosine) < 1
    assert 0 < found["precision_max_abs_diff"][0] == pytest.approx(max(diff), rel=0.5)
    assert found["precision_flips"][0] == pytest.approx(1 - both / either, abs=0.02)
    again = extractor(model_folder, sae_folder, tmp_path / "b", dtype="bfloat16")
    assert again.deviation(words, template)["s1"] == found and again.model_loads == 0


@pytest.mark.parametrize("shards", [2, 3])
def test_shards_give_what_one_job_gives(model_folder, sae_folder, tmp_path, shards):
    saes = {"s": SaeSource(str(sae_folder), 1)}
    one = Extractor(model_folder, saes, "en", Numerics(), tmp_path / "one").words(LISTS, TEMPLATES)["s"]
    parts = [
        Extractor(model_folder, saes, "en", Numerics(), tmp_path / "many", part=f"shard{k}of{shards}")
        for k in range(shards)
    ]
    assert sum(p.shard(LISTS, TEMPLATES, k, shards) for k, p in enumerate(parts)) == len(LISTS) * len(TEMPLATES)
    assert all(p.model_loads == 1 for p in parts)
    whole = Extractor(model_folder, saes, "en", Numerics(), tmp_path / "many")
    found = whole.words(LISTS, TEMPLATES)["s"]
    assert whole.model_loads == 0
    for e in LISTS:
        assert all(np.array_equal(found[e][k], one[e][k]) for k in one[e])
    with pytest.raises(ValueError, match=f"allowed: 0 to {shards - 1}"):
        whole.shard(LISTS, TEMPLATES, shards, shards)


@pytest.mark.parametrize("family", ["llama", "gemma2"])
def test_blocks_above_the_deepest_are_not_read(tmp_path, sae_folder, family):
    import torch

    folder = make_model(family, tmp_path / "m", layers=4)
    whole, part = load_model(folder), load_model(folder, deepest=1)
    assert len(blocks(part)) == 2 and len(blocks(whole)) == 4
    ids = torch.randint(4, 20, (3, 7), generator=torch.Generator().manual_seed(1))
    with torch.inference_mode():
        assert torch.equal(block_outputs(part, [1], input_ids=ids)[1], block_outputs(whole, [1], input_ids=ids)[1])
    # words need the part alone, running text (loss with the reconstruction put in) the whole model
    one = Extractor(folder, {"s": SaeSource(str(sae_folder), 1)}, "en", Numerics(), tmp_path / "j")
    one.words(LISTS, TEMPLATES)
    assert len(blocks(one.held.get().model)) == 2
    one.running_text(["the word is joy."], ["now think of stone."])
    assert len(blocks(one.held.get().model)) == 4 and one.model_loads == 2
