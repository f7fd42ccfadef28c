"""What came out of a study, in sentences that are counted from its claims: for a terminal and for the report's first
screen.

``python -m shared_affect.show results/planted`` prints it.
"""

from __future__ import annotations

import argparse
import hashlib
import re
import shutil
import sys
import textwrap
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from shared_affect.base.files import read_json
from shared_affect.base.rooms import check_folder
from shared_affect.results.claims.families import TRANSFER
from shared_affect.results.claims.finding import FAILS, HOLDS, INCONCLUSIVE, NOT_TESTED
from shared_affect.results.claims.table import EMPTY
from shared_affect.results.people import interval, yardstick
from shared_affect.study.vocabulary import PRIMARY_SPEC, STATISTICS

if TYPE_CHECKING:
    import pandas as pd

TRANSFERRED = TRANSFER.where["arm"]
"""What the claim on transfer predicts ratings of the other language from."""
OTHERWISE = {FAILS: "fail", INCONCLUSIVE: "inconclusive", NOT_TESTED: "not tested"}


def _counted(claims: Sequence[Mapping]) -> str:
    verdicts = Counter(c["verdict"] for c in claims)
    tested = len(claims) - verdicts[NOT_TESTED]
    rest = [f"{n} {OTHERWISE.get(v, v)}" for v, n in sorted(verdicts.items()) if v != HOLDS]
    return f"{verdicts[HOLDS]} of {tested} tested verdicts hold" + (f" ({', '.join(rest)})" if rest else "")


def _who(c: Mapping) -> str:
    return " ".join(str(c[k]) for k in ("id", "model", "language") if c.get(k) and c[k] != "all")


def sentences(claims: Sequence[Mapping]) -> list[str]:
    """What the verdicts come to: claims, then negative controls.

    Parameters
    ----------
    claims : sequence of mappings
        As in claims.json: ``id, model, language, verdict``.
    """
    if not claims:
        return ["No model was asked in this study: it is the human side alone, and makes no claims."]
    own = [c for c in claims if c["id"] not in EMPTY]
    controls = [c for c in claims if c["id"] in EMPTY]
    out = [f"Claims: {_counted(own)}, on {len({c['id'] for c in own})} claims, each asked of its models and languages."]
    if failed := [_who(c) for c in own if c["verdict"] == FAILS]:
        out.append(f"Fails: {'; '.join(failed)}.")
    run = [c for c in controls if c["verdict"] != NOT_TESTED]
    if not run:
        out.append(
            "Negative controls: none was run, so nothing here shows what the same code says where there is nothing to"
            " find."
        )
        return out
    empty = [c for c in run if c["verdict"] == HOLDS]
    found = f"{len(empty)} of {len(run)} come back empty" + "".join(
        f"; {OTHERWISE.get(c['verdict'], c['verdict'])}: {c['id']}" for c in run if c not in empty
    )
    idle = len(controls) - len(run)
    out.append(f"Negative controls: {found}{f'; {idle} not run' if idle else ''}.")
    return out


def beside_the_claims(folder: Path) -> list[str]:
    """What stands beside the claims in a study's tables, in sentences: texts that name no emotion, profiles of words.

    Parameters
    ----------
    folder : path
        Of the study; none where it has no such tables.
    """
    return [
        *_of_table(folder / "tables/validity.csv", _of_validity),
        *_of_table(folder / "tables/rsa_profiles.csv", _of_profiles),
    ]


def _of_table(path: Path, said: Callable) -> list[str]:
    """Sentences of the main study's rows of a table."""
    if not path.is_file():
        return []
    from shared_affect.base.tables import read_csv

    rows = read_csv(path)
    rows = rows[(rows["control"] == "none") & (rows["spec"] == PRIMARY_SPEC)]
    return [said(model, language, own) for (model, language), own in rows.groupby(["model", "language"], sort=False)]


