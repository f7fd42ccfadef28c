"""Interventions on the residual stream against loops over single positions, with a cache and without."""

import numpy as np
import pytest

from shared_affect.models.interventions import OPERATORS, POLICIES, Edits, Intervention
from shared_affect.models.likelihood import mean_nll
from shared_affect.models.load import load_model
from shared_affect.models.residual import editing
from shared_affect.models.sampling import Sampling, Start, draw_tokens, sample_texts, uniforms

TEXTS = ["the word is", "now", "think of the stone"]
NORM = 2.0


def ids_of(model_folder):
    from transformers import AutoTokenizer

    return AutoTokenizer.from_pretrained(model_folder)(TEXTS)["input_ids"]


def table(n=3, seed=1, scale=1.0):
    import torch

    return scale * torch.randn(n, 32, generator=torch.Generator().manual_seed(seed)).numpy()


def change(operator, vectors, strength=0.7, positions="all"):
    return Intervention(vectors, strength, operator, positions, level=1.5 if operator == "clamp" else 0.0)


def naive(h, intervention, k):
    """One position of row k, in float64, by the definition."""
    v = np.atleast_2d(intervention.vectors)[k % len(np.atleast_2d(intervention.vectors))].astype(float)
    u, s = v / np.sqrt((v**2).sum()), intervention.strength
    inner = sum(float(a) * float(b) for a, b in zip(h, u, strict=True))
    if intervention.operator == "add":
        return h + s * NORM * v
    if intervention.operator == "project-out":
        return h - s * inner * u
    return h + s * (intervention.level * NORM - inner) * u


def is_changed(positions, i, start):
    return {"all": True, "generated": i >= start, "prompt": i < start}[positions]


@pytest.mark.parametrize("positions", POLICIES)
@pytest.mark.parametrize("operator", OPERATORS)
def test_edits_against_a_loop_over_positions(operator, positions):
    import torch

    h = torch.randn(3, 6, 32, generator=torch.Generator().manual_seed(2))
    one = change(operator, table(2), positions=positions)
    got = Edits.of(0, [(one, range(3))], NORM).apply(h, 4)
    for k in range(3):
        for i in range(6):
            before = h[k, i].double().numpy()
            want = naive(before, one, k) if is_changed(positions, i, 4) else before
            assert np.allclose(got[k, i].numpy(), want, atol=1e-5)
    kept = [i for i in range(6) if not is_changed(positions, i, 4)]
    assert torch.equal(got[:, kept], h[:, kept]) and not torch.equal(got, h)


@pytest.mark.parametrize("dtype", ["float32", "bfloat16", "float16"])
def test_rows_of_all_kinds_share_a_batch(dtype):
    """A row is changed as it is by itself, whatever stands beside it."""
    import torch

    h = torch.randn(8, 5, 32, generator=torch.Generator().manual_seed(3)).to(getattr(torch, dtype))
    kinds = [change(o, table(2, seed=s), positions=p) for s, (o, p) in enumerate(zip(OPERATORS, POLICIES, strict=True))]
    parts = [(kinds[0], [0, 1]), (Intervention(), [0]), (kinds[1], [0, 1, 2]), (kinds[2], [4, 5])]
    together, at = Edits.of(0, parts, NORM).apply(h, 3), 0
    for one, numbers in parts:
        for n in numbers:
            alone = Edits.of(0, [(one, [n])], NORM)
            assert torch.equal(together[at], h[at] if alone is None else alone.apply(h[at : at + 1], 3)[0])
            at += 1
    assert together.dtype == h.dtype and at == 8 and Edits.of(0, [(Intervention(), range(3))]) is None


def test_a_component_is_taken_out_or_set():
    import torch

    h, v = torch.randn(1, 3, 32, generator=torch.Generator().manual_seed(4)), 3 * table(1)[0]
    u = torch.tensor(v / np.linalg.norm(v))
    without = Edits.of(0, [(change("project-out", v, 1.0), [0])], NORM).apply(h, 3)
    assert (without @ u).abs().max() < 1e-5
    clamped = Edits.of(0, [(change("clamp", v, 1.0), [0])], NORM).apply(h, 3)
    assert torch.allclose(clamped @ u, torch.full((1, 3), 1.5 * NORM), atol=1e-5)
    assert torch.allclose(without - without @ u[:, None] * u, clamped - clamped @ u[:, None] * u, atol=1e-5)
    added, taken = (Edits.of(0, [(change("add", v, s), [0])], NORM).apply(h, 3) for s in (0.5, -0.5))
    assert torch.allclose(added + taken, 2 * h, atol=1e-5)


def starts_of(ids, seed=5):
    return [Start(x, np.random.SeedSequence([seed, k])) for k, x in enumerate(ids)]


def sample(model, ids, intervention=None, seed=5, n=8, layer=0):
    edits = intervention and Edits.of(layer, [(intervention, range(len(ids)))], NORM)
    tokens = sample_texts(model, starts_of(ids, seed), edits, Sampling(n), eos=2)
    return tokens, mean_nll(model, ids, tokens)


def numbers(n_rows, n_tokens, vocabulary, seed=5):
    """Random numbers ``[row, token, choice]`` of the texts of `starts_of`."""
    import torch

    return torch.tensor(np.stack([uniforms(s.seed, n_tokens, vocabulary) for s in starts_of(range(n_rows), seed)]))


