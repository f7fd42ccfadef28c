"""An SAE from any repository of the hub that holds sae-lens' disk format: fetched once, checked, linked."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from shared_affect.base.files import write_json
from shared_affect.base.log import LOG
from shared_affect.models.hub import checked_files, link_files, own_files
from shared_affect.models.hub_rows import HubRow, asked, files_of, resolve_revision
from shared_affect.models.sae_config import CONFIG, WEIGHTS


@dataclass(frozen=True)
class HubFolder:
    """A folder of a repository.

    Attributes
    ----------
    repository : str
        ``owner/name``.
    revision : str
        Commit, branch or tag.
    subfolder : str
        "" = the repository itself.
    commit : str
        What the row names now, where it was pinned since it was fetched by `revision`; "" where it was not.
    """

    repository: str
    revision: str = "main"
    subfolder: str = ""
    commit: str = ""

    def file(self, name: str) -> str:
        """A file of the folder, as the repository names it."""
        return f"{self.subfolder}/{name}" if self.subfolder else name


def fetch_hub_sae(at: HubFolder, folder: str | Path, row: HubRow) -> dict:
    """Fetch an SAE in sae-lens' disk format into the cache, check it and link its two files into a folder.

    What its configuration says is held against its row elsewhere (`sae_folder.check_folder`).

    Parameters
    ----------
    at : HubFolder
    folder : path
        Receives ``cfg.json``, ``sae_weights.safetensors`` and ``revision.json``.
    row : HubRow
        Named in messages.

    Returns
    -------
    dict
        ``id``, ``subfolder``, ``asked`` (revision), ``commit``, ``files`` (name -> checksum), as written to
        ``revision.json``.

    Raises
    ------
    ValueError
        If repository, revision or folder does not exist, or there is no access; if the folder lacks one of the two
        files (says which layout it seems to be); if a checksum is wrong; if `folder` holds anything that no earlier
        fetch put there.
    ConnectionError
        If something is missing and the hub cannot be reached.
    """
    from huggingface_hub import snapshot_download

    folder = Path(folder)
    old = own_files(folder, row)
    commit = at.commit or resolve_revision(at.repository, at.revision, row)
    names = [at.file(CONFIG), at.file(WEIGHTS)]
    snapshot = Path(
        asked(
            lambda: snapshot_download(at.repository, revision=commit, allow_patterns=names), at.repository, commit, row
        )
    )
    if absent := [n for n in names if not (snapshot / n).is_file()]:
        held = files_of(at.repository, commit, row)
        raise ValueError(
            f"{row.name}: {at.repository} at {commit} has no {absent[0]}; {_what_it_holds(held, at.subfolder)}"
            f" ({row.table}, columns id and subfolder)"
        )
    files = checked_files(snapshot, at.repository, commit, folder, row, names)
    folder.mkdir(parents=True, exist_ok=True)
    for path in old:
        path.unlink()
    own = {PurePosixPath(name).name: checksum for name, checksum in files.items()}
    link_files(snapshot / at.subfolder, folder, own)
    facts = {"id": at.repository, "subfolder": at.subfolder, "asked": at.revision, "commit": commit, "files": own}
    write_json(folder / "revision.json", facts)
    LOG.info("%s: %s at %s", row.name, at.file(CONFIG).rsplit("/", 1)[0], commit)
    return facts


LAYOUTS = (
    (
        r"sae\.safetensors",
        "sparsify's layout",
        'docs/models.md, "SAEs in other layouts", has the lines that rewrite it',
    ),
    (r"ae\.pt", "dictionary_learning's layout", ""),
    (r"params\.(npz|safetensors)", "Gemma Scope's layout", ""),
    (r".*\.sae\.pt", "Qwen-Scope's layout", ""),
    (r"hyperparams\.json|final\.(pth|safetensors)", "Llama Scope's layout", ""),
    (r".*\.(pt|pth|bin|pkl|npz|ckpt)", "a layout of its own, with files that may hold code", ""),
)
"""Files by which the layouts of other tools are known, and what helps where sae-lens' table does not list them."""

REMEDY = (
    "if sae-lens' table of releases has it take source release; else load it with sae-lens, save it with"
    " `sae.save_model(folder)` and take source local"
)


def _what_it_holds(names: list[str], subfolder: str) -> str:
    """What stands in a folder of a repository instead of an SAE of sae-lens."""
    inside = [n for n in names if not subfolder or n.startswith(subfolder + "/")]
    own = [n[len(subfolder) + 1 if subfolder else 0 :] for n in inside]
    here = [n for n in own if "/" not in n]
    saes = sorted({str(PurePosixPath(n).parent) for n in names if PurePosixPath(n).name == WEIGHTS})
    if not inside:
        some = ", ".join(saes[:8]) + (f" and {len(saes) - 8} more" if len(saes) > 8 else "")
        return f"it has no folder {subfolder!r}; folders with an SAE: {some or 'none in the layout of sae-lens'}"
    if saes and not any(n in (CONFIG, WEIGHTS) for n in here):
        below = [s for s in saes if not subfolder or s.startswith(subfolder + "/")]
        if below:
            more = f" and {len(below) - 8} more" if len(below) > 8 else ""
            return f"it is a folder of SAEs: name one of {', '.join(below[:8])}{more} in column subfolder"
    listed = ", ".join(here[:8]) or "folders alone"
    for pattern, layout, help_ in LAYOUTS:
        if any(re.fullmatch(pattern, n) for n in here):
            return f"it holds {listed}: {layout}; needed: {CONFIG} and {WEIGHTS}; {help_ or REMEDY}"
    return f"it holds {listed}; needed: {CONFIG} and {WEIGHTS} of sae-lens; {REMEDY}"
