"""Verdicts on the claims, from published tables alone.

``holds``: every condition of the claim. ``fails``: the interval of the claim's own quantity lies wholly at or below its
null. ``not-tested``: an input or an arm is missing. Else ``inconclusive``. See docs/claims.md for every row.
"""

from __future__ import annotations

import html
import math
from collections.abc import Mapping, Sequence

import pandas as pd

from shared_affect.base.stats import family_p
from shared_affect.results.contracts import tested_p
from shared_affect.study.checks import ALPHA

PRIMARY = {"spec": "primary", "control": "none"}

STATEMENTS = {
    "reproducible": "Features selected on half of the concept words mark the other half.",
    "structure": "The emotion space is congruent with human judgements.",
    "fine-structure": "It is congruent with them also inside a valence class.",
    "beyond-baselines": "It carries more of them than the model's static embeddings do.",
    "dimension-valence": "Valence organises the space.",
    "dimension-arousal": "Arousal organises the space.",
    "ratings-valence": "Features of the space predict the valence of unseen words.",
    "ratings-arousal": "Features of the space predict the arousal of unseen words.",
    "shared-suffices": "Features shared by both languages predict valence as well as all features.",
    "shared-universal": "More features are shared by both languages than chance explains.",
    "transfer": "Valence ratings transfer across languages by shared features.",
    "steering": "The concept vector brings its emotion.",
    "expression": "It does so not only by naming the emotion.",
    "beyond-means": "It brings it at least as well as difference of means does.",
    "carried": "So does a vector carried over from the other architecture.",
    "empty-untrained": "Negative control: an untrained model shows none of it.",
    "empty-norms": "Negative control: shuffled ratings and judgements show none of it.",
    "empty-concepts": "Negative control: shuffled concept-sets show none of it.",
    "empty-world": "Negative control: a model of a world without affect shows none of it.",
}
EMPTY = {
    "empty-untrained": "untrained",
    "empty-norms": "shuffled-norms",
    "empty-concepts": "shuffled-concepts",
    "empty-world": "no-affect",
}
CONTROLLED = ("structure", "fine-structure", "ratings-valence", "ratings-arousal", "transfer", "shared-universal")
UNTOUCHED = {
    "shuffled-norms": {"shared-universal": "no ratings enter it"},
    "shuffled-concepts": {
        **dict.fromkeys(
            ("ratings-valence", "ratings-arousal"),
            "ratings are predicted from the words' own codes, which the shuffle leaves alone",
        ),
        "transfer": "features that pass as shared by chance still carry valence in both languages",
    },
}


def _number(x) -> float | None:
    return None if x is None or (isinstance(x, float) and math.isnan(x)) or pd.isna(x) else float(x)


def entry(
    claim: str,
    verdict: str,
    *,
    model: str,
    sae: str,
    language: str,
    human: str = "",
    statistic: str = "",
    value=None,
    ci_low=None,
    ci_high=None,
    n=None,
    p=None,
    p_adjusted=None,
    family: str = "",
    n_permutations=None,
    control: Mapping | None = None,
    table: str = "",
    reason: str = "",
) -> dict:
    """One claim in the form of claims.json; numbers that do not exist are null."""
    control = control or {"name": "", "value": None, "ci_low": None, "ci_high": None}
    return {
        "id": claim,
        "model": model,
        "sae": sae,
        "language": language,
        "human": human,
        "statement": STATEMENTS[claim],
        "statistic": statistic,
        "value": _number(value),
        "ci_low": _number(ci_low),
        "ci_high": _number(ci_high),
        "n": None if _number(n) is None else int(n),
        "p": _number(p),
        "p_adjusted": _number(p_adjusted),
        "family": family,
        "n_permutations": None if _number(n_permutations) is None else int(n_permutations),
        "control": {k: v if k == "name" else _number(v) for k, v in control.items()},
        "table": table,
        "verdict": verdict,
        "reason": reason,
    }


