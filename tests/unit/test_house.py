"""The rules of the house that a machine can check."""

import ast
import re
import subprocess
import sys

import pytest
import yaml

SKIP = {
    ".git",
    ".hypothesis",
    ".venv",
    ".snakemake",
    "results",
    "logs",
    "benchmarks",
    "__pycache__",
    ".pytest_cache",
    ".ruff_cache",
    ".mypy_cache",
    "journal",
    "shared_affect.egg-info",
}


def committed(root):
    return [p for p in root.rglob("*") if p.is_file() and not SKIP & set(p.relative_to(root).parts)]


def pins(text):
    return dict(re.findall(r"^\s*(?:- )?([A-Za-z0-9_.-]+)==(\S+)$", text, flags=re.M))


def test_rooms_can_be_entered_without_torch(root):
    # training is never found in a journal: these rooms need torch whenever they are entered
    library = root / "src/shared_affect"
    found = {".".join(p.relative_to(library).with_suffix("").parts) for p in library.rglob("[a-z]*.py")}
    rooms = sorted(found - {"models.sae_training", "planted.language_model"})
    assert "spaces.rsa" in rooms
    code = f"""
import sys

class NoTorch:
    def find_spec(self, name, *rest):
        if name.split(".")[0] == "torch":
            raise ImportError("torch is blocked")

sys.meta_path.insert(0, NoTorch())
for room in {rooms!r}:
    __import__("shared_affect." + room)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


FLOORS = (
    ("base",),
    ("study",),
    ("words",),
    ("human",),
    ("models",),
    ("features", "planted"),
    ("spaces", "ratings", "steering", "validity"),
    ("results",),
    ("planning",),
    ("simulations", "tools"),
)
"""Sub-packages from the ground up: a room imports its own floor's package and those below, never its neighbours'."""


def test_imports_point_downwards(root):
    from shared_affect.base.rooms import imports_of

    library = root / "src/shared_affect"
    floor = {package: i for i, packages in enumerate(FLOORS) for package in packages}
    assert set(floor) == {p.parent.name for p in library.glob("*/__init__.py")}
    arrows = {
        (path.relative_to(library).parts[0], room.relative_to(library).parts[0], path.name)
        for path in library.rglob("*.py")
        if path.parent != library and path.name != "_run.py"  # finds simulations by name
        for room in imports_of(path)
        if room.parent != library
    }
    assert len(arrows) > 100
    assert [a for a in sorted(arrows) if a[0] != a[1] and floor[a[1]] >= floor[a[0]]] == []


def test_no_room_knows_snakemake(root):
    for path in (root / "src").rglob("*.py"):
        assert not re.search(r"^\s*(import|from) snakemake", path.read_text(encoding="utf-8"), flags=re.M), path


def test_pins_agree(root):
    constraints, conda = (
        pins((root / "constraints.txt").read_text()),
        pins((root / "envs/shared-affect.yaml").read_text()),
    )
    assert len(conda) > 10 and conda == {k: constraints[k] for k in conda}


def test_the_lock_has_the_pinned_versions(root):
    lock = dict(re.findall(r'^name = "([^"]+)"\nversion = "([^"]+)"', (root / "uv.lock").read_text(), flags=re.M))
    pinned = {k.lower().replace("_", "-"): v for k, v in pins((root / "constraints.txt").read_text()).items()}
    direct = re.findall(
        r'"([A-Za-z0-9_.-]+)',
        re.search(r"^dependencies = \[(.*?)^\]", (root / "pyproject.toml").read_text(), flags=re.S | re.M).group(1),
    )
    assert len(direct) > 8
    for name in direct:
        name = name.lower().replace("_", "-")
        assert lock[name] == pinned[name], name


def test_scripts_are_thin_and_belong_to_a_rule(root):
    rules = "".join(p.read_text(encoding="utf-8") for p in (root / "workflow/rules").glob("*.smk"))
    scripts = sorted((root / "workflow/scripts").glob("*.py"))
    assert len(scripts) > 20
    for script in scripts:
        assert len(script.read_text(encoding="utf-8").splitlines()) <= 60, script.name
        assert f"scripts/{script.name}" in rules, script.name
        assert len(script.read_text(encoding="utf-8").split('"""')[1]) > 20, f"{script.name} says what it does"


