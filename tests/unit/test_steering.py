import json

import numpy as np
import pytest

from shared_affect.models.load import Numerics, load_model
from shared_affect.models.sampling import Sampling, draw_tokens, sample_texts
from shared_affect.steering.directions import (
    concept_vector,
    difference_of_means,
    random_directions,
    split_words,
    unit,
)
from shared_affect.steering.generate import (
    NO_EMOTION,
    Generator,
    Prompt,
    plan,
    read_vectors,
    write_generations,
    write_vectors,
)

PROMPTS = [
    Prompt("p1", "choose", "the word is"),
    Prompt("p2", "score", "now"),
    Prompt("p3", "score", "think of the stone"),
]


def ids_of(model_folder):
    from transformers import AutoTokenizer

    return AutoTokenizer.from_pretrained(model_folder)([p.text for p in PROMPTS])["input_ids"]


def sample(model, ids, added, positions="all", seed=5, n=8):
    import torch

    return sample_texts(
        model,
        ids,
        0,
        added,
        Sampling(max_new_tokens=n, positions=positions),
        torch.Generator().manual_seed(seed),
        eos=2,
    )


@pytest.mark.parametrize("positions", ["all", "generated", "prompt"])
def test_strength_zero_is_the_unsteered_text_bit_for_bit(model_folder, positions):
    import torch

    model, ids = load_model(model_folder), ids_of(model_folder)
    vector = torch.randn(3, 32, generator=torch.Generator().manual_seed(0))
    assert sample(model, ids, None) == sample(model, ids, 0.0 * vector, positions)
    assert sample(model, ids, None) != sample(model, ids, 5.0 * vector, "all")


@pytest.mark.parametrize("positions", ["all", "generated", "prompt"])
def test_cached_sampling_equals_a_full_forward_pass_each_step(model_folder, positions):
    """No cache, no padding, one text at a time: the same tokens must come out for every position policy."""
    import torch

    from shared_affect.models.residual import editing

    model, ids = load_model(model_folder), ids_of(model_folder)
    vector = 3.0 * torch.randn(3, 32, generator=torch.Generator().manual_seed(1))
    tokens, nll = sample(model, ids, vector, positions)
    generator = torch.Generator().manual_seed(5)
    texts, done = [list(x) for x in ids], [False] * 3
    with torch.inference_mode():
        for _ in range(8):
            rows = []
            for text, start, v in zip(texts, map(len, ids), vector, strict=True):
                mark = torch.tensor(
                    [{"all": True, "generated": i >= start, "prompt": i < start}[positions] for i in range(len(text))]
                )
                with editing(model, 0, lambda h, mark=mark, v=v: torch.where(mark[None, :, None], h + v, h)):
                    rows.append(model(input_ids=torch.tensor([text]), use_cache=False).logits[0, -1].softmax(-1))
            new = draw_tokens(torch.stack(rows), generator)[:, 0].tolist()
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


def generator(model_folder, sae_folder, journal, **sampling):
    return Generator(
        model_folder=model_folder,
        sae_folder=sae_folder,
        layer=0,
        residual_norm=2.0,
        language="en",
        prompts=PROMPTS,
        sampling=Sampling(max_new_tokens=6, **sampling),
        numerics=Numerics(),
        journal_folder=journal,
        root_seed=7,
    )


def vectors(*emotions):
    rng = np.random.default_rng(3)
    made = {
        e: {
            "concept": unit(rng.normal(size=32)),
            "diff-means": unit(rng.normal(size=32)),
            "random": random_directions(2, 32, rng),
        }
        for e in ("joy", "fear", "calm")
    }
    return {e: made[e] for e in emotions}


def test_journal_serves_texts_again_and_an_added_emotion_is_all_that_is_new(model_folder, sae_folder, tmp_path):
    first = generator(model_folder, sae_folder, tmp_path)
    a = first.run(plan(vectors("joy", "fear"), [0.5, 1.0], baselines=True), "part0")
    again = generator(model_folder, sae_folder, tmp_path)
    assert again.run(plan(vectors("joy", "fear"), [0.5, 1.0], baselines=True), "part0") == a and again.model_loads == 0
    more = generator(model_folder, sae_folder, tmp_path)
    b = more.run(plan(vectors("joy", "fear", "calm"), [0.5, 1.0], baselines=True), "part0")
    assert more.model_loads == 1 and {k: b[k] for k in a} == a and len(b) == len(a) + 4
    from shared_affect.base.journal import Journal

    assert len(Journal(tmp_path / f"{more.journal_name}-part0.journal")) == len(b)


