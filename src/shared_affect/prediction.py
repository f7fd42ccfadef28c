"""Rating prediction from the files of the workflow: which words, which folds, which arms."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

from shared_affect.codes import LanguageCodes, WordCodes
from shared_affect.ratings import (
    culture_difference_r,
    matched_draws,
    paired_folds,
    predict_arms,
    predict_transfer,
    reliability_ceiling,
)
from shared_affect.runtime import LOG


def ordinary_words(codes: LanguageCodes, norms: pd.DataFrame) -> list[str]:
    """Rated words that stand in no concept-set."""
    concepts = set(codes.concepts.words)
    return [w for w in norms["word"] if w not in concepts]


def groups_of(words: Sequence[str], language: str, translations: pd.DataFrame) -> np.ndarray:
    """Group of each word: its translation pair, or itself where it has none."""
    pair = dict(zip(translations[language], translations["pair"].astype(str), strict=True)) if language in translations else {}
    return np.array([f"pair {pair[w]}" if w in pair else f"{language} {w}" for w in words])


def _folds(norms: Mapping[str, pd.DataFrame], translations: pd.DataFrame, n_folds: int, rng) -> dict[str, np.ndarray]:
    """Outer folds of all languages together, so that a pair is in the same fold everywhere.

    Concept words get folds too and are dropped by the caller.
    """
    return paired_folds({k: groups_of(f["word"].tolist(), k, translations) for k, f in norms.items()}, n_folds, rng)


def _prepare(codes: LanguageCodes, language: str, norms: Mapping[str, pd.DataFrame], translations: pd.DataFrame, fold: np.ndarray):
    frame = norms[language].assign(fold=fold).set_index("word").loc[ordinary_words(codes, norms[language])]
    words = frame.index.tolist()
    return frame, words, codes.rated.rows(words), groups_of(words, language, translations)


def _position(live: np.ndarray, features) -> np.ndarray:
    return np.flatnonzero(np.isin(live, np.asarray(features, int)))


def predict_language(codes: LanguageCodes, language: str, norms: Mapping[str, pd.DataFrame], translations: pd.DataFrame, space: np.ndarray,
                     shared: pd.DataFrame | None, *, dimensions: Sequence[str], settings: Mapping, fold_rng: np.random.Generator, rng: np.random.Generator) -> dict:
    """All arms of one language on its ordinary rated words.

    Parameters
    ----------
    codes : LanguageCodes
    language : str
    norms : mapping of language -> standard norms
        All languages of the study: folds are drawn over all of them together. Where an SD or N is NaN the ceiling is unknown.
    translations : DataFrame ``pair``, one column a language
    space : ndarray of int
        Union of the emotions' features.
    shared : DataFrame ``feature, shared`` or None
    dimensions : sequence of str
    settings : mapping
        Config key ratings.

    Returns
    -------
    dict
        As `ratings.predict_arms`, with ``n_emotion_space`` and ``n_live``.
    """
    fold = _folds(norms, translations, settings["n_outer"], fold_rng)[language]
    frame, words, rated, groups = _prepare(codes, language, norms, translations, fold)
    live = rated.live()
    x = rated.columns(live)
    inside = _position(live, space)
    arms: dict[str, np.ndarray] = {"all": np.arange(len(live)), "emotion-space": inside, "dense": rated.dense, "static": rated.static}
    if shared is not None:
        arms["shared"] = _position(live, shared["feature"][shared["shared"]])
    matched = matched_draws(inside, np.setdiff1d(np.arange(len(live)), inside), (x > 0).mean(0), np.linalg.norm(x, axis=0), n_draws=settings["n_matched"], rng=rng)
    ceilings = {d: None if frame[[f"{d}_sd", f"{d}_n"]].isna().any(axis=None) else reliability_ceiling(*(frame[c].to_numpy(float) for c in (d, f"{d}_sd", f"{d}_n")))
                for d in dimensions}
    result = predict_arms(x, {d: frame[d].to_numpy(float) for d in dimensions}, groups, arms, words=words, fold=frame["fold"].to_numpy(), matched=matched, ceilings=ceilings,
                          margin=settings["margin"], n_permutations=settings["n_permutations"], n_bootstrap=settings["n_bootstrap"], n_inner=settings["n_inner"], rng=rng)
    if matched.reason:
        result["not_tested"] |= {"outside-matched": matched.reason}
    LOG.info("%s: %d ordinary words, %d live features, %d in the emotion space", language, len(words), len(live), len(inside))
    return result | {"n_emotion_space": len(inside), "n_live": len(live)}


def predict_across(codes: Mapping[str, LanguageCodes], norms: Mapping[str, pd.DataFrame], translations: pd.DataFrame, shared: pd.DataFrame, *,
                   dimensions: Sequence[str], settings: Mapping, fold_rng: np.random.Generator, rng: np.random.Generator) -> pd.DataFrame:
    """Transfer in both directions: rows of `ratings.predict_transfer`, arms ``shared``, ``all``, ``dense``; where a shared feature
    is lacking, a row with r 0 does not appear and the log says so."""
    folds = _folds(norms, translations, settings["n_outer"], fold_rng)
    prepared = {k: _prepare(codes[k], k, norms, translations, folds[k]) for k in codes}
    rated: dict[str, WordCodes] = {k: v[2] for k, v in prepared.items()}
    live = np.unique(np.concatenate([r.live() for r in rated.values()]))
    arms = {"shared": _position(live, shared["feature"][shared["shared"]]), "all": np.arange(len(live)), "dense": {k: r.dense for k, r in rated.items()}}
    result = predict_transfer({k: r.columns(live) for k, r in rated.items()}, {k: {d: v[0][d].to_numpy(float) for d in dimensions} for k, v in prepared.items()},
                              {k: v[3] for k, v in prepared.items()}, arms, words={k: v[1] for k, v in prepared.items()},
                              fold={k: v[0]["fold"].to_numpy() for k, v in prepared.items()}, n_permutations=settings["n_permutations"],
                              n_bootstrap=settings["n_bootstrap"], n_inner=settings["n_inner"], rng=rng)
    for arm, reason in result["not_tested"].items():
        LOG.info("transfer, arm %s not tested: %s", arm, reason)
    return result["scores"]


def long_predictions(predictions: pd.DataFrame) -> pd.DataFrame:
    """Out-of-fold predictions in long form: ``word, arm, dimension, prediction``."""
    return predictions.stack(["arm", "dimension"]).rename("prediction").reset_index()


def culture_differences(predictions: Mapping[str, pd.DataFrame], values: Mapping[str, pd.DataFrame], translations: pd.DataFrame, *, n_bootstrap: int,
                        rng: np.random.Generator) -> pd.DataFrame:
    """Correlation over translation pairs of predicted (arm ``all``) with true valence difference, second minus first language.

    Parameters
    ----------
    predictions : mapping of language -> long predictions
    values : mapping of language -> DataFrame ``word, valence``
        Ratings of people, or the noise-free coordinates of a planted world.
    translations : DataFrame ``pair``, one column a language
    """
    first, second = predictions
    predicted, true = {}, {}
    for k in (first, second):
        pair = dict(zip(translations[k], translations["pair"], strict=True))
        rows = predictions[k].query("arm == 'all' and dimension == 'valence'").set_index("word")["prediction"]
        predicted[k] = rows[rows.index.isin(pair)].rename(index=pair)
        v = values[k].set_index("word")["valence"].astype(float)
        true[k] = v[v.index.isin(pair)].rename(index=pair)
    common = [p for p in predicted[first].index if all(p in s.index for s in (predicted[second], true[first], true[second]))]
    result = culture_difference_r(predicted[second][common], predicted[first][common], (true[second][common] - true[first][common]), n_bootstrap=n_bootstrap, rng=rng)
    return pd.DataFrame([{"quantity": "valence_difference_r", **result}])
