"""Do features predict how people rate words? All arms of one language, through the same folds."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TypedDict

import numpy as np
import pandas as pd

from shared_affect.base.log import LOG
from shared_affect.base.seeds import Seeds
from shared_affect.features.codes import LanguageCodes
from shared_affect.ratings.arms import ARMS, Arm, Design, Material, Sources, Untested, predictors
from shared_affect.ratings.folds import Folds, permuted_indices
from shared_affect.ratings.rated_words import RatedWords, ordinary_norms, rated_words
from shared_affect.ratings.ridge import ALPHAS, N_INNER, Predictors, nested_cv_predict
from shared_affect.ratings.scores import (
    Resamples,
    equivalent,
    p_greater,
    paired_difference,
    resample_words,
    score,
    within_fold_ranks,
    within_fold_rs,
)


@dataclass(frozen=True, eq=False)
class Settings:
    """How predictions are made and judged (config key ratings).

    Attributes
    ----------
    n_permutations : int
        Permuted ratings behind each p; 0 = no test.
    n_bootstrap : int
        Resamples of words behind each interval.
    n_inner : int
        Inner folds, which choose the penalty.
    margin : float
        Equivalence: the 90 % interval of a difference of r lies inside +-margin.
    alphas : array
        Penalties to choose from.
    """

    n_permutations: int = 999
    n_bootstrap: int = 2000
    n_inner: int = N_INNER
    margin: float = 0.02
    alphas: np.ndarray = field(default_factory=lambda: ALPHAS)

    @classmethod
    def of(cls, config: Mapping) -> Settings:
        """From the config's mapping; what else stands there (outer folds, matched draws) belongs to others."""
        return cls(*(config[k] for k in ("n_permutations", "n_bootstrap", "n_inner", "margin")))


class Predicted(TypedDict):
    """What `predict_arms` finds.

    scores: arm, dimension, r, ci_low, ci_high, p, n_permutations, spearman, r2, rmse, n_words, ceiling, r_over_ceiling
    (p is NaN where no test is made, ceiling and r_over_ceiling where unknown: the only NaN).
    differences: `DIFFERENCE_COLUMNS`. predictions: out-of-fold, words x (arm, dimension), of arms that know all words.
    not_tested: arm -> reason. notes: arm -> what is told of it.
    """

    scores: pd.DataFrame
    differences: pd.DataFrame
    predictions: pd.DataFrame
    not_tested: dict[str, str]
    notes: dict[str, Mapping[str, object]]


class PredictedLanguage(Predicted):
    """What `predict_language` finds; ``matched``: how like the space the matched features are."""

    n_emotion_space: int
    n_live: int
    matched: Mapping[str, object]


DIFFERENCE_COLUMNS = [
    "arm_a",
    "arm_b",
    "dimension",
    "difference",
    "ci_low",
    "ci_high",
    "ci90_low",
    "ci90_high",
    "equivalent",
    "margin",
]


def row_of_scores(
    result: Mapping[str, float], p: float, n_permutations: int, ceiling: float | None
) -> dict[str, float]:
    """Columns of a table of scores, from `scores.score`, behind those that say what was scored."""
    return {
        **{k: result[k] for k in ("r", "ci_low", "ci_high")},
        "p": p,
        "n_permutations": n_permutations,
        **{k: result[k] for k in ("spearman", "r2", "rmse", "n_words")},
        "ceiling": np.nan if ceiling is None else ceiling,
        "r_over_ceiling": np.nan if ceiling is None else result["r"] / ceiling,
    }


def prediction_frame(predictions: Mapping[str, np.ndarray], names: Sequence[str], words: Sequence[str]) -> pd.DataFrame:
    """Predictions [n, dimensions] of each arm as words x (arm, dimension)."""
    columns = pd.MultiIndex.from_product([list(predictions), list(names)], names=["arm", "dimension"])
    return pd.DataFrame(
        np.column_stack(list(predictions.values())), index=pd.Index(words, name="word"), columns=columns
    )


def permuted_r(
    X: Predictors, y: np.ndarray, folds: Folds, indices: np.ndarray, alphas: np.ndarray = ALPHAS
) -> tuple[float, np.ndarray]:
    """Within-fold r of ratings [n] and of their permutations, every one refitted with its own penalty.

    Parameters
    ----------
    indices : int array [n_permutations, n], of `folds.permuted_indices`

    Returns
    -------
    float, array [n_permutations]
    """
    targets = np.column_stack([y, y[indices].T])
    r = within_fold_rs(targets, nested_cv_predict(X, targets, folds, alphas), folds.outer)
    return float(r[0]), r[1:]


