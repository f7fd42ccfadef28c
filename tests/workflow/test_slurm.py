"""The workflow on a SLURM cluster of two nodes on this machine, with pretended cards: `make test-slurm`, minutes.

A small study by `--profile profiles/slurm` ends with the bytes of a local run, whatever happens to the cluster
meanwhile.
"""

import json
import os
import shutil
import signal
import subprocess
import tempfile
import time
from pathlib import Path

import pytest
import slurm_cluster
from fake_hub import Hub
from test_study import SAE, Study, edit_table

ASKED = "SHARED_AFFECT_TEST_SLURM"
pytestmark = [
    pytest.mark.workflow,
    pytest.mark.skipif(ASKED not in os.environ, reason=f"takes minutes: make test-slurm (it sets {ASKED})"),
    pytest.mark.skipif(bool(slurm_cluster.lacking()), reason=slurm_cluster.lacking() or "-"),
]
PROFILE = ("--profile", "profiles/slurm", "--latency-wait", "10", "--slurm-init-seconds-before-status-checks", "1")
MODEL = "gemma2-planted"
EXTRACT = "extract_features_gemma2_planted"

# Of every script that a job runs, when it ends: where it ran and what it was given.
WATCH = """
import atexit, json, os, sys, time
begun = time.time()

def tell():
    if "/.snakemake/scripts/" in sys.argv[0]:
        hub = sys.modules.get("huggingface_hub.constants")
        given = {k: os.environ.get(k) for k in ("SLURM_JOB_ID", "SLURMD_NODENAME", "CUDA_VISIBLE_DEVICES")}
        seen = {"rule": sys.argv[0].split(".")[-2], "begun": begun, "ended": time.time(), "pid": os.getpid()}
        line = json.dumps(given | seen | {"offline": hub and hub.HF_HUB_OFFLINE}) + "\\n"
        with open(os.environ["SHARED_AFFECT_TEST_TOLD"], "a") as f:
            f.write(line)

atexit.register(tell)
"""


class Small(Study):
    """A study that is small and asks for cards: its model runs where there is one, here on the CPU."""

    def __init__(self, folder, cluster=None):
        super().__init__(folder)
        self.cluster, self.told = cluster, folder / "told.jsonl"
        (folder / "src/sitecustomize.py").write_text(WATCH, encoding="utf-8")
        self.variables = {"SHARED_AFFECT_TEST_TOLD": str(self.told)} | (cluster.environment if cluster else {})
        edit_table(
            folder / "config/models.tsv",
            lambda rows: [
                r
                | {"device": "auto" if r["model"] == MODEL else "cpu", "train_tokens": "8192" * bool(r["train_tokens"])}
                for r in rows
            ],
        )
        edit_table(folder / "config/saes.tsv", lambda rows: [r | {"train_tokens": "8192"} for r in rows])
        draws = {"n_permutations": 1000, "n_code_permutations": 1000, "n_bootstrap": 100, "n_draws": 10}
        self.set(
            emotions=["anger", "fear", "joy", "love", "sadness"],
            control_models=[],
            control_variants=[],
            specs=[],
            texts={"validation": 20, "sae": 300, "fidelity": 10, "neutral": 10, "judge": 400},
            rsa={"pairs": ["all"], "nuisances": [], **draws},
            ratings=self.config["ratings"] | {"n_outer": 3, "n_inner": 2},
            steering=self.config["steering"] | {"strengths": [0.5], "max_new_tokens": 4},
        )

    @property
    def environment(self):
        """Without the variable that conftest.py sets: jobs have to go offline by themselves."""
        given = super().environment
        if "HF_HUB_OFFLINE" not in self.variables:
            given.pop("HF_HUB_OFFLINE", None)
        return given

    def command(self, *args):
        return super().command(*(PROFILE if self.cluster else ()), *args)

    def records(self):
        return [json.loads(line) for line in self.told.read_text(encoding="utf-8").splitlines()]

    def made(self):
        """Everything that a study publishes, and what its jobs hand each other, by its path in the results."""
        folder = self.path()
        own = ("provenance.json", "run_config.yaml", "report.rst", "settings.yaml", "facts.json")  # times, places
        return {
            p.relative_to(folder).as_posix(): p.read_bytes()
            for p in sorted(folder.rglob("*"))
            if p.is_file() and p.name not in own
        }

    def forget(self):
        """Take away what costs model time, with the journal; the files that a run makes again."""
        folder = self.path("features", MODEL, SAE)
        gone = sorted(p.relative_to(self.folder).as_posix() for p in folder.rglob("*.npz"))
        shutil.rmtree(folder)
        shutil.rmtree(self.folder / "resources/journal")
        return gone

    def begin(self, *args):
        """A run in the background; what it says goes to a file."""
        with open(self.folder / "said.txt", "w") as out:
            return subprocess.Popen(
                self.command(*args),
                cwd=self.folder,
                env=self.environment,
                stdout=out,
                stderr=out,
                start_new_session=True,
            )

    def said(self):
        return (self.folder / "said.txt").read_text(encoding="utf-8")

    def ends(self, process, seconds=400):
        assert process.wait(seconds) == 0, self.said()[-6000:]

    def extracting(self, process):
        """Wait until a job of the extraction has journalled something; it, as the queue has it."""
        journal = self.folder / "resources/journal"
        end = time.time() + 200
        while time.time() < end and process.poll() is None:
            if any(p.stat().st_size > 4000 for p in journal.glob("*.journal")):
                return next(j for j in self.cluster.jobs("RUNNING") if f"rule_{EXTRACT}" in j["comment"])
            time.sleep(0.02)
        raise AssertionError(f"no extraction has begun\n{self.said()[-6000:]}")


