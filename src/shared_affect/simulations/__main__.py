"""Run the simulations in full and write the page: hours on a few cores, one file a simulation, so that it can be
stopped.
"""

import argparse
import json
from pathlib import Path

from shared_affect.base.files import write_json, write_text
from shared_affect.simulations._run import names, page, simulate


def datasets_of(path: Path) -> int:
    """How many datasets a setting a file holds; 0 where there is none."""
    return json.loads(path.read_text(encoding="utf-8"))["datasets"] if path.exists() else 0


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(prog="python -m shared_affect.simulations", description=__doc__)
    parser.add_argument(
        "simulation",
        nargs="*",
        help=f"which ones (default all that have no file of so many datasets yet): {', '.join(names())}",
    )
    parser.add_argument("--datasets", type=int, default=1000, help="simulated datasets a setting (default 1000)")
    parser.add_argument("--root-seed", type=int, default=0)
    parser.add_argument(
        "--folder", type=Path, default=Path("docs/simulations"), help="where results go, one file a simulation"
    )
    parser.add_argument("--page", type=Path, default=Path("docs/methods.md"))
    given = parser.parse_args()
    if unknown := [n for n in given.simulation if n not in names()]:
        parser.error(f"simulation {unknown[0]!r}; allowed: {', '.join(names())}")
    for name in given.simulation or [n for n in names() if datasets_of(given.folder / f"{n}.json") < given.datasets]:
        rows = simulate(name, given.datasets, given.root_seed)
        write_json(
            given.folder / f"{name}.json",
            {"root_seed": given.root_seed, "datasets": given.datasets, "rows": rows.to_dict("records")},
        )
        print(f"{name}\n{rows.to_string(index=False)}\n")
    write_text(given.page, page(given.folder))


if __name__ == "__main__":
    main()
