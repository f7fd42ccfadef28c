"""Commits for branches, in the tables themselves."""

import json
import re
import shutil

import pytest
from conftest import make_model
from fake_hub import Hub
from test_hub import python

from shared_affect.models.hub import collect_revisions
from shared_affect.planning.pinning import as_asked, find_loose, pin
from shared_affect.study import folder as study_folder
from shared_affect.study.config import ConfigError

COMMIT, OLD = "a" * 40, "b" * 40
MODELS = (
    "model\tsource\tid\trevision\tlabel\r\n"
    f"pinned\thub\tlab/tiny\t{OLD}\tP\r\n"
    "branch\thub\tlab/tiny\tmain\tB\r\n"
    "own\tlocal\tlab/tiny\tmain\tO\r\n"
    "empty\thub\tlab/tiny\t\tE"
)
JUDGES = "judge\tlanguage\tid\trevision\nlearned\ten\t\t\nread\ten\tlab/tiny\tmain\n"


@pytest.fixture
def tables(tmp_path):
    for name, text in (("models", MODELS), ("judges", JUDGES), ("languages", "language\nen\n")):
        (tmp_path / f"{name}.tsv").write_bytes(text.encode())
    return sorted(tmp_path.glob("*.tsv"))


def test_only_the_cells_of_loose_rows_change(tables, tmp_path):
    loose = find_loose(tables, tmp_path / "retrieved")
    assert [one.row.name for one in loose] == ["judge read en", "model branch", "model empty"]
    said = pin(loose, lambda repository, revision, row: COMMIT)
    assert (tmp_path / "models.tsv").read_bytes().decode() == MODELS.replace("main\tB", f"{COMMIT}\tB").replace(
        "tiny\t\tE", f"tiny\t{COMMIT}\tE"
    )
    assert (tmp_path / "judges.tsv").read_text() == JUDGES.replace("main", COMMIT)
    assert len(said) == 3 and f"model branch: lab/tiny at main is now {COMMIT}" in said[1]
    assert find_loose(tables, tmp_path) == []


def test_what_was_fetched_is_what_is_pinned(tables, tmp_path):
    there = tmp_path / "retrieved/models/branch"
    there.mkdir(parents=True)
    (there / "revision.json").write_text(json.dumps({"id": "lab/tiny", "asked": "main", "commit": OLD}))
    said = pin(find_loose(tables, tmp_path / "retrieved"), lambda *_: COMMIT)
    assert said[1].endswith(f"{OLD} (as fetched)") and said[2].endswith("(of today)")
    # what was fetched by its branch is not fetched again because the row names its commit now; another commit is
    assert as_asked(there, "lab/tiny", OLD) == "main" and as_asked(there, "lab/tiny", COMMIT) == COMMIT
    assert as_asked(there, "lab/other", OLD) == OLD and as_asked(tmp_path, "lab/tiny", None) is None


def test_one_row_that_fails_leaves_every_table_as_it_was(tables, tmp_path):
    before = [t.read_bytes() for t in tables]

    def resolve(repository, revision, row):
        if row.name == "model empty":
            raise ConnectionError(f"{row.name}: no hub ({row.table})")
        return COMMIT

    with pytest.raises(
        ConfigError, match=r"1 of 3 rows.*no table was changed:\nmodel empty: no hub .config/models.tsv"
    ):
        pin(find_loose(tables, tmp_path), resolve)
    assert [t.read_bytes() for t in tables] == before


def test_a_table_that_has_changed_meanwhile_is_left(tables, tmp_path):
    loose = find_loose([tmp_path / "models.tsv"], tmp_path)
    (tmp_path / "models.tsv").write_text("model\tsource\tid\trevision\tlabel\nx\thub\tlab/x\tmain\tX\n")
    with pytest.raises(ConfigError, match="was changed while"):
        pin(loose, lambda *_: COMMIT)
    assert COMMIT not in (tmp_path / "models.tsv").read_text()


def checkout(root, tmp_path):
    """A copy of the workflow whose tables name one repository on the hub."""
    (tmp_path / "config").mkdir()
    for p in (root / "config").glob("*.tsv"):
        lines = p.read_text(encoding="utf-8").splitlines(keepends=True)
        if p.stem in ("models", "saes"):  # one row of each on the hub, in one repository
            lines = [x for x in lines if "\thub\t" not in x or x.startswith(("pythia", "tiny"))]
            lines = [re.sub(r"\t(EleutherAI|CohereLabs|Farseen0)/[\w.-]+\t", "\tlab/tiny\t", x) for x in lines]
        (tmp_path / "config" / p.name).write_text("".join(lines), encoding="utf-8")
    for name in ("workflow", "src", "resources", "profiles"):
        (tmp_path / name).symlink_to(root / name)
    for name in ("Snakefile", "config.yaml"):
        (tmp_path / name).write_bytes((root / name).read_bytes())


def snakemake(tmp_path, hub, *how):
    command = f"import os, sys; os.chdir({str(tmp_path)!r}); from snakemake.cli import main;"
    return python(f"{command} main({list(how)!r})", tmp_path / "home", hub)