@pytest.fixture(scope="module")
def cluster():
    made = slurm_cluster.Cluster(Path(tempfile.mkdtemp(prefix="slurm-")) / "c")  # short: sockets stand in it
    try:
        yield made.start()
    finally:
        made.stop()
        shutil.rmtree(made.folder.parent)


@pytest.fixture(scope="module")
def local(tmp_path_factory):
    made = Small(tmp_path_factory.mktemp("local"))
    begun = time.time()
    made.snakemake()
    made.seconds = time.time() - begun
    return made


@pytest.fixture(scope="module")
def study(tmp_path_factory, cluster):
    made = Small(tmp_path_factory.mktemp("slurm"), cluster)
    begun = time.time()
    made.snakemake()
    made.seconds = time.time() - begun
    return made


def test_the_cluster_ends_with_the_bytes_of_a_local_run(study, local):
    here, there = local.made(), study.made()
    assert {"claims.json", "tables/rsa.csv", "figures/source/figure2.csv"} <= set(here) and set(here) == set(there)
    assert [name for name in here if here[name] != there[name]] == []
    assert local.path("settings.yaml").read_bytes() == study.path("settings.yaml").read_bytes()
    assert all(r["SLURM_JOB_ID"] for r in study.records()) and not any(r["SLURM_JOB_ID"] for r in local.records())
    jobs = len(study.records())
    print(f"\n{jobs} jobs: local {local.seconds:.0f} s, by SLURM {study.seconds:.0f} s")


def test_jobs_with_a_card_run_side_by_side_on_the_cards_of_two_nodes(study):
    reading = [r for r in study.records() if r["rule"] == "extract_features"]
    assert len(reading) == 2
    assert max(r["begun"] for r in reading) < min(r["ended"] for r in reading)
    cards = {(r["SLURMD_NODENAME"], r["CUDA_VISIBLE_DEVICES"]) for r in reading}
    assert len(cards) == 2 and all(card == "0" for _, card in cards)
    others = [r for r in study.records() if r["rule"] in ("gather_codes", "train_judge")]
    assert others and not any(r["CUDA_VISIBLE_DEVICES"] for r in others)


def test_jobs_that_read_or_write_with_a_model_are_offline(study):
    with_model = [r for r in study.records() if r["rule"] in ("extract_features", "generate_texts")]
    assert len(with_model) == 4 and all(r["offline"] is True for r in with_model)