def test_texts_do_not_depend_on_how_emotions_are_grouped(model_folder, sae_folder, tmp_path):
    together = generator(model_folder, sae_folder, tmp_path / "a").run(
        plan(vectors("joy", "fear"), [1.0], baselines=True), "part0"
    )
    apart = {}
    for k, e in enumerate(("joy", "fear")):
        apart |= generator(model_folder, sae_folder, tmp_path / "b").run(
            plan(vectors(e), [1.0], baselines=k == 0), f"part{k}"
        )
    assert together == apart


def test_records_hold_what_they_promise(model_folder, sae_folder, tmp_path):
    made = generator(model_folder, sae_folder, tmp_path, samples_per_prompt=2).run(
        plan(vectors("joy"), [1.0], baselines=True), "x"
    )
    random = made[NO_EMOTION, "random", 1.0]
    assert [r["direction"] for r in random] == [0, 1, 0, 1, 0, 1] and [r["sample"] for r in random] == [0, 1] * 3
    assert {r["prompt"]: r["split"] for r in random} == {"p1": "choose", "p2": "score", "p3": "score"}
    assert all(r["nll"] > 0 and 1 <= r["n_tokens"] <= 6 and r["direction"] is None for r in made["joy", "concept", 1.0])
    write_generations(tmp_path / "g.jsonl", "joy", made)
    rows = [json.loads(line) for line in (tmp_path / "g.jsonl").read_text(encoding="utf-8").splitlines()]
    assert {r["arm"] for r in rows} == {"concept", "diff-means"} and {r["emotion"] for r in rows} == {"joy"}
    write_generations(tmp_path / "b.jsonl", NO_EMOTION, made)
    others = [json.loads(line) for line in (tmp_path / "b.jsonl").read_text(encoding="utf-8").splitlines()]
    assert {r["arm"] for r in others} == {"none", "random"} and len(rows) + len(others) == sum(
        len(v) for v in made.values()
    )


def test_every_random_direction_gets_a_text(model_folder, sae_folder, tmp_path):
    many = {"joy": vectors("joy")["joy"] | {"random": random_directions(8, 32, np.random.default_rng(2))}}
    made = generator(model_folder, sae_folder, tmp_path).run(plan(many, [1.0], baselines=True), "x")[
        NO_EMOTION, "random", 1.0
    ]
    assert [r["direction"] for r in made] == [*range(8), 0] and [r["sample"] for r in made] == [0, 1, 2] * 3


def test_vectors_against_naive_sums(tmp_path):
    rng = np.random.default_rng(0)
    directions = rng.normal(size=(10, 4)).astype(np.float32)
    naive = 0.75 * directions[2] + 0.25 * directions[7]
    assert np.allclose(
        concept_vector(np.array([2, 7]), np.array([0.75, 0.25]), directions), naive / np.linalg.norm(naive), atol=1e-6
    )
    inside, outside = rng.normal(size=(5, 4)), rng.normal(size=(6, 4))
    d = np.array([np.mean([r[k] for r in inside]) - np.mean([r[k] for r in outside]) for k in range(4)])
    assert np.allclose(difference_of_means(inside, outside), d / np.sqrt((d**2).sum()), atol=1e-6)
    with pytest.raises(ValueError, match="zero"):
        unit(np.zeros(3))
    write_vectors(tmp_path / "v.safetensors", {"concept": naive}, {"words_used": ["快乐"]})
    arrays, facts = read_vectors(tmp_path / "v.safetensors")
    assert np.allclose(arrays["concept"], naive) and facts == {"words_used": ["快乐"]}


def test_halves_are_disjoint_complete_and_seeded():
    words = list("abcdefg")
    used, held = split_words(words, np.random.default_rng(1))
    assert len(used) == 4 and sorted(used + held) == words
    assert split_words(words, np.random.default_rng(1)) == (used, held)
    with pytest.raises(ValueError, match="cannot be halved"):
        split_words(["a"], np.random.default_rng(1))


def test_halves_share_the_parts_of_speech():
    words, kinds = list("abcdefgh"), list("nnnjjjvv")
    share = dict.fromkeys(words, 0)
    for seed in range(400):
        used, held = split_words(words, np.random.default_rng(seed), kinds)
        assert len(used) == len(held) == 4 and sorted(used + held) == words
        for kind in "njv":
            counts = [sum(kinds[words.index(w)] == kind for w in half) for half in (used, held)]
            assert abs(counts[0] - counts[1]) <= 1
        for w in used:
            share[w] += 1 / 400
    assert all(abs(v - 0.5) < 0.1 for v in share.values())
    assert len(split_words(words[:7], np.random.default_rng(0), kinds[:7])[0]) == 4


