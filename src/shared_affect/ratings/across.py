"""Transfer: are words of one language predicted from ratings of another, by the arms that both have in common?"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TypedDict

import numpy as np
import pandas as pd

from shared_affect.base.log import LOG
from shared_affect.base.seeds import Seeds
from shared_affect.features.codes import LanguageCodes
from shared_affect.ratings.arms import ARMS, Arm, Design, Material, Sources, Untested, predictors
from shared_affect.ratings.folds import CrossFolds, permuted_indices
from shared_affect.ratings.rated_words import RatedWords, ordinary_norms, rated_words
from shared_affect.ratings.ridge import transfer_predict
from shared_affect.ratings.scores import (
    Resamples,
    above_chance,
    p_greater,
    pair_correlation,
    resample_words,
    score,
    within_fold_rs,
)
from shared_affect.ratings.within import Rows, Settings, prediction_frame, row_of_scores


class Transferred(TypedDict):
    """What `predict_transfer` finds.

    scores: direction (`en-zh`: fitted on en, tested on zh), arm, dimension and the columns of `within.Predicted`;
    ceiling is the correlation of the two languages' ratings over their common pairs, NaN where they do not agree.
    predictions: direction -> frame words of the tested language x (arm, dimension). not_tested: arm -> reason.
    """

    scores: pd.DataFrame
    predictions: dict[str, pd.DataFrame]
    not_tested: dict[str, str]


Designs = Mapping[str, Design]
"""Predictors of one arm by language, the same columns in both."""


def _both_designs(arm: Arm, materials: Mapping[str, Material]) -> Designs | Untested | None:
    """Predictors of an arm in both languages, why they could not be made, or None where the study does not ask."""
    made = [predictors(arm, m) for m in materials.values()]
    found = {k: m for k, m in zip(materials, made, strict=True) if isinstance(m, Design)}
    if any(m.rows is not None or m.draws is not None for m in found.values()):
        raise ValueError(f"arm {arm.name!r} transfers; allowed: one design of all words in each language")
    for m in made:
        if isinstance(m, Untested):
            return m
    return found if len(found) == len(materials) else None


def predict_transfer(
    materials: Mapping[str, Material],
    rated: Mapping[str, RatedWords],
    pairs: Mapping[str, np.ndarray],
    settings: Settings,
    seeds: Seeds,
    arms: Sequence[Arm] = ARMS,
) -> Transferred:
    """Rating prediction across two languages, both directions.

    Parameters
    ----------
    materials, rated : by language
        As in `within.predict_arms`, with the same features and dimensions; folds from `folds.paired_folds`. Groups are
        comparable across languages: a translation has the same one.
    pairs : by language, int array [n_pairs]
        Places of the words of each translation pair, for the ceiling.
    settings : Settings
        Permutations are for the arm that is tested across languages: the training ratings are permuted over their words
        and refitted.
    seeds : Seeds
        Each direction has streams of its own.
    arms : sequence of Arm

    Returns
    -------
    Transferred

    Raises
    ------
    ValueError
        If there are not two languages of the same dimensions, or a translation pair stands in several folds.
    """
    languages = list(materials)
    if len(languages) != 2:
        raise ValueError(f"languages are {languages}; allowed: two")
    a, b = languages
    names = list(rated[a].ratings)
    if names != list(rated[b].ratings):
        raise ValueError(f"dimensions of {a} are {names}, of {b} {list(rated[b].ratings)}; allowed: the same in both")
    Y = {k: rated[k].targets for k in languages}
    ceilings = {
        d: above_chance(pair_correlation(Y[a][:, i], pairs[a], Y[b][:, i], pairs[b]), len(pairs[a]))
        for i, d in enumerate(names)
    }
    ways = {
        f"{source}-{target}": (source, target, _Way.draw(rated[source], rated[target], settings, seeds.child(way)))
        for source, target, way in ((a, b, f"{a}-{b}"), (b, a, f"{b}-{a}"))
    }
    rows: dict[str, Rows] = {way: [] for way in ways}
    predictions: dict[str, dict[str, np.ndarray]] = {way: {} for way in ways}
    not_tested: dict[str, str] = {}
    # one arm at a time: residuals of 25,000 words and 3,584 dimensions are 720 MB in float64, in each language
    for arm in sorted((x for x in arms if x.transfers), key=lambda x: not x.tested_across):
        designs = _both_designs(arm, materials)
        if isinstance(designs, Untested):
            not_tested[arm.name] = designs.reason
        elif designs is not None:
            for name, (source, target, way) in ways.items():
                found, predictions[name][arm.name] = way.score(arm, designs[source], designs[target], ceilings)
                rows[name] += [{"direction": name, **row} for row in found]
        del designs
    frames = {n: prediction_frame(predictions[n], names, rated[target].words) for n, (_, target, _) in ways.items()}
    return {
        "scores": pd.DataFrame([row for found in rows.values() for row in found]),
        "predictions": frames,
        "not_tested": not_tested,
    }


@dataclass(frozen=True, eq=False)
class _Way:
    """One language predicted from another: what all arms have in common.

    Attributes
    ----------
    source, target : RatedWords
    folds : CrossFolds
    resamples : list
        Of the target's words, as `scores.resample_words`.
    settings : Settings
    seeds : Seeds
        Of this direction.
    """

    source: RatedWords
    target: RatedWords
    folds: CrossFolds
    resamples: Resamples
    settings: Settings
    seeds: Seeds

    @classmethod
    def draw(cls, source: RatedWords, target: RatedWords, settings: Settings, seeds: Seeds) -> _Way:
        """Draw inner folds and resamples."""
        folds = CrossFolds.draw(source.groups, target.groups, target.fold, settings.n_inner, seeds.rng("inner_folds"))
        resamples = resample_words(target.fold, settings.n_bootstrap, seeds.rng("bootstrap"))
        return cls(source, target, folds, resamples, settings, seeds)

    def score(
        self, arm: Arm, design_train: Design, design_test: Design, ceilings: Mapping[str, float | None]
    ) -> tuple[Rows, np.ndarray]:
        """Rows of an arm, a dimension each, and its predictions [n of the target, dimensions]."""
        y, truth, fold, names = self.source.targets, self.target.targets, self.target.fold, list(self.source.ratings)
        n = self.settings.n_permutations if arm.tested_across else 0
        targets = y
        if n:
            permuted = permuted_indices(self.source.groups, n, self.seeds.rng("permutations"))
            targets = np.column_stack([y, *(y[:, d][permuted].T for d in range(len(names)))])
            del permuted
        predicted = transfer_predict(design_train.X, targets, design_test.X, self.folds, self.settings.alphas)
        rows: Rows = []
        for d, name in enumerate(names):
            result = score(truth[:, d], predicted[:, d], fold, self.resamples)
            p = np.nan
            if n:
                null = predicted[:, len(names) + d * n :][:, :n]
                same = np.broadcast_to(truth[:, [d]], null.shape)
                p = p_greater(result["r"], within_fold_rs(same, null, fold))
            rows.append({"arm": arm.name, "dimension": name, **row_of_scores(result, p, n, ceilings[name])})
        return rows, predicted[:, : len(names)].copy()


def _pair_rows(words: Mapping[str, Sequence[str]], translations: pd.DataFrame) -> dict[str, np.ndarray]:
    """Places of the translation pairs whose words are all there, by language."""
    place = {k: {w: i for i, w in enumerate(own)} for k, own in words.items()}
    whole = translations[np.logical_and.reduce([translations[k].isin(place[k]) for k in words])]
    return {k: whole[k].map(place[k]).to_numpy(int) for k in words}


def predict_across(
    codes: Mapping[str, LanguageCodes],
    norms: Mapping[str, pd.DataFrame],
    folds: pd.DataFrame,
    translations: pd.DataFrame,
    shared: pd.DataFrame,
    *,
    dimensions: Sequence[str],
    settings: Mapping,
    seeds: Seeds,
) -> pd.DataFrame:
    """Transfer in both directions: the scores of `predict_transfer`; what could not be made has no row, and the log
    says why.

    Parameters
    ----------
    codes, norms : by language
        As in `within.predict_language`; codes are asked for once each (`codes.StoredCodes`).
    folds : DataFrame as of `folds.draw_folds`
    translations : DataFrame as of `lemma_families.read_translations`
    shared : DataFrame ``feature, shared``
    dimensions : sequence of str
    settings : mapping
        Config key ratings.
    seeds : Seeds
    """
    rated, known = {}, {}
    for k in codes:
        own = codes[k]
        rated[k] = rated_words(ordinary_norms(own, norms[k], folds, k), dimensions)
        # no arm that transfers reads embeddings: they are the tokens of one language
        known[k] = replace(own.rated.rows(rated[k].words), static=np.empty((len(rated[k].words), 0)))
        del own
    live = np.unique(np.concatenate([c.live() for c in known.values()]))
    materials = {
        k: Material(c, live, Sources(shared=shared), len(np.unique(rated[k].fold)), settings["n_matched"], seeds)
        for k, c in known.items()
    }
    pairs = _pair_rows({k: r.words for k, r in rated.items()}, translations)
    result = predict_transfer(materials, rated, pairs, Settings.of(settings), seeds)
    for arm, reason in result["not_tested"].items():
        LOG.info("transfer, arm %s not tested: %s", arm, reason)
    return result["scores"]