def _of_validity(model: str, language: str, rows: pd.DataFrame) -> str:
    from shared_affect.validity.files import AGAINST, MEAN, READOUTS

    rows = rows[rows["readout"] == READOUTS[0]]
    parts = []
    for _, dataset in rows.groupby("vignettes", sort=False):
        for what in AGAINST[:2]:
            found = dataset[dataset["against"] == what].set_index("emotion")
            own, floor = (found[found["arm"] == arm] for arm in ("features", "shuffled-sets"))
            mean, drawn, each = own.loc[MEAN].to_dict(), floor.loc[MEAN].to_dict(), own.drop(MEAN)
            # features of shuffled sets may tell texts apart too: by their style
            above = (each["ci_low"] > 0.5) & (each["auroc"] > floor.drop(MEAN)["ci_high"])
            parts.append(
                f"mean AUROC {mean['auroc']:.2f} ({mean['ci_low']:.2f} to {mean['ci_high']:.2f}) against"
                f" {what.replace('-', ' ')}, features of shuffled sets {drawn['ci_low']:.2f} to"
                f" {drawn['ci_high']:.2f}; {above.sum()} of {len(each)} emotions above .5 and above those"
            )
    return f"Texts that name no emotion, {model} {language}: {'; '.join(parts)}."


def _of_profiles(model: str, language: str, rows: pd.DataFrame) -> str:
    asked = (rows["representation"] == "sae-space") & (rows["pairs"] == "all") & (rows["statistic"] == STATISTICS[0])
    parts = [
        f"by {r['wording']} rho {r['rho']:.2f}, p {max(r['p'], r['p_codes']):.3f}, {r['n_emotions']} emotions (groups"
        f" agree by {r['group_agreement']:.2f})"
        for r in rows[asked].to_dict("records")
    ]
    raters = ", ".join(dict.fromkeys(rows["human_language"]))
    return f"Profiles of words, raters of {raters}, no judgements of pairs, {model} {language}: {'; '.join(parts)}."


def of_people(folder: Path) -> list[str]:
    """How far people themselves agree across languages, beside what transferred between them; nothing where the study
    does not ask for it.

    Parameters
    ----------
    folder : path
        Of a study's results.
    """
    from shared_affect.base.tables import read_csv

    path = folder / "tables/human_agreement.csv"
    if not path.is_file():
        return []
    people = read_csv(path)
    path = folder / "tables/ratings.csv"
    if not path.is_file():
        names = dict.fromkeys(zip(people["language_a"], people["language_b"], people["dimension"], strict=True))
        return [f"People of {a} and {b}, {d}: {yardstick(people, (a, b), d)}." for a, b, d in names]
    rows = read_csv(path)
    rows = rows[(rows["control"] == "none") & (rows["spec"] == PRIMARY_SPEC) & (rows["arm"] == TRANSFERRED)]
    return [
        f"Transfer {r['language']}, {r['model']}, {r['dimension']}: r {interval(r)} over {r['n_words']:,} words; people"
        f" themselves: {yardstick(people, r['language'].split('-'), r['dimension']) or 'no two sets of raters'}."
        for r in rows.to_dict("records")
        if "-" in r["language"]
    ]


def more_said(folder: Path) -> list[str]:
    """What is said behind the claims: people across languages, and what stands beside the claims."""
    return [*of_people(folder), *(f"Beside the claims. {s}" for s in beside_the_claims(folder))]


def of_code(provenance: Mapping) -> str:
    """Which code a run was made by, in a sentence."""
    commit = provenance.get("commit")
    if not commit:
        return "Code: no git checkout, so no commit names it; digests stand in provenance.json."
    changed = provenance.get("changed_files") or []
    if provenance.get("uncommitted_changes"):
        return (
            f"Code: commit {commit[:10]} with uncommitted changes"
            + (f" ({', '.join(changed[:5])}{' ...' if len(changed) > 5 else ''})" if changed else "")
            + ": no commit names it."
        )
    return f"Code: commit {commit[:10]}, nothing uncommitted."