def test_a_job_whose_node_dies_goes_on_on_the_other_one(study, cluster):
    wanted, gone = study.made(), study.forget()
    process = study.begin(*gone)
    job = study.extracting(process)
    cluster.kill_node(job["node"])
    cluster.say("scontrol", "update", f"nodename={job['node']}", "state=down", "reason=test")
    try:
        study.ends(process)
        after = cluster.say("scontrol", "show", "job", job["id"])
        other = next(n for n in slurm_cluster.NODES if n != job["node"])
        assert "Restarts=1" in after and "JobState=COMPLETED" in after and f"BatchHost={other}" in after
        assert study.made() == wanted
    finally:
        cluster.start_node(job["node"])
        cluster.say("scontrol", "update", f"nodename={job['node']}", "state=resume")


def test_a_job_over_its_memory_dies_is_named_and_gets_more(study, cluster):
    wanted, gone = study.made(), study.forget()
    _, text = study.snakemake("--set-resources", f"{EXTRACT}:mem_mb=400 * 8 ** (attempt - 1)", "--", *gone)
    assert f"Error in rule {EXTRACT}" in text and "Trying to restart job" in text
    assert "exceeded memory limit" in text or "OUT_OF_MEMORY" in text
    assert study.made() == wanted


def test_the_controller_starts_anew_in_the_middle_of_a_run(study, cluster):
    wanted, gone = study.made(), study.forget()
    process = study.begin(*gone)
    job = study.extracting(process)
    cluster.stop_controller()
    time.sleep(5)
    assert process.poll() is None
    cluster.start_controller()
    study.ends(process)
    assert "JobState=COMPLETED" in cluster.say("scontrol", "show", "job", job["id"]) and study.made() == wanted


def test_a_killed_run_leaves_jobs_that_the_next_one_names(study, cluster):
    wanted, gone = study.made(), study.forget()
    process = study.begin(*gone)
    job = study.extracting(process)
    cluster.say("scontrol", "suspend", job["id"])  # it lives, but does not get on
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    left = [job["id"]]
    code, text = study.snakemake(*gone, check=False)
    assert code and "A run was killed" in text and all(i in text.split("scancel ")[-1] for i in left), text
    cluster.say("scontrol", "resume", *left)
    cluster.cancel_all()
    _, text = study.snakemake(*gone)
    assert "its lock is taken away" in text and study.made() == wanted


def test_downloads_run_where_snakemake_runs(study):
    source = study.path("models", MODEL)
    hub = Hub({p.name: p.read_bytes() for p in source.iterdir() if p.name != "facts.json"})
    table, kept = study.folder / "config/models.tsv", study.variables
    content = table.read_bytes()
    row = {"model": "gemma2-hub", "source": "hub", "path": "{retrieved}/models/gemma2-hub", "id": "lab/tiny"}
    row |= {"revision": "main", "world": "", "train_tokens": "", "replicate": "", "max_validation_loss": ""}
    edit_table(table, lambda rows: [*rows, next(r for r in rows if r["model"] == MODEL) | row])
    saes = study.folder / "config/saes.tsv"
    sae_content = saes.read_bytes()
    own = {"model": "gemma2-hub", "source": "local", "path": f"{{results}}/saes/{MODEL}/{SAE}"}
    own |= dict.fromkeys(("architecture", "k", "d_sae", "train_tokens", "texts"), "")
    edit_table(saes, lambda rows: [*rows, next(r for r in rows if r["model"] == MODEL) | own])
    study.variables = kept | {"HF_ENDPOINT": hub.url, "HF_HUB_DISABLE_XET": "1", "HF_HUB_OFFLINE": "0"}
    study.variables |= {"HF_HOME": str(study.folder / "hf")}
    study.set(models=[MODEL, "gemma2-hub"])
    before = len(study.records())
    try:
        study.snakemake("resources/retrieved/revisions.json")
        new = {r["rule"]: r for r in study.records()[before:]}
        assert set(new) == {"retrieve_model", "collect_revisions"}
        assert not any(r["SLURM_JOB_ID"] or r["SLURMD_NODENAME"] for r in new.values())
    finally:
        hub.close()
        table.write_bytes(content)
        saes.write_bytes(sae_content)
        study.variables = kept
        study.set(models=[MODEL])
