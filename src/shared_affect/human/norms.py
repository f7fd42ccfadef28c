"""Ratings of words by people, as published and on one scale.

Every reader returns, sorted by word in code-point order, ``word, valence, arousal, valence_sd, valence_n, arousal_sd,
arousal_n`` on a common scale of -1..1 (SD in the same unit; NaN where the authors give no SD or N), and beside them the
published numbers under names that carry their range, e.g. ``valence_1to9``.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from shared_affect.base.log import LOG
from shared_affect.base.reading import read_rows
from shared_affect.human import published

COLUMNS = ["word", "valence", "arousal", "valence_sd", "valence_n", "arousal_sd", "arousal_n"]
DIMENSIONS = ("valence", "arousal")


def range_name(low: float, high: float) -> str:
    """Ending of a column on that scale: ``1to9``, ``m3to3`` (minus 3 to 3)."""
    return "to".join(f"{'m' if x < 0 else ''}{abs(x):g}" for x in (low, high))


def to_common(values: np.ndarray, low: float, high: float) -> np.ndarray:
    """Values on low..high moved to -1..1."""
    return (np.asarray(values, float) - (low + high) / 2) / ((high - low) / 2)


def _standard(
    words: np.ndarray,
    given: Mapping[str, Mapping[str, np.ndarray]],
    scales: Mapping[str, tuple[float, float]],
    **more: np.ndarray,
) -> pd.DataFrame:
    """Frame of the module's contract from published means, SDs and Ns (each optional but the mean)."""
    frame = pd.DataFrame({"word": words})
    for d in DIMENSIONS:
        low, high = scales[d]
        unknown = np.full(len(words), np.nan)
        frame[d] = to_common(given[d]["mean"], low, high)
        frame[f"{d}_sd"] = given[d].get("sd", unknown) / ((high - low) / 2)
        frame[f"{d}_n"] = given[d].get("n", unknown)
        frame[f"{d}_{range_name(low, high)}"] = given[d]["mean"]
        if "sd" in given[d]:
            frame[f"{d}_sd_{range_name(low, high)}"] = given[d]["sd"]
    frame = frame.assign(**more)
    return frame[COLUMNS + [c for c in frame if c not in COLUMNS]].sort_values("word", ignore_index=True)


def _given(
    path: str | Path,
    table: pd.DataFrame,
    columns: Mapping[str, Mapping[str, str]],
    scales: Mapping[str, tuple[float, float]],
    word: str,
) -> dict:
    """Published numbers of both dimensions, checked: mean inside the scale, SD no more than it allows, N whole and >=
    1.
    """
    found: dict[str, dict[str, np.ndarray]] = {}
    for d in DIMENSIONS:
        low, high = scales[d]
        limits = {"mean": (low, high, False), "sd": (0, high - low, False), "n": (1, np.inf, True)}
        found[d] = {
            what: published.numbers(path, table, column, *limits[what][:2], label=word, whole=limits[what][2])
            for what, column in columns[d].items()
        }
    return found


def read_warriner(path: str | Path) -> pd.DataFrame:
    """English norms of Warriner, Kuperman & Brysbaert (2013, Behavior Research Methods 45:1191): 13,915 lemmas, scales
    1-9.

    Parameters
    ----------
    path : path
        ``Ratings_Warriner_et_al.csv``; comma, columns ``Word``, ``V.Mean.Sum``, ``V.SD.Sum``, ``V.Rat.Sum`` and the
        same for ``A``.

    Returns
    -------
    DataFrame
        The module's columns (SD and N known), ``valence_1to9, valence_sd_1to9, arousal_1to9, arousal_sd_1to9``. Words
        as published, some of several tokens ("ice cream"); ``FALSE``, a trace of a spreadsheet, is ``false``.

    Raises
    ------
    ValueError
        Anything that `published` refuses: missing column, number out of range, a word with two ratings, other script.
    """
    columns = {
        d: {what: f"{d[0].upper()}.{c}.Sum" for what, c in (("mean", "Mean"), ("sd", "SD"), ("n", "Rat"))}
        for d in DIMENSIONS
    }
    needed = [c for own in columns.values() for c in own.values()]
    table = published.read_table(path, ["Word", *needed], ",")
    table["Word"] = published.mend_spreadsheet(published.words(path, table, "Word", "latin"))
    table = published.unique(path, table, ["Word"], needed)
    scales = dict.fromkeys(DIMENSIONS, (1.0, 9.0))
    return _standard(table["Word"].to_numpy(), _given(path, table, columns, scales, "Word"), scales)


NRC_VAD = {
    1: (("Word", "Valence", "Arousal", "Dominance"), (0.0, 1.0)),
    2: (("term", "valence", "arousal", "dominance"), (-1.0, 1.0)),
}
"""Versions of the NRC-VAD lexicon: the header that each of them writes, and its scale."""


