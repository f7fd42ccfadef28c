"""The benchmark compares what it says it compares: equal results, honest counts. Speed itself is not tested."""

import csv
import subprocess
import sys
from dataclasses import asdict, replace

import numpy as np
import pytest

from shared_affect.tools import bench_sampling, bench_steering
from shared_affect.tools.bench import COLUMNS, compare, in_a_process, show
from shared_affect.tools.bench_extraction import OURS, arithmetic, methods
from shared_affect.tools.bench_models import TINY, prepare

SMALL = replace(
    TINY,
    name="small",
    width=32,
    heads=2,
    key_value_heads=1,
    feed_forward=48,
    vocabulary=96,
    d_sae=1024,
    words=12,
    loop_words=3,
)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    path = tmp_path_factory.mktemp("bench")
    prepare(SMALL, path)
    return path


def test_methods_of_extraction_agree(folder):
    rows = compare("small", "words/s", methods(SMALL, folder), rounds=1)
    assert [list(r) for r in rows] == [COLUMNS] * 3 and "padded" in rows[0]["method"] and rows[2]["method"] == OURS
    assert rows[0]["ratio_to_baseline"] == 1 and all(r["rate"] > 0 and r["peak_mb"] > 10 for r in rows)
    assert all(r["max_abs_diff"] < 1e-4 and r["support_flips"] == 0 for r in rows)
    assert str(rows[1]["method"]) in show(rows)


def test_codes_of_the_benchmark_are_neither_empty_nor_dense(folder):
    _, run = methods(SMALL, folder)[OURS]()
    active = (run() > 0).mean(1)
    assert (active > 0).all() and active.mean() < 0.1


def test_arithmetic_counts_the_blocks_that_run(folder):
    from shared_affect.models.blocks import blocks
    from shared_affect.models.load import load_model

    model = load_model(folder / "model")
    weights = sum(p.numel() for b in list(blocks(model))[: SMALL.layer + 1] for p in b.parameters())
    n, run = arithmetic(SMALL, folder, "cpu", size=64)[OURS]()
    assert n * 1e12 == pytest.approx(SMALL.words * 4 * 2 * 2 * (weights + 32 * 1024))
    assert run().shape == (1, 1)


def test_differences_and_flips_are_counted_over_common_rows():
    a, b = np.array([[1.0, 0.0], [0.0, 2.0], [3.0, 3.0]]), np.array([[1.0, 0.5], [0.0, 2.25]])
    first, second = compare("x", "rows/s", {"a": lambda: (3, lambda: a), "b": lambda: (2, lambda: b)}, rounds=1)
    assert second["max_abs_diff"] == 0.5 and second["support_flips"] == 1 and first["support_flips"] == 0


def test_a_method_that_dies_is_named():
    with pytest.raises(RuntimeError, match="'bad' died"):
        compare("x", "rows/s", {"bad": lambda: (1, lambda: 1 / 0)}, rounds=1)
    with pytest.raises(RuntimeError, match="exit code 1"):
        in_a_process(lambda: 1 / 0)


def test_methods_of_steering_write_the_same_number_of_tokens(folder):
    work = bench_steering.Work(SMALL, folder, chunks=2)
    rows = compare("small", "tokens/s", bench_steering.methods(work, 96), rounds=1)
    assert "generate, 96 rows" in rows[0]["method"] and [r["method"] for r in rows[1:]] == [
        "ours, 96 rows, steered, likelihood and journal included",
        "ours, 48 rows",
    ]
    # a few of 96 texts end at an end token, which plain `generate` may not write
    assert all(r["rate"] > 0 and r["max_abs_diff"] < 6 for r in rows) and rows[0]["max_abs_diff"] == 0
    n, _ = bench_steering.ours(work, 96)
    assert n == 2 * 48 * 24


def test_methods_of_sampling_write_the_same_texts(folder):
    rows = compare(
        "small", "tokens/s", bench_sampling.methods(bench_sampling.Workload(SMALL, folder), 96, 20), rounds=1
    )
    assert [r["max_abs_diff"] for r in rows] == [0, 0, 0] and all(r["rate"] > 0 for r in rows)


HIDING = """
import sys
from importlib.machinery import PathFinder

class Hiding(PathFinder):
    @classmethod
    def find_spec(cls, name, path=None, target=None):
        hidden = ("pandas", "scipy", "jaxtyping", "sae_lens", "sklearn", "snakemake", "matplotlib", "pingouin")
        return None if name.split(".")[0] in hidden else super().find_spec(name, path, target)

sys.meta_path[:] = [Hiding if f is PathFinder else f for f in sys.meta_path]
"""


def test_extraction_and_steering_need_only_torch_transformers_and_safetensors(tmp_path):
    """The command itself, with workloads that are small."""
    code = f"""{HIDING}
from functools import partial
from transformers import AutoModelForCausalLM, Gemma2ForCausalLM  # once here, and not in each process that is forked
from shared_affect.tools import bench, bench_extraction, bench_steering
small = bench_extraction.Shape(**{asdict(SMALL)!r})
bench_extraction.TINY = bench_extraction.MIDDLE = bench_steering.TINY = small
bench.compare = bench_extraction.compare = bench_steering.compare = partial(bench.compare, rounds=1)
bench_extraction.card_at_hand = bench_steering.card_at_hand = lambda: False
bench.check_folder = lambda folder: None
bench.main(["extraction", "steering", "--folder", {str(tmp_path / "b")!r}])
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    with open(tmp_path / "b/extraction.csv", encoding="utf-8") as f:
        rows = list(csv.DictReader(f))
    assert [r["method"] == OURS for r in rows] == [False, True] * 2 and all(float(r["rate"]) > 0 for r in rows)
    assert "tokens/s" in (tmp_path / "b/steering.csv").read_text(encoding="utf-8")
