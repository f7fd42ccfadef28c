"""Transfer: are words of one language predicted from ratings of another, by the arms that both have in common?"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
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


def _both_designs(
    arms: Sequence[Arm], materials: Mapping[str, Material]
) -> tuple[list[tuple[Arm, Designs]], dict[str, str]]:
    """Arms that transfer, the one that is tested first, and why others of them could not be made."""
    designs: list[tuple[Arm, Designs]] = []
    not_tested: dict[str, str] = {}
    for arm in sorted((a for a in arms if a.transfers), key=lambda a: not a.tested_across):
        both = {k: predictors(arm, m) for k, m in materials.items()}
        reasons = [m.reason for m in both.values() if isinstance(m, Untested)]
        found = {k: m for k, m in both.items() if isinstance(m, Design)}
        if any(m.rows is not None or m.draws is not None for m in found.values()):
            raise ValueError(f"arm {arm.name!r} transfers; allowed: one design of all words in each language")
        if reasons:
            not_tested[arm.name] = reasons[0]
        elif len(found) == len(materials):
            designs.append((arm, found))
    return designs, not_tested


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
    designs, not_tested = _both_designs(arms, materials)
    Y = {k: rated[k].targets for k in languages}
    ceilings = {
        d: above_chance(pair_correlation(Y[a][:, i], pairs[a], Y[b][:, i], pairs[b]), len(pairs[a]))
        for i, d in enumerate(names)
    }
    rows: Rows = []
    frames = {}
    for source, target in ((a, b), (b, a)):
        direction = f"{source}-{target}"
        found, predictions = _one_direction(
            [(arm, d[source], d[target]) for arm, d in designs],
            rated[source],
            rated[target],
            ceilings,
            settings,
            seeds.child(direction),
        )
        rows += [{"direction": direction, **row} for row in found]
        frames[direction] = prediction_frame(predictions, names, rated[target].words)
    return {"scores": pd.DataFrame(rows), "predictions": frames, "not_tested": not_tested}


def _one_direction(
    designs: Sequence[tuple[Arm, Design, Design]],
    source: RatedWords,
    target: RatedWords,
    ceilings: Mapping[str, float | None],
    settings: Settings,
    seeds: Seeds,
) -> tuple[Rows, dict[str, np.ndarray]]:
    """Rows and predictions [n of the target, dimensions] of every arm, fitted on one language for the other."""
    folds = CrossFolds.draw(source.groups, target.groups, target.fold, settings.n_inner, seeds.rng("inner_folds"))
    resamples = resample_words(target.fold, settings.n_bootstrap, seeds.rng("bootstrap"))
    n = settings.n_permutations
    indices = permuted_indices(source.groups, n, seeds.rng("permutations")) if n else None
    y, truth, names = source.targets, target.targets, list(source.ratings)
    rows: Rows = []
    predictions = {}
    for arm, design_train, design_test in designs:
        permuted = indices if arm.tested_across else None
        targets = y if permuted is None else np.column_stack([y, *(y[:, d][permuted].T for d in range(len(names)))])
        predicted = transfer_predict(design_train.X, targets, design_test.X, folds, settings.alphas)
        predictions[arm.name] = predicted[:, : len(names)]
        for d, name in enumerate(names):
            result = score(truth[:, d], predicted[:, d], target.fold, resamples)
            p, n_used = np.nan, 0
            if permuted is not None:
                null = predicted[:, len(names) + d * n :][:, :n]
                same = np.broadcast_to(truth[:, [d]], null.shape)
                p, n_used = p_greater(result["r"], within_fold_rs(same, null, target.fold)), n
            rows.append({"arm": arm.name, "dimension": name, **row_of_scores(result, p, n_used, ceilings[name])})
    return rows, predictions


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
        As in `within.predict_language`.
    folds : DataFrame as of `folds.draw_folds`
    translations : DataFrame as of `lemma_families.read_translations`
    shared : DataFrame ``feature, shared``
    dimensions : sequence of str
    settings : mapping
        Config key ratings.
    seeds : Seeds
    """
    rated = {k: rated_words(ordinary_norms(codes[k], norms[k], folds, k), dimensions) for k in codes}
    known = {k: codes[k].rated.rows(r.words) for k, r in rated.items()}
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