def _control(name: str, row: pd.Series | None, value: str) -> dict | None:
    if row is None:
        return None
    return {"name": name, "value": row[value], "ci_low": row.get("ci_low"), "ci_high": row.get("ci_high")}


def _one(frame: pd.DataFrame | None, **keys) -> pd.Series | None:
    if frame is None:
        return None
    found = frame
    for k, v in keys.items():
        found = found[found[k] == v]
    if len(found) > 1:
        raise ValueError(f"{len(found)} rows with {keys}; needed: at most one")
    return found.iloc[0] if len(found) else None


def verdict_of(conditions: Sequence[bool], high: float | None, null: float = 0.0) -> str:
    """``holds`` if all conditions do; ``fails`` if the quantity's upper limit is at or below its null; else
    ``inconclusive``.
    """
    if all(conditions):
        return "holds"
    return "fails" if high is not None and not math.isnan(high) and high <= null else "inconclusive"


class Judge:
    """All claims of one study.

    Parameters
    ----------
    tables : mapping of table name -> DataFrame
    not_tested : mapping of (model, language) -> {arm: reason}
    steering : DataFrame or None
        Rows of `evaluation.claim_summary` for every steered model and language.
    study : mapping
        ``models, languages, pair, sae, human, norms, margin, steering_margin``.
    """

    def __init__(
        self,
        tables: Mapping[str, pd.DataFrame],
        not_tested: Mapping[tuple[str, str], Mapping[str, str]],
        steering: pd.DataFrame | None,
        study: Mapping,
    ):
        self.tables, self.not_tested, self.steering, self.study = tables, not_tested, steering, study

    def _row(self, table: str, **keys) -> pd.Series | None:
        return _one(self.tables.get(table), **PRIMARY, sae=self.study["sae"], **keys)

    def _who(self, model: str, language: str) -> dict:
        return {"model": model, "sae": self.study["sae"], "language": language}

    def _tested(self, row: pd.Series) -> dict:
        return {k: row[k] for k in ("p", "p_adjusted", "family", "n_permutations")}

    def reproducible(self, model, language):
        r = self._row("reproducibility", model=model, language=language, quantity="held_out_auroc", arm="observed")
        c = self._row(
            "reproducibility", model=model, language=language, quantity="held_out_auroc", arm="shuffled-concepts"
        )
        if r is None:
            return entry("reproducible", "not-tested", **self._who(model, language), reason="no reproducibility table")
        verdict = verdict_of([r["ci_low"] > r["shuffled_high"]], r["ci_high"], r["shuffled_high"])
        return entry(
            "reproducible",
            verdict,
            **self._who(model, language),
            statistic="held-out AUROC",
            value=r["value"],
            ci_low=r["ci_low"],
            ci_high=r["ci_high"],
            n=r["n_emotions"],
            control=_control("shuffled-concepts", c, "value"),
            table="reproducibility.csv",
        )

    def congruent(self, claim, pairs, model, language):
        keys = {
            "model": model,
            "language": language,
            "human": self.study["human"],
            "statistic": "rho-a",
            "pairs": pairs,
        }
        r = self._row("rsa", representation="sae-space", **keys)
        if r is None:
            return entry(claim, "not-tested", **self._who(model, language), reason=f"no pairs {pairs} in rsa.csv")
        verdict = verdict_of([r["p_adjusted"] < ALPHA], r["ci_high"])
        c = _control("shuffled-concepts", self._row("rsa", representation="shuffled-concepts", **keys), "rho")
        # it rejects where both nulls do, so the larger p stands for the two
        tested = self._tested(r) | {
            "p": max(r["p"], r["p_codes"]),
            "n_permutations": min(r["n_permutations"], r["n_code_permutations"]),
        }
        reason = f"p {r['p']:.2g} (labels permuted), {r['p_codes']:.2g} (codes permuted over words)"
        return entry(
            claim,
            verdict,
            **self._who(model, language),
            human=self.study["human"],
            statistic=f"rho-a, mean over raters, pairs {pairs}",
            value=r["rho"],
            ci_low=r["ci_low"],
            ci_high=r["ci_high"],
            n=r["n_emotions"],
            **tested,
            control=c,
            table="rsa.csv",
            reason=reason,
        )

    def beyond_baselines(self, model, language):
        keys = {
            "model": model,
            "language": language,
            "human": self.study["human"],
            "statistic": "rho-a",
            "pairs": "all",
        }
        r = self._row("rsa_differences", representation_a="sae-space", representation_b="static", **keys)
        if r is None:
            return entry(
                "beyond-baselines",
                "not-tested",
                **self._who(model, language),
                reason="no difference sae-space - static in rsa_differences.csv",
            )
        c = _control("static", self._row("rsa", representation="static", **keys), "rho")
        return entry(
            "beyond-baselines",
            verdict_of([r["ci_low"] > 0], r["ci_high"]),
            **self._who(model, language),
            human=self.study["human"],
            statistic="difference of rho-a, sae-space - static",
            value=r["difference"],
            ci_low=r["ci_low"],
            ci_high=r["ci_high"],
            n=r["n_emotions"],
            control=c,
            table="rsa_differences.csv",
        )

    def dimension(self, dimension, model, language):
        claim, other = f"dimension-{dimension}", {"valence": "arousal", "arousal": "valence"}[dimension]
        keys = {"model": model, "language": language, "human": self.study["human"]}
        r, beyond, turned = (
            self._row("dimensions", quantity=q, **keys)
            for q in (f"loo_r2_{dimension}", f"loo_r2_{dimension}_beyond_{other}", f"r_{dimension}")
        )
        if r is None or beyond is None:
            return entry(
                claim, "not-tested", **self._who(model, language), reason=f"no loo_r2_{dimension} in dimensions.csv"
            )
        if _number(r["p"]) is None:
            return entry(
                claim,
                "not-tested",
                **self._who(model, language),
                reason=(
                    f"{int(r['n_emotions'])} emotions, or values of them that do not differ enough, for the regression"
                ),
            )
        verdict = verdict_of([r["p_adjusted"] < ALPHA, r["ci_low"] > 0, beyond["ci_low"] > 0], r["ci_high"])
        c = (
            None
            if turned is None
            else {
                "name": f"r of the axis turned to it, permuted labels: mean (in-sample r is {turned['value']:.2f})",
                "value": turned["null_mean"],
                "ci_low": None,
                "ci_high": turned["null_high"],
            }
        )
        return entry(
            claim,
            verdict,
            **self._who(model, language),
            human=self.study["human"],
            statistic="R2 of left-out emotions from the plane of the space",
            value=r["value"],
            ci_low=r["ci_low"],
            ci_high=r["ci_high"],
            n=r["n_emotions"],
            **self._tested(r),
            control=c,
            table="dimensions.csv",
            reason=(
                f"beyond {other} R2 {beyond['value']:.2f} [{beyond['ci_low']:.2f}, {beyond['ci_high']:.2f}]; p"
                f" {r['p_alone']:.2g} alone, {r['p_beyond']:.2g} beyond {other}"
            ),
        )

    def ratings(self, dimension, model, language):
        claim = f"ratings-{dimension}"
        keys = {"model": model, "language": language, "norms": self.study["norms"], "dimension": dimension}
        r = self._row("ratings", arm="emotion-space", **keys)
        if r is None:
            return entry(
                claim,
                "not-tested",
                **self._who(model, language),
                reason=f"no arm emotion-space for {dimension} in ratings.csv",
            )
        d = self._row("rating_differences", arm_a="emotion-space", arm_b="outside-matched", **keys)
        if d is None:
            verdict, c = "inconclusive", None
            reason = "outside-matched could not be drawn: " + self.not_tested.get((model, language), {}).get(
                "outside-matched", "arm missing"
            )
        else:
            verdict = verdict_of([r["p_adjusted"] < ALPHA, d["ci_low"] > 0], d["ci_high"])
            reason = f"difference to outside-matched {d['difference']:.3f} [{d['ci_low']:.3f}, {d['ci_high']:.3f}]"
            c = _control("outside-matched", self._row("ratings", arm="outside-matched", **keys), "r")
        return entry(
            claim,
            verdict,
            **self._who(model, language),
            human=self.study["norms"],
            statistic="r, arm emotion-space, unseen words",
            value=r["r"],
            ci_low=r["ci_low"],
            ci_high=r["ci_high"],
            n=r["n_words"],
            **self._tested(r),
            control=c,
            table="ratings.csv",
            reason=reason,
        )

    def shared_suffices(self, model, language):
        keys = {"model": model, "language": language, "norms": self.study["norms"], "dimension": "valence"}
        d = self._row("rating_differences", arm_a="shared", arm_b="all", **keys)
        if d is None:
            return entry(
                "shared-suffices",
                "not-tested",
                **self._who(model, language),
                reason="no difference between arms all and shared",
            )
        margin = self.study["margin"]
        low, high = d["ci90_low"], d["ci90_high"]
        verdict = (
            "holds"
            if -margin < low and high < margin
            else "fails"
            if low > margin or high < -margin
            else "inconclusive"
        )
        worse = "shared worse" if d["difference"] < 0 else "shared not worse"
        return entry(
            "shared-suffices",
            verdict,
            **self._who(model, language),
            human=self.study["norms"],
            statistic=f"difference of r, {d['arm_a']} - {d['arm_b']}, 90 % interval",
            value=d["difference"],
            ci_low=low,
            ci_high=high,
            table="rating_differences.csv",
            reason=f"margin +-{margin}; {worse}",
            control=_control("all", self._row("ratings", arm="all", **keys), "r"),
        )

    def shared_universal(self, model):
        language = "-".join(self.study["pair"])
        r = self._row("shared_features", model=model, quantity="n_shared")
        if r is None:
            return entry(
                "shared-universal", "not-tested", **self._who(model, language or "-"), reason="fewer than two languages"
            )
        known = bool(r["frequency_known"])
        by = "words" if r["p_words"] >= r["p_labels"] else "emotion labels"
        c = {"name": f"permuted {by}", "value": r["expected"], "ci_low": None, "ci_high": r["null_high"]}
        reason = f"p {r['p_labels']:.2g} by labels, {r['p_words']:.2g} by words" + (
            ""
            if known
            else (
                "; word frequency unknown in a language, so that sets of like frequency could do this alone"
                " (config.yaml, key word_properties)"
            )
        )
        return entry(
            "shared-universal",
            verdict_of([r["p_adjusted"] < ALPHA, known], None),
            **self._who(model, language),
            statistic="number of shared features",
            value=r["value"],
            **self._tested(r),
            control=c,
            table="shared_features.csv",
            reason=reason,
        )

    def transfer(self, model, language):
        keys = {"model": model, "language": language, "norms": self.study["norms"], "dimension": "valence"}
        r = self._row("ratings", arm="shared", **keys)
        if r is None:
            return entry(
                "transfer",
                "not-tested",
                **self._who(model, language),
                reason="no shared feature, or no such direction, in ratings.csv",
            )
        c = _control("dense", self._row("ratings", arm="dense", **keys), "r")
        return entry(
            "transfer",
            verdict_of([r["p_adjusted"] < ALPHA], r["ci_high"]),
            **self._who(model, language),
            human=self.study["norms"],
            statistic="r, arm shared, valence",
            value=r["r"],
            ci_low=r["ci_low"],
            ci_high=r["ci_high"],
            n=r["n_words"],
            **self._tested(r),
            control=c,
            table="ratings.csv",
        )

    def steered(self, claim, model, language):
        r = _one(self.steering, claim=claim, model=model, language=language)
        if r is None:
            return entry(claim, "not-tested", **self._who(model, language), reason="no steered texts in this study")
        if not r["n_emotions"]:
            return entry(
                claim,
                "not-tested",
                **self._who(model, language),
                reason="the judge has no label for any steered emotion",
            )
        # steering asks two thirds of the emotions; the others ask the mean over emotions
        null = -self.study["steering_margin"] if claim == "beyond-means" else 0.0
        passes = r["n_passing"] / r["n_emotions"] >= 2 / 3 if claim == "steering" else r["ci_low"] > null
        conditions, more = [passes], ""
        if claim == "beyond-means":  # where nothing steers, one vector is as good as the other: no evidence of anything
            against_random = _one(self.steering, claim="steering", model=model, language=language)
            conditions.append(against_random is not None and against_random["ci_low"] > 0)
            more = "" if conditions[-1] else "; the concept vector itself is not above random directions"
        verdict = verdict_of(conditions, r["ci_high"], null)
        c = {
            "name": r["control_name"],
            "value": r["control_value"],
            "ci_low": r["control_ci_low"],
            "ci_high": r["control_ci_high"],
        }
        passing = f"{int(r['n_passing'])} of {int(r['n_emotions'])} emotions " + (
            f"above 0; margin {-null:g}" if null else "pass"
        )
        return entry(
            claim,
            verdict,
            **self._who(model, language),
            statistic=r["statistic"],
            value=r["value"],
            ci_low=r["ci_low"],
            ci_high=r["ci_high"],
            n=r["n_prompts"],
            control=c,
            table="steering_differences.csv",
            reason=f"{passing}; nll_ratio {r['nll_ratio']:.2f}{more}",
        )

    def _control_tests(self, control: str) -> tuple[pd.DataFrame, dict[str, pd.DataFrame]]:
        """Tests of a negative control with the claim of each, and those of claims that the control does not void."""
        rows = []
        for table in ("rsa", "ratings", "shared_features"):
            frame = self.tables.get(table)
            if frame is not None:
                frame = frame[(frame["control"] == control) & (frame["family"].fillna("") != "") & frame["p"].notna()]
                rows.append(frame.assign(p=tested_p(frame), claim=frame["family"].str.split(" | ", regex=False).str[0]))
        tests = pd.concat(rows, ignore_index=True) if rows else pd.DataFrame(columns=["claim"])
        tests = tests[tests["claim"].isin(CONTROLLED)]
        untouched = UNTOUCHED.get(control, {})
        return tests[~tests["claim"].isin(untouched)], {c: tests[tests["claim"] == c] for c in untouched}

    def empty(self, claim):
        control = EMPTY[claim]
        who = {"model": "all", "sae": self.study["sae"], "language": "all"}
        tests, aside = self._control_tests(control)
        if tests.empty:
            return entry(claim, "not-tested", **who, reason=f"no row with control {control}")
        n_families = sum(self._control_tests(c)[0]["claim"].nunique() for c in EMPTY.values())
        level = family_level(n_families)
        together = tests.groupby("claim", sort=False)["p"].agg(lambda p: family_p(p.to_numpy()))
        rejected = together[together < level]
        left_out = "; ".join(
            f"{c} not part of it ({why}; Holm p < .01 in {int((aside[c]['p_adjusted'] < ALPHA).sum())} of"
            f" {len(aside[c])})"
            for c, why in UNTOUCHED.get(control, {}).items()
        )
        named = "; ".join(
            f"{c} (p {p:.2g} of {int((tests['claim'] == c).sum())} tests together)" for c, p in rejected.items()
        )
        raw = int((tests["p"] < 0.05).sum())
        return entry(
            claim,
            "fails" if len(rejected) else "holds",
            **who,
            statistic=f"claims rejected at {level:.2g}, one of {n_families} families in all controls",
            value=len(rejected),
            n=len(tests),
            p=tests["p"].min(),
            p_adjusted=1 - (1 - together.min()) ** n_families,
            family=control,
            table="rsa.csv, ratings.csv, shared_features.csv",
            reason=". ".join(
                x
                for x in (
                    f"raw p < .05 in {raw} of {len(tests)} tests",
                    f"rejected: {named}" if named else "",
                    left_out,
                )
                if x
            ),
        )


