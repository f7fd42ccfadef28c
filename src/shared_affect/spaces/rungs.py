"""The ladder of representations: what each rung is made of, and what it is compared with. A new one is one record of
`RUNGS`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property, partial

import numpy as np
import pandas as pd
from scipy.linalg import eigh

from shared_affect.base.log import LOG
from shared_affect.base.seeds import Seeds
from shared_affect.features.centroids import centroids, emotion_space
from shared_affect.features.codes import LanguageCodes
from shared_affect.features.random_features import random_features
from shared_affect.spaces.rater_ranks import unit_resample
from shared_affect.spaces.rdm import RDM, cosine_rdm, euclidean_rdm, rdm_from_condensed
from shared_affect.study.vocabulary import COMPONENTS
from shared_affect.words.concept_sets import shuffle_membership


@dataclass(frozen=True, eq=False)
class Material:
    """What rungs of one model, SAE and language are made of.

    Attributes
    ----------
    codes : LanguageCodes
    selected : ndarray of int
        Union of the emotions' features.
    associations : (words, vectors) or None
        Words in lower case.
    controls : mapping of emotion -> rated words
        Words without affect, matched to the emotion's.
    covariates : DataFrame or None
        Of `frequencies.word_covariates`, the concept words in the order of the codes: ``length``, ``log10_count`` (NaN
        where a word's is not known).
    """

    codes: LanguageCodes
    selected: np.ndarray
    associations: tuple[Sequence[str], np.ndarray] | None = None
    controls: Mapping[str, Sequence[str]] = field(default_factory=dict)
    covariates: pd.DataFrame | None = None

    @cached_property
    def components(self) -> np.ndarray:
        """Scores of the concept words on the first principal components of the residual, [words, <= `COMPONENTS`].

        By the smaller of both Gram matrices: 3,584 wide residuals of 14,000 words are 400 MB in float64, theirs 103 MB.
        """
        x = self.codes.concepts.dense.astype(float)
        x -= x.mean(0)
        wide = x.shape[1] > len(x)
        gram = x @ x.T if wide else x.T @ x
        n = min(COMPONENTS, len(gram))
        values, vectors = eigh(gram, subset_by_index=[len(gram) - n, len(gram) - 1])
        values, vectors = np.clip(values[::-1], 0, None), vectors[:, ::-1]
        scores = vectors * np.sqrt(values) if wide else x @ vectors
        return scores[:, values > 1e-10 * max(values[0], 1e-300)]


Draw = Callable[[np.random.Generator], np.ndarray]
"""Values of one random RDM, ``[n, n]``, from the stream of its rung."""


@dataclass(frozen=True)
class Rung:
    """One representation of the emotions. One of the four `of_*` makes it.

    Attributes
    ----------
    name : str
        A word of `vocabulary.REPRESENTATIONS`.
    of_codes : callable, optional
        Its RDM from a language's `Material`; None where it cannot be made there (the log says why).
    of_draws : callable, optional
        What draws it at random, from a `Material`.
    of_affect : callable, optional
        Its RDM from the emotions' human valence and arousal: no model in it.
    of_rdms : callable, optional
        Its RDM from those of other rungs, over the emotions that are compared; None where one of them is missing.
    tested : bool
        Whether a claim reads its p: labels and codes are permuted.
    compared_with : tuple of str
        Rungs whose rho is subtracted from this one's.
    """

    name: str
    of_codes: Callable[[Material], RDM | None] | None = None
    of_draws: Callable[[Material], Draw] | None = None
    of_affect: Callable[[pd.DataFrame], RDM] | None = None
    of_rdms: Callable[[Mapping[str, RDM]], RDM | None] | None = None
    tested: bool = False
    compared_with: tuple[str, ...] = ()


def _of_words(codes: LanguageCodes, x: np.ndarray) -> RDM:
    """Points of the concept words, centred on their mean and averaged over each emotion's, as cosine distances."""
    return cosine_rdm(emotion_space(x, codes.membership, codes.emotions), codes.emotions)


def _euclidean(material: Material) -> RDM:
    codes = material.codes
    return euclidean_rdm(centroids(codes.concepts.columns(material.selected), codes.membership), codes.emotions)


def _set_overlap(material: Material) -> RDM | None:
    codes = material.codes
    return None if codes.several is None or codes.overlap is None else RDM(codes.emotions, 1 - codes.overlap)


def _with_shared_words(material: Material) -> RDM | None:
    codes, selected = material.codes, material.selected
    if codes.several is None or codes.several_membership is None:
        return None
    x = np.concatenate([codes.concepts.columns(selected), codes.several.columns(selected)])
    membership = np.concatenate([codes.membership, codes.several_membership])
    return cosine_rdm(centroids(x, membership), codes.emotions)


def _association(material: Material) -> RDM | None:
    if material.associations is None:
        return None
    codes, (words, vectors) = material.codes, material.associations
    place = {w: i for i, w in enumerate(words)}
    known = np.array([w.lower() in place for w in codes.concepts.words])
    if not _enough_own(codes.membership[known], codes.emotions, "association"):
        return None
    found = vectors[[place[w.lower()] for w in np.array(codes.concepts.words)[known]]]
    rdm = cosine_rdm(emotion_space(found, codes.membership[known], codes.emotions), codes.emotions)
    LOG.info("association: %d of %d concept words", known.sum(), len(known))
    return rdm


def _enough_own(membership: np.ndarray, emotions: Sequence[str], rung: str) -> bool:
    """Whether each emotion has two words that stand in no other's set; the log names the one that has fewest."""
    own = membership[membership.sum(1) == 1].sum(0)
    if (own < 2).any():
        LOG.info(
            "%s: %s has %d words in no other emotion's set; needed: 2, so this rung is left out",
            rung,
            emotions[int(own.argmin())],
            own.min(),
        )
    return bool((own >= 2).all())


def _non_emotion(material: Material) -> RDM | None:
    """The emotions' control words in the space; None where they cannot stand for as many different things."""
    codes = material.codes
    sets = [set(material.controls.get(e, ())) for e in codes.emotions]
    words = sorted(set().union(*sets))
    membership = np.array([[w in s for s in sets] for w in words])
    if not words or not _enough_own(membership, codes.emotions, "non-emotion"):
        return None
    points = emotion_space(codes.rated.rows(words).columns(material.selected), membership, codes.emotions)
    if not np.linalg.norm(points, axis=1).all():
        LOG.info("non-emotion: no emotion feature fires on some set of control words, so this rung is left out")
        return None
    return cosine_rdm(points, codes.emotions)


def _covariate(name: str, rung: str, material: Material) -> RDM | None:
    """Differences of the emotions' mean word frequency or length: nothing of their meaning is in it."""
    codes, known = material.codes, material.covariates
    if known is None or name not in known:
        return None
    values = known[name].to_numpy(float)
    there = np.isfinite(values)
    if not _enough_own(codes.membership[there], codes.emotions, rung):
        return None
    return euclidean_rdm(centroids(values[there, None], codes.membership[there]), codes.emotions)


def _component(k: int, material: Material) -> RDM | None:
    """Differences of the emotions on principal component k of the residual; None where there are fewer."""
    codes, scores = material.codes, material.components
    if k > scores.shape[1]:
        return None
    return euclidean_rdm(centroids(scores[:, [k - 1]], codes.membership), codes.emotions)


def _beyond_static(name: str, rdms: Mapping[str, RDM]) -> RDM | None:
    """What is left of a rung's ranks of pairs once those of the static embeddings are regressed out, once over all
    emotions that are compared; from 0 and in shares of the number of pairs.
    """
    if name not in rdms or "static" not in rdms:
        return None
    labels = rdms[name].labels
    values, static = (rdms[k].condensed(labels) for k in (name, "static"))
    at = unit_resample(len(values), static[None])
    left = at.residual(at.ranks(values))[:, 0]
    return rdm_from_condensed(labels, np.round((left - left.min()) / len(left), 12))


def _random_sae(material: Material) -> Draw:
    """Features outside the selection that fire on any concept word, in place of the selected ones."""
    codes, selected = material.codes, material.selected
    pool = np.setdiff1d(codes.concepts.live(), selected)
    if len(pool) < 2 * len(selected):
        LOG.info(
            "random-sae: draws of %d features for %d, %d are outside the space",
            len(pool) // 2,
            len(selected),
            len(pool),
        )

    def draw(rng: np.random.Generator) -> np.ndarray:
        x = codes.concepts.columns(random_features(selected, pool, codes.density, rng))
        return _drawn_distances(x, codes.membership, codes)

    return draw


def _shuffled_concepts(material: Material) -> Draw:
    """The words permuted over the concept-sets, features as they are."""
    codes, x = material.codes, material.codes.concepts.columns(material.selected)
    return lambda rng: _drawn_distances(x, shuffle_membership(codes.membership, rng), codes)


def _drawn_distances(x: np.ndarray, membership: np.ndarray, codes: LanguageCodes) -> np.ndarray:
    points = emotion_space(x, membership, codes.emotions)
    # an emotion on which no drawn feature fires has no direction; it stands at the mean distance
    norm = np.linalg.norm(points, axis=1)
    unit = points / np.where(norm > 0, norm, 1)[:, None]
    d = 1 - unit @ unit.T
    np.fill_diagonal(d, 0)
    return (d + d.T) / 2


def _valence_sign(affect: pd.DataFrame) -> RDM:
    sign = (affect["valence_class"] == "positive").to_numpy(float)
    return euclidean_rdm(sign[:, None], tuple(affect["emotion"]))


def _valence_arousal(affect: pd.DataFrame) -> RDM:
    return euclidean_rdm(affect[["valence", "arousal"]].to_numpy(float), tuple(affect["emotion"]))


RUNGS: tuple[Rung, ...] = (
    Rung(
        "sae-space",  # the selected features
        lambda m: _of_words(m.codes, m.codes.concepts.columns(m.selected)),
        tested=True,
        compared_with=(
            *("static", "dense", "association", "valence-sign", "valence-arousal", "frequency", "word-length"),
            "set-overlap",
        ),
    ),
    Rung(
        "sae-all",  # features active on any concept word
        lambda m: _of_words(m.codes, m.codes.concepts.columns(m.codes.concepts.live())),
        tested=True,
        compared_with=("static", "dense"),
    ),
    Rung("dense", lambda m: _of_words(m.codes, m.codes.concepts.dense)),  # residual at the hook point
    Rung("static", lambda m: _of_words(m.codes, m.codes.concepts.static)),  # input embeddings
    Rung("set-overlap", _set_overlap),  # where concept-sets overlap: what that alone does, no model in it
    Rung("with-shared-words", _with_shared_words),  # sae-space with the words of several sets in each of them
    Rung("non-emotion", _non_emotion),  # the selected features on sets of control words in place of concept words
    Rung("association", _association),  # vectors of the concept words they know
    Rung("random-sae", of_draws=_random_sae),
    Rung("shuffled-concepts", of_draws=_shuffled_concepts),
    Rung("valence-sign", of_affect=_valence_sign),  # same class or not
    Rung("valence-arousal", of_affect=_valence_arousal),  # Euclidean distance
    Rung("frequency", partial(_covariate, "log10_count", "frequency")),
    Rung("word-length", partial(_covariate, "length", "word-length")),  # characters
    Rung("sae-euclidean", _euclidean),  # sae-space by another distance: its MDS is a principal component analysis
    Rung("sae-beyond-static", of_rdms=partial(_beyond_static, "sae-space")),
    Rung("dense-beyond-static", of_rdms=partial(_beyond_static, "dense")),
    *(Rung(f"dense-pc{k}", partial(_component, k)) for k in range(1, COMPONENTS + 1)),
)
"""In the order of the tables' rows."""

PRIMARY = "sae-space"
EUCLIDEAN = "sae-euclidean"
TESTED = tuple(r.name for r in RUNGS if r.tested)


def representations(material: Material, rungs: Sequence[Rung] = RUNGS) -> dict[str, RDM]:
    """RDMs of the space and of what stands beside it, by name; a rung that cannot be made is left out.

    Centred on the mean over concept words, averaged over each emotion's words, cosine distance. ``association`` and
    ``non-emotion`` need two or more words of each emotion that stand in its set alone.
    """
    made = {r.name: r.of_codes(material) for r in rungs if r.of_codes}
    return {name: rdm for name, rdm in made.items() if rdm is not None}


def draws(material: Material, n_draws: int, seeds: Seeds, rungs: Sequence[Rung] = RUNGS) -> dict[str, np.ndarray]:
    """RDM values of random draws of each rung that is drawn, ``[n_draws, n, n]``, from a stream of its name."""
    found = {}
    for rung in rungs:
        if rung.of_draws:
            draw, rng = rung.of_draws(material), seeds.rng(rung.name)
            found[rung.name] = np.array([draw(rng) for _ in range(n_draws)])
    return found


def affect_rdms(affect: pd.DataFrame, rungs: Sequence[Rung] = RUNGS) -> dict[str, RDM]:
    """The simplest rungs of the ladder, made of human valence and arousal.

    Parameters
    ----------
    affect : DataFrame ``emotion, valence, arousal, valence_class``
    """
    return {r.name: r.of_affect(affect) for r in rungs if r.of_affect}


def derived_rdms(rdms: Mapping[str, RDM], rungs: Sequence[Rung] = RUNGS) -> dict[str, RDM]:
    """Rungs that are made of others' RDMs, which all have the same labels; one that cannot be made is left out."""
    made = {r.name: r.of_rdms(rdms) for r in rungs if r.of_rdms}
    return {name: rdm for name, rdm in made.items() if rdm is not None}


def nuisance_rdms(names: Sequence[str], affect: pd.DataFrame, rdms: Mapping[str, RDM]) -> dict[str, RDM]:
    """What is taken out of partial correlations, in the order of `names`; what is not there or never varies is left
    out, and the log says so.

    Parameters
    ----------
    names : sequence of str
        Of `vocabulary.NUISANCES`. Distances in valence, in arousal and in their plane are three: neither two of them
        span the third.
    affect : DataFrame ``emotion, valence, arousal, valence_class``
        The emotions that are compared.
    rdms : mapping of rung -> RDM
        With at least these emotions.
    """
    emotions = tuple(affect["emotion"])
    known = dict(rdms) | affect_rdms(affect)
    known |= {d: euclidean_rdm(affect[d].to_numpy(float), emotions) for d in ("valence", "arousal")}
    found = {k: known[k].subset(emotions) for k in names if k in known}
    found = {k: v for k, v in found.items() if np.ptp(v.condensed()) > 0}
    if missing := [k for k in names if k not in found]:
        LOG.info("nuisances not there, or equal for all pairs: %s", ", ".join(missing))
    return found
