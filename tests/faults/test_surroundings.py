"""Another locale, hash seed, number of cores, time zone, umask, and a folder with blanks and Chinese in its name: the
same bytes.
"""

import subprocess

import pytest
from faulty import Faulty

pytestmark = [pytest.mark.workflow, pytest.mark.faults]

SURROUNDINGS = {
    "no locale, hash seed 1, one core": (
        {"LC_ALL": "C", "LANG": "C", "PYTHONHASHSEED": "1", "TZ": "Asia/Kathmandu", "HF_HUB_OFFLINE": "0"},
        1,
        0o022,
        "plain",
    ),
    "Turkish, hash seed 2, a folder of two words": (
        {"LC_ALL": "tr_TR.UTF-8", "PYTHONHASHSEED": "2", "TZ": "America/St_Johns"},
        2,
        0o077,
        "zwei Wörter 情感 研究",
    ),
    "German": ({"LC_ALL": "de_DE.UTF-8", "PYTHONHASHSEED": "0", "TZ": "Pacific/Kiritimati"}, 2, 0o002, "plain"),
}


def with_locale(variables, folder):
    """These variables, and the locale that they name where this machine lacks it."""
    name = variables["LC_ALL"]
    known = subprocess.run(["locale", "-a"], capture_output=True, text=True).stdout.lower().replace("utf8", "utf-8")
    if name.lower() in known.split():
        return variables
    language, _, charset = name.partition(".")
    try:
        done = subprocess.run(["localedef", "-i", language, "-f", charset, str(folder / name)], capture_output=True)
        said = done.stderr.decode(errors="replace").strip()
    except FileNotFoundError:
        said = "localedef is not installed (Debian: libc-bin, locales)"
    if not (folder / name).is_dir():
        pytest.skip(f"a run in another language's locale needs that locale: {name} is not installed, and {said}")
    return variables | {"LOCPATH": str(folder)}


@pytest.mark.parametrize("name", SURROUNDINGS)
def test_the_same_bytes_in_other_surroundings(made, tmp_path, name):
    variables, cores, umask, folder = SURROUNDINGS[name]
    (tmp_path / folder).mkdir()
    study = Faulty(tmp_path / folder)
    study.variables, study.cores = with_locale(variables, tmp_path), cores
    process = study.start(umask=umask)
    assert process.wait(timeout=3600) == 0, (study.folder / "said.txt").read_text(errors="replace")[-3000:]
    made.same(study)
