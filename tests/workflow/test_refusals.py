"""What a user sees when a study cannot run: the whole screen, by the real command, before any job."""

import os
import shutil
import subprocess
import sys

import pytest
import yaml

pytestmark = pytest.mark.workflow


@pytest.fixture
def run(root, tmp_path):
    """A working directory of its own over this checkout's tables, and snakemake in it."""
    for shared in ("resources", "config"):
        shutil.copytree(root / shared, tmp_path / shared, ignore=shutil.ignore_patterns("journal", "retrieved"))
    shutil.copy(root / "config.yaml", tmp_path)

    def snakemake(*args, **variables):
        environment = {k: v for k, v in os.environ.items() if k != "HF_TOKEN"} | {
            "HOME": str(tmp_path),
            "OMP_NUM_THREADS": "1",
            "PYTHONPATH": str(root / "src"),
            **variables,
        }
        command = [
            sys.executable,
            "-m",
            "snakemake",
            "--quiet",
            "rules",
            "--snakefile",
            str(root / "Snakefile"),
            "--cores",
            "1",
            *args,
        ]
        done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, env=environment, timeout=120)
        return done.returncode, done.stdout + done.stderr

    snakemake.folder = tmp_path
    return snakemake


TARGET = "results/planted/concepts/en.tsv"


def test_a_study_is_not_overwritten_by_another_configuration(run):
    folder = run.folder / "results/planted"
    code, text = run(TARGET)
    assert code == 0 and (folder / "settings.yaml").exists(), text[-2000:]
    for name in ("claims.json", "report.html"):  # as a finished run leaves them
        (folder / name).write_text("{}")
    shutil.copy(run.folder / "config.yaml", folder / "run_config.yaml")
    before = {p: p.read_bytes() for p in folder.rglob("*") if p.is_file()}
    code, text = run(TARGET, "-n", "--config", "languages=[en]", "steering={enabled: false}")
    assert (
        code and "results/planted holds a study with other settings" in text and len(text.strip().splitlines()) <= 16
    ), text
    assert (
        "key languages: [en, zh] there, [en] now" in text
        and "key steering.enabled: true there, false now" in text
        and "study=NAME" in text
        and "force=true" in text
    )
    assert {p: p.read_bytes() for p in folder.rglob("*") if p.is_file()} == before
    code, text = run(TARGET, "--config", "root_seed=7", "force=true")
    assert (
        code == 0
        and "removed: results/planted/claims.json, results/planted/report.html, results/planted/run_config.yaml" in text
    ), text[-2000:]
    assert (
        not (folder / "claims.json").exists()
        and yaml.safe_load((folder / "settings.yaml").read_text(encoding="utf-8"))["config"]["root_seed"] == 7
    )


def test_what_is_lacking_stands_last_once_a_cause_and_stops_a_run(run, root):
    # associations in many files, norms behind a form, two gated models without a token
    arguments = (
        "results/paper/human/usf/vectors_en.npz",
        "--configfile",
        str(root / "studies/paper.yaml"),
        "--config",
        "associations={en: usf}",
    )
    code, text = run("-n", *arguments)
    assert code == 0 and "embed_associations" in text
    last = [line for line in text.strip().splitlines() if line][-4:]
    assert all(line.startswith("Lacking: ") for line in last) and text.count("Lacking: ") == 4, text[-3000:]
    assert (
        sum("HF_TOKEN" in line for line in last) == 2
        and sum("USF_free_association: 8 files" in line for line in last) == 1
        and sum("Xu2022/" in line for line in last) == 1
    )
    code, text = run(*arguments)
    assert code and text.count("USF_free_association: 8 files") == 1 and not (run.folder / "results").exists(), text[
        -3000:
    ]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (
            ["models_dir=$HOME", "models=[stories260k]", "control_models=[]", "primary_sae=b2-btk"],
            ["config/models.tsv, row stories260k, column path", "stories260K is no folder"],
        ),
        (
            ["emotions=[joy,love,fear,anger]"],
            ["2 pairs for the pair set 'within-valence'", "positive: joy, love; negative: anger, fear"],
        ),
    ],
)
def test_a_mistake_is_named_by_a_dry_run_on_one_screen(run, arguments, words):
    code, text = run("-n", "--config", *arguments)
    assert code and "Job stats" not in text and "Traceback" not in text and all(w in text for w in words), text
    assert len(text.strip().splitlines()) <= 16


def test_what_snakemake_itself_refuses_is_as_the_docs_say(run, root):
    """An overlay that is no YAML, and a target that --configfile takes for an overlay, never reach this code: the docs
    quote what is shown.
    """
    docs = (root / "docs/configuration.md").read_text(encoding="utf-8")
    (run.folder / "own.yaml").write_text("study: x\nmodels: [a\n")
    for arguments, words in (
        (["-n", "--configfile", "own.yaml"], "Config file is not valid JSON or YAML"),
        (
            ["-n", "--configfile", str(root / "studies/norms.yaml"), "results/norms/claims.json"],
            "No such file or directory: 'results/",
        ),
        (["-n", "--config", "steering.enabled=false"], "Config entry must start with a valid identifier"),
    ):
        code, text = run(*arguments)
        assert code and words in text and words in docs, (words, text[-1500:])


@pytest.mark.parametrize(
    ("written", "words"),
    [
        (b"models: [a\n", "config.yaml is no YAML"),
        ("study: a\n".encode("utf-16"), "mark of UTF-16"),
        (b"rsa: {n_draws: 010}\n", "config.yaml, line 1: '010' is a number of another base"),
        (b"associations: &a {en: *a}\n", "an alias that holds itself"),
        (b"- a\n", "needed: keys with values"),
    ],
)
def test_a_broken_configuration_is_named_with_its_line_before_snakemake_reads_it(run, written, words):
    (run.folder / "config.yaml").write_bytes(written)
    code, text = run("-n")
    assert code == 1 and words in text and "Traceback" not in text and len(text.strip().splitlines()) <= 16, text


def test_a_study_never_leaves_its_folder(run):
    for name in ("../elsewhere", "/tmp/x", "a/b", "{x}", "x" * 300, "..", "-x"):
        code, text = run("-n", "--config", f"study={name}")
        assert code == 1 and "key study is" in text and "Traceback" not in text, text
    assert sorted(p.name for p in run.folder.iterdir() if p.name[0] != ".") == ["config", "config.yaml", "resources"]