def digest_of_output(path: Path) -> str:
    """Digest of a file, as provenance keeps it."""
    with open(path, "rb") as f:
        return hashlib.file_digest(f, "sha256").hexdigest()[:16]


def changed_since(folder: Path, provenance: Mapping) -> list[str]:
    """Final files that are not those which provenance.json names."""
    return [
        name
        for name, digest in provenance.get("outputs", {}).items()
        if not (folder / name).is_file() or digest_of_output(folder / name) != digest
    ]


def rst(claims: Sequence[Mapping], provenance: Mapping, more: Sequence[str] = ()) -> str:
    """The report's first screen, in reStructuredText; `more` as of `more_said`."""
    lines = [f"**{_escaped(provenance['banner'])}**"] if provenance.get("banner") else []
    first, *rest = sentences(claims)
    lines += [f"**{_escaped(first)}**", *map(_escaped, [*rest, *more]), _escaped(of_code(provenance))]
    return "\n\n".join(lines) + "\n\n"


def _escaped(text: str) -> str:
    """For reStructuredText, and for the Jinja that reads it afterwards."""
    return re.sub(r"([\\*`|_<>{}])", r"\\\1", text)


def terminal(folder: Path) -> str:
    """What came out of the study in a folder, and where to look next.

    Raises
    ------
    ValueError
        If it has not come to its claims.
    """
    if not (folder / "claims.json").is_file():
        raise ValueError(
            f"{folder} holds no claims.json; needed: the results folder of a finished study (results/NAME)"
        )
    claims = read_json(folder / "claims.json")
    kept = folder / "provenance.json"
    provenance = read_json(kept) if kept.is_file() else {}
    lines = [f"Study {folder.name}: what came out", ""]
    lines += [f"  {s}" for s in ([provenance["banner"]] if provenance.get("banner") else []) + sentences(claims)]
    lines += [f"  {s}" for s in more_said(folder)]
    if kept.is_file():
        lines.append(f"  {of_code(provenance)}")
        if changed := changed_since(folder, provenance):
            lines.append(
                "  Made or changed after that was written:"
                f" {', '.join(changed[:5])}{' ...' if len(changed) > 5 else ''}. Run the study again to bring"
                " provenance up to date."
            )
    else:
        lines.append("  Code: not recorded (no provenance.json; the study is not finished).")
    looks = [
        ("report.html", "claims, figures and how each file was made, in one page"),
        ("claims.html", "every verdict with number, interval, control and reason"),
        ("figures", "as PDF and PNG"),
        ("tables", "one row is one estimate"),
    ]
    found = [(folder / name, what) for name, what in looks if (folder / name).exists()]
    report = folder / "report.html"
    if report.is_file() and report.stat().st_mtime < (folder / "claims.json").stat().st_mtime:
        found[0] = (report, f"OLDER than the claims: snakemake --report {report} makes it anew")
    wide = max((len(str(path)) for path, _ in found), default=0)
    lines += [
        "",
        "Look next at",
        *(f"  {path!s:<{wide}}  {what}" for path, what in found),
        f"  {'docs/claims.md':<{wide}}  what each claim means, and when it holds",
    ]
    return "\n".join(lines)


def main() -> None:
    """Print what came out of the studies named on the command line."""
    parser = argparse.ArgumentParser(
        prog="python -m shared_affect.show",
        description="What came out of a study: claims that hold, negative controls, where to look next.",
    )
    parser.add_argument(
        "folders", nargs="+", metavar="FOLDER", help="results folder of a finished study, e.g. results/planted"
    )
    try:
        arguments = parser.parse_args()
        check_folder(Path.cwd())
        text = "\n\n".join(terminal(Path(f)) for f in arguments.folders)
    except ValueError as error:
        sys.exit(str(error))
    if sys.stdout.isatty():
        width = shutil.get_terminal_size().columns
        text = "\n".join(
            textwrap.fill(line, width, subsequent_indent="    ", break_on_hyphens=False) if len(line) > width else line
            for line in text.splitlines()
        )
    print(text)
