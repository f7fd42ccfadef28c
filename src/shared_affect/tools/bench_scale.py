"""`make bench-scale`: time, memory and disk of every stage behind extraction, at the size the workflow exists for.

A synthetic study (`scale_study`) goes through the same script functions that the workflow's rules call, each in a
process of its own; the table says how long each took, its peak memory and the bytes it wrote. No model, no network.
Stages whose files are there are not run again: an interrupted run goes on where it stopped.
"""

from __future__ import annotations

import argparse
import contextlib
import csv
import importlib.util
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from functools import partial
from itertools import product
from pathlib import Path

import yaml

from shared_affect.base.files import write_json
from shared_affect.base.rooms import LIBRARY, check_folder
from shared_affect.tools.scale_study import LANGUAGES, READOUT, Sizes, write_study

ROOT = LIBRARY.parents[1]
COLUMNS = ["stage", "language", "seconds", "cpu_seconds", "peak_gb", "written_mb"]
SEED = 0
REPEATS = ("n_permutations", "n_code_permutations", "n_bootstrap", "n_draws", "n_matched", "shuffles", "split_half")
"""Keys of config.yaml that a smaller run takes a share of."""


def script(name: str) -> Callable:
    """The function of a rule's script.

    Raises
    ------
    ValueError
        If this copy of the library has no scripts beside it.
    """
    path = ROOT / f"workflow/scripts/{name}.py"
    if not path.is_file():
        raise ValueError(f"no {path}; needed: the library in its repository (python -m ... from a clone)")
    spec = importlib.util.spec_from_file_location(name, path)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return getattr(module, name)