def read_nrc_vad(path: str | Path) -> pd.DataFrame:
    """NRC-VAD lexicon, version 1 (Mohammad 2018, ACL): about 20,000 English words, best-worst scaling, no SD or N.

    Parameters
    ----------
    path : path
        ``NRC-VAD-Lexicon.txt``; tab, columns ``Word Valence Arousal Dominance`` on 0..1. A copy without its header says
        nothing of its version: it is read as what the row of config/human.tsv calls it, and the log says so.

    Returns
    -------
    DataFrame
        The module's columns (SD and N NaN), ``valence_0to1, arousal_0to1``.

    Raises
    ------
    ValueError
        The header is version 2's; anything that `published` refuses, so a number outside 0..1. Dominance is not read: a
        cell of it that is no number is named in the log.
    """
    return _read_nrc_vad(path, 1)


def read_nrc_vad_2(path: str | Path) -> pd.DataFrame:
    """NRC-VAD lexicon, version 2 (Mohammad 2025, arXiv 2503.23547; 2.1: 55,000 entries, 10,000 of them phrases).

    Parameters
    ----------
    path : path
        ``NRC-VAD-Lexicon-v2.1.txt``, or its part ``unigrams-NRC-VAD-Lexicon-v2.1.txt``; tab, columns
        ``term valence arousal dominance`` on -1..1.

    Returns
    -------
    DataFrame
        The module's columns (SD and N NaN), ``valence_m1to1, arousal_m1to1``. Phrases are kept ("power surge").

    Raises
    ------
    ValueError
        The header is version 1's, or there is none; no number below 0 (another scale under this header); anything that
        `published` refuses.
    """
    return _read_nrc_vad(path, 2)


UNKNOWN = 0
"""Version of a header that no version of NRC-VAD writes."""


def _version_of(cells: Sequence[str]) -> int | None:
    """Version that a header of NRC-VAD names by its columns; None where the first line is a row already."""
    for version, (names, _) in NRC_VAD.items():
        if tuple(cells[:1]) == names[:1]:
            return version
    return None if len(cells) == 4 and _is_number(cells[1]) else UNKNOWN


def _read_nrc_vad(path: str | Path, version: int) -> pd.DataFrame:
    rows = read_rows(path, quoted=False)
    found = _version_of(rows[0][1] if rows else [])
    (names, (low, high)), loaders = NRC_VAD[version], {1: "nrc-vad", 2: "nrc-vad-2"}
    if found not in (None, UNKNOWN, version):  # what an unknown header lacks, `published` says
        other, (a, b) = NRC_VAD[found]
        raise ValueError(
            f"{path}, line 1: the header is {' '.join(rows[0][1][:4])!r}, that of version {found} ({' '.join(other)!r},"
            f" scale {a:g} to {b:g}); expected version {version} ({' '.join(names)!r}, scale {low:g} to {high:g})."
            f" Name the loader {loaders[found]} (config/human.tsv, column loader)"
        )
    if found is None and version == 2:
        raise ValueError(
            f"{path}, line 1: no header, so nothing says which version this is; expected {' '.join(names)!r}, which"
            " every copy of version 2 begins with (get it again, docs/data.md)"
        )
    if found is None:
        LOG.warning("%s: no header says which version this is; read as version 1, as its row names it", path)
        table = _without_header(path, list(names), rows)
    else:
        table = published.read_table(path, names[:3], quoted=False, unread=names[3:])
    scales = dict.fromkeys(DIMENSIONS, (low, high))
    table[names[0]] = published.words(path, table, names[0], "latin")
    table = published.unique(path, table, names[:1], names[1:3])
    given = _given(path, table, {"valence": {"mean": names[1]}, "arousal": {"mean": names[2]}}, scales, names[0])
    if low < 0 and (high_only := [d for d in DIMENSIONS if given[d]["mean"].min() >= 0]):
        raise ValueError(
            f"{path}: {high_only[0]} is nowhere below 0; expected numbers from {low:g} to {high:g} under the header of"
            f" version {version}: is this on the scale of version 1, 0 to 1?"
        )
    return _standard(table[names[0]].to_numpy(), given, scales)


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def _without_header(path: str | Path, names: list[str], rows: list[tuple[int, list[str]]]) -> pd.DataFrame:
    for k, cells in rows:
        if len(cells) != len(names):
            raise ValueError(f"{path}, line {k}: {len(cells)} cells; expected {len(names)}, separated by tabs")
    published.report_damage(path, names[3], [cells[3] for _, cells in rows], [k for k, _ in rows], at_least=0)
    return pd.DataFrame([cells for _, cells in rows], columns=names, dtype=object).assign(line=[k for k, _ in rows])