def family_level(n_families: int, alpha: float = ALPHA) -> float:
    """Level of one family of a study's negative controls, so that any of them rejects by chance in `alpha` of all
    studies (Sidak; docs/controls.md).

    Examples
    --------
    >>> round(family_level(20), 6)
    0.000502
    """
    return 1 - (1 - alpha) ** (1 / n_families)


def judge_all(
    tables: Mapping[str, pd.DataFrame],
    not_tested: Mapping[tuple[str, str], Mapping[str, str]],
    steering: pd.DataFrame | None,
    study: Mapping,
) -> list[dict]:
    """All claims of a study as the list that claims.json holds; parameters as in `Judge`."""
    j = Judge(tables, not_tested, steering, study)
    out = []
    directions = [f"{a}-{b}" for a, b in (study["pair"], study["pair"][::-1])] if study["pair"] else []
    for model in study["models"]:
        for language in study["languages"]:
            out += [
                j.reproducible(model, language),
                j.congruent("structure", "all", model, language),
                j.congruent("fine-structure", "within-valence", model, language),
                j.beyond_baselines(model, language),
                j.dimension("valence", model, language),
                j.dimension("arousal", model, language),
                j.ratings("valence", model, language),
                j.ratings("arousal", model, language),
                j.shared_suffices(model, language),
                j.steered("steering", model, language),
                j.steered("expression", model, language),
                j.steered("beyond-means", model, language),
            ]
        out += [j.shared_universal(model), *(j.transfer(model, d) for d in directions)]
    out.append(
        entry(
            "carried",
            "not-tested",
            model="all",
            sae=study["sae"],
            language="all",
            reason="not built: this version has no vectors carried between models",
        )
    )
    out += [j.empty(claim) for claim in EMPTY]
    order = list(STATEMENTS)
    return sorted(out, key=lambda c: order.index(c["id"]))