@dataclass(frozen=True, eq=False)
class Study:
    """Where the files of a synthetic study stand, and how its stages are called.

    Attributes
    ----------
    folder : Path
    sizes : Sizes
    share : float
        Of the permutations, draws and resamples of config.yaml.
    """

    folder: Path
    sizes: Sizes
    share: float = 1.0

    def settings(self, key: str) -> dict:
        """A key of config.yaml, the default study's."""
        own = yaml.safe_load((ROOT / "config.yaml").read_text(encoding="utf-8"))[key]
        return {k: max(2, round(v * self.share)) if k in REPEATS else v for k, v in own.items()}

    def file(self, place: str) -> Path:
        """A file of the study; its folder is made."""
        path = self.folder / place
        path.parent.mkdir(parents=True, exist_ok=True)
        return path

    def each(self, place: str) -> list[Path]:
        """A file for each emotion."""
        return [self.file(place.format(e)) for e in self.sizes.names]

    def both(self, place: str) -> dict[str, Path]:
        """A file for each language."""
        return {k: self.file(place.format(k)) for k in LANGUAGES}

    def make_study(self, k: str) -> None:
        write_study(self.folder, self.sizes, k, SEED)

    def gather_codes(self, k: str) -> None:
        own = [self.file(f"{p}_{k}.{end}") for p, end in (("concepts", "tsv"), ("codes", "npz"))]
        texts = [self.file(f"features/{k}/{name}.npz") for name in ("norms", "running_text")]
        files = (self.each(f"features/{k}/concepts/{{}}.npz"), *texts, own[0], self.file("emotions.tsv"), own[1])
        script("gather_codes")(*files, templates=list(self.sizes.templates), readout=READOUT)

    def match_controls(self, k: str) -> None:
        out = [self.file(f"controls/{k}/{name}.tsv") for name in ("words", "matches", "balance")]
        known = (self.file(f"human/norms_{k}.tsv"), [self.file(f"human/frequency_{k}.tsv")], self.folder / "model")
        script("match_controls")(self.file(f"concepts_{k}.tsv"), *known, *out, settings=self.settings("controls"))

    def select_features(self, k: str) -> None:
        files = [self.file(f) for f in (f"codes_{k}.npz", "emotions.tsv", f"controls/{k}/matches.tsv")]
        out = self.each(f"selected/{k}/{{}}.tsv"), self.file(f"use_{k}.tsv"), self.file(f"reproducibility_{k}.tsv")
        script("select_features")(*files, *out, settings=self.settings("features"), root_seed=SEED, names=("", k))

    def build_space(self, k: str) -> None:
        inputs: dict = dict(codes=self.file(f"codes_{k}.npz"), features=self.each(f"selected/{k}/{{}}.tsv"))
        inputs |= {
            name: self.file(f"controls/{k}/{end}.tsv") for name, end in (("words", "words"), ("controls", "matches"))
        }
        inputs |= dict(associations=[], emotions=self.file("emotions.tsv"), corpus=None)
        rsa = self.settings("rsa")
        repeats = dict(n_draws=rsa["n_draws"], n_permuted=rsa["n_code_permutations"])
        how = dict(settings=self.settings("features"), root_seed=SEED, names=("", k))
        script("build_space")(inputs, self.file(f"space_{k}.npz"), **repeats, **how)

    def compare_with_judgements(self, k: str) -> None:
        files = [self.file(f"space_{k}.npz"), *(self.file(f"human/{f}_{k}.tsv") for f in ("judgements", "affect"))]
        out = [self.file(f"{f}_{k}.tsv") for f in ("rsa", "rsa_differences")]
        script("compare_with_judgements")(*files, *out, settings=self.settings("rsa"), root_seed=SEED, names=("", k))

    def find_dimensions(self, k: str) -> None:
        files = [self.file(f) for f in (f"space_{k}.npz", f"human/affect_{k}.tsv")]
        out, rsa = [self.file(f"{f}_{k}.tsv") for f in ("dimensions", "coordinates")], self.settings("rsa")
        repeats = {n: rsa[n] for n in ("n_permutations", "n_bootstrap")}
        script("find_dimensions")(*files, *out, **repeats, root_seed=SEED, names=("", k))

    def draw_folds(self) -> None:
        how = dict(lemma_rules={"en": "snowball-english", "zh": "shared-headword"}, root_seed=SEED, name="norms")
        files = self.both("human/norms_{}.tsv"), self.file("human/translations.tsv"), self.file("human/folds.tsv")
        script("draw_folds")(*files, n_folds=self.settings("ratings")["n_outer"], **how)

    def find_shared_features(self) -> None:
        selected = [f for k in LANGUAGES for f in self.each(f"selected/{k}/{{}}.tsv")]
        out = [self.file(f"shared/{f}.tsv") for f in ("features", "summary", "overlap")]
        files = self.both("codes_{}.npz"), self.both("controls/{}/words.tsv"), selected, None
        script("find_shared_features")(*files, *out, settings=self.settings("shared"), seed=(SEED, ""))

    def predict_ratings(self, k: str) -> None:
        inputs = dict(codes=self.file(f"codes_{k}.npz"), norms=self.file(f"human/norms_{k}.tsv"), associations=[])
        inputs |= dict(folds=self.file("human/folds.tsv"), shared=self.file("shared/features.tsv"))
        inputs |= dict(features=self.each(f"selected/{k}/{{}}.tsv"))
        outputs: dict = {f: self.file(f"ratings/{k}/{f}.tsv") for f in ("differences", "predictions")}
        outputs |= dict(notes=self.file(f"ratings/{k}/notes.json"))
        outputs |= dict(scores={d: self.file(f"ratings/{k}/{d}.tsv") for d in ("valence", "arousal")})
        how = dict(dimensions=["valence", "arousal"], settings=self.settings("ratings"), root_seed=SEED, names=("", k))
        script("predict_ratings")(inputs, outputs, language=k, **how)

    def transfer_ratings(self) -> None:
        files = [self.file(f) for f in ("shared/features.tsv", "human/folds.tsv", "human/translations.tsv")]
        wanted = product(("en-zh", "zh-en"), ("valence", "arousal"))
        out = {(way, d): self.file(f"ratings/{way}/{d}.tsv") for way, d in wanted}
        how = dict(dimensions=["valence", "arousal"], settings=self.settings("ratings"), root_seed=SEED, names=("",))
        script("transfer_ratings")(self.both("codes_{}.npz"), self.both("human/norms_{}.tsv"), *files, out, **how)

    def compare_cultures(self) -> None:
        files = self.both("ratings/{}/predictions.tsv"), self.both("human/norms_{}.tsv")
        how = dict(given=dict.fromkeys(LANGUAGES, False), n_bootstrap=self.settings("ratings")["n_bootstrap"])
        out = self.file("human/translations.tsv"), self.file("cultures.tsv")
        script("compare_cultures")(*files, *out, **how, root_seed=SEED, names=("",))

    def stages(self) -> dict[tuple[str, str], Callable[[], None]]:
        """All stages in order, by name and language (both: "")."""
        found: dict[tuple[str, str], Callable[[], None]] = {}

        def add(*names: str) -> None:
            for name, k in product(names, LANGUAGES):
                found[name, k] = partial(getattr(self, name), k)

        add("make_study", "gather_codes", "match_controls", "select_features", "build_space")
        add("compare_with_judgements", "find_dimensions")
        found |= {(name, ""): getattr(self, name) for name in ("draw_folds", "find_shared_features")}
        add("predict_ratings")
        found |= {(name, ""): getattr(self, name) for name in ("transfer_ratings", "compare_cultures")}
        return found


def _bytes(folder: Path) -> dict[Path, tuple[int, int]]:
    return {p: (s.st_mtime_ns, s.st_size) for p in folder.rglob("*") if p.is_file() for s in [p.stat()]}


