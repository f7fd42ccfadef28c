"""Chunks of generated texts: what a study writes, their keys, and the journal that keeps them."""

import json

import numpy as np
import pytest

from shared_affect.models.interventions import Intervention
from shared_affect.models.load import Numerics
from shared_affect.models.sampling import Sampling
from shared_affect.steering import plan as arms
from shared_affect.steering.directions import difference_of_means, random_directions, unit
from shared_affect.steering.generate import Generator, Place
from shared_affect.steering.generations import write_generations
from shared_affect.steering.plan import NO_EMOTION, Arm, Chunk, Design, Material, Prompt, plan
from shared_affect.study.vocabulary import STEERING_ARMS

PROMPTS = (
    Prompt("p1", "choose", "the word is"),
    Prompt("p2", "score", "now"),
    Prompt("p3", "score", "think of the stone"),
)


def generator(model_folder, sae_folder, journal, **more):
    return Generator(
        Place(model_folder, sae_folder, 0, 2.0),
        "en",
        Sampling(max_new_tokens=6),
        numerics=Numerics(),
        journal_folder=journal,
        root_seed=7,
        **more,
    )


def planned(vectors, strengths, *, with_baselines, samples=1):
    return plan(vectors, Design(PROMPTS, strengths, samples), with_baselines=with_baselines)


def chunk(vector, strength=1.0, arm="concept", **change):
    return Chunk("joy", arm, Intervention(vector, strength, **change), PROMPTS)


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
    a = first.run(planned(vectors("joy", "fear"), [0.5, 1.0], with_baselines=True), "part0")
    again = generator(model_folder, sae_folder, tmp_path)
    assert (
        again.run(planned(vectors("joy", "fear"), [0.5, 1.0], with_baselines=True), "part0") == a
        and again.model_loads == 0
    )
    more = generator(model_folder, sae_folder, tmp_path)
    b = more.run(planned(vectors("joy", "fear", "calm"), [0.5, 1.0], with_baselines=True), "part0")
    assert more.model_loads == 1 and {k: b[k] for k in a} == a and len(b) == len(a) + 4
    from shared_affect.base.journal import Journal

    assert len(Journal(tmp_path / f"{more.journal_name}-part0.journal")) == len(b)


def test_texts_do_not_depend_on_how_emotions_are_grouped(model_folder, sae_folder, tmp_path):
    together = generator(model_folder, sae_folder, tmp_path / "a").run(
        planned(vectors("joy", "fear"), [1.0], with_baselines=True), "part0"
    )
    apart = {}
    for k, e in enumerate(("joy", "fear")):
        apart |= generator(model_folder, sae_folder, tmp_path / "b").run(
            planned(vectors(e), [1.0], with_baselines=k == 0), f"part{k}"
        )
    assert together == apart


def several():
    return planned(vectors("joy", "fear"), [0.5, 1.0], with_baselines=True, samples=2)


def test_records_do_not_depend_on_how_many_texts_are_written_at_once(model_folder, sae_folder, tmp_path):
    """To the last bit of their likelihood, and under equal keys."""
    found, keys = [], []
    for rows in (1, 7, 64):
        one = generator(model_folder, sae_folder, tmp_path / str(rows), rows=rows)
        found.append(one.run(several(), "x"))
        keys.append([one._key(c) for c in several()])
    assert found[0] == found[1] == found[2] and keys[0] == keys[1] == keys[2]
    assert len({r["text"] for v in found[0].values() for r in v}) > 50
    with pytest.raises(ValueError, match=r"rows is 0; allowed: an integer >= 1 .config/models.tsv, column rows"):
        generator(model_folder, sae_folder, tmp_path, rows=0)


def test_a_killed_job_goes_on_behind_the_last_chunk_that_was_written(model_folder, sae_folder, tmp_path, monkeypatch):
    from shared_affect.base.journal import Journal
    from shared_affect.steering import generate

    whole = generator(model_folder, sae_folder, tmp_path / "a").run(several(), "x")
    real, written = generate.mean_nll, []

    def killed(*args, **kwargs):
        if len(written) == 3:
            raise KeyboardInterrupt
        written.append(1)
        return real(*args, **kwargs)

    monkeypatch.setattr(generate, "mean_nll", killed)
    first = generator(model_folder, sae_folder, tmp_path / "b", rows=10)
    with pytest.raises(KeyboardInterrupt):
        first.run(several(), "x")
    assert len(Journal(tmp_path / "b" / f"{first.journal_name}-x.journal")) == 3
    monkeypatch.setattr(generate, "mean_nll", real)
    read, sample = [], generate.sample_texts
    monkeypatch.setattr(generate, "sample_texts", lambda m, s, *a: read.append(len(s)) or sample(m, s, *a))
    assert generator(model_folder, sae_folder, tmp_path / "b").run(several(), "x") == whole
    assert sum(read) == sum(len(c.rows()) for c in several()[3:])


