"""Texts that are written together are those that each would be alone: draws, batches, halving, likelihood."""

import numpy as np
import pytest

from shared_affect.models import likelihood, sampling
from shared_affect.models.halving import in_batches
from shared_affect.models.interventions import Edits, Intervention
from shared_affect.models.likelihood import mean_nll
from shared_affect.models.load import load_model
from shared_affect.models.sampling import Sampling, Start, draw_tokens, n_choices, sample_texts, token_weights, uniforms

ENDS = (2, 7, 11)


# ---- the draw


def drawn(weights, u):
    import torch

    return draw_tokens(torch.as_tensor(weights, dtype=torch.float32), torch.as_tensor(u, dtype=torch.float64))


@pytest.mark.parametrize("p", [[0.0, 0.5, 0.2, 0.0, 0.25, 0.05, 0.0], [0.25] * 4, [0.1, 0.9], [0.3, 0.3, 0.4]])
def test_drawn_tokens_follow_their_probabilities(p):
    from scipy.stats import chisquare

    p = np.array(p)
    u = np.random.default_rng(4).random((20_000, n_choices(len(p))))
    tokens, total = drawn(np.tile(3 * p, (20_000, 1)), u)
    counts = np.bincount(tokens.numpy(), minlength=len(p))
    assert (counts[p == 0] == 0).all() and np.allclose(total.numpy(), 3)
    assert chisquare(counts[p > 0], 20_000 * p[p > 0] / p.sum()).pvalue > 1e-3


@pytest.mark.parametrize("size", [1, 2, 3, 7, 64, 65, 1000])
def test_no_number_draws_a_token_without_weight(size):
    """The smallest and the largest numbers there are, one token with weight at a time."""
    rng = np.random.default_rng(size)
    for token in rng.choice(size, min(size, 20), replace=False):
        weights = np.zeros((3, size))
        weights[:, token] = rng.random() + 0.1
        for u in (0.0, 1 - 2**-53, 0.5):
            tokens, _ = drawn(weights, np.full((3, n_choices(size)), u))
            assert tokens.tolist() == [token] * 3


def test_random_numbers_are_a_texts_own_and_a_longer_one_begins_with_those_of_a_shorter():
    a, b = (uniforms(np.random.SeedSequence(k), 6, 60) for k in (0, 1))
    assert a.shape == (6, 6) and not np.isin(a, b).any() and 0 <= a.min() and a.max() < 1
    assert np.array_equal(uniforms(np.random.SeedSequence(0), 4, 60), a[:4])


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_weights_of_logits_that_are_not_finite_have_no_finite_sum(bad):
    import torch

    logits = torch.randn(3, 10, generator=torch.Generator().manual_seed(0))
    logits[1, 4] = bad
    logits[0, 2] = -np.inf  # a token that cannot come is no fault
    weights = token_weights(logits, 0.7)
    assert torch.allclose(weights[2] / weights[2].sum(), (logits[2] / 0.7).softmax(-1)) and weights[0, 2] == 0
    assert draw_tokens(weights, torch.full((3, 4), 0.5, dtype=torch.float64))[1].isfinite().tolist() == [1, 0, 1]


# ---- batches


def sixty_four(rng):
    """Beginnings of 1 to 5 tokens under vectors of several operators, strengths and positions, and under none."""
    kinds = [
        Intervention(),
        Intervention(rng.normal(size=32), 0.5),
        Intervention(rng.normal(size=(3, 32)), 2.0, positions="generated"),
        Intervention(rng.normal(size=32), 1.0, "project-out"),
        Intervention(rng.normal(size=32), 1.0, "clamp", "prompt", 1.5),
    ]
    return [
        (
            Start([1, *rng.integers(4, 40, int(rng.integers(0, 5)))], np.random.SeedSequence([9, k]), f"text {k}"),
            kinds[k % len(kinds)],
            k // len(kinds),
        )
        for k in range(64)
    ]


def write(model, rows, size, order=None, length=12):
    """Texts of all rows, written in batches of a size, in the rows' own order."""
    order = list(range(len(rows))) if order is None else order
    found = [None] * len(rows)
    for i in range(0, len(rows), size):
        part = order[i : i + size]
        edits = Edits.of(0, [(rows[k][1], [rows[k][2]]) for k in part], 2.0)
        for k, text in zip(
            part, sample_texts(model, [rows[k][0] for k in part], edits, Sampling(length), ENDS), strict=True
        ):
            found[k] = text
    return found