def test_unknown_position_policy_is_named(model_folder, sae_folder, tmp_path):
    with pytest.raises(ValueError, match="allowed: all, generated, prompt"):
        generator(model_folder, sae_folder, tmp_path, positions="everywhere")


def test_drawn_tokens_follow_their_probabilities():
    import torch
    from scipy.stats import chisquare

    p = torch.tensor([0.0, 0.5, 0.2, 0.0, 0.25, 0.05, 0.0])
    drawn = draw_tokens(p.expand(20000, -1), torch.Generator().manual_seed(4)).squeeze(1)
    counts = np.bincount(drawn.numpy(), minlength=7)
    assert (counts[[0, 3, 6]] == 0).all()
    possible = p.numpy() > 0
    assert (
        chisquare(counts[possible], 20000 * p.numpy()[possible].astype(float) / p.numpy()[possible].sum()).pvalue > 1e-3
    )


@pytest.mark.parametrize(
    ("dtype", "strength", "what"),
    [
        ("float16", 1e5, "NaN or infinite logits in float16 under the vector added"),
        ("bfloat16", 1e38, "a vector 2e.38 long is infinite when squared"),
    ],
)
def test_logits_that_are_not_finite_stop_before_a_token_is_drawn(
    model_folder, sae_folder, tmp_path, dtype, strength, what
):
    """A vector too long for the dtype: without a look the last token of the vocabulary would be drawn again and
    again.
    """
    made = Generator(
        model_folder=model_folder,
        sae_folder=sae_folder,
        layer=0,
        residual_norm=2.0,
        language="en",
        prompts=PROMPTS,
        sampling=Sampling(max_new_tokens=6),
        numerics=Numerics(dtype=dtype),
        journal_folder=tmp_path,
        root_seed=7,
        where="config/models.tsv, model m",
    )
    with pytest.raises(ValueError, match=rf"model m, en: joy, concept, strength 1[e+0-9]+: {what}.*steering.strengths"):
        made.run([("joy", "concept", strength, np.eye(32, dtype=np.float32)[0])], "x")
    assert not [p for p in tmp_path.glob("*.journal") if p.stat().st_size]


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_vectors_and_norms_that_are_not_finite_are_refused(model_folder, sae_folder, tmp_path, value):
    broken = np.eye(32, dtype=np.float32)[0].copy()
    broken[3] = value
    with pytest.raises(ValueError, match="vector of joy, concept, holds NaN or infinite"):
        generator(model_folder, sae_folder, tmp_path).run([("joy", "concept", 1.0, broken)], "x")
    for make in (unit, lambda v: difference_of_means(v[None], np.zeros((1, 32)))):
        with np.errstate(invalid="ignore"), pytest.raises(ValueError, match="NaN or infinite"):
            make(broken)
    with pytest.raises(ValueError, match=r"residual_norm is .*finite"):
        Generator(
            model_folder=model_folder,
            sae_folder=sae_folder,
            layer=0,
            residual_norm=value,
            language="en",
            prompts=PROMPTS,
            sampling=Sampling(),
            numerics=Numerics(),
            journal_folder=tmp_path,
            root_seed=7,
        )


def test_a_model_without_a_cache_is_steered_as_by_itself(tmp_path, sae_folder):
    """State-space models give no keys and values: the whole text is read at each step, and only the positions of the
    policy are changed.
    """
    import torch
    from test_architectures import make

    from shared_affect.models.residual import editing

    model = load_model(make("mamba", tmp_path / "m"))
    vector = 3.0 * torch.randn(2, 32, generator=torch.Generator().manual_seed(1))
    ids = [[1, 5, 6], [1, 9, 7]]
    for positions in ("all", "generated", "prompt"):
        tokens, _ = sample_texts(
            model,
            ids,
            1,
            vector,
            Sampling(max_new_tokens=5, positions=positions),
            torch.Generator().manual_seed(5),
            eos=None,
        )
        texts, g = [list(x) for x in ids], torch.Generator().manual_seed(5)
        with torch.inference_mode():
            for _ in range(5):
                at = torch.arange(len(texts[0]))
                here = {"all": at >= 0, "generated": at >= 3, "prompt": at < 3}[positions]
                with editing(model, 1, lambda h, here=here: torch.where(here[None, :, None], h + vector[:, None], h)):
                    new = draw_tokens(
                        model(input_ids=torch.tensor(texts), use_cache=False).logits[:, -1].softmax(-1), g
                    )[:, 0].tolist()
                texts = [[*t, n] for t, n in zip(texts, new, strict=True)]
        assert tokens == [t[3:] for t in texts], positions