def _predict_draws(
    X: Predictors, draws: Sequence[np.ndarray], rated: RatedWords, folds: Folds, alphas: np.ndarray
) -> tuple[np.ndarray, dict[str, dict[str, float]]]:
    """Predictions of the draw nearest to the median r, for each dimension, and the medians of all scores."""
    Y, fold = rated.targets, folds.outer
    every = np.array([nested_cv_predict(X[:, d], Y, folds, alphas) for d in draws])
    flat = every.transpose(1, 0, 2).reshape(len(Y), -1)
    truth = np.tile(Y, (1, len(draws)))
    shape = (len(draws), Y.shape[1])
    r = within_fold_rs(truth, flat, fold).reshape(shape)
    true_ranks, ranks = (np.column_stack([within_fold_ranks(c, fold) for c in m.T]) for m in (truth, flat))
    spearman = within_fold_rs(true_ranks, ranks, fold).reshape(shape)
    squared = ((every - Y) ** 2).sum(1)
    median = np.median(r, 0)
    nearest = np.abs(r - median).argmin(0)
    spread = ((Y - Y.mean(0)) ** 2).sum(0)
    summary = {
        name: {
            "r": float(median[d]),
            "spearman": float(np.median(spearman[:, d])),
            "r2": float(np.median(1 - squared[:, d] / spread[d])),
            "rmse": float(np.median(np.sqrt(squared[:, d] / len(Y)))),
        }
        for d, name in enumerate(rated.ratings)
    }
    return np.column_stack([every[nearest[d], :, d] for d in range(Y.shape[1])]), summary


@dataclass(frozen=True, eq=False)
class _Fitted:
    """Out-of-fold predictions [n, dimensions] of one arm, its p where it is tested, medians where it is many draws."""

    predicted: np.ndarray
    p: Mapping[str, float] = field(default_factory=dict)
    medians: Mapping[str, Mapping[str, float]] = field(default_factory=dict)


def _fit(arm: Arm, design: Design, rated: RatedWords, folds: Folds, settings: Settings, seeds: Seeds) -> _Fitted:
    if design.draws is not None:
        predicted, medians = _predict_draws(design.X, design.draws, rated, folds, settings.alphas)
        return _Fitted(predicted, medians=medians)
    Y, p = rated.targets, {}
    if arm.tested and settings.n_permutations:
        indices = permuted_indices(folds.groups, settings.n_permutations, seeds.rng("permutations"))
        for d, name in enumerate(rated.ratings):
            p[name] = p_greater(*permuted_r(design.X, Y[:, d], folds, indices, settings.alphas))
    return _Fitted(nested_cv_predict(design.X, Y, folds, settings.alphas), p)


Rows = list[dict[str, object]]


def _score_rows(arm: Arm, fitted: _Fitted, rated: RatedWords, resamples: Resamples, settings: Settings) -> Rows:
    rows: Rows = []
    Y, ceilings = rated.targets, rated.ceilings
    for d, name in enumerate(rated.ratings):
        result = score(Y[:, d], fitted.predicted[:, d], rated.fold, resamples)
        result.update(fitted.medians.get(name, {}))
        p, n = (fitted.p[name], settings.n_permutations) if name in fitted.p else (np.nan, 0)
        rows.append({"arm": arm.name, "dimension": name, **row_of_scores(result, p, n, ceilings[name])})
    return rows


def _difference_rows(
    pairs: Sequence[tuple[str, str]],
    predictions: Mapping[str, np.ndarray],
    rated: RatedWords,
    resamples: Resamples,
    margin: float,
) -> Rows:
    rows: Rows = []
    Y = rated.targets
    for a, b in pairs:
        if a not in predictions or b not in predictions:
            continue
        for d, name in enumerate(rated.ratings):
            result = paired_difference(Y[:, d], predictions[a][:, d], predictions[b][:, d], rated.fold, resamples)
            same = equivalent(result["ci90_low"], result["ci90_high"], margin)
            rows.append({"arm_a": a, "arm_b": b, "dimension": name, **result, "equivalent": same, "margin": margin})
    return rows


def predict_partial(
    arm: Arm,
    design: Design,
    rated: RatedWords,
    beside: Mapping[str, np.ndarray],
    settings: Settings,
    seeds: Seeds,
) -> tuple[Rows, Rows]:
    """An arm that knows some of the words only, and other arms' stored predictions compared with it over the same
    words.

    Parameters
    ----------
    arm, design
        ``design.rows``: places of the words it knows.
    rated : RatedWords
        All n words.
    beside : arm -> array [n, dimensions]
        Out-of-fold predictions. They were fitted on all words: an advantage of theirs.
    settings : Settings
    seeds : Seeds
        Of the whole analysis; the arm has streams of its own name.

    Returns
    -------
    scores, differences
        Rows as in `predict_arms`.
    """
    if design.rows is None:
        raise ValueError(f"arm {arm.name!r} knows all words; allowed: a design with rows")
    rows, own = design.rows, seeds.child(arm.name)
    known = rated.subset(rows)
    folds = Folds.draw(known.fold, known.groups, settings.n_inner, own.rng("inner_folds"))
    fitted = _Fitted(nested_cv_predict(design.X, known.targets, folds, settings.alphas))
    resamples = resample_words(known.fold, settings.n_bootstrap, own.rng("bootstrap"))
    predictions = {a: np.asarray(p)[rows] for a, p in beside.items()} | {arm.name: fitted.predicted}
    return (
        _score_rows(arm, fitted, known, resamples, settings),
        _difference_rows(arm.differences, predictions, known, resamples, settings.margin),
    )


