"""`make bench`: speed and memory of the slow stages as ratios to the usual way, in one run on one machine.

Methods of a workload are interleaved over rounds, each round in a process of its own, and the median rate is reported;
``ratio_to_baseline`` is against the first method, ``max_abs_diff`` the largest difference of its result to the first
method's over the rows both computed, ``support_flips`` how many entries are zero in one and not in the other. Models
have random weights: speed does not depend on what they learned. Extraction and steering need torch, transformers and
safetensors alone.
"""

from __future__ import annotations

import argparse
import csv
import multiprocessing
import os
import platform
import resource
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from multiprocessing.connection import Connection
from pathlib import Path

import numpy as np

from shared_affect.base.rooms import check_folder

Prepared = tuple[float, Callable[[], np.ndarray]]
"""Number of units, and the function that does the work and returns an array."""

COLUMNS = [
    "workload",
    "method",
    "rate",
    "unit",
    "ratio_to_baseline",
    "peak_mb",
    "max_abs_diff",
    "support_flips",
    "rounds",
    "machine",
]


def _child(pipe: Connection, work: Callable[[], Prepared]) -> None:
    n, run = work()
    run()  # first call pays for imports and warm-up
    start = time.perf_counter()
    result = run()
    pipe.send((n / (time.perf_counter() - start), _peak_mb(), np.asarray(result)))


def _peak_mb() -> float:
    """Peak memory of this process: on the card if it used one, else in RAM."""
    cuda = getattr(sys.modules.get("torch"), "cuda", None)
    if cuda is not None and cuda.is_initialized():
        return cuda.max_memory_allocated() / 2**20
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def in_a_process(function: Callable, *args) -> None:
    """Call a function in a process of its own, so that its memory and its hold on a card end with it.

    Raises
    ------
    RuntimeError
        If it fails.
    """
    process = multiprocessing.get_context("fork").Process(target=function, args=args)
    process.start()
    process.join()
    if process.exitcode:
        raise RuntimeError(f"{function.__name__} failed with exit code {process.exitcode}, see above")


def compare(workload: str, unit: str, methods: Mapping[str, Callable[[], Prepared]], rounds: int = 3) -> list[dict]:
    """Time methods in turn; the first is the baseline.

    Parameters
    ----------
    workload, unit : str
    methods : mapping of name -> function without arguments
        Prepares and returns `Prepared`.
    rounds : int

    Returns
    -------
    list of dict
        One row a method, keys `COLUMNS`.

    Raises
    ------
    RuntimeError
        If a method's process dies.
    """
    # a fresh process each time: CUDA cannot be used in a forked one, and peak memory is a process's own
    context = multiprocessing.get_context("fork")
    seen: dict[str, list] = {name: [] for name in methods}
    for _ in range(rounds):
        for name, work in methods.items():
            reader, writer = context.Pipe(duplex=False)
            process = context.Process(target=_child, args=(writer, work))
            process.start()
            writer.close()  # so that a child that dies ends the wait
            try:
                seen[name].append(reader.recv())
            except EOFError:
                raise RuntimeError(f"benchmark {workload!r}: {name!r} died, see above") from None
            process.join()
    machine = f"{platform.machine()}, {os.cpu_count()} cores, 1 thread, Python {platform.python_version()}"
    rates = {name: float(np.median([r for r, _, _ in v])) for name, v in seen.items()}
    first = next(iter(methods))
    rows = []
    for name, v in seen.items():
        n = min(len(np.atleast_1d(v[0][2])), len(np.atleast_1d(seen[first][0][2])))
        result, base = (np.atleast_1d(x)[:n] for x in (v[0][2], seen[first][0][2]))
        rows.append(
            {
                "workload": workload,
                "method": name,
                "rate": rates[name],
                "unit": unit,
                "ratio_to_baseline": rates[name] / rates[first],
                "peak_mb": max(m for _, m, _ in v),
                "max_abs_diff": float(np.abs(result - base).max()),
                "support_flips": int(((result != 0) != (base != 0)).sum()),
                "rounds": rounds,
                "machine": machine,
            }
        )
    return rows


def bench_rsa() -> Iterator[list[dict]]:
    """Mantel permutations a second, 27 emotions."""
    rng = np.random.default_rng(0)
    a, b = rng.normal(size=(27, 5)), rng.normal(size=(27, 5))

    def prepare(ours: bool):
        def work():
            from scipy.spatial.distance import pdist, squareform
            from scipy.stats import spearmanr

            from shared_affect.spaces.pair_sets import PairSets
            from shared_affect.spaces.rdm import RaterRDMs, euclidean_rdm
            from shared_affect.spaces.rsa import Repeats, compare_spaces

            labels = tuple(f"e{i}" for i in range(27))

            def ours_of_one_rater():
                one = RaterRDMs(labels, ("b",), euclidean_rdm(b, labels).condensed()[None])
                found = compare_spaces(
                    {"a": euclidean_rdm(a, labels)},
                    one,
                    pairs=PairSets(("all",)),
                    repeats=Repeats(n_permutations=10_000),
                    rng=np.random.default_rng(1),
                )
                return found["rho"].to_numpy()[:1]

            if ours:
                return 10_000, ours_of_one_rater

            def loop():
                x, y, g = squareform(pdist(a)), pdist(b), np.random.default_rng(1)
                for _ in range(500):
                    p = g.permutation(27)
                    spearmanr(squareform(x[np.ix_(p, p)], checks=False), y)
                return np.array([spearmanr(squareform(x, checks=False), y)[0]])

            return 500, loop

        return work

    yield compare(
        "Mantel test, 27 emotions",
        "permutations/s",
        {"scipy spearmanr in a loop": prepare(False), "ours": prepare(True)},
    )


