"""Simulations found by name, run, and laid out as a page."""

from __future__ import annotations

import importlib
import json
import pkgutil
from pathlib import Path

import pandas as pd

from shared_affect import simulations
from shared_affect.simulations._tally import COLUMNS


def names() -> list[str]:
    """Modules of this package that hold a simulation."""
    return sorted(m.name for m in pkgutil.iter_modules(simulations.__path__) if not m.name.startswith("_"))


def simulate(name: str, n: int, root_seed: int) -> pd.DataFrame:
    """Run one simulation on `n` datasets (settings that cost more may use fewer: column n says how many)."""
    if name not in names():
        raise ValueError(f"simulation {name!r}; allowed: {', '.join(names())}")
    return pd.DataFrame(
        importlib.import_module(f"{simulations.__name__}.{name}").run(n, root_seed), columns=list(COLUMNS)
    )


def page(folder: str | Path) -> str:
    """The page of all results that stand in a folder, as Markdown."""
    parts = [
        "# What the tests and intervals were held against\n\n"
        "Made by `make simulations` from `docs/simulations/*.json`; not written by hand. Each table comes from the\n"
        "study's own functions on simulated data whose truth is known. *meant* is what the number should be; the\n"
        "interval is that of the simulation itself (95 %). *datasets* is how many stand behind a row;\n"
        "`make simulations` runs 1,000 of every setting whose file has fewer.\n"
    ]
    for path in sorted(Path(folder).glob("*.json")):
        found = json.loads(path.read_text(encoding="utf-8"))
        module = importlib.import_module(f"{simulations.__name__}.{path.stem}")
        lines = ["| setting | quantity | meant | found | interval | datasets |", "|---|---|---|---|---|---|"]
        lines += [
            f"| {r['setting']} | {r['quantity']} | {r['meant']} | {r['value']:.3f} | {r['ci_low']:.3f} to"
            f" {r['ci_high']:.3f} | {r['n']} |"
            for r in found["rows"]
        ]
        parts.append(
            f"## {module.TITLE}\n\n{module.TEXT.strip()}\n\nRoot seed {found['root_seed']}.\n\n"
            + "\n".join(lines)
            + "\n"
        )
    return "\n".join(parts)
