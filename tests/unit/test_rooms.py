"""The code that a job imports is the code whose digest is kept, or the job stops."""

import json
import os
import shutil
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

from shared_affect.base import rooms


@pytest.fixture
def library(tmp_path):
    folder = tmp_path / "src/shared_affect"
    (folder / "inner").mkdir(parents=True)
    for name in ("__init__", "a", "b", "c", "d", "inner/__init__", "inner/e"):
        (folder / f"{name}.py").touch()
    rooms.imports_of.cache_clear()
    return folder.resolve()


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("from shared_affect.a import x", ["a"]),
        ("from shared_affect import a, b as other", ["a", "b"]),
        ("from shared_affect import (\n    a,\n    b,\n)", ["a", "b"]),
        ("import shared_affect.a", ["a"]),
        ("import os, shared_affect.a as x", ["a"]),
        ("import shared_affect.inner.e", ["inner/e"]),
        ("from shared_affect.inner import e", ["inner/__init__", "inner/e"]),
        ("from shared_affect import a  # why", ["a"]),
        ("from shared_affect import \\\n    a", ["a"]),
        ("def f():\n    from shared_affect import a; import shared_affect.b", ["a", "b"]),
        ("if True: from shared_affect.a import x", ["a"]),
        ("try:\n    import shared_affect.a\nexcept ImportError: pass", ["a"]),
        ("import importlib\nimportlib.import_module('shared_affect.a')", ["a"]),
        ("text = 'from shared_affect.a import x'\n# from shared_affect.b import y", []),
        ("import shared_affected.a", []),
        ("from shared_affect import __version__", []),
    ],
)
def test_imports_are_found_in_every_form(library, tmp_path, text, found):
    script = tmp_path / "script.py"
    script.write_text(text)
    assert {p.relative_to(library).with_suffix("").as_posix() for p in rooms.imports_of(script, library)} == set(found)


@pytest.mark.parametrize(
    ("where", "text", "found"),
    [
        ("a", "from . import b", ["b"]),
        ("a", "from .b import x", ["b"]),
        ("inner/e", "from ..b import x", ["b"]),
        ("inner/e", "from .. import b", ["b"]),
    ],
)
def test_relative_imports_are_found(library, where, text, found):
    (library / f"{where}.py").write_text(text)
    assert {
        p.relative_to(library).with_suffix("").as_posix() for p in rooms.imports_of(library / f"{where}.py", library)
    } == set(found)


def test_a_name_made_at_run_time_is_refused(library, tmp_path):
    (tmp_path / "s.py").write_text("from importlib import import_module\nimport_module('shared_' + 'affect.a')\n")
    with pytest.raises(ValueError, match=r"s\.py, line 2: import_module\(\) of a name made at run time"):
        rooms.imports_of(tmp_path / "s.py", library)


def test_a_room_behind_a_lazy_import_changes_the_digest(library, tmp_path):
    (library / "a.py").write_text("def f():\n    from shared_affect import (\n        b,\n    )\n")
    (tmp_path / "s.py").write_text("import shared_affect.a\n")
    before = rooms.code_behind(tmp_path / "s.py", library)
    (library / "c.py").write_text("1")
    assert rooms.code_behind(tmp_path / "s.py", library) == before
    (library / "b.py").write_text("1")
    rooms.imports_of.cache_clear()
    assert rooms.code_behind(tmp_path / "s.py", library) != before


def test_an_edited_room_changes_the_digest_of_its_package_alone(library):
    (library / "outer").mkdir()
    (library / "outer/f.py").write_text("1")
    before = rooms.digests_of_packages(library)
    (library / "inner/e.py").write_text("2")
    after = rooms.digests_of_packages(library)
    assert set(before) == {"inner", "outer"} and before["inner"] != after["inner"] and before["outer"] == after["outer"]


@pytest.fixture
def copies(root, tmp_path):
    """Two copies of the rooms that a log needs; the second is the one whose environment is active."""
    for name in ("this", "other"):
        folder = tmp_path / name / "src/shared_affect"
        folder.mkdir(parents=True)
        for room in ("__init__", "base/__init__", "base/rooms", "base/log", "base/files"):
            (folder / room).parent.mkdir(exist_ok=True)
            shutil.copy(root / f"src/shared_affect/{room}.py", folder / f"{room}.py")
        (folder / "late.py").write_text(f"PLACE = {name!r}\n")
    return tmp_path


def run(copies, body, **variables):
    environment = {k: v for k, v in os.environ.items() if k not in ("PYTHONPATH", rooms.DECLARED)} | variables
    return subprocess.run(
        [sys.executable, "-P", "-c", textwrap.dedent(body)], capture_output=True, text=True, env=environment, cwd=copies
    )


JOB = (
    "from shared_affect.base.log import start_log; start_log(); import shared_affect.late;"
    " print(shared_affect.late.PLACE)"
)