def bench_ratings() -> Iterator[list[dict]]:
    """Nested cross-validated ridge of permuted ratings: targets a second."""
    rng = np.random.default_rng(0)
    x, y = rng.random((354, 200)), rng.normal(size=(354, 200))
    alphas = np.logspace(-2, 5, 15)

    def prepare(ours: bool):
        def work():
            from sklearn.linear_model import Ridge

            from shared_affect.ratings.folds import Folds, folds
            from shared_affect.ratings.ridge import nested_cv_predict

            groups = np.arange(354)
            outer = folds(groups, 10, np.random.default_rng(1))
            if ours:

                def work_of_ours():
                    return nested_cv_predict(x, y, Folds.draw(outer, groups, 5, np.random.default_rng(2)), alphas)[
                        :, :2
                    ]

                return 200, work_of_ours

            def loop():
                inner = Folds.draw(outer, groups, 5, np.random.default_rng(2)).inner
                out = np.zeros((354, 2))
                for t in range(2):
                    for k, f in enumerate(np.unique(outer)):
                        train = outer != f
                        error = np.zeros(len(alphas))
                        for g in range(5):
                            fit, test = train & (inner[k] != g), train & (inner[k] == g)
                            scale = np.sqrt(x[fit].var(0).mean())
                            for i, alpha in enumerate(alphas):
                                model = Ridge(alpha).fit((x[fit] - x[fit].mean(0)) / scale, y[fit, t])
                                error[i] += (
                                    (model.predict((x[test] - x[fit].mean(0)) / scale) - y[test, t]) ** 2
                                ).sum()
                        scale = np.sqrt(x[train].var(0).mean())
                        model = Ridge(alphas[error.argmin()]).fit((x[train] - x[train].mean(0)) / scale, y[train, t])
                        out[~train, t] = model.predict((x[~train] - x[train].mean(0)) / scale)
                return out

            return 2, loop

        return work

    yield compare(
        "nested ridge, 354 words, 200 features, 10 x 5 folds, 15 penalties",
        "targets/s",
        {"scikit-learn Ridge in loops": prepare(False), "ours, many targets at once": prepare(True)},
    )


def show(rows: list[dict]) -> str:
    """Rows as lines for a terminal."""
    lines = [f"{rows[0]['workload']}"]
    for r in rows:
        lines.append(
            f"  {r['rate']:>10.4g} {r['unit']:<14} {r['ratio_to_baseline']:>7.3g} x  {r['peak_mb']:>6.0f} MB  diff"
            f" {r['max_abs_diff']:.1e}, {r['support_flips']} flips  {r['method']}"
        )
    return "\n".join(lines)


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the named benchmarks (all by default) and write one CSV each."""
    from shared_affect.tools.bench_extraction import bench_extraction
    from shared_affect.tools.bench_sampling import bench_sampling
    from shared_affect.tools.bench_steering import bench_steering

    known = {
        "extraction": bench_extraction,
        "rsa": bench_rsa,
        "ratings": bench_ratings,
        "sampling": bench_sampling,
        "steering": bench_steering,
    }
    parser = argparse.ArgumentParser(
        prog="python -m shared_affect.tools.bench",
        description="Speed and memory of the slow stages beside the usual way; minutes. Extraction and steering need"
        " torch, transformers and safetensors alone.",
    )
    parser.add_argument("names", nargs="+", metavar="NAME", help=f"benchmarks to run: {', '.join(known)}, or all")
    parser.add_argument("--folder", default="results/bench", help="where the tables go, one CSV a benchmark")
    given = parser.parse_args(arguments)
    if bad := [n for n in given.names if n not in (*known, "all")]:
        parser.error(f"benchmark {bad[0]!r}; allowed: {', '.join(known)}, all")
    names = list(known) if "all" in given.names else given.names
    try:
        check_folder(Path.cwd())
    except ValueError as error:
        sys.exit(str(error))
    out = Path(given.folder)
    out.mkdir(parents=True, exist_ok=True)
    for name in names:
        workloads = known[name]()
        with open(out / f"{name}.csv", "w", encoding="utf-8", newline="") as f:
            table = csv.DictWriter(f, COLUMNS)
            table.writeheader()
            for rows in workloads:
                table.writerows(rows)
                print(show(rows), flush=True)


if __name__ == "__main__":
    # under its own name, so that what its methods import is this module and no second one
    from shared_affect.tools import bench

    bench.main()