@pytest.mark.parametrize("positions", POLICIES)
@pytest.mark.parametrize("operator", OPERATORS)
def test_strength_zero_is_the_unsteered_text_bit_for_bit(model_folder, operator, positions):
    model, ids = load_model(model_folder), ids_of(model_folder)
    vectors = table(seed=0)
    assert sample(model, ids) == sample(model, ids, change(operator, vectors, 0.0, positions))
    assert sample(model, ids) != sample(model, ids, change(operator, vectors, 30.0, positions))


@pytest.mark.parametrize("positions", POLICIES)
@pytest.mark.parametrize("operator", OPERATORS)
def test_cached_sampling_equals_a_full_forward_pass_each_step(model_folder, operator, positions):
    """No cache, no padding, one text at a time: the same tokens must come out for every operator and policy."""
    import torch

    model, ids = load_model(model_folder), ids_of(model_folder)
    one = change(operator, table(), 1.5, positions)
    tokens, nll = sample(model, ids, one)
    u = numbers(3, 8, model.config.vocab_size)
    texts, done = [list(x) for x in ids], [False] * 3
    with torch.inference_mode():
        for step in range(8):
            rows = []
            for k, (text, start) in enumerate(zip(texts, map(len, ids), strict=True)):

                def edit(h, k=k, start=start):
                    new = [
                        naive(x.numpy(), one, k) if is_changed(positions, i, start) else x.numpy()
                        for i, x in enumerate(h[0].double())
                    ]
                    return torch.tensor(np.array([new]), dtype=h.dtype)

                with editing(model, 0, edit):
                    rows.append(model(input_ids=torch.tensor([text]), use_cache=False).logits[0, -1].softmax(-1))
            new = draw_tokens(torch.stack(rows), u[:, step])[0].tolist()
            for k, t in enumerate(new):
                if not done[k]:
                    texts[k].append(t)
                    done[k] = t == 2
            if all(done):
                break
        assert tokens == [t[len(i) :] for t, i in zip(texts, ids, strict=True)]
        for text, start, n in zip(texts, map(len, ids), nll, strict=True):
            logp = model(input_ids=torch.tensor([text]), use_cache=False).logits[0].log_softmax(-1)
            assert n == pytest.approx(
                -np.mean([float(logp[i - 1, text[i]]) for i in range(start, len(text))]), rel=1e-4
            )


def test_a_model_without_a_cache_is_steered_as_by_itself(tmp_path):
    """State-space models give no keys and values: the whole text is read at each step, and only the positions of the
    policy are changed.
    """
    import torch
    from test_architectures import make

    model = load_model(make("mamba", tmp_path / "m"))
    ids = [[1, 5, 6], [1, 9, 7]]
    for operator, positions in [*(("add", p) for p in POLICIES), ("clamp", "generated"), ("project-out", "prompt")]:
        one = change(operator, table(2), 1.5, positions)
        edits = Edits.of(1, [(one, range(2))], NORM)
        tokens = sample_texts(model, starts_of(ids), edits, Sampling(5), eos=None)
        texts, u = [list(x) for x in ids], numbers(2, 5, model.config.vocab_size)
        with torch.inference_mode():
            for step in range(5):

                def edit(h, one=one, positions=positions):
                    rows = [
                        [
                            naive(x.numpy(), one, k) if is_changed(positions, i, 3) else x.numpy()
                            for i, x in enumerate(row)
                        ]
                        for k, row in enumerate(h.double())
                    ]
                    return torch.tensor(np.array(rows), dtype=h.dtype)

                with editing(model, 1, edit):
                    p = model(input_ids=torch.tensor(texts), use_cache=False).logits[:, -1].softmax(-1)
                texts = [[*t, n] for t, n in zip(texts, draw_tokens(p, u[:, step])[0].tolist(), strict=True)]
        assert tokens == [t[3:] for t in texts], (operator, positions)


@pytest.mark.parametrize(
    ("made", "message"),
    [
        ({"positions": "everywhere"}, "positions is 'everywhere'; allowed: all, generated, prompt .config.yaml"),
        ({"operator": "rotate"}, "operator is 'rotate'; allowed: add, project-out, clamp"),
        ({"strength": np.nan}, "strength is nan"),
        ({"level": 1.0}, "level is 1.0 for operator add"),
        ({"vectors": None}, "without a vector; allowed: 0 and add"),
        ({"vectors": np.zeros((2, 2, 2))}, r"shape \(2, 2, 2\); allowed: \[d\] or \[n, d\]"),
        ({"vectors": np.zeros((0, 2))}, r"shape \(0, 2\)"),
    ],
)
def test_interventions_that_mean_nothing_are_refused(made, message):
    with pytest.raises(ValueError, match=message):
        Intervention(**{"vectors": np.ones(4), "strength": 1.0} | made)


def test_no_direction_no_projection():
    with pytest.raises(ValueError, match="project-out needs vectors with a direction"):
        Intervention(np.zeros(4), 1.0, "project-out").rows([0], NORM)
    with pytest.raises(ValueError, match="without a vector has no rows"):
        Intervention().rows([0], NORM)


def test_the_key_names_what_is_new():
    v = np.ones(4)
    assert set(Intervention(v, 1.0).key()) == {"vector", "strength", "positions"}
    assert Intervention(v, 1.0, "clamp", level=0.5).key()["level"] == "0.5"
    assert Intervention(v, 1).key() == Intervention(v.astype(np.float32), 1.0).key()
    assert Intervention(v, 1.0).key() != Intervention(2 * v, 1.0).key()
