"""Simulations of the study's own statistics: does a test reject when nothing is there, does an interval cover the truth?

Each module of this package asks one such question of the functions that the workflow runs. It has a `TITLE`, a `TEXT`
(what is simulated, in a paragraph for the page) and a function ``run(n, root_seed)`` that gives one row a setting and quantity.
``python -m shared_affect.simulations`` runs them in full and writes ``docs/methods.md``; the tests run the same functions
on fewer datasets.
"""

from __future__ import annotations

import importlib
import json
import pkgutil
from pathlib import Path

import numpy as np
import pandas as pd

COLUMNS = ("setting", "quantity", "meant", "value", "ci_low", "ci_high", "n")


def rate(setting: str, quantity: str, hits: np.ndarray, meant: str) -> dict:
    """One row: how often something happened, with a 95 % Wilson interval.

    Parameters
    ----------
    setting : str
        What the simulated world was like.
    quantity : str
        What was counted, e.g. ``structure rejects at .01``.
    hits : bool array [n]
        One value a simulated dataset.
    meant : str
        What it should be, e.g. ``<= .01`` or ``.93 to .97``.

    Examples
    --------
    >>> row = rate("nothing there", "rejects at .05", np.array([True] + 19 * [False]), "<= .05")
    >>> row["value"], round(row["ci_high"], 3)
    (0.05, 0.236)
    """
    hits = np.asarray(hits, float)
    if hits.ndim != 1 or not len(hits) or not np.isin(hits, (0, 1)).all():
        raise ValueError(f"hits have shape {hits.shape}; allowed: one true or false for each simulated dataset, at least one")
    n, p, z = len(hits), hits.mean(), 1.959963984540054
    centre, half = (p + z**2 / (2 * n)) / (1 + z**2 / n), z * np.sqrt(p * (1 - p) / n + z**2 / (4 * n**2)) / (1 + z**2 / n)
    return {"setting": setting, "quantity": quantity, "meant": meant, "value": float(p), "ci_low": float(centre - half),
            "ci_high": float(centre + half), "n": n}


def mean(setting: str, quantity: str, values: np.ndarray, meant: str) -> dict:
    """One row: a mean over simulated datasets, with its 95 % normal interval."""
    values = np.asarray(values, float)
    if values.ndim != 1 or len(values) < 2 or not np.isfinite(values).all():
        raise ValueError(f"values have shape {values.shape}; allowed: one finite number for each of at least 2 simulated datasets")
    half = 1.959963984540054 * values.std(ddof=1) / np.sqrt(len(values))
    return {"setting": setting, "quantity": quantity, "meant": meant, "value": float(values.mean()), "ci_low": float(values.mean() - half),
            "ci_high": float(values.mean() + half), "n": len(values)}


def names() -> list[str]:
    """Modules of this package that hold a simulation."""
    return sorted(m.name for m in pkgutil.iter_modules(__path__) if not m.name.startswith("_"))


def simulate(name: str, n: int, root_seed: int) -> pd.DataFrame:
    """Run one simulation on `n` datasets (settings that cost more may use fewer: column n says how many)."""
    if name not in names():
        raise ValueError(f"simulation {name!r}; allowed: {', '.join(names())}")
    return pd.DataFrame(importlib.import_module(f"{__name__}.{name}").run(n, root_seed), columns=list(COLUMNS))


def page(folder: str | Path) -> str:
    """The page of all results that stand in a folder, as Markdown."""
    parts = [
        "# What the tests and intervals were held against\n\n"
        "Made by `make simulations` from `docs/simulations/*.json`; not written by hand. Each table comes from the study's own functions on\n"
        "simulated data whose truth is known. *meant* is what the number should be; the interval is that of the simulation itself (95 %).\n"
    ]
    for path in sorted(Path(folder).glob("*.json")):
        found = json.loads(path.read_text(encoding="utf-8"))
        module = importlib.import_module(f"{__name__}.{path.stem}")
        lines = ["| setting | quantity | meant | found | interval | datasets |", "|---|---|---|---|---|---|"]
        lines += [f"| {r['setting']} | {r['quantity']} | {r['meant']} | {r['value']:.3f} | {r['ci_low']:.3f} to {r['ci_high']:.3f} | {r['n']} |"
                  for r in found["rows"]]
        parts.append(f"## {module.TITLE}\n\n{module.TEXT.strip()}\n\nRoot seed {found['root_seed']}.\n\n" + "\n".join(lines) + "\n")
    return "\n".join(parts)
