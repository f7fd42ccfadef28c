"""The page that shows all verdicts."""

from __future__ import annotations

import html
from collections.abc import Mapping, Sequence

from shared_affect.results.claims.finding import FAILS, HOLDS, INCONCLUSIVE, NOT_TESTED

COLOUR = {HOLDS: "#1b7837", FAILS: "#b2182b", INCONCLUSIVE: "#8c6d1f", NOT_TESTED: "#666"}
HEAD = ("claim", "statement", "model", "language", "value [95 % interval]", "Holm p", "control", "reason", "verdict")
STYLE = (
    "body{font:14px/1.4 system-ui,sans-serif;margin:1.5em}table{border-collapse:collapse}"
    "td,th{border-bottom:1px solid #ddd;padding:.3em"
    " .6em;text-align:left;vertical-align:top}th{position:sticky;top:0;background:#fff}"
)


def _number(c: Mapping) -> str:
    if c["value"] is None:
        return ""
    text = f"{c['value']:.3g}"
    if c["ci_low"] is not None and c["ci_high"] is not None:
        text += f" [{c['ci_low']:.3g}, {c['ci_high']:.3g}]"
    elif c["ci_high"] is not None:
        text += f" (97.5 % of chance: {c['ci_high']:.3g})"
    return text


def _row(c: Mapping) -> str:
    cells = [
        *(c[k] for k in ("id", "statement", "model", "language")),
        _number(c),
        "" if c["p_adjusted"] is None else f"{c['p_adjusted']:.2g}",
        f"{c['control']['name']} {_number(c['control'])}".strip(),
        c["reason"],
    ]
    verdict = f"<td style='color:{COLOUR[c['verdict']]};font-weight:600'>{c['verdict']}</td>"
    return "<tr>" + "".join(f"<td>{html.escape(str(x))}</td>" for x in cells) + verdict + "</tr>"


BY_JUDGE = (
    "claim",
    "model",
    "language",
    "judge",
    "value [95 % interval]",
    "emotions",
    "arm compared with",
    "random directions",
    "unsteered",
    "brought at random",
    "declared judge, same emotions",
    "verdict",
)


def judge_sentence(flips: Sequence[Mapping]) -> str:
    """How many verdicts on steering hang on the judge.

    Examples
    --------
    >>> row = {"claim": "steering", "model": "m", "language": "en", "flipped": False}
    >>> judge_sentence([row, row | {"flipped": True}, row | {"language": "zh"}])
    'Judges: 1 of 2 verdicts on steering change with the judge (steering m en).'
    """
    asked = dict.fromkeys((r["claim"], r["model"], r["language"]) for r in flips)
    turned = dict.fromkeys((r["claim"], r["model"], r["language"]) for r in flips if r["flipped"])
    named = f" ({'; '.join(' '.join(t) for t in turned)})" if turned else ""
    return f"Judges: {len(turned)} of {len(asked)} verdicts on steering change with the judge{named}."


def _rate(value: float) -> str:
    return "" if value != value else f"{value:.3g}"


def _judge_row(r: Mapping) -> str:
    value = _number({k: None if r[k] != r[k] else r[k] for k in ("value", "ci_low", "ci_high")})
    chance = {"value": r["random_rate"], "ci_low": r["random_ci_low"], "ci_high": r["random_ci_high"]}
    n = int(r["n_emotions"])
    cells = [
        *(r[k] for k in ("claim", "model", "language")),
        f"{r['judge']}{' (declared)' if r['declared'] else ''}",
        value,
        f"{int(r['n_passing'])} of {n}",
        _rate(r["rate_b"]),
        _number({k: None if v != v else v for k, v in chance.items()}),
        _rate(r["unsteered_rate"]),
        f"{int(r['random_passing'])} of {n}",
        r["declared_verdict_same"],
    ]
    verdict = f"{r['verdict']}{' (flipped)' if r['flipped'] else ''}"
    told = f"<td style='color:{COLOUR[r['verdict']]};font-weight:600'>{verdict}</td>"
    return "<tr>" + "".join(f"<td>{html.escape(str(x))}</td>" for x in cells) + told + "</tr>"


def _by_judge(flips: Sequence[Mapping]) -> str:
    """The table of verdicts on steering under every judge; nothing where nothing is steered."""
    if not flips:
        return ""
    head = "".join(f"<th>{h}</th>" for h in BY_JUDGE)
    note = (
        f"{judge_sentence(flips)} The same rules under every judge; claims.json has the verdict of the declared one. A"
        " judge that gives random directions what it gives unsteered text is not taken in by them; brought at random:"
        " emotions whose rate under random directions lies above that of unsteered text, which is less than the concept"
        " vector has to pass for steering. A judge decides on the emotions that it knows: where the declared"
        " judge has the same verdict on these, it is they that turn it, not the judge."
    )
    return (
        f"<h2>Steering under every judge</h2><p>{html.escape(note)}</p><table><thead><tr>{head}</tr></thead>"
        f"<tbody>{''.join(map(_judge_row, flips))}</tbody></table>\n"
    )


def render(claims: Sequence[Mapping], note: str = "", flips: Sequence[Mapping] = ()) -> str:
    """An HTML page of the claims: verdict, number with interval, control, reason.

    Parameters
    ----------
    claims : sequence of mappings
        As in claims.json.
    note : str
        Text above the table.
    flips : sequence of mappings
        Rows of the table ``judge_flips``.
    """
    head = "".join(f"<th>{h}</th>" for h in HEAD)
    return (
        f"<!doctype html><meta charset='utf-8'><title>Claims</title><style>{STYLE}</style>"
        f"<h1>Claims</h1><p>{html.escape(note)}</p><table><thead><tr>{head}</tr></thead>"
        f"<tbody>{''.join(map(_row, claims))}</tbody></table>\n{_by_judge(flips)}"
    )
