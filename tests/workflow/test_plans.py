"""Studies of public models are planned whole without a network, a token or a card."""

import csv
import os
import re
import subprocess
import sys

import pytest
from conftest import make_model

pytestmark = pytest.mark.workflow


@pytest.fixture(scope="module")
def data(root, tmp_path_factory):
    """A folder with empty files under the names of all published data: a plan reads none of them."""
    folder = tmp_path_factory.mktemp("data")
    with open(root / "config/sources.tsv", encoding="utf-8", newline="") as f:
        for r in csv.DictReader(f, delimiter="\t"):
            (folder / r["folder"]).mkdir(parents=True, exist_ok=True)
            (folder / r["folder"] / r["file"]).touch()
    return folder


@pytest.fixture
def plan(root, tmp_path):
    """Plan a study where no hub, no token and no card is, with other settings than its file's."""

    def planned(study, *settings):
        for shared in ("resources", "config"):
            (tmp_path / "run").mkdir(exist_ok=True)
            if not (tmp_path / "run" / shared).exists():
                (tmp_path / "run" / shared).symlink_to(root / shared)
        command = [sys.executable, "-m", "snakemake", "-n", "--quiet", "rules", "--cores", "1"]
        command += ["--directory", str(tmp_path / "run"), "--snakefile", str(root / "Snakefile"), "--configfile"]
        command += [str(root / "config.yaml"), str(root / f"studies/{study}.yaml"), "--config", *settings]
        environment = {k: v for k, v in os.environ.items() if k != "HF_TOKEN"} | {
            "HF_ENDPOINT": "http://127.0.0.1:9",
            "HOME": str(tmp_path),
            "OMP_NUM_THREADS": "1",
        }
        return subprocess.run(command, capture_output=True, text=True, env=environment)

    return planned


def test_the_laptop_study_has_a_command_that_needs_no_token(root, plan):
    """The line in its own file: nothing gated, and no file that a person must fetch."""
    (line,) = (x for x in (root / "studies/laptop.yaml").read_text().splitlines() if "snakemake --cores all" in x)
    settings = re.findall(r"'([^']+)'", line.split("--config ")[1])
    done = plan("laptop", *settings)
    assert done.returncode == 0, done.stderr[-2000:]
    assert re.search(r"^retrieve_model +1$", done.stdout + done.stderr, flags=re.M)
    assert "Lacking" not in done.stderr and "gated" not in done.stderr
    with open(root / "config/models.tsv", encoding="utf-8", newline="") as f:
        rows = {r["model"]: r for r in csv.DictReader(f, delimiter="\t")}
    named = [rows[m] for s in settings for m in re.findall(r"[\w.-]+", s.split("=")[1])]
    assert len(named) == 2 and {rows[r["twin_of"] or r["model"]]["gated"] for r in named} == {"false"}
    # the file as it stands asks for a token, which is why the line is there
    assert "Lacking: model gemma-3-270m" in plan("laptop", "force=false").stderr


@pytest.mark.parametrize(
    ("study", "models", "saes", "extractions"),
    [("paper", 2, 7, 8), ("laptop", 2, 2, 4), ("families", 4, 4, 16), ("today", 7, 7, 14), ("norms", 0, 0, 1)],
)
def test_a_study_is_planned(root, data, tmp_path, study, models, saes, extractions):
    make_model(
        "llama", tmp_path / "models/stories260K", layers=3, context=512
    )  # a plan looks at folders that are there
    command = [
        sys.executable,
        "-m",
        "snakemake",
        "-n",
        "--quiet",
        "rules",
        "--directory",
        str(tmp_path / "run"),
        "--snakefile",
        str(root / "Snakefile"),
        "--cores",
        "1",
        "--configfile",
        str(root / "config.yaml"),
        str(root / f"studies/{study}.yaml"),
        "--config",
        f"data_dir={data}",
        f"models_dir={tmp_path / 'models'}",
    ]
    for shared in ("resources", "config"):
        (tmp_path / "run").mkdir(exist_ok=True)
        (tmp_path / "run" / shared).symlink_to(root / shared)
    environment = {k: v for k, v in os.environ.items() if k != "HF_TOKEN"} | {
        "HF_ENDPOINT": "http://127.0.0.1:9",
        "HOME": str(tmp_path),
        "OMP_NUM_THREADS": "1",
    }
    done = subprocess.run(command, capture_output=True, text=True, env=environment)
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]
    jobs = {
        line.split()[0]: int(line.split()[1])
        for line in (done.stdout + done.stderr).splitlines()
        if len(line.split()) == 2 and line.split()[1].isdigit()
    }
    assert jobs.get("retrieve_model", 0) == models and jobs.get("retrieve_sae", 0) == saes
    assert sum(n for rule, n in jobs.items() if rule.startswith("extract_features_")) == extractions
    assert jobs["judge_claims"] == 1
    # the paper's study analyses all SAEs of its models, and the one of each twin, each in two languages
    assert jobs.get("profile_sae", 0) == (2 * (saes + jobs["make_twin"]) if saes > models else 0)
    (line,) = (x for x in done.stderr.splitlines() if x.startswith("Estimate: "))
    assert f" {jobs['total'] - 1} jobs, " in line and " disk: journal " in line and ", free " in line
    # a line a model where a study is large, none of a card's hours where there is none
    assert ("  hours: reckoned for one H100" in done.stderr) == (study != "norms")