def test_the_rule_against_a_hub(root, tmp_path):
    """Through Snakemake: what `-n` shows, what a run writes, and what a repository that is not there does."""
    checkout(root, tmp_path)
    before = {p.name: p.read_text(encoding="utf-8") for p in (tmp_path / "config").glob("*.tsv")}
    model = make_model("llama", tmp_path / "made")
    hub = Hub({p.name: p.read_bytes() for p in model.iterdir()})

    def run(*how):
        return snakemake(tmp_path, hub, "pin_revisions", "--cores", "1", *how)

    def now():
        return {p.name: p.read_text(encoding="utf-8") for p in (tmp_path / "config").glob("*.tsv")}

    try:
        code, text = run("-n")
        assert code == 0 and "model pythia-70m: lab/tiny at main" in text, text[-1500:]
        assert "SAE tiny-aya-global primary: lab/tiny at main" in text and now() == before
        hub.repository = "lab/other"
        code, text = run()
        assert code and "the hub knows no 'lab/tiny'" in text and now() == before, text[-1500:]
        hub.repository = "lab/tiny"
        code, text = run()
        assert code == 0 and f"model pythia-70m: lab/tiny at main is now {COMMIT}" in text, text[-1500:]
    finally:
        hub.close()
    after = now()
    assert {n for n in after if after[n] != before[n]} == {"models.tsv", "saes.tsv"}
    assert all(after[n].replace(COMMIT, "main") == before[n] for n in after)


def test_what_is_fetched_again_is_the_commit_that_the_row_names(root, tmp_path):
    """Fetched by its branch, pinned; then asked for once more, when the branch has moved."""
    checkout(root, tmp_path)
    (tmp_path / "resources").unlink()
    shutil.copytree(root / "resources", tmp_path / "resources", ignore=shutil.ignore_patterns("retrieved", "journal"))
    # of two blocks, with a first token of its own name
    model, saes = make_model("llama", tmp_path / "made"), tmp_path / "config/saes.tsv"
    saes.write_text(saes.read_text(encoding="utf-8").replace("primary\t3\t", "primary\t1\t"), encoding="utf-8")
    hub = Hub({p.name: p.read_bytes() for p in model.iterdir()})
    folder, table = tmp_path / "resources/retrieved/models/pythia-70m", tmp_path / "config/models.tsv"
    table.write_text(table.read_text(encoding="utf-8").replace("<|endoftext|>", "<bos>"), encoding="utf-8")
    alone = ("models=[pythia-70m]", "control_models=[]", "primary_sae=primary", "steering={enabled: false}")
    wanted = [f"resources/retrieved/models/pythia-70m/{n}" for n in ("config.json", "revision.json")]

    def run(*how):
        code, text = snakemake(tmp_path, hub, *wanted, "--cores", "1", "--config", *alone, *how)
        assert code == 0, text[-2500:]
        return text

    try:
        run()
        facts = json.loads((folder / "revision.json").read_text())
        assert (facts["asked"], facts["commit"]) == ("main", COMMIT)
        table.write_text(table.read_text(encoding="utf-8").replace("\tmain\t", f"\t{COMMIT}\t"), encoding="utf-8")
        assert "Nothing to be done" in run()
        hub.commit = OLD
        run("-f")
        assert json.loads((folder / "revision.json").read_text())["commit"] == COMMIT
        assert "Nothing to be done" in run()
    finally:
        hub.close()


def test_judges_are_pinned_as_models_are(tmp_path):
    """Their commit is collected and told apart from an SAE of that name, and naming it refuses no study."""
    there = tmp_path / "judges/read/en"
    there.mkdir(parents=True)
    facts = {"id": "lab/tiny", "asked": "main", "commit": COMMIT}
    (there / "revision.json").write_text(json.dumps(facts | {"files": {}}))
    collected = collect_revisions(tmp_path / "models", tmp_path / "saes", tmp_path / "judges")
    assert collected == {"judge read en": facts}
    rows = [
        {"config": {"saes": []}, "all_emotions": False, "tables": {"judges": {"read en": {"revision": r}}}}
        for r in ("main", COMMIT, OLD)
    ]
    folder = tmp_path / "study"
    study_folder.write_settings(folder, rows[0])
    (folder / "provenance.json").write_text(json.dumps({"revisions": collected}))
    assert study_folder.check_folder(folder, rows[1], []) == []
    with pytest.raises(ConfigError, match="row read en, column revision"):
        study_folder.check_folder(folder, rows[2], [])


def test_a_finished_study_may_name_its_own_commit(tmp_path):
    old = {"config": {"saes": ["primary"]}, "all_emotions": False}
    rows = {"models": {"m": {"id": "lab/tiny", "revision": "main"}}}
    study_folder.write_settings(tmp_path, old | {"tables": rows})
    pinned = old | {"tables": {"models": {"m": {"id": "lab/tiny", "revision": COMMIT}}}}
    (tmp_path / "made").write_text("x")
    with pytest.raises(ConfigError, match="row m, column revision"):
        study_folder.check_folder(tmp_path, pinned, [])
    facts = {"revisions": {"m": {"id": "lab/tiny", "asked": "main", "commit": COMMIT}}}
    (tmp_path / "provenance.json").write_text(json.dumps(facts))
    assert study_folder.check_folder(tmp_path, pinned, []) == []
    other = old | {"tables": {"models": {"m": {"id": "lab/tiny", "revision": OLD}}}}
    with pytest.raises(ConfigError, match="row m, column revision"):
        study_folder.check_folder(tmp_path, other, [])