def predict_arms(
    material: Material, rated: RatedWords, settings: Settings, seeds: Seeds, arms: Sequence[Arm] = ARMS
) -> Predicted:
    """Rating prediction of one language, all arms through the same folds.

    Parameters
    ----------
    material : Material
        What arms are made of, words in the order of `rated`.
    rated : RatedWords
    settings : Settings
    seeds : Seeds
        Inner folds, resamples of words and permutations have a stream each: an arm more moves no number of another.
    arms : sequence of Arm
        In the order of the rows.

    Returns
    -------
    Predicted

    Raises
    ------
    ValueError
        If words differ, codes or predictors are not finite, or a group stands in several folds.

    Examples
    --------
    Forty words, a rating that follows the first of three features:

    >>> import numpy as np
    >>> from scipy.sparse import csr_matrix
    >>> from shared_affect.features.codes import WordCodes
    >>> rng = np.random.default_rng(0)
    >>> codes, words = rng.random((40, 3)), tuple(f"w{i}" for i in range(40))
    >>> known = WordCodes(words, csr_matrix(codes), dense=rng.random((40, 2)), static=rng.random((40, 2)))
    >>> material = Material(known, np.arange(3), Sources(space=np.array([0])), 4, n_matched=2, seeds=Seeds(0))
    >>> rated = RatedWords(words, {"valence": np.log1p(codes[:, 0])}, np.arange(40), np.arange(40) % 4)
    >>> found = predict_arms(material, rated, Settings(n_permutations=19, n_bootstrap=100), Seeds(0))
    >>> found["scores"].set_index("arm")["r"].round(1).abs()[["emotion-space", "all"]].to_dict()
    {'emotion-space': 1.0, 'all': 1.0}
    """
    if tuple(material.rated.words) != tuple(rated.words):
        raise ValueError("words of the codes and of the ratings differ; allowed: the same words in one order")
    folds = Folds.draw(rated.fold, rated.groups, settings.n_inner, seeds.rng("inner_folds"))
    resamples = resample_words(rated.fold, settings.n_bootstrap, seeds.rng("bootstrap"))
    predictions: dict[str, np.ndarray] = {}
    partial: list[tuple[Arm, Design]] = []
    scores: Rows = []
    not_tested: dict[str, str] = {}
    notes: dict[str, Mapping[str, object]] = {}
    for arm in arms:
        made = predictors(arm, material)
        if made is None:
            continue
        notes[arm.name] = made.notes
        if isinstance(made, Untested):
            not_tested[arm.name] = made.reason
        elif arm.partial:
            partial.append((arm, made))
        else:
            fitted = _fit(arm, made, rated, folds, settings, seeds)
            predictions[arm.name] = fitted.predicted
            scores += _score_rows(arm, fitted, rated, resamples, settings)
    pairs = [pair for arm in arms if not arm.partial for pair in arm.differences]
    differences = _difference_rows(pairs, predictions, rated, resamples, settings.margin)
    for arm, design in partial:
        own_scores, own_differences = predict_partial(arm, design, rated, predictions, settings, seeds)
        scores += own_scores
        differences += own_differences
    return {
        "scores": pd.DataFrame(scores),
        "differences": pd.DataFrame(differences, columns=DIFFERENCE_COLUMNS),
        "predictions": prediction_frame(predictions, list(rated.ratings), rated.words),
        "not_tested": not_tested,
        "notes": notes,
    }


def predict_language(
    codes: LanguageCodes,
    language: str,
    norms: pd.DataFrame,
    folds: pd.DataFrame,
    sources: Sources,
    *,
    dimensions: Sequence[str],
    settings: Mapping,
    seeds: Seeds,
) -> PredictedLanguage:
    """All arms of one language on its ordinary rated words.

    Parameters
    ----------
    codes : LanguageCodes
    language : str
    norms : DataFrame
        Standard norms of the language. Where an SD or N is NaN the ceiling is unknown.
    folds : DataFrame as of `folds.draw_folds`
    sources : Sources
    dimensions : sequence of str
    settings : mapping
        Config key ratings.
    seeds : Seeds
        Matched draws, inner folds, resamples and permutations have a stream each.
    """
    frame = ordinary_norms(codes, norms, folds, language)
    rated = rated_words(frame, dimensions)
    known = codes.rated.rows(rated.words)
    live = known.live()
    material = Material(known, live, sources, frame["fold"].nunique(), settings["n_matched"], seeds)
    found = predict_arms(material, rated, Settings.of(settings), seeds)
    n_inside = len(material.places(sources.space))
    LOG.info(
        "%s: %d ordinary words, %d live features, %d in the emotion space",
        language,
        len(rated.words),
        len(live),
        n_inside,
    )
    matched = found["notes"]["outside-matched"]
    return {**found, "n_emotion_space": n_inside, "n_live": len(live), "matched": matched}


def long_predictions(predictions: pd.DataFrame) -> pd.DataFrame:
    """Out-of-fold predictions in long form: ``word, arm, dimension, prediction``."""
    return pd.DataFrame({"prediction": predictions.stack(["arm", "dimension"])}).reset_index()