FULL = """
import shutil

shutil.disk_usage = lambda path: shutil._ntuple_diskusage(10**12, 10**12 - 1000, 1000)
"""


def test_a_full_disk_is_refused_before_the_first_job(root, tmp_path):
    (tmp_path / "first").mkdir()
    (tmp_path / "first/sitecustomize.py").write_text(FULL)
    for shared in ("resources", "config"):
        (tmp_path / "run").mkdir(exist_ok=True)
        (tmp_path / "run" / shared).symlink_to(root / shared)
    command = [sys.executable, "-m", "snakemake", "--cores", "1", "--directory", str(tmp_path / "run")]
    command += ["--snakefile", str(root / "Snakefile"), "--configfile", str(root / "config.yaml")]
    environment = os.environ | {"HOME": str(tmp_path), "OMP_NUM_THREADS": "1"}
    environment["PYTHONPATH"] = os.pathsep.join([str(tmp_path / "first"), environment.get("PYTHONPATH", "")])
    # quietly too: what stops a run is said
    for how in ([], ["--quiet"]):
        target = ["results/planted/human/translations.tsv"]
        done = subprocess.run([*command, *how, "--", *target], capture_output=True, text=True, env=environment)
        said = done.stdout + done.stderr
        assert done.returncode == 1, said[-2000:]
        assert "not enough disk: needed" in said and "results" in said and "free there: 0 MB" in said
        assert ("Estimate: 1 job, " in said) == (not how)
        assert "Traceback" not in said and not (tmp_path / "run/results/planted/human").exists()


def test_no_shard_starts_before_the_gates_have_passed(root, tmp_path):
    (tmp_path / "config").mkdir()
    for p in (root / "config").iterdir():
        (tmp_path / "config" / p.name).write_bytes(p.read_bytes())
    for name in ("workflow", "src", "resources"):
        (tmp_path / name).symlink_to(root / name)
    for name in ("Snakefile", "config.yaml"):
        (tmp_path / name).write_bytes((root / name).read_bytes())
    lines = [line.split("\t") for line in (root / "config/models.tsv").read_text(encoding="utf-8").splitlines()]
    at = lines[0].index("shards")
    (tmp_path / "config/models.tsv").write_text(
        "".join("\t".join([*r[:at], "3" if r[0] == "gemma2-planted" else r[at], *r[at + 1 :]]) + "\n" for r in lines),
        encoding="utf-8",
    )
    target = "results/planted/features/gemma2-planted/b0-btk/en/running_text.npz"
    command = [
        sys.executable,
        "-m",
        "snakemake",
        "--dag",
        "dot",
        target,
        "--directory",
        str(tmp_path),
        "--snakefile",
        str(tmp_path / "Snakefile"),
        "--cores",
        "1",
    ]
    done = subprocess.run(
        command,
        capture_output=True,
        text=True,
        env=os.environ | {"HOME": str(tmp_path), "OMP_NUM_THREADS": "1"},
        cwd=tmp_path,
    )
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]
    rules = dict(re.findall(r'^\s*(\d+)\[label = "(\w+)', done.stdout, flags=re.M))
    before = {
        b: {rules[x] for x, y in re.findall(r"^\s*(\d+) -> (\d+)", done.stdout, flags=re.M) if y == b} for b in rules
    }
    shards = [n for n, rule in rules.items() if rule.startswith("extract_shard")]
    (whole,) = (n for n, rule in rules.items() if rule.startswith("extract_features"))
    assert len(shards) == 3 and all("gate_model_gemma2_planted" in before[n] for n in shards)
    assert "extract_shard_gemma2_planted" in before[whole]