def merge_forms(frame: pd.DataFrame, forms: list[str], path: str | Path = "") -> pd.DataFrame:
    """Words that become one form are one word: its ratings are pooled.

    Means are weighted by N where every N is known, and equally otherwise (a form's own N is then as good as another's).
    The SD is that of the pooled raters: sqrt(weighted mean of SD^2 + (mean - pooled mean)^2). N is the sum.

    Parameters
    ----------
    frame : DataFrame
        From a reader of this module, on the published forms.
    forms : list of str, length of `frame`
        The new form of every word.

    Returns
    -------
    DataFrame
        One row a new form, with ``published_form`` (all forms, joined by ``|``) and ``n_forms``.
    """
    columns = [str(c) for c in frame if c != "word"]
    frame = frame.assign(published_form=frame["word"], word=forms)
    together = frame["word"].duplicated(keep=False)
    rows = []
    for form, group in frame[together].groupby("word"):
        row: dict[str, object] = {"word": form, "published_form": "|".join(group["published_form"])}
        for d in DIMENSIONS:
            n = group[f"{d}_n"].to_numpy(float)
            weights = n if np.isfinite(n).all() else np.ones(len(group))
            row[f"{d}_n"] = n.sum()
            for mean in [
                c for c in columns if c == d or (c.startswith(f"{d}_") and not c.startswith((f"{d}_sd", f"{d}_n")))
            ]:
                row[mean] = pooled = np.average(group[mean], weights=weights)
                sd = mean.replace(d, f"{d}_sd", 1)
                if sd in columns:
                    row[sd] = np.sqrt(np.average(group[sd] ** 2 + (group[mean] - pooled) ** 2, weights=weights))
        rows.append(row | {"n_forms": len(group)})
    LOG.info(
        "%s: %d words as published, %d forms; %d forms stand for two or more words, whose ratings are pooled%s",
        path,
        len(frame),
        (~together).sum() + len(rows),
        len(rows),
        f" (first: {rows[0]['published_form']})" if rows else "",
    )
    alone = frame[~together].assign(n_forms=1)
    merged = pd.concat([alone, pd.DataFrame(rows)], ignore_index=True) if rows else alone
    return merged[["word", *columns, "published_form", "n_forms"]].sort_values("word", ignore_index=True)


def read_xu2022(path: str | Path) -> pd.DataFrame:
    """Chinese norms of Xu, Li & Chen (2022, Behavior Research Methods 54:26): 11,310 simplified words.

    Parameters
    ----------
    path : path
        The supplement as CSV, comma: ``Word, Valence_Mean`` (-3..3)``, Valence_SD, Valence_N, Arousal_Mean`` (0..4)``,
        Arousal_SD, Arousal_N``.

    Returns
    -------
    DataFrame
        The module's columns (SD and N known), ``valence_m3to3, valence_sd_m3to3, arousal_0to4, arousal_sd_0to4``,
        ``published_form``, ``n_forms``. Words that hold traditional characters are simplified and pooled as in
        `merge_forms`, and counted in the log.

    Raises
    ------
    ValueError
        Anything that `published` refuses.
    """
    columns = {
        d: {what: f"{d.capitalize()}_{c}" for what, c in (("mean", "Mean"), ("sd", "SD"), ("n", "N"))}
        for d in DIMENSIONS
    }
    needed = [c for own in columns.values() for c in own.values()]
    table = published.read_table(path, ["Word", *needed], ",")
    table["Word"] = published.words(path, table, "Word", "han")
    table = published.unique(path, table, ["Word"], needed)
    scales = {"valence": (-3.0, 3.0), "arousal": (0.0, 4.0)}
    frame = _standard(table["Word"].to_numpy(), _given(path, table, columns, scales, "Word"), scales)
    return merge_forms(frame, published.simplify(frame["word"].tolist(), "t2s"), path)


def read_cvaw(path: str | Path) -> pd.DataFrame:
    """Words of Chinese EmoBank (Lee, Li & Yu 2022, ACM TALLIP 21:65): 5,512 traditional words, scales 1-9, SD and no N.

    Parameters
    ----------
    path : path
        ``CVAW_all_SD.csv``; tab, columns ``Word, Valence_Mean, Arousal_Mean, Valence_SD, Arousal_SD``.

    Returns
    -------
    DataFrame
        The module's columns in simplified characters by OpenCC ``tw2s`` (5,476 words; N is NaN), ``valence_1to9,
        valence_sd_1to9, arousal_1to9, arousal_sd_1to9``, ``published_form`` (traditional), ``n_forms``. Forms that fall
        together are pooled with equal weight, for no N is published.

    Raises
    ------
    ValueError
        Anything that `published` refuses.
    """
    columns = {d: {"mean": f"{d.capitalize()}_Mean", "sd": f"{d.capitalize()}_SD"} for d in DIMENSIONS}
    needed = [c for own in columns.values() for c in own.values()]
    table = published.read_table(path, ["Word", *needed])
    table["Word"] = published.words(path, table, "Word", "han")
    table = published.unique(path, table, ["Word"], needed)
    scales = dict.fromkeys(DIMENSIONS, (1.0, 9.0))
    frame = _standard(table["Word"].to_numpy(), _given(path, table, columns, scales, "Word"), scales)
    return merge_forms(frame, published.simplify(frame["word"].tolist()), path)