def render(claims: Sequence[Mapping], note: str = "") -> str:
    """An HTML page of the claims: verdict, number with interval, control, reason."""
    colour = {"holds": "#1b7837", "fails": "#b2182b", "inconclusive": "#8c6d1f", "not-tested": "#666"}

    def number(c: Mapping) -> str:
        if c["value"] is None:
            return ""
        text = f"{c['value']:.3g}"
        if c["ci_low"] is not None and c["ci_high"] is not None:
            text += f" [{c['ci_low']:.3g}, {c['ci_high']:.3g}]"
        elif c["ci_high"] is not None:
            text += f" (97.5 % of chance: {c['ci_high']:.3g})"
        return text

    rows = []
    for c in claims:
        cells = [
            c["id"],
            c["statement"],
            c["model"],
            c["language"],
            number(c),
            "" if c["p_adjusted"] is None else f"{c['p_adjusted']:.2g}",
            f"{c['control']['name']} {number(c['control'])}".strip(),
            c["reason"],
        ]
        rows.append(
            "<tr>"
            + "".join(f"<td>{html.escape(str(x))}</td>" for x in cells)
            + f"<td style='color:{colour[c['verdict']]};font-weight:600'>{c['verdict']}</td></tr>"
        )
    head = "".join(
        f"<th>{h}</th>"
        for h in (
            "claim",
            "statement",
            "model",
            "language",
            "value [95 % interval]",
            "Holm p",
            "control",
            "reason",
            "verdict",
        )
    )
    return (
        "<!doctype html><meta charset='utf-8'><title>Claims</title><style>body{font:14px/1.4"
        " system-ui,sans-serif;margin:1.5em}table{border-collapse:collapse}"
        "td,th{border-bottom:1px solid #ddd;padding:.3em"
        " .6em;text-align:left;vertical-align:top}th{position:sticky;top:0;background:#fff}</style>"
        f"<h1>Claims</h1><p>{html.escape(note)}</p><table><thead><tr>{head}</tr></thead><tbody>{''.join(rows)}</tbody></table>\n"
    )