def parent(copies, after="", first="this"):
    """A process that declares one copy and then starts a job."""
    return f"""
        import os, subprocess, sys
        from pathlib import Path
        sys.path.insert(0, {str(copies / first / "src")!r})
        from shared_affect.base import rooms
        try:
            rooms.declare(Path({str(copies / "this/src")!r}))
        except ValueError as error:
            raise SystemExit(f"refused: {{error}}")
        {after}
        done = subprocess.run([sys.executable, "-c", {JOB!r}], capture_output=True, text=True)
        print(done.stdout, done.stderr)
    """


def test_jobs_import_this_copy_whatever_PYTHONPATH_says(copies):
    for variables in (
        {},
        {"PYTHONPATH": str(copies / "other/src")},
        {"PYTHONPATH": f"{copies / 'other/src'}{os.pathsep}{copies / 'this/src'}", "PYTHONSAFEPATH": "1"},
    ):
        assert run(copies, parent(copies), **variables).stdout.strip() == "this"


def test_another_copy_that_comes_first_all_the_same_stops_the_run(copies):
    """A sitecustomize puts the other copy before PYTHONPATH."""
    site = copies / "site"
    site.mkdir()
    (site / "sitecustomize.py").write_text(f"import sys\nsys.path.insert(0, {str(copies / 'other/src')!r})\n")
    said = run(copies, parent(copies), PYTHONPATH=str(site)).stderr
    assert (
        "refused: jobs would import shared_affect from" in said
        and "other/src" in said
        and "needed" in said
        and "this/src" in said
    )


def test_a_process_that_holds_another_copy_is_refused(copies):
    assert "refused: jobs would import" in run(copies, parent(copies, first="other")).stderr


def test_a_job_that_lost_its_path_stops(copies):
    """As in an environment made for one rule, which drops PYTHONPATH."""
    said = run(copies, parent(copies, f"os.environ['PYTHONPATH'] = {str(copies / 'other/src')!r}")).stdout
    assert "jobs would import shared_affect from" in said and "this/src" in said.split("needed")[1]


@pytest.mark.parametrize("room", ["base/log", "late"])
def test_a_room_edited_while_the_run_goes_on_stops_the_job(copies, room):
    file = copies / f"this/src/shared_affect/{room}.py"
    said = run(copies, parent(copies, f"open({str(file)!r}, 'a').write('# edited')")).stdout
    assert f"src/shared_affect/{room}.py was changed after this run had started" in said and "same command" in said


def test_bytecode_of_an_earlier_room_stops_the_job(copies):
    import py_compile

    file = copies / "this/src/shared_affect/late.py"
    py_compile.compile(str(file), invalidation_mode=py_compile.PycInvalidationMode.UNCHECKED_HASH)
    assert run(copies, parent(copies)).stdout.strip() == "this"
    file.write_text("PLACE = 'edited'\n")
    said = run(copies, parent(copies)).stdout
    assert "bytecode of an earlier src/shared_affect/late.py" in said


def test_a_job_that_parses_again_keeps_the_digests_of_the_start(copies):
    after = f"""
        open({str(copies / "this/src/shared_affect/late.py")!r}, 'a').write('# edited')
        rooms.declare(Path({str(copies / "this/src")!r}), keep_digests=True)
    """.strip()
    assert "late.py was changed" in run(copies, parent(copies, after)).stdout


def test_outside_a_workflow_nothing_is_checked(copies):
    assert run(copies, JOB, PYTHONPATH=str(copies / "other/src")).stdout.strip() == "other"


def test_a_command_in_the_folder_of_another_copy_is_refused(copies, root):
    rooms.check_folder(root / "docs")
    rooms.check_folder(copies)
    for place in ("this", "this/src"):
        with pytest.raises(ValueError, match=r"this command would run the code of .* not that of"):
            rooms.check_folder(copies / place)


def test_digests_of_the_present_scripts_cover_what_a_job_really_imports(root):
    """Every room that a process has after importing a script's rooms stands behind that script."""
    for script in ("compare_with_judgements", "extract_features", "build_concepts"):
        behind = {
            p.relative_to(rooms.LIBRARY).as_posix() for p in rooms.rooms_behind(root / f"workflow/scripts/{script}.py")
        }
        code = (
            f"import ast, sys, json; tree = ast.parse(open({str(root / f'workflow/scripts/{script}.py')!r}).read());"
            " exec(compile(ast.Module([n for n in tree.body if isinstance(n, ast.ImportFrom)], []), 'x', 'exec'));"
            " print(json.dumps([m for m, loaded in sys.modules.items() if m.startswith('shared_affect.')"
            " and not hasattr(loaded, '__path__')]))"
        )
        loaded = json.loads(
            subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
        )
        assert {m.removeprefix("shared_affect.").replace(".", "/") + ".py" for m in loaded} <= behind


def test_packages_themselves_hold_no_code(root):
    """So that digests may leave them out."""
    import ast

    for path in (root / "src").rglob("__init__.py"):
        assert all(
            isinstance(n, ast.Expr) or (isinstance(n, ast.Assign) and n.targets[0].id == "__version__")
            for n in ast.parse(Path(path).read_text(encoding="utf-8")).body
        )