def test_a_prompt_or_sample_more_leaves_the_other_texts_alone(model_folder, sae_folder, tmp_path):
    vector = np.eye(32)[0]
    more = (Prompt("p0", "score", "now think"), *PROMPTS[::-1])
    few = Chunk("joy", "concept", Intervention(vector, 1.0), PROMPTS)
    many = Chunk("joy", "concept", Intervention(vector, 1.0), more, 2)
    one = generator(model_folder, sae_folder, tmp_path)
    texts = [
        {(r["prompt"], r["sample"]): r["text"] for r in one.run([c], "x")["joy", "concept", 1.0]} for c in (few, many)
    ]
    assert len(texts[0]) == 3 and len(texts[1]) == 8 and texts[0].items() <= texts[1].items()


def test_where_memory_runs_out_fewer_texts_are_written_at_once_and_they_are_the_same(
    model_folder, sae_folder, tmp_path, monkeypatch, caplog
):
    import torch

    from shared_affect.steering import generate

    whole = generator(model_folder, sae_folder, tmp_path / "a").run(several(), "x")
    real, sizes, fits = generate.sample_texts, [], 9

    def small(model, starts, *args):
        sizes.append(len(starts))
        if len(starts) > fits:
            raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2 GiB")
        return real(model, starts, *args)

    monkeypatch.setattr(generate, "sample_texts", small)
    assert generator(model_folder, sae_folder, tmp_path / "b", rows=30).run(several(), "x") == whole
    assert sizes[:4] == [30, 15, 8, 8] and max(sizes[2:]) == 8
    assert "out of memory with 30 texts at once, now 15 (column rows is 30)" in caplog.text
    fits = 0
    last = generator(model_folder, sae_folder, tmp_path / "c", rows=3)
    last.place = Place(model_folder, sae_folder, 0, 2.0, where="config/models.tsv, model m")
    with pytest.raises(MemoryError, match=r"config/models.tsv, model m: out of memory with one text.*column rows is 3"):
        last.run(several(), "x")


