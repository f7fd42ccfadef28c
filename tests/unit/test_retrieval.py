"""Files of others: found, checked, downloaded."""

import hashlib
import http.server
import re
import threading

import pytest

from shared_affect.human.downloads import Lacking, check_files, download, find_file, list_lacking, sha256_of
from shared_affect.study.config import ConfigError, read_table

CONTENT = bytes(range(256)) * 4000
DIGEST = hashlib.sha256(CONTENT).hexdigest()
ROWS = [
    {
        "folder": "A",
        "file": "a.csv",
        "official": "https://a.org",
        "url": "https://b.org/a.csv",
        "sha256": DIGEST,
        "download": True,
        "terms": "free",
    },
    {
        "folder": "B",
        "file": "b.csv",
        "official": "https://form.org",
        "url": None,
        "sha256": None,
        "download": False,
        "terms": "behind a form",
    },
]


RANGES: list[tuple[str, str | None]] = []


class Server(http.server.BaseHTTPRequestHandler):
    """Answers /file with ranges, /plain without, /broken with half of what it promises, /page with a web page."""

    def do_GET(self):
        RANGES.append((self.path, self.headers.get("Range")))
        content, start = (b"<!DOCTYPE html><html>moved</html>", 0) if self.path == "/page" else (CONTENT, 0)
        if self.path == "/none":
            self.send_error(404)
            return
        if self.path == "/file" and self.headers.get("Range"):
            start = int(re.match(r"bytes=(\d+)-", self.headers["Range"])[1])
            if start >= len(content):
                self.send_error(416)
                return
        self.send_response(206 if start else 200)
        self.send_header("Content-Length", str(len(content) - start))
        self.end_headers()
        self.wfile.write(content[start : start + len(content) // 2] if self.path == "/broken" else content[start:])

    def log_message(self, *_):
        pass


@pytest.fixture(scope="module")
def address():
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Server)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()


def test_a_download_is_whole_and_right(address, tmp_path):
    download(f"{address}/file", tmp_path / "x/file", DIGEST)
    assert (
        (tmp_path / "x/file").read_bytes() == CONTENT
        and [p.name for p in (tmp_path / "x").iterdir()] == ["file"]
        and sha256_of(tmp_path / "x/file") == DIGEST
    )


def test_a_broken_download_is_resumed(address, tmp_path):
    with pytest.raises(ValueError, match=r"could not be read|broke off after 512000 of 1024000 bytes, which are kept"):
        download(f"{address}/broken", tmp_path / "file", DIGEST)
    assert not (tmp_path / "file").exists() and (tmp_path / "file.part").stat().st_size == 512000
    RANGES.clear()
    download(f"{address}/file", tmp_path / "file", DIGEST)
    assert (
        RANGES == [("/file", "bytes=512000-")]
        and (tmp_path / "file").read_bytes() == CONTENT
        and not (tmp_path / "file.part").exists()
    )


def test_a_server_without_ranges_sends_everything_again(address, tmp_path):
    (tmp_path / "file.part").write_bytes(b"some other beginning")
    download(f"{address}/plain", tmp_path / "file", DIGEST)
    assert (tmp_path / "file").read_bytes() == CONTENT


def test_a_whole_part_needs_no_more_bytes(address, tmp_path):
    (tmp_path / "file.part").write_bytes(CONTENT)
    download(f"{address}/file", tmp_path / "file", DIGEST)
    assert (tmp_path / "file").read_bytes() == CONTENT


@pytest.mark.parametrize(
    ("path", "part", "message"),
    [
        ("/page", b"", "gave 33 bytes with sha256 .* .a web page.; expected"),
        ("/file", b"wrong", "gave 1024000 bytes with sha256"),
        ("/none", b"", "answered 404 .*data_dir"),
    ],
)
def test_wrong_bytes_are_refused_and_removed(address, tmp_path, path, part, message):
    if part:
        (tmp_path / "file.part").write_bytes(part)
    with pytest.raises(ValueError, match=message):
        download(f"{address}{path}", tmp_path / "file", DIGEST)
    assert not list(tmp_path.glob("file*"))


def test_no_connection_says_what_to_do(tmp_path):
    with pytest.raises(
        ValueError, match=r"could not be read .*put it as .*/file into a folder that config.yaml, key data_dir names"
    ):
        download("http://127.0.0.1:9/file", tmp_path / "file", DIGEST)


def test_the_users_folder_comes_first(tmp_path):
    assert (
        find_file("A", "a.csv", "", ROWS, "got") == "got/A/a.csv" == find_file("A", "a.csv", str(tmp_path), ROWS, "got")
    )
    (tmp_path / "A").mkdir()
    (tmp_path / "A/a.csv").touch()
    assert find_file("A", "a.csv", str(tmp_path), ROWS, "got") == str(tmp_path / "A/a.csv")


@pytest.mark.parametrize(
    ("folder", "file", "there", "message"),
    [
        (
            "B",
            "b.csv",
            "",
            'B/b.csv is needed and is not downloaded: behind a form. config.yaml, key data_dir is ""; get the file from https://form.org',
        ),
        ("B", "b.csv", ".", "B/b.csv does not exist; get the file from https://form.org"),
        ("C", "b.csv", "", "no row in config/sources.tsv"),
        ("A", "a.csv", "none", "data_dir is '.*none', which is no folder"),
    ],
)
def test_what_cannot_be_had_says_where_to_get_it(tmp_path, folder, file, there, message):
    with pytest.raises(ConfigError, match=message):
        find_file(folder, file, str(tmp_path / there) if there else "", ROWS, "got")


def test_what_is_lacking_is_said_once_a_cause(tmp_path):
    def lacking(folder, file, terms="a form"):
        return Lacking(
            {"folder": folder, "file": file, "terms": terms, "official": f"https://{folder}.org"},
            'config.yaml, key data_dir is ""',
        )

    found = [
        lacking("A", "1.csv"),
        lacking("B", "b.csv"),
        lacking("A", "2.csv"),
        lacking("A", "1.csv"),
        lacking("A", "9.csv", "another form"),
    ]
    for data_dir, where in (("", 'key data_dir is ""'), ("mine", "mine/A does not hold them")):
        said = list_lacking(found, data_dir)
        assert (
            len(said) == 3
            and where in said[0]
            and "2 files are needed" in said[0]
            and said[0].endswith("set data_dir: 1.csv, 2.csv")
            and "https://A.org" in said[0]
        )
        assert said[1].startswith("B/b.csv is needed") and "another form" in said[2]
    assert list_lacking([], "") == []


def test_an_altered_file_is_refused(tmp_path):
    (tmp_path / "a").write_bytes(b"1")
    check_files([tmp_path / "a"], [None])
    check_files([tmp_path / "a"], [hashlib.sha256(b"1").hexdigest()])
    with pytest.raises(
        ValueError, match=r"a has sha256 6b86b2.*; expected d4735e.*altered or another edition.*config/sources.tsv"
    ):
        check_files([tmp_path / "a"], [hashlib.sha256(b"2").hexdigest()])


def test_committed_sources_fit_the_datasets(root):
    tables = {
        t: read_table(root / f"config/{t}.tsv", root / f"workflow/schemas/{t}.yaml") for t in ("human", "sources")
    }
    for r in tables["sources"]:
        assert not r["download"] or (r["url"] and r["sha256"]), r["file"]
        assert r["download"] or not r["url"], r["file"]
    named = {p.removeprefix("{data}/") for r in tables["human"] for p in r["path"].split() if p.startswith("{data}/")}
    assert named == {f"{r['folder']}/{r['file']}" for r in tables["sources"]}
    assert all(r["citation"] and r["licence"] for r in tables["human"] if r["dataset"] != "planted")


def test_real_files_have_the_committed_checksums(root, published_files):
    known = [r for r in read_table(root / "config/sources.tsv", root / "workflow/schemas/sources.yaml") if r["sha256"]]
    assert len(known) > 25
    check_files([published_files(r["folder"], r["file"]) for r in known], [r["sha256"] for r in known])