@pytest.mark.parametrize("fewest", [1, sampling.FEWEST])
def test_a_text_is_the_same_alone_and_in_any_batch(model_folder, monkeypatch, fewest):
    """Also without the smallest batch, where the logits of a few rows have other last bits: a border must then fall
    between a number and itself, which one token in a million does.
    """
    monkeypatch.setattr(sampling, "FEWEST", fewest)
    model, rng = load_model(model_folder), np.random.default_rng(1)
    rows = sixty_four(rng)
    alone = write(model, rows, 1)
    assert len({len(t) for t in alone}) > 6 and len({tuple(t) for t in alone}) > 60  # some end early, all differ
    assert all(not set(t[:-1]) & set(ENDS) and (len(t) == 12 or t[-1] in ENDS) for t in alone)
    flips = {}
    for size in (7, 64):
        for name, order in (("in order", None), ("shuffled", rng.permutation(64).tolist())):
            together = write(model, rows, size, order)
            flips[size, name] = sum(a != b for a, b in zip(alone, together, strict=True))
    assert flips == dict.fromkeys(flips, 0)
    assert [t[:5] for t in alone] == write(model, rows, 7, length=5)


def test_of_a_rounding_of_the_logits_almost_no_token_hangs(model_folder):
    """How often two roundings would draw two tokens: with one border a halving, and with a border a token."""
    import torch

    logits = 2 * torch.randn(50, 2000, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    noise = 1e-5 * torch.randn(logits.shape, generator=torch.Generator().manual_seed(2), dtype=torch.float64)
    a, b = logits.softmax(-1), (logits + noise).softmax(-1)
    inverted = float((a.cumsum(-1) - b.cumsum(-1)).abs().sum(-1).mean())
    best = float((a - b).abs().sum(-1).mean()) / 2
    rng, draws = np.random.default_rng(0), 40
    # the noise is made a thousand times larger to be seen
    c, flips = (logits + 1000 * noise).softmax(-1), 0
    for _ in range(draws):
        u = rng.random((50, n_choices(2000)))
        flips += int((drawn(a, u)[0] != drawn(c, u)[0]).sum())
    rate = flips / draws / 50 / 1000
    assert best / 2 < rate < 4 * best < inverted / 10


def test_ended_texts_leave_the_batch(model_folder, monkeypatch):
    """Rows that the model reads are counted: not many more than tokens that are kept."""
    model, rows = load_model(model_folder), sixty_four(np.random.default_rng(1))
    read, real = [], sampling.Continuation.logits
    monkeypatch.setattr(sampling.Continuation, "logits", lambda self: read.append(len(self.full)) or real(self))
    texts = write(model, rows, 64)
    kept = sum(map(len, texts))
    assert read[0] == 64 and read[-1] < 40 and kept <= sum(read) < 1.2 * kept < 64 * 12


def test_an_error_names_the_text_whose_logits_are_no_numbers(model_folder):
    model, rows = load_model(model_folder), sixty_four(np.random.default_rng(1))[:9]
    rows[6] = rows[6][0], Intervention(np.full(32, np.inf), 1.0), 0
    with pytest.raises(
        ValueError, match=r"^text 6: NaN or infinite logits in float32 under the vector added.*strengths"
    ):
        write(model, rows, 9)


def test_batches_are_halved_where_memory_runs_out(caplog):
    sizes = []

    def work(some):
        sizes.append(len(some))
        if len(some) > 3:
            raise RuntimeError("[enforce fail] DefaultCPUAllocator: can't allocate memory: you tried 9 bytes")
        return [x * x for x in some]

    pairs = [(list(a), b) for a, b in in_batches(range(11), 10, work, where="model m", column="column rows is 10")]
    assert [x for a, _ in pairs for x in a] == list(range(11))
    assert [x for _, b in pairs for x in b] == [x * x for x in range(11)] and sizes == [10, 5, 3, 3, 3, 2]
    assert "model m: out of memory with 10 texts at once, now 5 (column rows is 10): [enforce fail]" in caplog.text


def test_one_text_that_does_not_fit_is_an_error_and_other_errors_pass():
    import torch

    def full(some):
        raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2 GiB")

    def broken(some):
        raise RuntimeError("shapes differ")

    with pytest.raises(MemoryError, match=r"model m: out of memory with one text at a time \(column rows is 4\): CUDA"):
        list(in_batches(range(4), 4, full, where="model m", column="column rows is 4"))
    with pytest.raises(RuntimeError, match="shapes differ"):
        list(in_batches(range(4), 4, broken))


# ---- likelihood


def texts_of(rng, n=9):
    return [[1, *rng.integers(4, 40, k % 3).tolist()] for k in range(n)], [
        rng.integers(4, 40, 1 + k % 6).tolist() for k in range(n)
    ]


def test_nll_is_that_of_each_text_read_by_itself(model_folder):
    import torch

    model = load_model(model_folder)
    ids, tokens = texts_of(np.random.default_rng(2))
    found = mean_nll(model, ids, tokens)
    with torch.inference_mode():
        for a, b, n in zip(ids, tokens, found, strict=True):
            logp = model(input_ids=torch.tensor([a + b]), use_cache=False).logits[0].double().log_softmax(-1)
            want = -np.mean([float(logp[len(a) + k - 1, t]) for k, t in enumerate(b)])
            assert n == pytest.approx(want, rel=1e-5)


def test_nll_comes_of_slices_and_of_new_positions_alone(model_folder, monkeypatch):
    model = load_model(model_folder)
    ids, tokens = texts_of(np.random.default_rng(2))
    whole, shapes = mean_nll(model, ids, tokens), []
    handle = model.get_output_embeddings().register_forward_hook(lambda m, i, o: shapes.append(tuple(o.shape)))
    vocabulary = model.config.vocab_size
    monkeypatch.setattr(likelihood, "LOGITS", 4 * 4 * 6 * vocabulary)
    monkeypatch.setattr(likelihood, "FLOATS", 1)
    sliced = mean_nll(model, ids, tokens)
    handle.remove()
    assert shapes == [(3, n, vocabulary) for n in (3, 6, 3)] and sliced == pytest.approx(whole, rel=1e-6)


def test_nll_that_is_no_number_is_refused(model_folder):
    import torch

    model = load_model(model_folder)
    with torch.no_grad():
        model.get_input_embeddings().weight[20] = torch.inf
    with pytest.raises(ValueError, match="text: NaN or infinite logits in float32; no token"):
        mean_nll(model, [[1]], [[20, 5]], "text")


# ---- keys and values

WINDOWS = {"whole": 512, "window longer than the texts": 20, "window shorter than the texts": 6}


def windowed(window):
    """A Gemma-2 type, every other block of which sees a window of so many tokens."""
    import torch
    from transformers import Gemma2Config, Gemma2ForCausalLM

    size = dict(hidden_size=32, intermediate_size=48, num_hidden_layers=4, num_attention_heads=4, head_dim=8)
    config = Gemma2Config(
        vocab_size=60, num_key_value_heads=2, sliding_window=window, **size, final_logit_softcapping=1.5
    )
    with torch.random.fork_rng():
        torch.manual_seed(5)
        model = Gemma2ForCausalLM(config).eval()
    model.set_attn_implementation("eager")
    return model


@pytest.mark.parametrize("case", WINDOWS)
def test_texts_are_the_same_whether_keys_are_written_in_place_or_copied(monkeypatch, case):
    from shared_affect.models import key_values

    model, seen, real = windowed(WINDOWS[case]), [], key_values.make_room
    starts = [Start([1, 5, 9][: 1 + k % 3], np.random.SeedSequence(k)) for k in range(24)]

    def told(kept, length):
        real(kept, length)
        seen.append([type(layer).__name__ for layer in kept.layers])

    monkeypatch.setattr(sampling, "make_room", told)
    ends = tuple(range(10, 20))
    roomy = sample_texts(model, starts, None, Sampling(12), ends)
    monkeypatch.setattr(sampling, "make_room", lambda kept, length: None)
    assert roomy == sample_texts(model, starts, None, Sampling(12), ends)
    assert len({len(t) for t in roomy}) > 4  # some leave the batch early
    short = case == "window shorter than the texts"
    assert seen == [(["DynamicSlidingWindowLayer", "RoomyLayer"] if short else ["RoomyLayer"] * 2) * 2]


def test_room_is_given_to_plain_caches_alone():
    from shared_affect.models.key_values import make_room

    for other in (None, "state", [1]):
        make_room(other, 5)  # a model's own kind of memory stays as it is
