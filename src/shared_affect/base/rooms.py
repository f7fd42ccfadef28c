"""Which rooms of this library stand behind a file, their digest, and that a process runs these and no others.

A workflow keeps the digest of the code behind every output (`code_behind`). It hands every job the place and the
digests of all rooms in the environment (`declare`); the job compares what it has imported (`check_imported`), at its
start and at every later import, and stops where the two differ. Standard library alone.
"""

from __future__ import annotations

import ast
import hashlib
import importlib.util
import json
import os
import re
import subprocess
import sys
from collections.abc import Iterable, Iterator
from functools import cache
from pathlib import Path

PACKAGE = "shared_affect"
LIBRARY = Path(__file__).resolve().parents[1]
DECLARED = "SHARED_AFFECT_CODE"
"""Variable of the environment in which jobs find what `declare` wrote."""


def _room(library: Path, dotted: str) -> Path | None:
    """File of a module of the library, None if there is none of this name."""
    stem = library.joinpath(*dotted.split("."))
    return next((p for p in (stem.with_suffix(".py"), stem / "__init__.py") if p.is_file()), None)


def _named(node: ast.AST, path: Path, library: Path) -> Iterator[str]:
    """Names below the package that a node of a syntax tree may import."""
    if isinstance(node, ast.Import):
        for alias in node.names:
            if alias.name.startswith(f"{PACKAGE}."):
                yield alias.name.removeprefix(f"{PACKAGE}.")
    elif isinstance(node, ast.ImportFrom):
        module = node.module or ""
        if node.level:
            folder = path.resolve().parents[node.level - 1]
            if not folder.is_relative_to(library):
                return
            inside = [*folder.relative_to(library).parts, *filter(None, [module])]
        elif module == PACKAGE or module.startswith(f"{PACKAGE}."):
            inside = [p for p in [module.removeprefix(PACKAGE).removeprefix(".")] if p]
        else:
            return
        if inside:
            yield ".".join(inside)
        yield from (".".join([*inside, alias.name]) for alias in node.names)
    elif isinstance(node, ast.Call):
        name = getattr(node.func, "id", getattr(node.func, "attr", ""))
        if name in ("import_module", "__import__") and node.args:
            value = getattr(node.args[0], "value", None)
            if not isinstance(value, str):
                raise ValueError(
                    f"{path}, line {node.lineno}: {name}() of a name made at run time; allowed: a plain import, or a"
                    " literal name. Digests cannot follow it"
                )
            if value.startswith(f"{PACKAGE}."):
                yield value.removeprefix(f"{PACKAGE}.")


@cache
def imports_of(path: Path, library: Path = LIBRARY) -> frozenset[Path]:
    """Rooms of the library that a file imports, anywhere in it and in any form.

    Raises
    ------
    ValueError
        If it imports by a name that is made at run time.
    """
    tree = ast.parse(path.read_text(encoding="utf-8"), filename=str(path))
    found = (_room(library, name) for node in ast.walk(tree) for name in _named(node, path, library))
    return frozenset(p for p in found if p and p != path)


def rooms_behind(path: Path, library: Path = LIBRARY) -> set[Path]:
    """Rooms that a file imports, and those that these import."""
    found, new = set(), set(imports_of(path, library))
    while new:
        found |= new
        new = {room for path in new for room in imports_of(path, library)} - found
    return found


def digest_of_rooms(paths: Iterable[Path]) -> str:
    """Digest of the bytes of some files, in the order of their paths."""
    return hashlib.sha256(b"".join(p.read_bytes() for p in sorted(paths))).hexdigest()[:16]


def code_behind(script: Path, library: Path = LIBRARY) -> str:
    """Digest of all rooms behind a script."""
    return digest_of_rooms(rooms_behind(script, library))


def version_of(room: str, library: Path = LIBRARY) -> int:
    """VERSION of a room whose results are kept in the journal.

    Raises
    ------
    ValueError
        If there is no such room, or none in it.
    """
    path = _room(library, room)
    found = path and re.search(r"^VERSION = (\d+)$", path.read_text(encoding="utf-8"), flags=re.MULTILINE)
    if not found:
        raise ValueError(f"{room} is no room of {library} with a line VERSION = number; needed: one")
    return int(found[1])


def _all_rooms(library: Path) -> dict[str, str]:
    return {p.relative_to(library).as_posix(): digest_of_rooms([p]) for p in sorted(library.rglob("*.py"))}


def digest_of_library() -> str:
    """Digest of the names and bytes of all rooms."""
    return hashlib.sha256(json.dumps(_all_rooms(LIBRARY)).encode()).hexdigest()[:16]


