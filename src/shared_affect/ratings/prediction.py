"""Rating prediction from the files of the workflow: which words, which folds, which arms."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

from shared_affect.base.log import LOG
from shared_affect.base.seeds import Seeds
from shared_affect.features.codes import LanguageCodes, WordCodes
from shared_affect.ratings.folds import paired_folds
from shared_affect.ratings.ratings import (
    culture_difference_r,
    matched_draws,
    predict_arms,
    predict_partial_arm,
    predict_transfer,
    reliability_ceiling,
)
from shared_affect.words.lemma_families import word_groups

MIN_WORDS_A_FOLD = 20
"""Fewest words a fold for an arm that knows some of the words only."""


def ordinary_words(codes: LanguageCodes, norms: pd.DataFrame) -> list[str]:
    """Rated words that stand in no concept-set."""
    concepts = {*codes.concepts.words, *codes.left_out}
    return [w for w in norms["word"] if w not in concepts]


def draw_folds(
    words: Mapping[str, Sequence[str]],
    translations: pd.DataFrame,
    rules: Mapping[str, str],
    n_folds: int,
    rng: np.random.Generator,
) -> pd.DataFrame:
    """Group and outer fold of every word, drawn for all languages together, so that a group is in the same fold
    everywhere.

    Parameters
    ----------
    words : mapping of language -> rated words
        Concept words among them get folds too; the predictions drop them.
    translations : DataFrame as of `lemmas.read_translations`
    rules : mapping of language -> rule of `lemmas.family_links`
    n_folds : int
    rng : Generator

    Returns
    -------
    DataFrame
        ``language, word, group, fold``, see `lemmas.word_groups`.
    """
    groups = word_groups(words, rules, translations)
    fold = paired_folds(groups, n_folds, rng)
    return pd.concat(
        [
            pd.DataFrame({"language": k, "word": list(own), "group": groups[k], "fold": fold[k]})
            for k, own in words.items()
        ],
        ignore_index=True,
    )


def _in_folds(norms: pd.DataFrame, folds: pd.DataFrame, language: str) -> pd.DataFrame:
    """Norms of a language with the group and the fold of every word."""
    own = folds[folds["language"] == language].drop(columns="language")
    if missing := sorted(set(norms["word"]) - set(own["word"])):
        raise ValueError(
            f"{len(missing)} rated words of {language!r} are in no fold, {missing[0]!r} among them; needed: the folds"
            " of these norms"
        )
    return norms.merge(own, on="word", validate="one_to_one")


def _prepare(codes: LanguageCodes, folded: pd.DataFrame):
    frame = folded.set_index("word").loc[ordinary_words(codes, folded)]
    words = frame.index.tolist()
    return frame, words, codes.rated.rows(words), frame["group"].to_numpy(str)


def _pair_rows(words: Mapping[str, Sequence[str]], translations: pd.DataFrame) -> dict[str, np.ndarray]:
    """Places of the translation pairs whose words are all there, by language."""
    place = {k: {w: i for i, w in enumerate(own)} for k, own in words.items()}
    whole = translations[np.logical_and.reduce([translations[k].isin(place[k]) for k in words])]
    return {k: whole[k].map(place[k]).to_numpy(int) for k in words}


def _position(live: np.ndarray, features) -> np.ndarray:
    return np.flatnonzero(np.isin(live, np.asarray(features, int)))


def predict_language(
    codes: LanguageCodes,
    language: str,
    norms: pd.DataFrame,
    folds: pd.DataFrame,
    space: np.ndarray,
    shared: pd.DataFrame | None,
    associations: tuple[Sequence[str], np.ndarray] | None = None,
    *,
    dimensions: Sequence[str],
    settings: Mapping,
    seeds: Seeds,
) -> dict:
    """All arms of one language on its ordinary rated words.

    Parameters
    ----------
    codes : LanguageCodes
    language : str
    norms : DataFrame
        Standard norms of the language. Where an SD or N is NaN the ceiling is unknown.
    folds : DataFrame as of `draw_folds`
    space : ndarray of int
        Union of the emotions' features.
    shared : DataFrame ``feature, shared`` or None
    associations : (words, vectors), optional
        For the arm `association`, over the words it knows (in lower case).
    dimensions : sequence of str
    settings : mapping
        Config key ratings.
    seeds : Seeds
        Matched draws, inner folds, resamples and permutations have a stream each.

    Returns
    -------
    dict
        As `ratings.predict_arms`, with ``n_emotion_space``, ``n_live`` and ``matched``: how like the space the matched
        features are (`ratings.MatchedDraws`: ``balance``, ``n_beyond``, ``caliper``).
    """
    frame, words, rated, groups = _prepare(codes, _in_folds(norms, folds, language))
    live = rated.live()
    x = rated.columns(live)
    inside = _position(live, space)
    arms: dict[str, np.ndarray] = {
        "all": np.arange(len(live)),
        "emotion-space": inside,
        "dense": rated.dense,
        "static": rated.static,
    }
    if shared is not None:
        arms["shared"] = _position(live, shared["feature"][shared["shared"]])
    matched = matched_draws(
        inside,
        np.setdiff1d(np.arange(len(live)), inside),
        (x > 0).mean(0),
        np.linalg.norm(x, axis=0),
        n_draws=settings["n_matched"],
        rng=seeds.rng("outside-matched"),
    )
    ratings = {d: frame[d].to_numpy(float) for d in dimensions}
    common = {k: settings[k] for k in ("margin", "n_bootstrap", "n_inner")} | {"seeds": seeds}
    result = predict_arms(
        x,
        ratings,
        groups,
        arms,
        words=words,
        fold=frame["fold"].to_numpy(),
        matched=matched,
        ceilings=_ceilings(frame, dimensions),
        n_permutations=settings["n_permutations"],
        **common,
    )
    if associations is not None:
        _add_associations(result, associations, frame, ratings, groups, common)
    if matched.reason:
        result["not_tested"] |= {"outside-matched": matched.reason}
    LOG.info(
        "%s: %d ordinary words, %d live features, %d in the emotion space", language, len(words), len(live), len(inside)
    )
    balance = {"balance": matched.balance.to_dict("records"), "n_beyond": matched.n_beyond, "caliper": matched.caliper}
    return result | {"n_emotion_space": len(inside), "n_live": len(live), "matched": balance}


def _ceilings(frame: pd.DataFrame, dimensions: Sequence[str]) -> dict[str, float | None]:
    return {
        d: (
            None
            if frame[[f"{d}_sd", f"{d}_n"]].isna().any(axis=None)
            else reliability_ceiling(*(frame[c].to_numpy(float) for c in (d, f"{d}_sd", f"{d}_n")))
        )
        for d in dimensions
    }


def _add_associations(
    result: dict,
    associations,
    frame: pd.DataFrame,
    ratings: Mapping[str, np.ndarray],
    groups: np.ndarray,
    common: Mapping,
) -> None:
    place = {w: i for i, w in enumerate(associations[0])}
    known = frame.index.str.lower().map(place)
    rows = np.flatnonzero(known.notna())
    n_folds = frame["fold"].nunique()
    if len(rows) < MIN_WORDS_A_FOLD * n_folds:
        result["not_tested"] |= {
            "association": (
                f"{len(rows)} of {len(frame)} rated words have associations; needed: {MIN_WORDS_A_FOLD * n_folds}"
            )
        }
        return
    stored = result["predictions"]
    beside = {a: stored[a][list(ratings)].to_numpy() for a in ("all", "emotion-space", "static") if a in stored}
    scores, differences = predict_partial_arm(
        "association",
        associations[1][known[rows].to_numpy(int)],
        rows,
        ratings,
        groups,
        frame["fold"].to_numpy(),
        beside,
        ceilings=_ceilings(frame.iloc[rows], list(ratings)),
        **common,
    )
    result["scores"] = pd.concat([result["scores"], scores], ignore_index=True)
    result["differences"] = pd.concat([result["differences"], differences], ignore_index=True)
    LOG.info("association: %d of %d rated words", len(rows), len(frame))


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
    """Transfer in both directions: rows of `ratings.predict_transfer`, arms ``shared``, ``all``, ``dense``; where a
    shared feature is lacking, a row with r 0 does not appear and the log says so."""
    prepared = {k: _prepare(codes[k], _in_folds(norms[k], folds, k)) for k in codes}
    rated: dict[str, WordCodes] = {k: v[2] for k, v in prepared.items()}
    live = np.unique(np.concatenate([r.live() for r in rated.values()]))
    arms = {
        "shared": _position(live, shared["feature"][shared["shared"]]),
        "all": np.arange(len(live)),
        "dense": {k: r.dense for k, r in rated.items()},
    }
    result = predict_transfer(
        {k: r.columns(live) for k, r in rated.items()},
        {k: {d: v[0][d].to_numpy(float) for d in dimensions} for k, v in prepared.items()},
        {k: v[3] for k, v in prepared.items()},
        arms,
        words={k: v[1] for k, v in prepared.items()},
        pairs=_pair_rows({k: v[1] for k, v in prepared.items()}, translations),
        fold={k: v[0]["fold"].to_numpy() for k, v in prepared.items()},
        n_permutations=settings["n_permutations"],
        n_bootstrap=settings["n_bootstrap"],
        n_inner=settings["n_inner"],
        seeds=seeds,
    )
    for arm, reason in result["not_tested"].items():
        LOG.info("transfer, arm %s not tested: %s", arm, reason)
    return result["scores"]


def long_predictions(predictions: pd.DataFrame) -> pd.DataFrame:
    """Out-of-fold predictions in long form: ``word, arm, dimension, prediction``."""
    return predictions.stack(["arm", "dimension"]).rename("prediction").reset_index()


def culture_differences(
    predictions: Mapping[str, pd.DataFrame],
    values: Mapping[str, pd.DataFrame],
    translations: pd.DataFrame,
    *,
    n_bootstrap: int,
    rng: np.random.Generator,
) -> pd.DataFrame:
    """Correlation over translation pairs of predicted (arm ``all``) with true valence difference, see
    `ratings.culture_difference_r`.

    Parameters
    ----------
    predictions : mapping of language -> long predictions
    values : mapping of language -> DataFrame ``word, valence``
        Ratings of people, or the noise-free coordinates of a planted world.
    translations : DataFrame as of `lemmas.read_translations`
        A pair counts where both words are predicted and have a value; a word of several pairs enters each.
    """
    first, second = predictions
    frame = None
    for k in (first, second):
        rows = (
            predictions[k]
            .query("arm == 'all' and dimension == 'valence'")[["word", "prediction"]]
            .merge(values[k][["word", "valence"]], on="word")
        )
        rows = rows.rename(columns={"word": k, "prediction": f"predicted {k}", "valence": f"true {k}"})
        frame = rows.merge(translations, on=k) if frame is None else frame.merge(rows, on=k)
    frame = frame.set_index("pair")
    predicted, rated = (
        {k: frame[f"{kind} {k}"].astype(float) for k in (first, second)} for kind in ("predicted", "true")
    )
    result = culture_difference_r(predicted, rated, n_bootstrap=n_bootstrap, rng=rng)
    return pd.DataFrame([{"quantity": "valence_difference_r", **result}])