def test_digests_reach_what_they_should_and_no_more(root):
    from shared_affect.base.rooms import rooms_behind, version_of

    behind = {p.stem for p in rooms_behind(root / "workflow/scripts/compare_with_judgements.py")}
    assert {"ladder", "rsa", "rdm", "stats", "seeds"} <= behind and not {"extraction", "ridge", "world"} & behind
    # what stands before extraction and generation must not hang on the statistics behind them
    for script in ("build_concepts", "prepare_norms", "match_controls", "gather_codes"):
        assert not {"stats", "select", "reproducibility", "shared", "ridge", "rsa"} & {
            p.stem for p in rooms_behind(root / f"workflow/scripts/{script}.py")
        }, script
    assert version_of("features.extraction") >= 2


def test_every_job_runs_in_the_environment_that_was_looked_at(root):
    # no rule has one of its own; the global one stands behind this folder's library (tests/workflow/test_conda.py)
    for path in [root / "Snakefile", *(root / "workflow/rules").glob("*.smk")]:
        assert not re.search(
            r"^[ \t]+(conda|container|singularity|envmodules):", path.read_text(encoding="utf-8"), flags=re.M
        ), path.name
    (environment,) = re.findall(r'^conda: "(.+)"$', (root / "Snakefile").read_text(encoding="utf-8"), flags=re.M)
    assert (root / environment).is_file()


def test_a_rule_carries_the_digest_of_its_own_script(root):
    trained = {"make_planted_human", "write_planted_texts", "train_lm", "make_twin", "sample_documents", "train_sae"}
    trained |= {"judge_texts", "assess_judge"}  # models of others read thousands of texts
    journalled = {"extract_features", "read_vignettes", "extract_shard", "gate_model", "generate_texts"}
    plain = {
        "retrieve_data",
        "retrieve_model",
        "retrieve_sae",
        "retrieve_judge",
        "collect_revisions",
        "record_provenance",
    }
    plain |= {"pin_revisions"}  # has no output that could be out of date
    seen = set()
    for path in (root / "workflow/rules").glob("*.smk"):
        for block in re.split(r"^(?=\s*rule\b)", path.read_text(encoding="utf-8"), flags=re.M)[1:]:
            if script := re.search(r'scripts/(\w+)\.py"', block):
                seen.add(script[1])
                if script[1] in trained:
                    assert "code=code_of(" in block, script[1]
                elif script[1] not in journalled | plain:
                    assert f'code=code("{script[1]}")' in block, script[1]
    assert seen == {p.stem for p in (root / "workflow/scripts").glob("*.py")}


def test_a_script_has_the_name_of_its_rule(root):
    for path in (root / "workflow/rules").glob("*.smk"):
        for block in re.split(r"^(?=\s*rule\b)", path.read_text(encoding="utf-8"), flags=re.M)[1:]:
            script = re.search(r'scripts/(\w+)\.py"', block)
            name = re.search(r"rule (\w+):", block) or re.search(r'name:\s+f?"(\w+)_\{', block)
            assert script is None or script[1] == name[1] or (name[1], script[1]) == ("collect", "collect_table"), (
                path.name,
                name[0],
            )


def test_tables_are_taken_apart_in_one_place(root):
    # what people write and publish: reading.py; what rules wrote themselves: tables.py; the planted world is given
    # copies in its reader's form
    rooms = {"reading.py": r"csv\.reader\(", "tables.py": r"pd\.read_csv\(", "world.py": r"pd\.read_csv\("}
    others = r"read_csv\(|pd\.read_table\(|read_fwf|csv\.(Dict)?[rR]eader\(|loadtxt|genfromtxt|split\(['\"]\\t['\"]\)"
    own = r"(?<!tables import )(?<!def )\bread_csv\((?=path\)|p\)|f\))"  # tables.read_csv
    for path in [*(root / "src/shared_affect").rglob("*.py"), *(root / "workflow/scripts").glob("*.py")]:
        text = re.sub(own, "", path.read_text(encoding="utf-8")).replace("def read_csv(", "")
        found = [m[0] for m in re.finditer(others, re.sub(rooms.get(path.name, "$^"), "", text))]
        assert found == [], (path.name, found)
        assert len(re.findall(rooms.get(path.name, "$^"), text)) == {"tables.py": 2}.get(
            path.name, int(path.name in rooms)
        ), path.name


def test_every_named_script_and_caption_exists(root):
    for rules in (root / "workflow/rules").glob("*.smk"):
        for name in re.findall(r'"\.\./((?:scripts|report)/[^"{]+)"', rules.read_text(encoding="utf-8")):
            assert (root / "workflow" / name).is_file(), name


def test_snakefile_is_short_and_rules_run_no_code_of_their_own(root):
    assert len((root / "Snakefile").read_text().splitlines()) < 80
    for path in (root / "workflow/rules").glob("*.smk"):
        text = path.read_text(encoding="utf-8")
        assert not re.search(r"^\s+(run|shell):", text, flags=re.M), path.name
        assert text.startswith("# "), f"{path.name} begins with its contract"


