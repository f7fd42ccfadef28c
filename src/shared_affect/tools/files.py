"""All contracts of files between rules: the page that shows them, and a look through the files of a finished study.

``python -m shared_affect.tools.files`` prints docs/files.md; with the folder of a study (``results/planted``) it reads
every file there against its contract.
"""

from __future__ import annotations

import json
import re
import sys
import textwrap
from pathlib import Path

import pandas as pd

from shared_affect.base.contracts import Array, Arrays, Contract, Facts, Field, Table, as_read
from shared_affect.base.files import reading_from
from shared_affect.results.published import STAGES, contracts
from shared_affect.steering.vectors import read_vectors

HEAD = """# Files between rules

Made by `python -m shared_affect.tools.files`; a test holds the two equal. Places stand below `results/{study}`;
`{variant}` is empty, `spec/{name}/` or `control/{name}/`. A job checks what it writes and what it reads against these
contracts and stops with the file, the column, what stands there and what is allowed. The records stand in the rooms
`files.py` of the library, the mechanism in `src/shared_affect/base/contracts.py`. Published tables (`tables/*.csv`)
have contracts of their own (`src/shared_affect/results/contracts.py`); running texts (`*.txt`) hold one text a line.

`python -m shared_affect.tools.files results/planted` reads all files of a study against them.
"""


def _pattern(place: str) -> str:
    parts = re.split(r"(\{[^}]*\})", place)
    wild = {"{variant}": "(?:(?:spec|control)/[^/]+/)?"}
    return "".join(wild.get(p, "[^/]+") if p.startswith("{") else re.escape(p) for p in parts)


def contract_of(place: str) -> Contract | None:
    """Contract of a file by its place below the folder of a study; None if it has none.

    Examples
    --------
    >>> contract_of("control/shuffled-norms/human/planted/norms_en.tsv").rule
    'prepare_norms'
    """
    fitting = [
        (len(re.sub(r"\{[^}]*\}", "", own)), c)
        for c in contracts().values()
        for own in c.place.split(", ")
        if re.fullmatch(_pattern(own), place)
    ]
    return max(fitting, key=lambda x: x[0])[1] if fitting else None


def check_file(path: Path, contract: Contract) -> None:
    """Read a file against its contract, whatever its form.

    Raises
    ------
    ContractError
        As the contract.
    """
    if isinstance(contract, Table) and path.suffix == ".jsonl":
        with reading_from(path):
            lines = path.read_text(encoding="utf-8").splitlines()
            frame = pd.DataFrame([json.loads(line) for line in lines])
        with as_read(path):
            contract.check(frame, path)
    elif isinstance(contract, Arrays) and path.suffix == ".safetensors":
        read_vectors(path)
    else:
        contract.read(path)


def check_study(folder: str | Path) -> dict[str, int]:
    """Read every file of a study that has a contract.

    Returns
    -------
    dict of rule -> how many of its files were read

    Raises
    ------
    ContractError
        At the first file that is not what its contract says.
    """
    seen: dict[str, int] = {}
    for path in sorted(Path(folder).rglob("*")):
        if path.is_file() and (contract := contract_of(path.relative_to(folder).as_posix())):
            check_file(path, contract)
            seen[contract.rule] = seen.get(contract.rule, 0) + 1
    return seen


def _row(field: Field | Array) -> str:
    if isinstance(field, Array):
        axes = ", ".join(field.axes)
        cells = [f"`{field.name}`", f"{field.dtype.replace('|', ' or ')} [{axes}]", field.allowed, field.meaning]
    else:
        cells = [f"`{field.name}`", field.allowed, field.meaning]
    if field.optional:
        cells[-1] = f"{cells[-1]} (may be lacking)".strip()
    return f"| {' | '.join(cells)} |"


def _section(contract: Contract) -> str:
    places = ", ".join(f"`{p}`" for p in contract.place.split(", "))
    said = [f"Written by {', '.join(f'`{r}`' for r in contract.rule.split(', '))}."]
    if isinstance(contract, Table):
        if contract.key:
            said.append(f"Unique together: {', '.join(f'`{k}`' for k in contract.key)}.")
        said.append("May have no row." if contract.empty else "")
        if contract.published:
            said.append(f"Published as `tables/{contract.published.name}.csv`.")
    if not isinstance(contract, Arrays) and contract.more:
        said.append(f"Other {'columns' if isinstance(contract, Table) else 'keys'}: {contract.more}.")
    heads = {
        Table: ("column", "allowed", "what it is"),
        Arrays: ("array", "type and axes", "allowed", "what it is"),
        Facts: ("key", "allowed", "what it is"),
    }[type(contract)]
    rows = [f"| {' | '.join(heads)} |", "|---" * len(heads) + "|", *map(_row, contract.fields)]
    text = textwrap.fill(" ".join([contract.meaning, *filter(None, said)]), 120, break_on_hyphens=False)
    return "\n".join([f"### {places}", "", text, "", *rows, ""])


def page() -> str:
    """Text of docs/files.md."""
    parts = [HEAD]
    for stage, room in STAGES.items():
        parts.append(f"## {stage}\n")
        parts += [_section(c) for c in vars(room).values() if isinstance(c, Contract)]
    return "\n".join(parts)


def main(arguments: list[str]) -> None:
    """Print the page, or look through the folders given."""
    for folder in arguments:
        for rule, n in check_study(folder).items():
            print(f"{rule}: {n} files")
    if not arguments:
        print(page(), end="")


if __name__ == "__main__":
    main(sys.argv[1:])
