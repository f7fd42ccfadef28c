"""Seeds, atomic files, logs."""

import subprocess
import sys
import zipfile

import numpy as np
import pytest

from shared_affect.base import files, seeds
from shared_affect.study import provenance

GOLDEN = [628347838, 415857429, 907999967]


def test_seeds_are_the_same_everywhere_and_differ_by_purpose():
    # golden: a change here would change every number of every study
    assert seeds.rng(0, "folds", "planted").integers(0, 10**9, 3).tolist() == GOLDEN
    assert seeds.torch_seed(0, "folds", "planted") == 5764019223034096983
    assert (
        seeds.torch_seed(0, "a") != seeds.torch_seed(0, "b") != seeds.torch_seed(1, "b")
        and 0 <= seeds.torch_seed(5, "x") < 2**63
    )
    assert seeds.torch_seed(0, "ab", "c") != seeds.torch_seed(0, "a", "bc")
    with pytest.raises(ValueError, match="root_seed is -1"):
        seeds.rng(-1)


def test_a_failed_write_leaves_the_old_file_and_nothing_beside_it(tmp_path):
    path = tmp_path / "a/b.txt"
    files.write_text(path, "old")
    with pytest.raises(RuntimeError), files.atomic_path(path) as tmp:
        tmp.write_text("half")
        raise RuntimeError
    assert path.read_text() == "old" and [p.name for p in path.parent.iterdir()] == ["b.txt"]


def test_large_arrays_are_compressed_where_that_pays(tmp_path, monkeypatch):
    from shared_affect.base import files

    arrays = {
        "noise": np.random.default_rng(0).standard_normal((300, 40)),
        "zeros": np.zeros((300, 40)),
        "one": np.array(1),
    }
    files.write_arrays(tmp_path / "small.npz", arrays)
    np.savez_compressed(tmp_path / "numpy.npz", allow_pickle=False, **arrays)
    assert (tmp_path / "small.npz").read_bytes() == (tmp_path / "numpy.npz").read_bytes()
    monkeypatch.setattr(files, "LARGE", 1000)
    files.write_arrays(tmp_path / "large.npz", arrays)
    with zipfile.ZipFile(tmp_path / "large.npz") as archive:
        stored = {i.filename: i.compress_type == zipfile.ZIP_STORED for i in archive.infolist()}
    assert stored == {"noise.npy": True, "zeros.npy": False, "one.npy": False}
    for name, a in files.read_arrays(tmp_path / "large.npz").items():
        np.testing.assert_array_equal(a, arrays[name])


def test_equal_arrays_give_equal_bytes_and_objects_are_refused(tmp_path):
    arrays = {"x": np.arange(6.0).reshape(2, 3), "words": np.array(["快乐", "joy"])}
    for name in ("a", "b"):
        files.write_arrays(tmp_path / f"{name}.npz", arrays)
    assert (tmp_path / "a.npz").read_bytes() == (tmp_path / "b.npz").read_bytes()
    assert all(np.array_equal(v, arrays[k]) for k, v in files.read_arrays(tmp_path / "a.npz").items())
    with pytest.raises(ValueError, match=r"'o' .* dtype object"):
        files.write_arrays(tmp_path / "c.npz", {"o": np.array([{}], object)})


def test_json_refuses_nan(tmp_path):
    with pytest.raises(ValueError):
        files.write_json(tmp_path / "a.json", {"x": float("nan")})
    assert not list(tmp_path.iterdir())


def test_digests_depend_on_content_not_on_order(tmp_path):
    assert (
        files.digest_of({"a": 1, "b": "爱"})
        == files.digest_of({"b": "爱", "a": 1})
        != files.digest_of({"a": 2, "b": "爱"})
    )
    for name, text in (("x", "1"), ("y", "2")):
        (tmp_path / name).write_text(text)
    assert files.digest_of_files(tmp_path / "x") != files.digest_of_files(tmp_path / "y")
    assert files.digest_of_files(tmp_path / "x", tmp_path / "y") == files.digest_of_files(
        tmp_path / "y", tmp_path / "x"
    )


def test_an_error_goes_to_the_log_whole_and_to_the_terminal_in_one_line(tmp_path):
    code = (
        f"from shared_affect.base.log import start_log; start_log({str(tmp_path / 'l/job.log')!r}); raise"
        " ValueError('found 3; allowed: 4')"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 1 and done.stderr.strip() == "ValueError: found 3; allowed: 4"
    assert (
        "Traceback" in (tmp_path / "l/job.log").read_text()
        and "found 3; allowed: 4" in (tmp_path / "l/job.log").read_text()
    )


def test_provenance_knows_its_packages_and_outside_a_checkout_says_so(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path.parent))
    facts = provenance.describe_run()
    assert facts["commit"] is facts["uncommitted_changes"] is None and facts["revisions"] == {}
    assert facts["packages"]["numpy"] == np.__version__ and facts["cpu_count"] >= 1
    for args in (
        ["init", "-q"],
        ["-c", "user.name=n", "-c", "user.email=e@x", "commit", "-q", "--allow-empty", "-m", "one"],
    ):
        subprocess.run(["git", *args], check=True)
    assert len(provenance.describe_run()["commit"]) == 40 and provenance.describe_run()["uncommitted_changes"] is False
    (tmp_path / "new").touch()
    facts = provenance.describe_run({"some-model": {"commit": "abc"}})
    assert facts["uncommitted_changes"] is True and facts["revisions"] == {"some-model": {"commit": "abc"}}