def test_records_hold_what_they_promise(model_folder, sae_folder, tmp_path):
    made = generator(model_folder, sae_folder, tmp_path).run(
        planned(vectors("joy"), [1.0], with_baselines=True, samples=2), "x"
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
    made = generator(model_folder, sae_folder, tmp_path).run(planned(many, [1.0], with_baselines=True), "x")[
        NO_EMOTION, "random", 1.0
    ]
    assert [r["direction"] for r in made] == [*range(8), 0] and [r["sample"] for r in made] == [0, 1, 2] * 3


def test_chunks_of_a_study_in_order():
    found = planned(vectors("joy", "fear"), [0.5, 1], with_baselines=True, samples=2)
    assert [c.name for c in found[:3]] == [("-", "none", 0.0), ("-", "random", 0.5), ("-", "random", 1.0)]
    of_joy = [("joy", a, s) for a in ("concept", "diff-means") for s in (0.5, 1.0)]
    assert [c.name for c in found[3:7]] == of_joy and len(found) == 11
    assert planned(vectors("fear"), [1], with_baselines=False)[0].name == ("fear", "concept", 1.0)
    assert {c.samples for c in found} == {2} and {c.intervention.operator for c in found} == {"add"}
    assert np.array_equal(found[3].intervention.vectors, vectors("joy")["joy"]["concept"])
    assert found[0].intervention.vectors is None


def test_keys_are_those_of_records_that_were_written_before_interventions_were_values():
    """Spelt out: hours of accelerator time hang on these names."""
    import hashlib

    from shared_affect.base.files import digest_of
    from shared_affect.base.seeds import torch_seed

    v = unit(np.random.default_rng(0).normal(size=32))
    own = {
        "prompts": [["p1", "the word is"], ["p2", "now"], ["p3", "think of the stone"]],
        "samples_per_prompt": 1,
        "positions": "prompt",
        "emotion": "joy",
        "arm": "concept",
        "strength": "0.25",
        "vector": hashlib.sha256(v.tobytes()).hexdigest(),
        "seed": torch_seed(7, "generate_texts", "en", "joy", "concept", "0.25"),
    }
    identity = {"model": "m", "language": "en", "temperature": 1.0}
    one = chunk(v, 0.25, positions="prompt")
    seed = one.seed(7, "en")
    assert one.key(identity, seed) == digest_of(identity | own)
    none = Chunk("-", "none", Intervention(positions="prompt"), PROMPTS)
    unsteered = {"emotion": "-", "arm": "none", "strength": "0.0", "vector": None}
    assert none.key(identity, seed) == digest_of(identity | own | unsteered)
    others = [
        chunk(v, 0.25, positions="prompt", operator="project-out"),
        chunk(v, 0.25, positions="prompt", operator="clamp"),
        chunk(v, 0.25, positions="prompt", operator="clamp", level=1.0),
        chunk(v, 0.25, positions="all"),
        Chunk("joy", "concept", one.intervention, PROMPTS[:2]),
        Chunk("joy", "concept", one.intervention, PROMPTS, 2),
    ]
    assert len({c.key(identity, seed) for c in [one, none, *others]}) == 8


def test_arms_are_words_of_the_vocabulary():
    names = [a.name for a in arms.ARMS]
    assert len(set(names)) == len(names) and set(names) <= set(STEERING_ARMS)
    assert {a.reads for a in arms.ARMS} - {""} <= set(names) and set(arms.COMPARED) <= set(names)
    with pytest.raises(ValueError, match="arm is 'magic'; allowed: concept, diff-means"):
        arms.arm_named("magic")


def test_a_new_arm_is_one_record_and_moves_no_other(model_folder, sae_folder, tmp_path, monkeypatch):
    """It is made, planned, written and read by its record alone, whatever its operator is."""
    from shared_affect.steering.generations import read_generations

    rng = np.random.default_rng(5)
    made_of = (np.array([1, 4]), np.array([1.0, -2.0]), rng.normal(size=(6, 32)), *rng.normal(size=(2, 3, 32)))
    material = Material(*made_of, n_random=2, root_seed=7, names=("m", "s", "en"))
    before = arms.make_vectors(material)
    old = planned({"joy": before}, [0.5], with_baselines=True)
    texts = generator(model_folder, sae_folder, tmp_path).run(old, "x")
    new = [
        Arm("negative", lambda m: -before["concept"]),
        Arm("ablation", lambda m: before["concept"], operator="project-out"),
        Arm("random-features", lambda m: m.decoder[:2]),
    ]
    monkeypatch.setattr(arms, "ARMS", (*arms.ARMS, *new))
    after = arms.make_vectors(material)
    assert all(np.array_equal(after[k], v) for k, v in before.items()) and [*after][len(before) :] == [
        a.name for a in new
    ]
    more = generator(model_folder, sae_folder, tmp_path)
    both = more.run(planned({"joy": after}, [0.5], with_baselines=True), "x")
    assert {k: both[k] for k in texts} == texts
    added = [("joy", "random-features", 0.5), ("joy", "negative", 0.5), ("joy", "ablation", 1.0)]
    assert set(both) == {*texts, *added}
    for e in ("joy", NO_EMOTION):
        write_generations(tmp_path / f"{e}.jsonl", e, both)
    found = read_generations([tmp_path / "joy.jsonl", tmp_path / "-.jsonl"])
    assert set(found["arm"]) == {*before, "none", *(a.name for a in new)}


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
        Place(model_folder, sae_folder, 0, 2.0, where="config/models.tsv, model m"),
        "en",
        Sampling(max_new_tokens=6),
        numerics=Numerics(dtype=dtype),
        journal_folder=tmp_path,
        root_seed=7,
    )
    with pytest.raises(ValueError, match=rf"model m, en: joy, concept, strength 1[e+0-9]+: {what}.*steering.strengths"):
        made.run([chunk(np.eye(32)[0], strength)], "x")
    assert not [p for p in tmp_path.glob("*.journal") if p.stat().st_size]


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_vectors_and_norms_that_are_not_finite_are_refused(model_folder, sae_folder, tmp_path, value):
    broken = np.eye(32, dtype=np.float32)[0].copy()
    broken[3] = value
    with pytest.raises(ValueError, match="vector of joy, concept, holds NaN or infinite"):
        generator(model_folder, sae_folder, tmp_path).run([chunk(broken)], "x")
    for make in (unit, lambda v: difference_of_means(v[None], np.zeros((1, 32)))):
        with np.errstate(invalid="ignore"), pytest.raises(ValueError, match="NaN or infinite"):
            make(broken)
    with pytest.raises(ValueError, match=r"residual_norm is .*finite"):
        Place(model_folder, sae_folder, 0, value)


def test_a_strength_that_stands_twice_is_refused():
    with pytest.raises(ValueError, match=r"strengths are 0\.5, 1, 0\.5; allowed: each once"):
        planned(vectors("joy"), [0.5, 1.0, 0.5], with_baselines=False)
