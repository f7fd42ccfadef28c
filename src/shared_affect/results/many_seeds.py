"""Several runs of the planted study side by side: what was planted and came back, and how empty the controls are.

``python -m shared_affect.many_seeds results/planted-0 results/planted-1 ...`` prints Markdown. With ``--save
FOLDER`` each run's numbers are also kept there as a small JSON file, which can stand for the run's folder in a later
call.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pandas as pd
from scipy.stats import binom

from shared_affect.base.files import write_json, write_text
from shared_affect.base.rooms import check_folder
from shared_affect.base.stats import family_p
from shared_affect.base.tables import read_csv
from shared_affect.results.claims.controls import family_level, tested_rows
from shared_affect.results.claims.finding import FAILS, INCONCLUSIVE
from shared_affect.results.claims.table import CONTROLLED, EMPTY, TESTED_TABLES, left_out
from shared_affect.study.checks import ALPHA
from shared_affect.study.vocabulary import JUDGES, PRIMARY_SPEC


@dataclass(frozen=True)
class Quantity:
    """A number that is planted, or tells how well what is planted came back.

    Attributes
    ----------
    name : str
    table, column : str
        The published table it stands in.
    where : mapping of column -> word
        Its rows.
    bar : str
        What it must reach in the planted study ("" = none).
    language : str
        Said where the table has no such column.
    within_language : bool
        Rows across two languages left out.
    largest : bool
        The largest one of each model and language alone.
    """

    name: str
    table: str
    column: str
    where: Mapping[str, str] = field(default_factory=dict)
    bar: str = ""
    language: str = ""
    within_language: bool = False
    largest: bool = False

    def rows(self, frame: pd.DataFrame) -> pd.DataFrame:
        """Its rows in the table."""
        for column, word in self.where.items():
            frame = frame[frame[column] == word]
        if self.within_language:
            frame = frame[~frame["language"].str.contains("-")]
        if self.largest:
            frame = frame[frame[self.column].notna()]
            frame = frame.loc[frame.groupby(["model", "language"])[self.column].idxmax()]
        return frame


def _congruence(name: str, pairs: str, bar: str) -> list[Quantity]:
    return [
        Quantity(
            f"{name}, {r}, rho_group",
            "rsa",
            "rho_group",
            {"statistic": "rho-a", "pairs": pairs, "representation": r},
            bar if r == "sae-all" else "",
        )
        for r in ("sae-all", "sae-space")
    ]


def _ratings(dimension: str, bar: str, bars_of_transfer: Mapping[str, str]) -> list[Quantity]:
    of, apart = {"dimension": dimension}, {"arm_a": "emotion-space", "arm_b": "outside-matched"}
    within = [Quantity(f"{dimension} r, arm all", "ratings", "r", of | {"arm": "all"}, bar, within_language=True)]
    within.append(
        Quantity(
            f"{dimension} r, emotion-space minus outside-matched", "rating_differences", "difference", of | apart, "> 0"
        )
    )
    return within + [
        Quantity(
            f"transfer {k.upper().replace('-', '->')} {dimension}, arm shared",
            "ratings",
            "r",
            of | {"arm": "shared", "language": k},
            bars_of_transfer.get(k, ""),
        )
        for k in ("en-zh", "zh-en")
    ]


def _steering(judge: str) -> list[Quantity]:
    over = Quantity(
        f"steering {judge}, concept over random",
        "steering_pooled",
        "concept_over_arm",
        {"judge": judge, "arm": "random"},
        ">= 5" if judge.startswith("lexicon") else "",
    )
    return [
        over,
        *(
            Quantity(f"steering {judge}, rate {a}", "steering_pooled", "rate", {"judge": judge, "arm": a})
            for a in ("concept", "diff-means")
        ),
    ]


SHARED = {"quantity": "n_shared"}
QUANTITIES = (
    *_congruence("RSA all pairs", "all", ">= .70"),
    *_congruence("RSA within valence", "within-valence", ">= .55"),
    Quantity("RSA tests, largest Holm p", "rsa", "p_adjusted", {"statistic": "rho-a"}, "< .01", largest=True),
    *_ratings("valence", ">= .80", {"en-zh": ">= .70", "zh-en": ">= .50"}),
    *_ratings("arousal", ">= .75", {}),
    Quantity("shared features", "shared_features", "value", SHARED, "> expected", "en-zh"),
    Quantity("shared features expected by permutation", "shared_features", "expected", SHARED, language="en-zh"),
    Quantity("cultural differences r", "cultures", "r", bar=">= .40", language="en-zh"),
    *(q for judge in JUDGES for q in _steering(judge)),
    Quantity("steering nll_ratio", "steering_pooled", "nll_ratio", {"judge": "lexicon", "arm": "concept"}, "<= 1.6"),
)
BARS = {q.name: q.bar for q in QUANTITIES if q.bar}


def _read(folder: Path, table: str) -> pd.DataFrame:
    path = folder / "tables" / f"{table}.csv"
    return read_csv(path) if path.exists() else pd.DataFrame()


def planted_numbers(folder: Path, spec: str = PRIMARY_SPEC) -> pd.DataFrame:
    """Recovered quantities of one run: ``root_seed, model, quantity, language, value``."""
    tables = {t: _read(folder, t) for t in dict.fromkeys(q.table for q in QUANTITIES)}
    main = {t: f[(f["control"] == "none") & (f["spec"] == spec)] for t, f in tables.items() if not f.empty}
    return pd.DataFrame(
        [
            {
                "root_seed": r["root_seed"],
                "model": r["model"],
                "quantity": q.name,
                "language": q.language or r.get("language", ""),
                "value": r[q.column],
            }
            for q in QUANTITIES
            if q.table in main
            for _, r in q.rows(main[q.table]).iterrows()
        ]
    )


def control_tests(folder: Path) -> pd.DataFrame:
    """Every tested statistic of every control of one run: ``root_seed, control, claim, model, language, value, p,
    p_adjusted``.
    """
    parts = []
    for table in TESTED_TABLES:
        frame = _read(folder, table)
        if not frame.empty:
            tests = tested_rows(frame[frame["control"] != "none"])
            counted = [c not in left_out(k) for c, k in zip(tests["claim"], tests["control"], strict=True)]
            parts.append(tests[counted].assign(value=_tested_value(tests), language=tests.get("language", "en-zh")))
    columns = ["root_seed", "control", "claim", "model", "language", "value", "p", "p_adjusted"]
    found = [p for p in parts if len(p)]
    return pd.concat(found, ignore_index=True)[columns] if found else pd.DataFrame(columns=columns)


def _tested_value(tests: pd.DataFrame) -> pd.Series:
    """The number that each test is of."""
    columns = tests["claim"].map({c: f.statistic for c, f in CONTROLLED.items()})
    return pd.Series([tests.at[i, c] for i, c in columns.items()], index=tests.index, dtype=float)


def markdown(frame: pd.DataFrame) -> str:
    """A frame as a Markdown table, numbers with three digits, small ones with one that counts."""

    def text(x) -> str:
        if x is None or (isinstance(x, float) and np.isnan(x)):
            return "–"
        if isinstance(x, float):
            return f"{x:.3f}" if x == 0 or abs(x) >= 0.001 else f"{x:.1g}"
        return str(x).replace("|", "\\|")

    lines = ["| " + " | ".join(map(str, frame.columns)) + " |", "|" + "---|" * len(frame.columns)]
    return "\n".join(
        [*lines, *("| " + " | ".join(text(x) for x in row) + " |" for row in frame.itertuples(index=False))]
    )


OF_CODE = ("commit", "uncommitted_changes", "finished", "platform", "banner")
OF_CLAIM = ("model", "language", "statistic", "value", "ci_low", "ci_high", "p_adjusted", "reason")
SPECS = {
    PRIMARY_SPEC: "Recovered quantities",
    "held-out-carrier": "The same read on the carrier held out of the training texts (no bar)",
}


def summarise_run(path: str | Path) -> dict:
    """What the report needs of one run, from its results folder or from a file that ``--save`` wrote.

    Returns
    -------
    dict
        ``study`` (name), ``numbers`` ({spec: records of `planted_numbers`}), ``tests`` (records of `control_tests`),
        ``verdicts`` (records ``claim, verdict`` and `OF_CLAIM`; files of earlier versions lack the latter), ``code``
        (`OF_CODE`, and what is planted; files of earlier versions lack it).

    Raises
    ------
    ValueError
        If the run has not come to its claims.
    """
    path = Path(path)
    if path.is_file():
        return json.loads(path.read_text(encoding="utf-8"))
    if not (path / "claims.json").is_file():
        raise ValueError(
            f"{path} holds no claims.json; needed: the results folder of a finished run, or a file that --save wrote"
        )
    claims = json.loads((path / "claims.json").read_text(encoding="utf-8"))

    def records(frame: pd.DataFrame) -> list[dict]:
        return frame.replace({np.nan: None}).to_dict("records")

    kept = path / "provenance.json"
    provenance = json.loads(kept.read_text(encoding="utf-8")) if kept.is_file() else {}
    return {
        "study": path.name,
        "code": {k: provenance.get(k) for k in OF_CODE},
        "numbers": {spec: records(planted_numbers(path, spec)) for spec in SPECS},
        "tests": records(control_tests(path)),
        "verdicts": [{"claim": c["id"], "verdict": c["verdict"], **{k: c[k] for k in OF_CLAIM}} for c in claims],
    }


def report(runs: Sequence[dict]) -> str:
    """All runs (`summarise_run`) in Markdown: recovered quantities against their bars, verdicts, controls.

    Raises
    ------
    ValueError
        If two runs have the same models and root seed.
    """
    return "\n".join([*_of_runs(runs), *_of_numbers(runs), *_of_verdicts(runs), *_of_controls(runs)])


def _of_numbers(runs: Sequence[dict]) -> list[str]:
    """Recovered quantities of every run, with their bars."""
    out, key = [], ["quantity", "language", "model", "root_seed"]
    for spec, title in SPECS.items():
        numbers = pd.DataFrame([row for run in runs for row in run["numbers"][spec]])
        if numbers.empty:
            continue
        if numbers.duplicated(key).any():
            raise ValueError(
                f"runs {', '.join(run['study'] for run in runs)}: two have the same models and root seed; allowed:"
                " one of each"
            )
        wide = numbers.set_index(key)["value"].unstack(["model", "root_seed"], sort=False).reset_index()
        wide.columns = [" seed ".join(str(x) for x in c if x != "") for c in wide.columns]
        if spec == PRIMARY_SPEC:
            wide.insert(2, "bar", [BARS.get(q, "") for q in wide["quantity"]])
        out += [f"### {title}", "", markdown(wide), ""]
    return out


def _of_verdicts(runs: Sequence[dict]) -> list[str]:
    """How often each claim had which verdict, and the reasons where it does not hold."""
    verdicts = pd.DataFrame([{"study": run["study"], **v} for run in runs for v in run["verdicts"]])
    counts = (
        verdicts.groupby(["claim", "study"], sort=False)["verdict"]
        .agg(lambda v: ", ".join(f"{n} {k}" for k, n in v.value_counts().items()))
        .unstack(sort=False)
        .reset_index()
    )
    out = ["### Verdicts", "", markdown(counts), ""]
    if "reason" not in verdicts:
        return out
    open_ones = verdicts["verdict"].isin([FAILS, INCONCLUSIVE])
    said = verdicts[verdicts["model"].notna() & (open_ones | verdicts["reason"].fillna("").str.contains("not tested"))]
    return [
        *out,
        "Verdicts that do not hold, and arms that could not be tested:",
        "",
        markdown(said[["study", "claim", "model", "language", "verdict", *OF_CLAIM[2:]]]),
        "",
    ]


def _of_controls(runs: Sequence[dict]) -> list[str]:
    """Tests, rejections and statistics of the negative controls."""
    tests = pd.DataFrame([row for run in runs for row in run["tests"]])
    if tests.empty:
        return ["### Negative controls", "", "None was run here.", ""]
    rows = [_rejections(claim, t) for claim, control in EMPTY.items() if len(t := tests[tests["control"] == control])]
    spread = (
        tests.assign(family=tests["model"].str.split("-").str[0])
        .groupby(["control", "claim", "family"], sort=False)["value"]
        .agg(["count", "mean", "std", "min", "max"])
        .reset_index()
    )
    return [
        *("### Negative controls", "", markdown(pd.DataFrame(rows)), "", _by_chance(tests), ""),
        "Distribution of the controls' statistics (rho for structure, r for ratings and transfer, count for"
        " shared-universal), by model family:",
        "",
        markdown(spread.astype({"count": int})),
        "",
    ]


def _rejections(claim: str, tests: pd.DataFrame) -> dict[str, str | int]:
    """A negative control's row: how many of its tests reject, and how many would by chance."""
    rejected = tests["p_adjusted"] < ALPHA
    return {
        "control": claim,
        "tests": len(tests),
        "raw p < .05": int((tests["p"] < 0.05).sum()),
        "binomial 99.9 % bound": int(binom.ppf(0.999, len(tests), 0.05)),
        f"Holm rejections at {ALPHA:g}": int(rejected.sum()),
        "runs with a rejection": tests.loc[rejected, "root_seed"].nunique(),
        "runs": tests["root_seed"].nunique(),
    }


