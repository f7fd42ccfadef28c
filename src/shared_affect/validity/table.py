"""Whether features found with words fire on texts that name no emotion: the rows of the published table."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy.sparse import csr_matrix

from shared_affect.base.log import LOG
from shared_affect.base.seeds import Seeds
from shared_affect.base.stats import percentile_interval
from shared_affect.features.codes import LanguageCodes
from shared_affect.features.texts import READOUTS
from shared_affect.validity.auroc import Texts, intervals, mean_interval, permutation_p
from shared_affect.validity.files import AGAINST, MEAN, VALIDITY
from shared_affect.validity.scores import drawn_features, features_of_shuffled_sets, scores

TESTED = AGAINST[:2]
"""What can be exchanged with vignettes. Unmatched neutral texts differ from them in scenario too."""


@dataclass(frozen=True, eq=False)
class Stimuli:
    """Vignettes and neutral texts with their codes, in one order.

    Attributes
    ----------
    texts : DataFrame
        Of `human.files.VIGNETTES`.
    codes : mapping of readout -> csr_matrix, ``[len(texts), d_sae]``
    n_tokens : ndarray of int, ``[len(texts)]``
    emotion_of : mapping of category -> emotion of the study
    """

    texts: pd.DataFrame
    codes: Mapping[str, csr_matrix]
    n_tokens: np.ndarray
    emotion_of: Mapping[str, str]

    @classmethod
    def of(cls, texts: pd.DataFrame, arrays: Mapping[str, np.ndarray], emotion_of: Mapping[str, str]) -> Stimuli:
        """From the arrays of `validity.files.TEXT_CODES`, found by the texts' ids.

        Raises
        ------
        ValueError
            If a text was not read.
        """
        from scipy.sparse import csr_matrix

        where = {t: i for i, t in enumerate(arrays["text_ids"].tolist())}
        if missing := [t for t in texts["text_id"] if t not in where]:
            raise ValueError(f"text {missing[0]!r} has no codes ({len(missing)} missing); read the vignettes again")
        at, n = np.array([where[t] for t in texts["text_id"]]), len(where)
        every = csr_matrix(
            (arrays["data"], arrays["indices"], arrays["indptr"]),
            shape=(len(arrays["indptr"]) - 1, int(arrays["d_sae"])),
        )
        codes = {r: every[k * n + at] for k, r in enumerate(arrays["readouts"].tolist())}
        return cls(texts.reset_index(drop=True), codes, arrays["n_tokens"][at], emotion_of)

    @property
    def emotions(self) -> list[str]:
        """Emotions that vignettes stand for, in order of their categories."""
        return list(dict.fromkeys(self.emotion_of.values()))

    def scored(self, features: pd.DataFrame, readout: str) -> Texts:
        """Scores of all texts by some features."""
        t, found = self.texts, scores(self.codes[readout], features, self.emotions)
        role, place = t["role"].to_numpy(), {x: i for i, x in enumerate(t["text_id"])}
        own = np.flatnonzero(role == "vignette")
        partner = np.array([place[p] for p in t["partner"].iloc[own]])
        emotion = [self.emotion_of.get(c, "") for c in t["category"].iloc[own]]
        return Texts(
            tuple(self.emotions),
            np.array([self.emotions.index(e) if e else -1 for e in emotion]),
            np.unique(t["block"].iloc[own], return_inverse=True)[1],
            found[own],
            found[partner],
            found[role == "unmatched"],
        )


def validity(
    stimuli: Stimuli,
    codes: LanguageCodes,
    selected: pd.DataFrame,
    *,
    contrast: Collection[str],
    settings: Mapping,
    n_draws: int,
    n_permutations: int,
    seeds: Seeds,
) -> pd.DataFrame:
    """AUROC of each emotion and their mean, for the features and for what stands beside them.

    Parameters
    ----------
    stimuli : Stimuli
    codes : LanguageCodes
        Of the concept words.
    selected : DataFrame
        Of `features.files.SELECTED`, all emotions of the study.
    contrast, settings
        As in `select.select`; ``settings["shuffles"]`` says how often words are permuted over the concept-sets.
    n_draws : int
        Of random features.
    n_permutations : int
    seeds : Seeds

    Returns
    -------
    DataFrame
        Columns of `validity.files.VALIDITY`.
    """
    rows: list[dict] = []
    for readout in READOUTS:
        texts = stimuli.scored(selected, readout)
        for what in _there(texts):
            rng = seeds.rng("permute", readout, what)
            rows += _rows_of_features(stimuli, texts, what, readout, n_permutations, rng)
    emotions = stimuli.emotions
    random = drawn_features(codes, selected, emotions, n_draws, seeds.rng("random-features"))
    rows += _rows_of_draws(stimuli, "random-features", random)
    n = settings["shuffles"]
    shuffled = features_of_shuffled_sets(codes, contrast, settings, n, seeds.rng("shuffled-sets"))
    rows += _rows_of_draws(stimuli, "shuffled-sets", shuffled)
    found = pd.DataFrame(rows)[VALIDITY.columns]
    primary = found[(found["arm"] == "features") & (found["readout"] == READOUTS[0]) & (found["emotion"] == MEAN)]
    LOG.info("\n%s", primary.to_string())
    return found


def _there(texts: Texts) -> Sequence[str]:
    return AGAINST if len(texts.unmatched) else AGAINST[:2]


def _counts(stimuli: Stimuli, texts: Texts, what: str, emotion: int | None) -> dict:
    """What a row rests on; None: the mean over emotions."""
    mine = texts.own >= 0 if emotion is None else texts.own == emotion
    others = {
        "matched-neutral": int(mine.sum()),
        "other-emotions": len(mine) if emotion is None else int((~mine).sum()),
        "unmatched-neutral": len(texts.unmatched),
    }
    own = stimuli.n_tokens[(stimuli.texts["role"] == "vignette").to_numpy()][mine]
    return {
        "n_vignettes": int(mine.sum()),
        "n_against": others[what],
        "n_emotions": len(texts.emotions) if emotion is None else 1,
        "n_tokens": float(own.mean()),
    }


def _rows_of_features(
    stimuli: Stimuli, texts: Texts, what: str, readout: str, n_permutations: int, rng: np.random.Generator
) -> list[dict]:
    areas = texts.aurocs(what)
    each, mean = np.full(len(areas), np.nan), np.nan
    if what in TESTED:
        each, mean = permutation_p(texts, what, n_permutations, rng)
    names = [*texts.emotions, MEAN]
    ends = [*intervals(texts, what), mean_interval(texts, what)]
    rows = []
    for k, (emotion, area, p) in enumerate(zip(names, [*areas, areas.mean()], [*each, mean], strict=True)):
        own = {"emotion": emotion, "auroc": area, "ci_low": ends[k][0], "ci_high": ends[k][1], "p": p}
        own |= {"n_draws": 0, "n_permutations": 0 if np.isnan(p) else n_permutations}
        counts = _counts(stimuli, texts, what, None if emotion == MEAN else k)
        rows.append({"arm": "features", "readout": readout, "against": what} | own | counts)
    return rows


def _rows_of_draws(stimuli: Stimuli, arm: str, draws: Iterable[pd.DataFrame]) -> list[dict]:
    """Mean and central 95 % of draws, no test a draw."""
    areas: dict[tuple[str, str], list[np.ndarray]] = {}
    for features in draws:
        for readout in READOUTS:
            texts = stimuli.scored(features, readout)
            for what in _there(texts):
                own = texts.aurocs(what)
                areas.setdefault((readout, what), []).append(np.append(own, own.mean()))
    rows = []
    for (readout, what), found in areas.items():
        values = np.array(found)
        low, high = percentile_interval(values)
        for e, emotion in enumerate([*texts.emotions, MEAN]):
            rows.append(
                {
                    "arm": arm,
                    "readout": readout,
                    "against": what,
                    "emotion": emotion,
                    "auroc": values[:, e].mean(),
                    "ci_low": low[e],
                    "ci_high": high[e],
                    "p": np.nan,
                    "n_permutations": 0,
                    "n_draws": len(values),
                }
                | _counts(stimuli, texts, what, None if emotion == MEAN else e)
            )
    return rows
