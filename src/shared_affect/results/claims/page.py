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


def render(claims: Sequence[Mapping], note: str = "") -> str:
    """An HTML page of the claims: verdict, number with interval, control, reason.

    Parameters
    ----------
    claims : sequence of mappings
        As in claims.json.
    note : str
        Text above the table.
    """
    head = "".join(f"<th>{h}</th>" for h in HEAD)
    return (
        f"<!doctype html><meta charset='utf-8'><title>Claims</title><style>{STYLE}</style>"
        f"<h1>Claims</h1><p>{html.escape(note)}</p><table><thead><tr>{head}</tr></thead>"
        f"<tbody>{''.join(map(_row, claims))}</tbody></table>\n"
    )
