"""Files of others: from a folder the user names, or from their address with a checksum."""

from __future__ import annotations

import hashlib
import http.client
import os
import urllib.error
import urllib.request
from collections.abc import Mapping, Sequence
from pathlib import Path

from shared_affect.base.log import LOG
from shared_affect.study.config import ConfigError

BLOCK = 1 << 20
TIMEOUT_S = 60


def sha256_of(path: str | Path) -> str:
    """sha256 (hex) of a file's bytes."""
    with open(path, "rb") as f:
        return hashlib.file_digest(f, "sha256").hexdigest()


class Lacking(ConfigError):
    """A file of the user's own that is not there.

    Attributes
    ----------
    folder, file, terms, official : str
        Of its row in ``config/sources.tsv``.
    """

    def __init__(self, row: Mapping, looked: str):
        self.folder, self.file, self.terms, self.official = (row[k] for k in ("folder", "file", "terms", "official"))
        super().__init__(
            f"{self.folder}/{self.file} is needed and is not downloaded: {self.terms}. {looked}; get the file from"
            f" {self.official}, put it there under that name and set data_dir"
        )


NO_FOLDER = 'config.yaml, key data_dir is ""'


def list_lacking(found: Sequence[Lacking], data_dir: str) -> list[str]:
    """What is lacking, one sentence a cause: files of one folder that are to be had in the same way stand together."""
    groups: dict[tuple[str, str, str], dict[str, Lacking]] = {}
    for one in found:
        groups.setdefault((one.folder, one.terms, one.official), {})[one.file] = one
    said: list[str] = []
    for (folder, terms, official), files in groups.items():
        if len(files) == 1:
            said += map(str, files.values())
            continue
        looked = f"{Path(data_dir) / folder} does not hold them" if data_dir else NO_FOLDER
        said.append(
            f"{folder}: {len(files)} files are needed and are not downloaded: {terms}. {looked}; get them from"
            f" {official}, put them there under these names and set data_dir: {', '.join(files)}"
        )
    return said


def find_file(folder: str, file: str, data_dir: str, sources: Sequence[Mapping], retrieved: str) -> str:
    """Where a published file is read from: the user's folder if it stands there, else where a download puts it.

    Parameters
    ----------
    folder, file : str
        Key of the row in ``config/sources.tsv``; the folder's and file's name below `data_dir`.
    data_dir : str
        The user's folder, ``""`` = none.
    sources : rows of ``config/sources.tsv``
    retrieved : str
        Folder of downloads.

    Returns
    -------
    str
        ``{data_dir}/{folder}/{file}`` or ``{retrieved}/{folder}/{file}`` (which need not exist yet).

    Raises
    ------
    ConfigError
        No such row, or a file that is not in `data_dir` and may not be downloaded: says where to get it.
    """
    row = next((r for r in sources if r["folder"] == folder and r["file"] == file), None)
    if row is None:
        raise ConfigError(
            f"config/human.tsv names {folder}/{file}, which has no row in config/sources.tsv; needed: one"
            " (docs/data.md)"
        )
    if data_dir and not Path(data_dir).is_dir():
        raise ConfigError(
            f"config.yaml: key data_dir is {data_dir!r}, which is no folder; allowed: a folder with {folder}/{file} in"
            ' it, or ""'
        )
    if data_dir and (own := Path(data_dir) / folder / file).is_file():
        return str(own)
    if row["download"]:
        return f"{retrieved}/{folder}/{file}"
    raise Lacking(row, f"{Path(data_dir) / folder / file} does not exist" if data_dir else NO_FOLDER)


def check_files(paths: Sequence[str | Path], digests: Sequence[str | None]) -> None:
    """Refuse a file whose bytes are not the published ones.

    Parameters
    ----------
    paths : sequence of path
    digests : sequence of sha256 (hex) or None
        None: no digest is known, the file is taken as it is and its own digest logged.

    Raises
    ------
    ValueError
        Names file, digest found and expected, and what to do where another edition is meant.
    """
    for path, expected in zip(paths, digests, strict=True):
        found = sha256_of(path)
        LOG.info("%s: sha256 %s%s", path, found, "" if expected else " (none is known to compare with)")
        if expected and found != expected:
            raise ValueError(
                f"{path} has sha256 {found}; expected {expected}. The file is altered or another edition: get the"
                " published one (docs/data.md), or, if yours is meant, put its sha256 (or nothing) into"
                " config/sources.tsv"
            )


def download(url: str, path: str | Path, sha256: str) -> None:
    """Fetch a file, resuming where an earlier try stopped; it appears under `path` only when whole and right.

    Bytes gather in ``{path}.part``. A server that ignores the range sends everything again.

    Parameters
    ----------
    url : str
    path : path
    sha256 : str
        Of the whole file, hex.

    Raises
    ------
    ValueError
        The address does not answer, the connection broke (the part is kept), or the checksum is wrong (the part is
        removed).
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(path.name + ".part")
    hand = (
        f"or fetch it by hand and put it as {path.parent.name}/{path.name} into a folder that config.yaml, key data_dir"
        " names"
    )
    try:
        size, expected = _fetch(url, part)
    except urllib.error.HTTPError as error:
        # 416: what is here is as long as the file, or longer; the checksum decides
        if error.code != 416:
            raise ValueError(
                f"{url} answered {error.code} {error.reason}; expected the file. Try again later, {hand}"
            ) from None
        size, expected = part.stat().st_size, None
    except (OSError, http.client.HTTPException) as error:
        raise ValueError(
            f"{url} could not be read ({error}); {part.stat().st_size if part.exists() else 0} bytes are kept. Try"
            f" again, {hand}"
        ) from None
    if expected is not None and size < expected:
        raise ValueError(f"{url} broke off after {size} of {expected} bytes, which are kept. Try again, {hand}")
    found = sha256_of(part)
    if found != sha256:
        with open(part, "rb") as f:
            page = f.read(400).lstrip().lower().startswith((b"<!doctype", b"<html"))
        part.unlink()
        raise ValueError(
            f"{url} gave {size} bytes with sha256 {found}{' (a web page)' if page else ''}; expected {sha256}. Nothing"
            f" is kept. The address now holds something else: look at it, {hand}"
        )
    part.chmod(0o644)
    part.replace(path)


def _fetch(url: str, part: Path) -> tuple[int, int | None]:
    """Add to a part what is still lacking; bytes that are there then, and bytes of the whole file where it is known."""
    here = part.stat().st_size if part.exists() else 0
    headers = {"User-Agent": "shared-affect", **({"Range": f"bytes={here}-"} if here else {})}
    with (
        urllib.request.urlopen(urllib.request.Request(url, headers=headers), timeout=TIMEOUT_S) as answer,
        open(part, "ab" if answer.status == 206 else "wb") as f,
    ):
        length = answer.headers.get("Content-Length")
        LOG.info("%s: %s from byte %d", url, answer.headers.get("Content-Length", "unknown number of bytes"), f.tell())
        expected = f.tell() + int(length) if length else None
        while block := answer.read(BLOCK):
            f.write(block)
        f.flush()
        os.fsync(f.fileno())  # before it gets its name: a power cut must not leave an empty file under it
        return f.tell(), expected