def test_snakemake_has_the_limit_that_the_snakefile_takes_off(root):
    import inspect

    from snakemake.scheduling.job_scheduler import JobScheduler

    assert "if self.job_rate_limiter is None" in inspect.getsource(JobScheduler.job_selector)
    assert "workflow.scheduler.job_rate_limiter = None" in (root / "Snakefile").read_text(encoding="utf-8")


def test_snakemake_has_what_a_run_takes_from_it(root):
    """Names without a promise that run.smk and study.smk use: the lock files of a run, the marks of unfinished outputs,
    what a process is for.
    """
    import inspect

    import snakemake.api  # first: its rooms import each other
    from snakemake.persistence.file import FilePersistence
    from snakemake.workflow import Workflow
    from snakemake_interface_logger_plugins.common import LogEvent

    source = inspect.getsource(FilePersistence)
    assert (
        "self._lockfile[lock_type] = lockfile" in source
        and "shutil.rmtree(self._lockdir)" in source
        and hasattr(FilePersistence, "_filter_incomplete_keys")
    )
    assert snakemake.api and isinstance(Workflow.exec_mode, property) and LogEvent.JOB_ERROR
    text = (root / "workflow/rules/run.smk").read_text(encoding="utf-8")
    assert (
        "_lockfile" in text
        and "_filter_incomplete_keys" in text
        and "begin_run()" in (root / "Snakefile").read_text(encoding="utf-8")
    )


def test_files_are_small_utf8_and_name_no_machine(root):
    files = committed(root)
    assert len(files) > 100
    for path in files:
        assert path.stat().st_size < 2**20, path
        if path.suffix not in (".otf", ".png", ".pyc"):
            text = path.read_text(encoding="utf-8")
            assert not re.search(r"/(work|home|root)/[a-z]", text) or path.name == "test_house.py", path


@pytest.mark.parametrize("name", ["config", "models", "saes", "languages", "human", "sources", "variants", "emotions"])
def test_every_field_is_described(root, name):
    def fields(schema, path=""):
        for key, value in schema.get("properties", {}).items():
            yield f"{path}{key}", value
            yield from fields(value, f"{path}{key}.")

    schema = yaml.safe_load((root / f"workflow/schemas/{name}.yaml").read_text(encoding="utf-8"))
    assert schema["additionalProperties"] is False
    for key, value in fields(schema):
        assert value.get("description") or value.get("type") == "object", key


def test_one_room_decides_how_texts_become_ids(root):
    """No stage asks a tokenizer of its own, or decides about BOS and EOS: `tokens.TextIds` does."""
    words = {
        "AutoTokenizer",
        "PreTrainedTokenizerFast",
        "special_tokens_mask",
        "add_special_tokens",
        *(f"{n}_token{e}" for n in ("bos", "eos", "pad") for e in ("", "_id")),
    }
    # the planted world makes tokenizer and models; a classifier of texts has a tokenizer of its own; the benchmark
    # holds other people's loops beside ours; the check asks what a folder declares; chats are written by its template
    apart = {
        "tokens.py",
        "pieces.py",
        "token_checks.py",
        "chat.py",
        "classifiers.py",
        "bench_models.py",
        "bench_extraction.py",
        "train_lm.py",
        "planted",
    }
    seen = set()
    for path in [*(root / "src/shared_affect").rglob("*.py"), *(root / "workflow/scripts").glob("*.py")]:
        nodes = list(ast.walk(ast.parse(path.read_text(encoding="utf-8"))))
        names = {getattr(n, "id", getattr(n, "attr", getattr(n, "arg", None))) for n in nodes} | {
            a.name for n in nodes if isinstance(n, ast.ImportFrom) for a in n.names
        }
        names |= {n.slice.value for n in nodes if isinstance(n, ast.Subscript) and isinstance(n.slice, ast.Constant)}
        found = names & (
            words | {"input_ids"}
            if any(
                isinstance(n, ast.Subscript) and isinstance(n.slice, ast.Constant) and n.slice.value == "input_ids"
                for n in nodes
            )
            else words
        )
        seen |= {path.name} if found else set()
        assert not found or apart & set(path.parts), (path.name, found)
    assert {"tokens.py", "token_checks.py"} <= seen


