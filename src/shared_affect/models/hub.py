"""Models and SAEs from a hub: resolved to a commit, fetched once, every byte held against the hub's checksum.

Files stay in the Hugging Face cache; the workflow's folder holds links to them. Runs on a machine with a network; jobs
that compute never speak to the hub.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
from collections.abc import Iterable, Sequence
from pathlib import Path

from shared_affect.base.files import UNFINISHED, atomic_path, write_json, writing_to
from shared_affect.base.log import LOG
from shared_affect.models.hub_rows import HubRow, asked, licence_message, resolve_revision

__all__ = [
    "check_blob",
    "collect_revisions",
    "fetch_model",
    "fetch_sae",
    "has_token",
    "licence_message",
    "resolve_revision",
]

PATTERNS = [
    "config.json",
    "generation_config.json",
    "tokenizer*.json",
    "special_tokens_map.json",
    "chat_template.jinja",
    "chat_template.json",
    "*.safetensors",
    "*.safetensors.index.json",
]
"""What is fetched of a model: no pickles, no code."""

ELSEWHERE = ["*/*"]
"""What is not: folders hold the weights once more in other formats (gpt-oss-20b: ``original/``, 14 GB)."""


def fetch_model(
    repository: str, revision: str, folder: str | Path, model: str | HubRow, *, commit: str | None = None
) -> dict:
    """Fetch a model into the cache, check it and link its files into a folder.

    An interrupted download goes on where it stopped; what is in the cache is not asked for again.

    Parameters
    ----------
    repository, revision, model
        As in `resolve_revision`.
    folder : path
        Receives links to the cached files and ``revision.json``.
    commit : str, optional
        What the row names now, where it was pinned since it was fetched by `revision`: it goes before what that stands
        for today.

    Returns
    -------
    dict
        ``id``, ``asked`` (revision), ``commit``, ``files`` (name -> checksum), as written to ``revision.json``.

    Raises
    ------
    ValueError
        As `resolve_revision`; if a checksum is wrong (the file is removed from the cache); if there are no safetensors;
        if `folder` holds anything that no earlier fetch put there.
    ConnectionError
        If something is missing and the hub cannot be reached.
    """
    from huggingface_hub import snapshot_download

    folder, row = Path(folder), HubRow.of(model)
    old = own_files(folder, row)
    commit = commit or resolve_revision(repository, revision, row)
    snapshot = Path(
        asked(
            lambda: snapshot_download(repository, revision=commit, allow_patterns=PATTERNS, ignore_patterns=ELSEWHERE),
            repository,
            commit,
            row,
        )
    )
    held = [p.relative_to(snapshot).as_posix() for p in sorted(snapshot.rglob("*")) if p.is_file()]
    files = checked_files(snapshot, repository, commit, folder, row, [n for n in held if "/" not in n])
    if "config.json" not in files or not any(f.endswith(".safetensors") for f in files):
        raise ValueError(
            f"{row.name}: {repository} at {commit} holds {', '.join(files) or 'nothing'}; needed: config.json and"
            f" *.safetensors ({row.table}, column id)"
        )
    folder.mkdir(parents=True, exist_ok=True)
    for path in old:
        path.unlink()
    link_files(snapshot, folder, files)
    facts = {"id": repository, "asked": revision, "commit": commit, "files": files}
    write_json(folder / "revision.json", facts)
    LOG.info("%s: %s at %s, %d files", row.name, repository, commit, len(files))
    return facts


COPIED = ".copied.json"
"""Names of files that stand in a folder as copies, where links cannot be made."""


def own_files(folder: str | Path, row: str | HubRow) -> list[Path]:
    """What an earlier `fetch_model` left: links into a cache of huggingface_hub, noted copies, ``revision.json``.

    Raises
    ------
    ValueError
        If anything else stands there: nobody's files are removed.
    """
    folder, row = Path(folder), HubRow.of(row)
    noted = set(json.loads((folder / COPIED).read_text(encoding="utf-8"))) if (folder / COPIED).exists() else set()
    found = [p for p in sorted(folder.rglob("*")) if p.is_symlink() or not p.is_dir()]
    others = []
    for path in found:
        name = path.relative_to(folder).as_posix()
        cached = path.is_symlink() and any(part.startswith("models--") for part in Path(os.readlink(path)).parts)
        if path.name.endswith(UNFINISHED):  # of a fetch that was killed
            continue
        if not cached and (path.is_symlink() or name not in noted | {"revision.json", COPIED}):
            others.append(name)
    if others:
        more = f" and {len(others) - 5} more" if len(others) > 5 else ""
        raise ValueError(
            f"{row.name}: {folder} holds {', '.join(others[:5])}{more}, which the workflow did not put there; "
            f"move it away, or name it as a local one ({row.table}, columns source and path)"
        )
    return found


def link_files(snapshot: Path, folder: Path, names: Iterable[str]) -> None:
    """Links to files of a snapshot in a folder that is there."""
    for name in names:
        _put(snapshot / name, folder / name, folder / COPIED)


def _put(source: Path, target: Path, note: Path) -> None:
    """A link to a cached file; where the file system has no links, a copy that is noted."""
    try:
        target.symlink_to(source.resolve())
    except OSError:
        name = target.relative_to(note.parent).as_posix()
        write_json(note, [*(json.loads(note.read_text(encoding="utf-8")) if note.exists() else []), name])
        with atomic_path(target) as tmp:
            shutil.copyfile(source, tmp)


def checked_files(
    snapshot: Path, repository: str, commit: str, folder: Path, row: str | HubRow, names: Sequence[str]
) -> dict[str, str]:
    """Checksum of these files of a snapshot, each held against the hub's.

    A cache without links (Windows, some network disks, HF_HUB_DISABLE_SYMLINKS) does not keep the hub's checksums: they
    are taken from ``revision.json`` of an earlier fetch of the same commit, or asked of the hub.
    """
    paths = {name: snapshot / name for name in names}
    named = {name for name, p in paths.items() if CHECKSUM.fullmatch(p.resolve().name)}
    known = _known_checksums(folder, commit) if len(named) < len(paths) else {}
    # of a folder of a repository the files stand under their own names
    here = {name: known.get(name) or known.get(name.rsplit("/", 1)[-1]) for name in paths}
    if any(name not in named and here[name] is None for name in paths):
        published = asked(lambda: _published_checksums(repository, commit), repository, commit, row)
        here = {name: published.get(name) for name in paths}
    return {name: check_blob(p, None if name in named else here[name]) for name, p in paths.items()}


def _known_checksums(folder: Path, commit: str) -> dict[str, str]:
    path = folder / "revision.json"
    facts = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
    return facts["files"] if facts.get("commit") == commit else {}


def _published_checksums(repository: str, commit: str) -> dict[str, str]:
    from huggingface_hub import HfApi

    # the listing of a tree waits half a minute for a hub that does not answer; this question does not
    entries = HfApi().model_info(repository, revision=commit, files_metadata=True).siblings or []
    named = {f.rfilename: f.lfs.sha256 if f.lfs else f.blob_id for f in entries}
    return {name: checksum for name, checksum in named.items() if checksum is not None}


CHECKSUM = re.compile(r"[0-9a-f]{40}|[0-9a-f]{64}")


def check_blob(path: Path, expected: str | None = None) -> str:
    """Hold a cached file against the hub's checksum, by which the cache names it.

    Large files have their sha256, small ones git's sha1 of a blob.

    Parameters
    ----------
    path : path
    expected : str, optional
        The hub's checksum, where the cache keeps the file under its own name.

    Returns
    -------
    str
        The checksum.

    Raises
    ------
    ValueError
        If they differ (the file is removed, so that the next run fetches it again), or none is known.
    """
    blob = path.resolve()
    expected = expected or (blob.name if CHECKSUM.fullmatch(blob.name) else None)
    if expected is None:
        raise ValueError(
            f"{path}: the cache has no links and so no checksum of this file, and the hub names none; "
            "expected a file of a cache of huggingface_hub"
        )
    h = hashlib.sha256() if len(expected) == 64 else hashlib.sha1(b"blob %d\0" % blob.stat().st_size)
    with open(blob, "rb") as f:
        while part := f.read(1 << 22):
            h.update(part)
    if h.hexdigest() != expected:
        blob.unlink()
        path.unlink(missing_ok=True)
        raise ValueError(
            f"{path.name}: checksum is {h.hexdigest()}, the hub says {expected}; the file was removed, run again to"
            " fetch it anew"
        )
    return expected


def fetch_sae(release: str, sae_id: str, folder: str | Path) -> dict:
    """Fetch a published SAE through sae-lens and write it in its disk format.

    Parameters
    ----------
    release, sae_id : str
        Names in sae-lens' table of pretrained SAEs.
    folder : path
        Receives ``cfg.json`` and ``sae_weights.safetensors`` (float32).

    Returns
    -------
    dict
        ``release``, ``id``, ``architecture``, ``hook_name``.

    Raises
    ------
    ValueError
        If sae-lens knows no such release or id, or passes over the activation that its file declares.
    ConnectionError
        If it cannot be fetched, or what came is no SAE.
    """
    from sae_lens import SAE
    from sae_lens.loading.pretrained_sae_loaders import (
        get_conversion_loader_name,
        get_sae_lens_config_from_hf,
    )
    from sae_lens.loading.pretrained_saes_directory import (
        get_pretrained_saes_directory,
        get_repo_id_and_folder_name,
    )

    from shared_affect.models.sae_config import check_activation

    known = get_pretrained_saes_directory()
    if release not in known:
        raise ValueError(
            f"SAE release {release!r} is unknown to this version of sae-lens (config/saes.tsv, column release)"
        )
    if sae_id not in known[release].saes_map:
        raise ValueError(
            f"SAE release {release} has no {sae_id!r}; allowed: {', '.join(list(known[release].saes_map)[:8])} ..."
            " (config/saes.tsv, column id)"
        )
    try:
        sae = SAE.from_pretrained(release, sae_id, device="cpu")
        repository, inside = get_repo_id_and_folder_name(release, sae_id)
        # sae-lens drops what it does not know of a file, so it is looked at as it was published
        published = (
            get_sae_lens_config_from_hf(repository, inside) if get_conversion_loader_name(release) == "sae_lens" else {}
        )
    except Exception as error:  # whatever sae-lens, the hub's client or safetensors raise
        raise ConnectionError(
            f"SAE release {release}, {sae_id} ({known[release].repo_id}) could not be fetched or read:"
            f" {type(error).__name__}: {str(error).splitlines()[0]} (config/saes.tsv; a spoilt download is removed with"
            " `hf cache rm`, the cache is where HF_HOME says)"
        ) from error
    check_activation(published, f"{repository}/{inside}/cfg.json", f"config/saes.tsv, release {release}, id {sae_id}")
    with writing_to(folder):
        sae.save_model(str(folder))
    cfg = json.loads((Path(folder) / "cfg.json").read_text(encoding="utf-8"))
    return {
        "release": release,
        "id": sae_id,
        "architecture": cfg["architecture"],
        "hook_name": (cfg.get("metadata") or {}).get("hook_name"),
    }


def has_token() -> bool:
    """Whether a Hugging Face token is at hand (variable ``HF_TOKEN`` or a login)."""
    if os.environ.get("HF_TOKEN"):
        return True
    from huggingface_hub import get_token

    return get_token() is not None


def collect_revisions(
    folder: str | Path, saes: str | Path | None = None, judges: str | Path | None = None
) -> dict[str, dict]:
    """``revision.json`` of everything that was fetched: model, or model and SAE with a blank between, or ``judge``, its
    name and language -> id, asked, commit, of an SAE the folder inside its repository, too.

    Parameters
    ----------
    folder : path
        Folder with one folder a model.
    saes : path, optional
        Folder with one folder an SAE within one a model.
    judges : path, optional
        Folder with one folder a language within one a judge.
    """
    paths = {p.parent.name: p for p in sorted(Path(folder).glob("*/revision.json"))}
    for kind, place in (("", saes), ("judge ", judges)):
        inside = sorted(Path(place).glob("*/*/revision.json")) if place is not None else []
        paths |= {f"{kind}{p.parent.parent.name} {p.parent.name}": p for p in inside}
    found = {name: json.loads(p.read_text(encoding="utf-8")) for name, p in paths.items()}
    kept = ("id", "subfolder", "asked", "commit")
    return {name: {k: facts[k] for k in kept if k in facts} for name, facts in found.items()}
