"""`--sdm conda`: jobs see the environment that conda makes, and this folder's library before it."""

import json
import os
import shutil
import stat
import subprocess
import sys

import pytest
import yaml

pytestmark = pytest.mark.workflow

CONDA = """#!{python}
import json, pathlib, sys
import yaml
here = pathlib.Path({folder!r})
with open(here / "calls", "a") as f:
    f.write(json.dumps(sys.argv[1:]) + "\\n")
given = sys.argv[1:]
if given[:2] == ["env", "list"]:
    print(json.dumps({{"envs": [str(p) for p in (here / "envs").iterdir()]}}))
elif given[:2] == ["env", "create"]:
    env = here / "envs" / given[given.index("--name") + 1]
    (env / "bin").mkdir(parents=True)
    (here / "asked.yaml").write_text(pathlib.Path(given[given.index("-f") + 1]).read_text())
    packages = env / "lib/python{version}/site-packages"
    for name, text in json.loads((here / "packages.json").read_text()).items():
        path = packages / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
elif given == ["info", "--json"]:
    print(json.dumps({{"conda_prefix": str(here), "platform": "linux-64"}}))
else:
    sys.exit("conda: " + " ".join(given))
"""

WITNESS = """import importlib.util, json, os, sys
with open(os.environ["SEEN"], "a") as f:
    f.write(json.dumps([sys.orig_argv[-1], importlib.util.find_spec("shared_affect").origin]) + chr(10))
"""
"""Run by every Python that sees the environment, as its `sitecustomize`."""

TARGET = "results/planted/concepts/en.tsv"


@pytest.fixture
def conda(tmp_path):
    """A `conda` on the path that makes folders in place of environments: nothing is fetched."""
    folder = tmp_path / "conda"
    (folder / "envs").mkdir(parents=True)
    (folder / "bin").mkdir()
    version = f"{sys.version_info.major}.{sys.version_info.minor}"
    program = folder / "bin/conda"
    program.write_text(CONDA.format(python=sys.executable, folder=str(folder), version=version))
    program.chmod(program.stat().st_mode | stat.S_IXUSR)
    return folder


def run(root, folder, conda, *args):
    folder.mkdir(exist_ok=True)
    for shared in ("resources", "config"):
        if not (folder / shared).exists():
            shutil.copytree(root / shared, folder / shared, ignore=shutil.ignore_patterns("journal", "retrieved"))
    shutil.copy(root / "config.yaml", folder)
    environment = os.environ | {
        "HOME": str(folder),
        "OMP_NUM_THREADS": "1",
        "PYTHONPATH": str(root / "src"),
        "PATH": f"{conda / 'bin'}{os.pathsep}{os.environ['PATH']}",
        "SEEN": str(conda / "seen"),
    }
    command = [sys.executable, "-m", "snakemake", "--snakefile", str(root / "Snakefile"), "--cores", "1", *args]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, env=environment, timeout=180)
    return done.returncode, done.stdout + done.stderr


def test_jobs_see_condas_packages_behind_this_folders_library(root, tmp_path, conda):
    # another copy of the library stands in the environment too
    packages = {"sitecustomize.py": WITNESS, "shared_affect/__init__.py": "raise RuntimeError('of the environment')"}
    (conda / "packages.json").write_text(json.dumps(packages))
    code, text = run(root, tmp_path / "run", conda, TARGET, "--sdm", "conda")
    assert code == 0 and (tmp_path / "run" / TARGET).is_file(), text[-3000:]
    seen = [json.loads(line) for line in (conda / "seen").read_text().splitlines()]
    assert {origin for _, origin in seen} == {str(root / "src/shared_affect/__init__.py")}
    assert any("build_concepts" in script for script, _ in seen)
    # what conda was asked for: the committed pins, and the Python that runs
    asked = yaml.safe_load((conda / "asked.yaml").read_text())
    committed = yaml.safe_load((root / "envs/shared-affect.yaml").read_text())
    assert [d for d in asked["dependencies"] if d in committed["dependencies"]] == committed["dependencies"]
    calls = [json.loads(line)[:2] for line in (conda / "calls").read_text().splitlines()]
    assert calls.count(["env", "create"]) == 1
