"""Several runs of the planted study side by side: what was planted and came back, and how empty the controls are.

``python -m shared_affect.results.many_seeds results/planted-0 results/planted-1 ...`` prints Markdown. With ``--save
FOLDER`` each run's numbers are also kept there as a small JSON file, which can stand for the run's folder in a later
call.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd
from scipy.stats import binom

from shared_affect.base.files import write_json, write_text
from shared_affect.base.rooms import check_folder
from shared_affect.base.stats import family_p
from shared_affect.base.tables import read_csv
from shared_affect.results.claims import CONTROLLED, EMPTY, UNTOUCHED, family_level
from shared_affect.results.contracts import tested_p
from shared_affect.study.checks import ALPHA

BARS = {
    "RSA all pairs, sae-all, rho_group": ">= .70",
    "RSA within valence, sae-all, rho_group": ">= .55",
    "RSA tests, largest Holm p": "< .01",
    "valence r, arm all": ">= .80",
    "arousal r, arm all": ">= .75",
    "valence r, emotion-space minus outside-matched": "> 0",
    "arousal r, emotion-space minus outside-matched": "> 0",
    "shared features": "> expected",
    "transfer EN->ZH valence, arm shared": ">= .70",
    "transfer ZH->EN valence, arm shared": ">= .50",
    "cultural differences r": ">= .40",
    "steering lexicon, concept over random": ">= 5",
    "steering lexicon-held-out, concept over random": ">= 5",
    "steering nll_ratio": "<= 1.6",
}


def _read(folder: Path, table: str) -> pd.DataFrame:
    path = folder / "tables" / f"{table}.csv"
    return read_csv(path) if path.exists() else pd.DataFrame()


def planted_numbers(folder: Path, spec: str = "primary") -> pd.DataFrame:
    """Recovered quantities of one run: ``root_seed, model, quantity, language, value``."""
    rows = []

    def add(frame: pd.DataFrame, quantity: str, column: str, language: str | None = None) -> None:
        rows.extend(
            {
                "root_seed": r["root_seed"],
                "model": r["model"],
                "quantity": quantity,
                "language": language or r.get("language", ""),
                "value": r[column],
            }
            for _, r in frame.iterrows()
        )

    def of(table: str) -> pd.DataFrame:
        frame = _read(folder, table)
        return frame if frame.empty else frame[(frame["control"] == "none") & (frame["spec"] == spec)]

    rsa, ratings = of("rsa"), of("ratings")
    rsa = rsa[rsa["statistic"] == "rho-a"]
    for pairs, name in (("all", "RSA all pairs"), ("within-valence", "RSA within valence")):
        for representation in ("sae-all", "sae-space"):
            add(
                rsa[(rsa["pairs"] == pairs) & (rsa["representation"] == representation)],
                f"{name}, {representation}, rho_group",
                "rho_group",
            )
    tested = rsa[rsa["p_adjusted"].notna()]
    add(
        tested.loc[tested.groupby(["model", "language"])["p_adjusted"].idxmax()],
        "RSA tests, largest Holm p",
        "p_adjusted",
    )
    apart = of("rating_differences")
    for d in ("valence", "arousal"):
        add(
            ratings[(ratings["dimension"] == d) & (ratings["arm"] == "all") & ~ratings["language"].str.contains("-")],
            f"{d} r, arm all",
            "r",
        )
        if not apart.empty:
            add(
                apart[
                    (apart["dimension"] == d)
                    & (apart["arm_a"] == "emotion-space")
                    & (apart["arm_b"] == "outside-matched")
                ],
                f"{d} r, emotion-space minus outside-matched",
                "difference",
            )
        for direction in ("en-zh", "zh-en"):
            part = ratings[
                (ratings["dimension"] == d) & (ratings["arm"] == "shared") & (ratings["language"] == direction)
            ]
            add(part, f"transfer {direction.upper().replace('-', '->')} {d}, arm shared", "r")
    shared = of("shared_features")
    if not shared.empty:
        add(shared[shared["quantity"] == "n_shared"], "shared features", "value", "en-zh")
        add(shared[shared["quantity"] == "n_shared"], "shared features expected by permutation", "expected", "en-zh")
    cultures = of("cultures")
    if not cultures.empty:
        add(cultures, "cultural differences r", "r", "en-zh")
    pooled = of("steering_pooled")
    if not pooled.empty:
        for judge in ("lexicon", "lexicon-held-out", "embedded"):
            part = pooled[pooled["judge"] == judge]
            add(part[part["arm"] == "random"], f"steering {judge}, concept over random", "concept_over_arm")
            add(part[part["arm"] == "concept"], f"steering {judge}, rate concept", "rate")
            add(part[part["arm"] == "diff-means"], f"steering {judge}, rate diff-means", "rate")
        add(pooled[(pooled["judge"] == "lexicon") & (pooled["arm"] == "concept")], "steering nll_ratio", "nll_ratio")
    return pd.DataFrame(rows)


def control_tests(folder: Path) -> pd.DataFrame:
    """Every tested statistic of every control of one run: ``root_seed, control, claim, model, language, value, p,
    p_adjusted``.
    """
    parts = []
    for table, value in (("rsa", "rho"), ("ratings", "r"), ("shared_features", "value")):
        frame = _read(folder, table)
        frame = (
            frame[(frame["control"] != "none") & frame["family"].notna() & frame["p"].notna()]
            if not frame.empty
            else frame
        )
        if len(frame):
            parts.append(
                frame.assign(
                    p=tested_p(frame),
                    claim=frame["family"].str.split(" | ", regex=False).str[0],
                    value=frame[value],
                    language=frame.get("language", "en-zh"),
                )
            )
    columns = ["root_seed", "control", "claim", "model", "language", "value", "p", "p_adjusted"]
    if not parts:
        return pd.DataFrame(columns=columns)
    tests = pd.concat(parts, ignore_index=True)
    tests = tests[tests["claim"].isin(CONTROLLED)]
    part_of_it = [c not in UNTOUCHED.get(k, {}) for c, k in zip(tests["claim"], tests["control"], strict=True)]
    return tests.loc[part_of_it, columns]


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
    "primary": "Recovered quantities",
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
    out = _of_runs(runs)
    for spec, title in SPECS.items():
        numbers = pd.DataFrame([row for run in runs for row in run["numbers"][spec]])
        if len(numbers):
            if numbers.duplicated(key := ["quantity", "language", "model", "root_seed"]).any():
                raise ValueError(
                    f"runs {', '.join(run['study'] for run in runs)}: two have the same models and root seed; allowed:"
                    " one of each"
                )
            wide = numbers.set_index(key)["value"].unstack(["model", "root_seed"], sort=False).reset_index()
            wide.columns = [" seed ".join(str(x) for x in c if x != "") for c in wide.columns]
            if spec == "primary":
                wide.insert(2, "bar", [BARS.get(q, "") for q in wide["quantity"]])
            out += [f"### {title}", "", markdown(wide), ""]
    verdicts = pd.DataFrame([{"study": run["study"], **v} for run in runs for v in run["verdicts"]])
    counts = (
        verdicts.groupby(["claim", "study"], sort=False)["verdict"]
        .agg(lambda v: ", ".join(f"{n} {k}" for k, n in v.value_counts().items()))
        .unstack(sort=False)
        .reset_index()
    )
    out += ["### Verdicts", "", markdown(counts), ""]
    if "reason" in verdicts:
        reason = verdicts["reason"].fillna("")
        said = verdicts[
            verdicts["model"].notna()
            & (verdicts["verdict"].isin(["fails", "inconclusive"]) | reason.str.contains("not tested"))
        ]
        out += [
            "Verdicts that do not hold, and arms that could not be tested:",
            "",
            markdown(said[["study", "claim", "model", "language", "verdict", *OF_CLAIM[2:]]]),
            "",
        ]
    tests = pd.DataFrame([row for run in runs for row in run["tests"]])
    if tests.empty:
        return "\n".join([*out, "### Negative controls", "", "None was run here.", ""])
    rows = []
    for claim, control in EMPTY.items():
        t = tests[tests["control"] == control]
        if len(t):
            n, low = len(t), int((t["p"] < 0.05).sum())
            rows.append(
                {
                    "control": claim,
                    "tests": n,
                    "raw p < .05": low,
                    "binomial 99.9 % bound": int(binom.ppf(0.999, n, 0.05)),
                    f"Holm rejections at {ALPHA:g}": int((t["p_adjusted"] < ALPHA).sum()),
                    "runs with a rejection": t.loc[t["p_adjusted"] < ALPHA, "root_seed"].nunique(),
                    "runs": t["root_seed"].nunique(),
                }
            )
    out += ["### Negative controls", "", markdown(pd.DataFrame(rows)), "", _by_chance(tests), ""]
    tests["family"] = tests["model"].str.split("-").str[0]
    spread = (
        tests.groupby(["control", "claim", "family"], sort=False)["value"]
        .agg(["count", "mean", "std", "min", "max"])
        .reset_index()
    )
    out += [
        (
            "Distribution of the controls' statistics (rho for structure, r for ratings and transfer, count for"
            " shared-universal), by model family:"
        ),
        "",
        markdown(spread.astype({"count": int})),
        "",
    ]
    return "\n".join(out)


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
        if any(str(r["quantity"]).startswith("steering") for r in run["numbers"]["primary"])
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
        prog="python -m shared_affect.results.many_seeds",
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
