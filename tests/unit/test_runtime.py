"""Seeds, atomic files, logs."""

import errno
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


@pytest.mark.parametrize(
    "raised",
    [
        OSError(errno.ENOSPC, "No space left on device"),
        OSError("I/O error: No space left on device (os error 28)"),
        RuntimeError("Error while serializing: I/O error: No space left on device (os error 28)"),
    ],
    ids=["system", "words", "safetensors"],
)
def test_a_write_that_a_full_disk_ends_names_the_file_and_what_to_do(tmp_path, raised):
    with pytest.raises(OSError, match=r"b\.txt could not be written: No space left .* make room on this disk"):
        with files.atomic_path(tmp_path / "b.txt"):
            raise raised
    assert not list(tmp_path.iterdir())


def test_an_error_behind_which_a_full_disk_stands_is_told_as_that(tmp_path):
    with pytest.raises(OSError, match="make room"), files.writing_to(tmp_path):
        try:
            raise OSError(errno.ENOSPC, "No space left on device")
        finally:
            raise ValueError("Can't close the ZIP file")


def test_an_error_of_another_kind_or_one_that_says_more_stays(tmp_path):
    with pytest.raises(OSError, match=r"^.Errno 28. a record of 9 bytes"), files.writing_to(tmp_path):
        raise OSError(errno.ENOSPC, "a record of 9 bytes could not be written")
    with pytest.raises(FileNotFoundError), files.writing_to(tmp_path):
        open(tmp_path / "nothing")


def test_bytes_are_on_the_disk_before_the_name_is(tmp_path, monkeypatch):
    done = []
    monkeypatch.setattr(files.os, "fsync", lambda fd: done.append("bytes"))
    monkeypatch.setattr(files.os, "replace", lambda a, b: done.append("name"))
    files.write_text(tmp_path / "a", "x")
    assert done == ["bytes", "name"]


def test_what_killed_writers_left_goes_and_nothing_else(tmp_path):
    with files.atomic_path(tmp_path / "a/b.txt") as tmp:
        kept = tmp_path / "a" / f".b.txt.k{files.UNFINISHED}"
        kept.write_text("half")
        assert tmp.name.startswith(".b.txt.") and tmp.name.endswith(files.UNFINISHED)
    (tmp_path / "a/.hidden").write_text("x")
    assert files.remove_unfinished(tmp_path) == 1 and files.remove_unfinished(tmp_path / "none") == 0
    assert sorted(p.name for p in (tmp_path / "a").iterdir()) == [".hidden", "b.txt"]


def test_a_folder_that_takes_no_files_is_named_once(tmp_path, monkeypatch):
    assert files.cannot_be_written(tmp_path, tmp_path / "a/b") == []
    monkeypatch.setattr(files.os, "access", lambda path, how: path != tmp_path)
    (said,) = files.cannot_be_written(tmp_path / "a", tmp_path / "a/b", tmp_path)
    assert said.startswith(f"{tmp_path} cannot be written to. What to do: you may not write there")


@pytest.mark.parametrize("mask, mode", [(0o022, 0o644), (0o077, 0o600), (0o002, 0o664)])
def test_files_have_the_permissions_that_the_user_has_set(tmp_path, mask, mode):
    write = "from shared_affect.base.files import write_text; write_text('a', 'x')"
    subprocess.run(
        ["sh", "-c", f'umask {mask:04o}; exec "$0" -c "$1"', sys.executable, write], cwd=tmp_path, check=True
    )
    assert (tmp_path / "a").stat().st_mode & 0o777 == mode


@pytest.mark.parametrize("at", range(0, 400, 7))
def test_a_flipped_byte_of_an_archive_is_found_and_its_file_named(tmp_path, at):
    path, arrays = tmp_path / "a.npz", {"x": np.arange(40.0), "y": np.arange(9)}
    files.write_arrays(path, arrays)
    whole = path.read_bytes()
    path.write_bytes(whole[: at % len(whole)] + bytes([whole[at % len(whole)] ^ 0x41]) + whole[at % len(whole) + 1 :])
    try:
        found = files.read_arrays(path)
    except files.DamagedError as error:
        assert str(path) in str(error) and "Delete the file and use the same command again" in str(error)
    except KeyError as error:
        raise AssertionError("a name was not found") from error
    else:  # a byte that is not read: times, permissions
        assert {k: v.tolist() for k, v in found.items()} == {k: v.tolist() for k, v in arrays.items()} or set(
            found
        ) != set(arrays)


def test_damaged_json_is_named_and_a_missing_file_says_so_itself(tmp_path):
    (tmp_path / "a.json").write_bytes(b'{"a": 1\xff}')
    with pytest.raises(files.DamagedError, match=r"a\.json cannot be read .UnicodeDecodeError"):
        files.read_json(tmp_path / "a.json")
    for read in (files.read_json, files.read_arrays):
        with pytest.raises(FileNotFoundError):
            read(tmp_path / "none")


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


@pytest.mark.parametrize(
    "raised, traced",
    [("UnwritableError(28, 'a.tsv: no room')", False), ("DamagedError('a.tsv')", False), ("KeyError('a')", True)],
)
def test_an_error_of_the_disk_stands_in_the_log_without_a_trace(tmp_path, raised, traced):
    code = (
        "from shared_affect.base.files import DamagedError, UnwritableError\n"
        f"from shared_affect.base.log import start_log\nstart_log('log')\nraise {raised}"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True)
    log = (tmp_path / "log").read_text()
    assert done.returncode == 1 and "a" in log and ("Traceback" in log) == traced
    assert len(done.stderr.strip().split("\n")) == 1