def digests_of_packages(library: Path = LIBRARY) -> dict[str, str]:
    """Digest of the names and bytes of all rooms of each sub-package, so that two runs can be told apart by stage."""
    rooms: dict[str, dict[str, str]] = {}
    for name, digest in _all_rooms(library).items():
        if "/" in name:
            rooms.setdefault(name.split("/")[0], {})[name] = digest
    return {k: hashlib.sha256(json.dumps(v).encode()).hexdigest()[:16] for k, v in rooms.items()}


def declare(source: Path, keep_digests: bool = False) -> None:
    """Make every process that is started from here on import the library in `source`, and tell it the digests to
    expect.

    Parameters
    ----------
    source : path
        Folder that holds the package.
    keep_digests : bool
        Whether this process is itself a job of a run that has declared its digests: those of the run's start stay.

    Raises
    ------
    ValueError
        If this process, or the Python that jobs are run with, imports another copy all the same.
    """
    source = source.resolve()
    library = source / PACKAGE
    declared = json.loads(os.environ.get(DECLARED, "{}")) if keep_digests else {}
    if declared.get("library") == str(library):
        return
    others = [p for p in os.environ.get("PYTHONPATH", "").split(os.pathsep) if p and p != str(source)]
    os.environ["PYTHONPATH"] = os.pathsep.join([str(source), *others])
    _refuse_another(LIBRARY, library)
    # -P: a job's first place to look is the folder of its script, not the present one
    probe = "import importlib.util as u; s = u.find_spec('shared_affect'); print(s.origin if s else '')"
    done = subprocess.run([sys.executable, "-P", "-c", probe], capture_output=True, text=True)
    _refuse_another(Path(done.stdout.strip() or ".").resolve().parent, library, done.stderr.strip())
    os.environ[DECLARED] = json.dumps({"library": str(library), "rooms": declared.get("rooms") or _all_rooms(library)})


def _refuse_another(found: Path, wanted: Path, more: str = "") -> None:
    if found != wanted:
        raise ValueError(
            f"jobs would import shared_affect from {found}; needed: {wanted}, whose digests are kept. {sys.executable}"
            " puts another copy first (PYTHONPATH, a .pth file or a sitecustomize of its site-packages): use this"
            f" folder's own environment (make setup, then .venv/bin/snakemake){': ' + more if more else ''}"
        )


def check_imported() -> None:
    """Stop unless the rooms that this process has imported, or will import, are those that `declare` named.

    Outside a workflow nothing is declared and nothing is checked.

    Raises
    ------
    ValueError
        If the library stands elsewhere, or a room (or the script itself) was edited after the run had started.
    """
    if DECLARED not in os.environ:
        return
    declared = json.loads(os.environ[DECLARED])
    if str(LIBRARY) != declared["library"]:
        _refuse_another(LIBRARY, Path(declared["library"]))
    for name, module in list(sys.modules.items()):
        if name.split(".")[0] == PACKAGE and (file := getattr(module, "__file__", None)):
            _check_room(Path(file), declared["rooms"])
    if not any(isinstance(f, _LaterImports) for f in sys.meta_path):
        sys.meta_path.insert(0, _LaterImports(declared["rooms"]))


def _check_room(path: Path, rooms: dict[str, str]) -> None:
    name = path.resolve().relative_to(LIBRARY).as_posix()
    if rooms.get(name) != digest_of_rooms([path]):
        raise ValueError(
            f"src/{PACKAGE}/{name} was changed after this run had started, so its results would be kept under the"
            " digest of other code; start the run again with the same command (what is finished stays)"
        )
    compiled = Path(importlib.util.cache_from_source(str(path)))
    head = compiled.read_bytes()[:16] if compiled.is_file() else b""
    # bytecode that Python takes without a look at its source, made for instance by compileall
    if len(head) == 16 and head[4] == 1 and head[8:] != importlib.util.source_hash(path.read_bytes()):
        raise ValueError(
            f"{compiled} is bytecode of an earlier src/{PACKAGE}/{name} and would run in its place; delete that file"
        )


class _LaterImports:
    """Looks at rooms that are imported inside functions, when they are."""

    def __init__(self, rooms: dict[str, str]):
        self.rooms = rooms

    def find_spec(self, name: str, path=None, target=None) -> None:
        if name.startswith(f"{PACKAGE}.") and (room := _room(LIBRARY, name.removeprefix(f"{PACKAGE}."))):
            _check_room(room, self.rooms)


def check_folder(folder: Path) -> None:
    """Refuse to run this copy of the library as a command in the folder of another one.

    Raises
    ------
    ValueError
        If `folder` or one above it holds another copy under ``src``.
    """
    for place in [folder.resolve(), *folder.resolve().parents]:
        own = place / "src" / PACKAGE
        if (own / "base/rooms.py").is_file() or ((place / "Snakefile").is_file() and own.is_dir()):
            if own.resolve() != LIBRARY:
                raise ValueError(
                    f"this command would run the code of {LIBRARY}, not that of {own}: use the environment of this"
                    f" folder, or set PYTHONPATH={own.parent}"
                )
            return