def _peak() -> int:
    """Bytes of memory that this program held at most. What the system keeps of a child begins with its parent's."""
    with contextlib.suppress(OSError, StopIteration), open("/proc/self/status", encoding="ascii") as f:
        return next(int(line.split()[1]) * 1024 for line in f if line.startswith("VmHWM:"))
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def measure(study: Study, stage: str, language: str) -> dict:
    """Run one stage in a process of its own; a row of the table.

    Raises
    ------
    RuntimeError
        If it fails.
    """
    before, start = _bytes(study.folder), time.perf_counter()
    given = ["--stage", stage, "--language", language, "--share", str(study.share)]
    command = [sys.executable, "-m", "shared_affect.tools.bench_scale", str(study.folder), *given]
    with tempfile.TemporaryDirectory() as beside:
        told = Path(beside, "peak")
        process = subprocess.Popen([*command, *_as_arguments(study.sizes), "--told", str(told)])
        _, status, used = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode:
            raise RuntimeError(f"stage {stage} {language} failed with exit code {process.returncode}, see above")
        peak = int(told.read_text())
    new = sum(size for path, (t, size) in _bytes(study.folder).items() if before.get(path, (0, 0))[0] != t)
    # of the processor too: on a busy machine the clock tells of others
    seconds = {"seconds": time.perf_counter() - start, "cpu_seconds": used.ru_utime + used.ru_stime}
    numbers = {k: round(v, 1) for k, v in seconds.items()}
    numbers |= {"peak_gb": round(peak / 1e9, 2), "written_mb": round(new / 1e6, 3)}
    return {"stage": stage, "language": language, **numbers}


def _as_arguments(sizes: Sizes) -> list[str]:
    return [x for k, v in asdict(sizes).items() if k != "templates" for x in (f"--{k.replace('_', '-')}", str(v))]


def run(study: Study, wanted: Sequence[str] = (), say: Callable[[str], None] = print) -> list[dict]:
    """Run all stages, or those named, that have no row yet; write ``scale.csv`` (and ``scale.json``) after each."""
    study.folder.mkdir(parents=True, exist_ok=True)
    of, kept = study.folder / "sizes.json", study.folder / "scale.json"
    facts = json.loads(json.dumps({**asdict(study.sizes), "share": study.share}))
    if of.exists() and json.loads(of.read_text(encoding="utf-8")) != facts:
        raise ValueError(f"{study.folder} holds a study of other sizes ({of}); allowed: the same, or a new folder")
    write_json(of, facts)
    rows: list[dict] = json.loads(kept.read_text(encoding="utf-8")) if kept.exists() else []
    done = {(r["stage"], r["language"]) for r in rows}
    for stage, language in study.stages():
        if (stage, language) in done or (wanted and stage not in wanted):
            continue
        rows.append(measure(study, stage, language))
        say(
            "{stage} {language}: {seconds} s ({cpu_seconds} of a core), {peak_gb} GB, {written_mb} MB".format(
                **rows[-1]
            )
        )
        write_json(kept, rows)
        with open(study.folder / "scale.csv", "w", encoding="utf-8", newline="") as f:
            writer = csv.DictWriter(f, COLUMNS)
            writer.writeheader()
            writer.writerows(rows)
    return rows


def show(rows: Sequence[Mapping]) -> str:
    """The table in Markdown."""
    lines = ["| stage | language | seconds | seconds of a core | peak GB | MB written |", "|---|---|---|---|---|---|"]
    lines += [f"| {' | '.join(str(r[c]) or 'both' for c in COLUMNS)} |" for r in rows]
    return "\n".join(lines)


def main(arguments: Sequence[str] | None = None) -> None:
    """Make the study and run its stages; or one stage, as `measure` asks for."""
    parser = argparse.ArgumentParser(
        prog="python -m shared_affect.tools.bench_scale",
        description="Time, memory and disk of every stage behind extraction on a synthetic study; about two hours.",
    )
    parser.add_argument("folder", type=Path, help="where the study and scale.csv go, e.g. results/bench-scale: 5 GB")
    for f in fields(Sizes):
        if f.name != "templates":
            kind = float if f.type == "float" else int
            parser.add_argument(
                f"--{f.name.replace('_', '-')}", type=kind, default=f.default, help=f"default {f.default}"
            )
    parser.add_argument("--share", type=float, default=1.0, help="of the permutations and draws of config.yaml")
    parser.add_argument("--only", nargs="*", default=(), metavar="STAGE", help="stages to run, all by default")
    parser.add_argument("--stage", help=argparse.SUPPRESS)
    parser.add_argument("--language", default="", help=argparse.SUPPRESS)
    parser.add_argument("--told", type=Path, default=Path(os.devnull), help=argparse.SUPPRESS)
    given = parser.parse_args(arguments)
    sizes = Sizes(**{f.name: getattr(given, f.name) for f in fields(Sizes) if f.name != "templates"})
    study = Study(given.folder.resolve(), sizes, given.share)
    if given.stage:
        study.stages()[given.stage, given.language]()
        given.told.write_text(str(_peak()))
        return
    known = list(dict.fromkeys(name for name, _ in study.stages()))
    if bad := [s for s in given.only if s not in known]:
        parser.error(f"stage {bad[0]!r}; allowed: {', '.join(known)}")
    try:
        check_folder(Path.cwd())
        rows = run(study, given.only, lambda line: print(line, flush=True))
    except ValueError as error:
        sys.exit(str(error))
    print(show(rows))


if __name__ == "__main__":
    main()