def _of_runs(runs: Sequence[dict]) -> list[str]:
    """What is planted in the runs, and which code and machine each comes from."""
    out = [
        f"{note} ({', '.join(run['study'] for run in runs if run.get('code', {}).get('banner') == note)})"
        for note in dict.fromkeys(run.get("code", {}).get("banner") for run in runs)
        if note
    ]
    steered = [
        run["study"]
        for run in runs
        if any(str(r["quantity"]).startswith("steering") for r in run["numbers"][PRIMARY_SPEC])
    ]
    rows = []
    for run in runs:
        code = run.get("code", {})
        commit = (code["commit"][:10] if code.get("commit") else "not recorded") + (
            ", with uncommitted changes" if code.get("uncommitted_changes") else ""
        )
        rows.append(
            {
                "study": run["study"],
                "commit": commit,
                "finished": code.get("finished") or "–",
                "machine": code.get("platform") or "–",
                "steering": "yes" if run["study"] in steered else "not in this run",
            }
        )
    return [*out, *([""] if out else []), "### Runs", "", markdown(pd.DataFrame(rows)), ""]


def _by_chance(tests: pd.DataFrame) -> str:
    """How many runs fail their rule, and how often so many would if every control were empty."""
    runs = {
        seed: t.groupby(["control", "claim"])["p"].agg(lambda p: family_p(p.to_numpy()))
        for seed, t in tests.groupby("root_seed")
    }
    failing = sum(bool((p < family_level(len(p))).any()) for p in runs.values())
    families = float(np.mean([len(p) for p in runs.values()]))
    return (
        f"{failing} of {len(runs)} runs fail. A run has {families:.0f} families of tests in its controls, each at the"
        f" level that lets one of a hundred runs fail by chance ({family_level(round(families)):.2g}): at most one of"
        f" {len(runs)} runs does with probability {binom.cdf(1, len(runs), ALPHA):.3f}."
    )


def main(arguments: Sequence[str] | None = None) -> None:
    """Print the report of the runs named on the command line."""
    parser = argparse.ArgumentParser(
        prog="python -m shared_affect.many_seeds",
        description="Runs of the planted study side by side, in Markdown.",
    )
    parser.add_argument("runs", nargs="+", help="results folders, or files that --save wrote")
    parser.add_argument("--save", metavar="FOLDER", help="keep each run's numbers there as <study>.json")
    parser.add_argument(
        "--out", metavar="FILE", help="write the report there, whole or not at all, instead of printing it"
    )
    given = parser.parse_args(arguments)
    try:
        check_folder(Path.cwd())
        runs = [summarise_run(r) for r in given.runs]
        text = report(runs) + "\n"
    except ValueError as error:
        sys.exit(str(error))
    if given.save:
        for run in runs:
            write_json(Path(given.save) / f"{run['study']}.json", run)
    if given.out:
        write_text(given.out, text)
    else:
        print(text, end="")