def test_no_language_has_its_name_in_code(root):
    """A language is a row of config/languages.tsv. The planted world is written in two languages of its own, and
    simulations and benchmarks make worlds of that kind: these alone name them.
    """
    rows = [line.split("\t") for line in (root / "config/languages.tsv").read_text(encoding="utf-8").splitlines()[1:]]
    named = {cell for row in rows for cell in row[:2]} | {"zh-CN", "chinese"}
    assert {"en", "zh", "es", "hr", "English"} <= named
    apart = {"planted", "simulations", "tools"}
    seen = set()
    for path in [*(root / "src/shared_affect").rglob("*.py"), *(root / "workflow/scripts").glob("*.py")]:
        tree = ast.parse(path.read_text(encoding="utf-8"))
        found = {n.value for n in ast.walk(tree) if isinstance(n, ast.Constant) and isinstance(n.value, str)} & named
        seen |= {path.parent.name} if found else set()
        assert not found or path.parent.name in apart, (path.name, found)
    assert seen == apart
    for path in [root / "Snakefile", *(root / "workflow/rules").glob("*.smk")]:
        text = path.read_text(encoding="utf-8")
        assert not {m for m in re.findall(r"[\"']([A-Za-z-]+)[\"']", text)} & named, path.name


def test_every_table_has_a_schema(root):
    assert {p.stem for p in (root / "config").glob("*.tsv")} | {"config", "emotions"} == {
        p.stem for p in (root / "workflow/schemas").glob("*.yaml")
    }


def test_every_config_key_is_explained(root):
    docs = (root / "docs/configuration.md").read_text(encoding="utf-8")

    def keys(value, path=""):
        for k, v in value.items():
            yield from keys(v, f"{path}{k}.") if isinstance(v, dict) else [f"{path}{k}"]

    assert [
        k for k in keys(yaml.safe_load((root / "config.yaml").read_text(encoding="utf-8"))) if f"`{k}`" not in docs
    ] == []
    lines = [
        line
        for line in (root / "config.yaml").read_text(encoding="utf-8").splitlines()
        if re.match(r"\s*[a-z_]+:.*\S", line) and not line.startswith("#")
    ]
    assert [line for line in lines if "#" not in line] == []


@pytest.mark.parametrize("name", ["models", "saes", "languages", "human", "sources", "variants", "judges"])
def test_every_column_and_its_values_are_explained(root, name):
    docs = (root / "docs/configuration.md").read_text(encoding="utf-8")
    part = docs[docs.index(f"## config/{name}.tsv") :].split("\n## ")[0]
    properties = yaml.safe_load((root / f"workflow/schemas/{name}.yaml").read_text(encoding="utf-8"))["properties"]
    assert [c for c in properties if f"`{c}`" not in part] == []
    values = [
        v
        for c, p in properties.items()
        if c not in ("loader", "lemma_rule")
        for v in p.get("enum", [])
        if v is not None
    ]  # these two have many; the page says where they are listed
    assert [v for v in values if f"`{v}`" not in part] == []


def test_figures_can_write_every_committed_word(root):
    from glyphs import missing_characters

    texts = [
        p.read_text(encoding="utf-8")
        for p in [
            *(root / "resources/concepts").glob("*.tsv"),
            root / "resources/emotions.tsv",
            root / "config/models.tsv",
            root / "config/languages.tsv",
        ]
    ]
    assert missing_characters(next((root / "resources/fonts").glob("*.otf")), texts) == []


def test_functions_are_short_and_signatures_narrow(root):
    """60 lines without the docstring, 8 parameters: what is longer does two things, what is wider hides a record."""
    found = {}
    for path in (root / "src/shared_affect").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.FunctionDef):
                start = node.body[0].end_lineno if ast.get_docstring(node) else node.lineno
                own = [a.arg for a in (*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs)]
                found[path.name, node.name, node.lineno] = node.end_lineno - start, len({*own} - {"self", "cls"})
    assert len(found) > 500
    assert {k: v for k, v in found.items() if v[0] > 60 or v[1] > 8} == {}


def test_places_in_the_tour_exist(root):
    """CONTRIBUTING names rooms by their place in the library, or by their place in the repository."""
    text = (root / "CONTRIBUTING.md").read_text(encoding="utf-8")
    named = [p for p in re.findall(r"`([\w./-]+/[\w.-]+\.(?:py|smk|tsv|md|yaml))`", text) if "<" not in p]
    assert len(named) > 40
    assert [p for p in named if not (root / p).exists() and not (root / "src/shared_affect" / p).exists()] == []


def test_files_that_workers_begin_with_are_there(root):
    from conftest import LONGEST

    for name in LONGEST:
        assert len(list((root / "tests").rglob(name))) == 1, name
