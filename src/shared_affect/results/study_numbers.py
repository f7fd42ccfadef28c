"""The numbers of one study, whole, in Markdown: verdicts, congruence, ratings, what the languages share, steering,
judges, SAEs and negative controls.

``python -m shared_affect.study_numbers results/bilingual`` prints them. With ``--out FILE`` they take the place of
what stands behind the line `MARK` of that file; what people have written above it stays.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pandas as pd

from shared_affect.base.files import read_json, write_text
from shared_affect.base.rooms import check_folder
from shared_affect.base.tables import read_csv
from shared_affect.results.claims.table import EMPTY
from shared_affect.results.many_seeds import control_tests, markdown
from shared_affect.results.show import of_code, sentences
from shared_affect.spaces.files import VIEW
from shared_affect.study.vocabulary import PRIMARY_SPEC

MARK = "<!-- numbers -->"
"""Line of a page behind which the numbers stand."""


@dataclass(frozen=True)
class View:
    """A published table as a page shows it.

    Attributes
    ----------
    title, says : str
        Heading, and a sentence below it.
    table : str
    rows : sequence of str
        Columns whose values head the lines.
    value : str
        Column of the numbers, or of words.
    where : mapping of column -> words
        Rows that are shown.
    across : sequence of str
        Columns whose values head the columns.
    spread : bool
        Whether the interval stands behind each number.
    """

    title: str
    says: str
    table: str
    rows: Sequence[str]
    value: str
    where: Mapping[str, Sequence[str]] = field(default_factory=dict)
    across: Sequence[str] = ("model", "language")
    spread: bool = True


VIEWS = (
    View(
        "SAEs",
        "On ordinary text of each language. `loss_recovered`: of what the model's prediction loses without the block.",
        "sae_fidelity",
        ("quantity",),
        "value",
        spread=False,
    ),
    View(
        "Congruence with human judgements",
        "rho-a, mean over raters, with 95 % interval; to be held against the ceilings below.",
        "rsa",
        ("human_language", "pairs", "representation"),
        "rho",
        {"statistic": ("rho-a",)},
    ),
    View(
        "Congruence beyond simpler dissimilarities",
        "Partial Spearman correlation, mean over raters, with 95 % interval; no claim reads it.",
        "rsa",
        ("human_language", "nuisances", "representation"),
        "rho",
        {"pairs": ("partial",), "statistic": ("spearman",)},
    ),
    View(
        "Every space against every other, and against people",
        "rho-a of two sets of dissimilarities, with 95 % interval; people are one mean here. No claim reads it.",
        "space_pairs",
        tuple(f"{c}_{side}" for side in "ab" for c in VIEW),
        "rho",
        across=("pairs",),
    ),
    View(
        "What people agree on",
        "Noise ceilings of the judgements.",
        "human_ceilings",
        ("pairs", "quantity", "statistic"),
        "value",
        across=("human", "human_language"),
        spread=False,
    ),
    View(
        "Space against baselines",
        "Paired differences of rho-a.",
        "rsa_differences",
        ("human_language", "pairs", "representation_a", "representation_b"),
        "difference",
        {"statistic": ("rho-a",)},
    ),
    View(
        "Dimensions",
        "Valence and arousal from the coordinates of the space.",
        "dimensions",
        ("quantity",),
        "value",
    ),
    View(
        "Ratings of words",
        "r with the ratings of words that were not seen; `en-zh`, `zh-en`: from one language to the other.",
        "ratings",
        ("dimension", "arm"),
        "r",
    ),
    View(
        "Ratings: arm against arm",
        "Paired differences of r.",
        "rating_differences",
        ("dimension", "arm_a", "arm_b"),
        "difference",
    ),
    View(
        "Features of both languages",
        "",
        "shared_features",
        ("quantity",),
        "value",
        across=("model",),
        spread=False,
    ),
    View(
        "The same by chance",
        "Expected by permutation.",
        "shared_features",
        ("quantity",),
        "expected",
        across=("model",),
        spread=False,
    ),
    View(
        "Cultures",
        "Human differences between the languages, told from the models'.",
        "cultures",
        ("quantity",),
        "r",
        across=("model",),
    ),
    View(
        "Steering",
        "Share of texts that the judge gives to the target, at the strength chosen on the other half of the prompts.",
        "steering_pooled",
        ("judge", "arm"),
        "rate",
    ),
    View(
        "Steering: what it costs",
        "Loss a token under the unsteered model, over that of unsteered texts.",
        "steering_pooled",
        ("arm",),
        "nll_ratio",
        {"judge": ("lexicon",)},
        spread=False,
    ),
    View(
        "What unsteered texts show",
        "Share of unsteered texts that the judge gives to any emotion.",
        "steering_baseline",
        ("prompts", "judge"),
        "rate",
        {"emotion": ("any",)},
    ),
    View(
        "Judges",
        "On texts that they did not learn from: of their own corpus, and of another.",
        "judges",
        ("judge", "corpus", "texts", "judge_level", "quantity"),
        "value",
        {"of": ("all",)},
        across=("language",),
        spread=False,
    ),
    View(
        "Judge against judge",
        "Cohen's kappa over all texts and emotions that both know.",
        "judge_agreement",
        ("judge_a", "judge_b"),
        "kappa",
        {"emotion": ("all",)},
        spread=False,
    ),
    View(
        "Verdicts under every judge",
        "A claim is decided by one judge, declared before; here is what the others say.",
        "judge_flips",
        ("claim", "judge"),
        "verdict",
        spread=False,
    ),
    View(
        "Random directions under every judge",
        "Share of texts that a judge gives to the target although a random direction steered them.",
        "judge_flips",
        ("claim", "judge"),
        "random_rate",
        spread=False,
    ),
    View(
        "Texts that name no emotion",
        "AUROC of an emotion's features on vignettes without emotion words, mean over emotions.",
        "validity",
        ("vignettes", "against", "readout", "arm"),
        "auroc",
        {"emotion": ("mean",)},
    ),
    View(
        "Profiles of words",
        "rho-a with distances between profiles of words on scales of emotions: no judgements of pairs, no claim.",
        "rsa_profiles",
        ("profiles", "wording", "pairs", "representation"),
        "rho",
        {"statistic": ("rho-a",)},
    ),
    View(
        "How far people agree across languages",
        "r of the ratings of shared concepts.",
        "human_agreement",
        ("human_a", "language_a", "human_b", "language_b"),
        "r",
        across=("dimension",),
    ),
)
"""What a page shows, in its order."""


def _of_view(view: View, frame: pd.DataFrame) -> str | None:
    """A table as Markdown, models and languages side by side; None where the study has none of it."""
    for column, words in view.where.items():
        frame = frame[frame[column].isin(words)]
    frame = frame[frame[view.value].notna()]
    if frame.empty:
        return None
    shown = [
        v if isinstance(v, str) else f"{v:.3f}" + (f" ({a:.3f} to {b:.3f})" if view.spread and a == a else "")
        for v, a, b in zip(
            frame[view.value],
            *(frame.get(c, pd.Series(float("nan"), frame.index)) for c in ("ci_low", "ci_high")),
            strict=True,
        )
    ]
    keys = [*view.rows, *view.across]
    one = frame[keys].assign(text=shown)
    if one.duplicated(keys).any():
        raise ValueError(f"table {view.table} has several rows for one of {', '.join(keys)}")
    wide = one.set_index(keys)["text"].unstack(list(view.across), sort=False)
    wide.columns = [" ".join(map(str, c)) if isinstance(c, tuple) else str(c) for c in wide.columns]
    return markdown(wide.reset_index().astype(object).where(wide.reset_index().notna(), None))


def _claims(claims: Sequence[Mapping]) -> list[str]:
    """Every verdict, with the number that it rests on."""
    rows = [
        {
            "claim": c["id"],
            "model": c["model"],
            "language": c["language"],
            "verdict": c["verdict"],
            "value": c["value"],
            "95 % interval": "–" if c["ci_low"] is None else f"{c['ci_low']:.3f} to {c['ci_high']:.3f}",
            "p": c["p_adjusted"] if c["p_adjusted"] is not None else c["p"],
            "reason": c["reason"],
        }
        for c in claims
    ]
    own = [r for r in rows if r["claim"] not in EMPTY]
    said = list(dict.fromkeys((c["id"], c["statement"], c["statistic"]) for c in claims if c["id"] not in EMPTY))
    controls = [r for r in rows if r["claim"] in EMPTY]
    return [
        "### Verdicts",
        "",
        *(f"- `{name}`: {statement} ({statistic})" for name, statement, statistic in said),
        "",
        markdown(pd.DataFrame(own)),
        "",
        "### Negative controls",
        "",
        markdown(pd.DataFrame(controls)),
        "",
    ]


def numbers(folder: str | Path) -> str:
    """All numbers of a finished study, in Markdown.

    Raises
    ------
    ValueError
        If the folder holds no finished study.
    """
    folder = Path(folder)
    if not (folder / "claims.json").is_file():
        raise ValueError(f"{folder} holds no claims.json; needed: the results folder of a finished run")
    claims, provenance = read_json(folder / "claims.json"), read_json(folder / "provenance.json")
    out = [*sentences(claims), "", of_code(provenance), ""]
    out = [f"{provenance['banner']}\n" if provenance.get("banner") else "", *out, *_claims(claims)]
    tests = control_tests(folder)
    if len(tests):
        out += ["Tests of the controls:", "", markdown(tests.drop(columns="root_seed")), ""]
    for view in VIEWS:
        path = folder / "tables" / f"{view.table}.csv"
        frame = read_csv(path) if path.exists() else pd.DataFrame()
        for control, kept in frame.groupby("control", sort=False) if len(frame) else []:
            spec = kept["spec"] == PRIMARY_SPEC if control == "none" else kept["spec"].notna()
            text = _of_view(view, kept[spec])
            if text:
                title = view.title + ("" if control == "none" else f" ({control})")
                out += [f"### {title}", "", *([view.says, ""] if view.says and control == "none" else []), text, ""]
    return "\n".join(out).strip() + "\n"


def main(arguments: Sequence[str] | None = None) -> None:
    """Print the numbers of the study named on the command line, or put them into a page."""
    parser = argparse.ArgumentParser(
        prog="python -m shared_affect.study_numbers", description="One study's numbers, whole, in Markdown."
    )
    parser.add_argument("study", help="results folder of a finished run")
    parser.add_argument("--out", metavar="FILE", help=f"page whose part behind the line {MARK} they become")
    given = parser.parse_args(arguments)
    try:
        check_folder(Path.cwd())
        text = numbers(given.study)
        if not given.out:
            return print(text, end="")
        page = Path(given.out).read_text(encoding="utf-8") if Path(given.out).exists() else f"{MARK}\n"
        if MARK not in page:
            raise ValueError(f"{given.out} has no line {MARK}, behind which the numbers would stand")
        write_text(given.out, f"{page.split(MARK)[0]}{MARK}\n\n{text}")
    except (ValueError, OSError) as error:
        sys.exit(str(error))
