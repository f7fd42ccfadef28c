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
from pathlib import Path

from shared_affect.base.files import UNFINISHED, atomic_path, write_json, writing_to
from shared_affect.base.log import LOG

PATTERNS = [
    "config.json",
    "generation_config.json",
    "tokenizer*.json",
    "special_tokens_map.json",
    "*.safetensors",
    "*.safetensors.index.json",
]
"""What is fetched of a model: no pickles, no code."""

COMMIT = re.compile(r"[0-9a-f]{40}")


def licence_message(repository: str, model: str) -> str:
    """What to do about a gated model."""
    return (
        f"model {model}: {repository} is gated and no token with access to it was found; accept its licence on"
        f" https://huggingface.co/{repository} and set the variable HF_TOKEN to a token of the same account"
        " (config/models.tsv, column id)"
    )


def resolve_revision(repository: str, revision: str, model: str) -> str:
    """The commit that a branch or tag stands for now; a commit stands for itself without asking anyone.

    Parameters
    ----------
    repository : str
        ``owner/name``.
    revision : str
        Commit, branch or tag.
    model : str
        Row named in messages.

    Raises
    ------
    ValueError
        If the model is gated and there is no access, or it or the revision does not exist.
    ConnectionError
        If the hub cannot be reached.
    """
    if COMMIT.fullmatch(revision):
        return revision
    from huggingface_hub import HfApi

    return _asked(lambda: HfApi().model_info(repository, revision=revision).sha, repository, revision, model)


def _asked(question, repository: str, revision: str, model: str):
    """Answer of the hub, its refusals in words that name row and remedy."""
    import httpx2
    from huggingface_hub.errors import (
        GatedRepoError,
        LocalEntryNotFoundError,
        OfflineModeIsEnabled,
        RepositoryNotFoundError,
        RevisionNotFoundError,
    )

    try:
        return question()
    except GatedRepoError:
        raise ValueError(licence_message(repository, model)) from None
    except RepositoryNotFoundError:
        raise ValueError(
            f"model {model}: the hub knows no {repository!r}, or shows it to no one without a token; check the spelling"
            " (config/models.tsv, column id) or set HF_TOKEN"
        ) from None
    except RevisionNotFoundError:
        raise ValueError(
            f"model {model}: {repository} has no revision {revision!r} (config/models.tsv, column revision)"
        ) from None
    except (httpx2.TransportError, LocalEntryNotFoundError, OfflineModeIsEnabled) as error:
        raise ConnectionError(
            f"model {model}: {repository} at {revision} is not in the cache and the hub could not be reached"
            f" ({type(error).__name__}); run the retrieve rules on a machine with a network, or copy the model and give"
            " its folder (config/models.tsv, columns source and path)"
        ) from None


def fetch_model(repository: str, revision: str, folder: str | Path, model: str) -> dict:
    """Fetch a model into the cache, check it and link its files into a folder.

    An interrupted download goes on where it stopped; what is in the cache is not asked for again.

    Parameters
    ----------
    repository, revision, model
        As in `resolve_revision`.
    folder : path
        Receives links to the cached files and ``revision.json``.

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

    folder = Path(folder)
    old = own_files(folder, model)
    commit = resolve_revision(repository, revision, model)
    snapshot = Path(
        _asked(
            lambda: snapshot_download(repository, revision=commit, allow_patterns=PATTERNS), repository, commit, model
        )
    )
    files = _checked_files(snapshot, repository, commit, folder, model)
    if "config.json" not in files or not any(f.endswith(".safetensors") for f in files):
        raise ValueError(
            f"model {model}: {repository} at {commit} holds {', '.join(files) or 'nothing'}; needed: config.json and"
            " *.safetensors (config/models.tsv, column id)"
        )
    folder.mkdir(parents=True, exist_ok=True)
    for path in old:
        path.unlink()
    for name in files:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        _put(snapshot / name, folder / name, folder / COPIED)
    facts = {"id": repository, "asked": revision, "commit": commit, "files": files}
    write_json(folder / "revision.json", facts)
    LOG.info("%s: %s at %s, %d files", model, repository, commit, len(files))
    return facts


COPIED = ".copied.json"
"""Names of files that stand in a folder as copies, where links cannot be made."""


def own_files(folder: str | Path, model: str) -> list[Path]:
    """What an earlier `fetch_model` left: links into a cache of huggingface_hub, noted copies, ``revision.json``.

    Raises
    ------
    ValueError
        If anything else stands there: nobody's files are removed.
    """
    folder = Path(folder)
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
            f"model {model}: {folder} holds {', '.join(others[:5])}{more}, which the workflow did not put there; "
            "move it away, or name it as a local model (config/models.tsv, columns source and path)"
        )
    return found


def _put(source: Path, target: Path, note: Path) -> None:
    """A link to a cached file; where the file system has no links, a copy that is noted."""
    try:
        target.symlink_to(source.resolve())
    except OSError:
        name = target.relative_to(note.parent).as_posix()
        write_json(note, [*(json.loads(note.read_text(encoding="utf-8")) if note.exists() else []), name])
        with atomic_path(target) as tmp:
            shutil.copyfile(source, tmp)


def _checked_files(snapshot: Path, repository: str, commit: str, folder: Path, model: str) -> dict[str, str]:
    """Checksum of every file of a snapshot, each held against the hub's.

    A cache without links (Windows, some network disks, HF_HUB_DISABLE_SYMLINKS) does not keep the hub's checksums: they
    are taken from ``revision.json`` of an earlier fetch of the same commit, or asked of the hub.
    """
    paths = {p.relative_to(snapshot).as_posix(): p for p in sorted(snapshot.rglob("*")) if p.is_file()}
    named = {name for name, p in paths.items() if CHECKSUM.fullmatch(p.resolve().name)}
    known = _known_checksums(folder, commit) if len(named) < len(paths) else {}
    if any(name not in named and name not in known for name in paths):
        known = _asked(lambda: _published_checksums(repository, commit), repository, commit, model)
    return {name: check_blob(p, None if name in named else known.get(name)) for name, p in paths.items()}


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


def collect_revisions(folder: str | Path) -> dict[str, dict]:
    """``revision.json`` of every model fetched into a folder: model -> id, asked, commit."""
    found = {
        p.parent.name: json.loads(p.read_text(encoding="utf-8")) for p in sorted(Path(folder).glob("*/revision.json"))
    }
    return {model: {k: facts[k] for k in ("id", "asked", "commit")} for model, facts in found.items()}
