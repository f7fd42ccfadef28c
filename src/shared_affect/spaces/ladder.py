"""Emotion spaces of one model, SAE and language: one RDM per representation, and random draws for the ladder."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from shared_affect.base.files import read_arrays, write_arrays
from shared_affect.base.log import LOG
from shared_affect.base.seeds import Seeds
from shared_affect.features.codes import LanguageCodes
from shared_affect.features.features import centroids, emotion_space
from shared_affect.features.permuted import permuted_selections
from shared_affect.spaces.rdm import RDM, DrawnRDMs, RaterRDMs, cosine_rdm, euclidean_rdm
from shared_affect.spaces.rsa import compare_differences, compare_draws, compare_spaces
from shared_affect.words.concept_sets import shuffle_membership

PRIMARY = "sae-space"
TESTED = ("sae-space", "sae-all")


def representations(
    codes: LanguageCodes,
    selected: np.ndarray,
    associations: tuple[Sequence[str], np.ndarray] | None = None,
    controls: Mapping[str, Sequence[str]] | None = None,
) -> dict[str, RDM]:
    """RDMs of the space and of what stands beside it.

    Parameters
    ----------
    codes : LanguageCodes
    selected : ndarray of int
        Union of the emotions' features.
    associations : (words, vectors), optional
    controls : mapping of emotion -> rated words, optional
        Words without affect, matched to the emotion's.

    Returns
    -------
    dict of name -> RDM
        ``sae-space`` (selected features), ``sae-all`` (features active on any concept word), ``dense`` (residual at the
        hook point), ``static`` (input embeddings); all centred on the mean over concept words, averaged over each
        emotion's words, cosine distance. ``association`` where vectors are given: the same of the concept
        words they know, if two or more of each emotion stand in its set alone. ``non-emotion`` where controls are
        given: the selected features on sets of control words in place of the concept words. Where concept-sets overlap,
        what the overlap alone does: ``set-overlap`` (1 - share of words that two sets have in common, no model in it)
        and ``with-shared-words`` (``sae-space`` with the words of several sets in each of them).
    """
    c = codes.concepts
    points = {"sae-space": c.columns(selected), "sae-all": c.columns(c.live()), "dense": c.dense, "static": c.static}
    rdms = {
        name: cosine_rdm(emotion_space(x, codes.membership, codes.emotions), codes.emotions)
        for name, x in points.items()
    }
    if codes.several is not None:
        rdms["set-overlap"] = RDM(codes.emotions, 1 - codes.overlap)
        x = np.concatenate([c.columns(selected), codes.several.columns(selected)])
        rdms["with-shared-words"] = cosine_rdm(
            centroids(x, np.concatenate([codes.membership, codes.several_membership])), codes.emotions
        )
    if controls and (points := _non_emotion_points(codes, selected, controls)) is not None:
        rdms["non-emotion"] = cosine_rdm(points, codes.emotions)
    if associations is not None:
        place = {w: i for i, w in enumerate(associations[0])}
        known = np.array([w.lower() in place for w in c.words])
        if _enough_own(codes.membership[known], codes.emotions, "association"):
            vectors = associations[1][[place[w.lower()] for w in np.array(c.words)[known]]]
            rdms["association"] = cosine_rdm(
                emotion_space(vectors, codes.membership[known], codes.emotions), codes.emotions
            )
            LOG.info("association: %d of %d concept words", known.sum(), len(known))
    return rdms


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


def _non_emotion_points(
    codes: LanguageCodes, selected: np.ndarray, controls: Mapping[str, Sequence[str]]
) -> np.ndarray | None:
    """Points of the emotions' control words in the space; None where they cannot stand for as many different things."""
    sets = [set(controls.get(e, ())) for e in codes.emotions]
    words = sorted(set().union(*sets))
    membership = np.array([[w in s for s in sets] for w in words])
    if not words or not _enough_own(membership, codes.emotions, "non-emotion"):
        return None
    points = emotion_space(codes.rated.rows(words).columns(selected), membership, codes.emotions)
    if not np.linalg.norm(points, axis=1).all():
        LOG.info("non-emotion: no emotion feature fires on some set of control words, so this rung is left out")
        return None
    return points


NEAREST = 10
"""Unused features among which a random partner is drawn."""


def random_features(
    selected: np.ndarray, pool: np.ndarray, density: np.ndarray, rng: np.random.Generator
) -> np.ndarray:
    """Features of `pool` that stand in for the selected ones, each matched on firing density.

    Each selected feature, in random order, gets one of the `NEAREST` unused features of the pool nearest in density.
    If the pool holds fewer than twice as many features, only half of it is drawn, so that draws differ.

    Parameters
    ----------
    selected, pool : ndarray of int
        Feature ids, none in both.
    density : ndarray, ``[d_sae]``
        Firing rate on neutral tokens.

    Returns
    -------
    ndarray of int
        Sorted ids, ``min(len(selected), max(1, len(pool) // 2))`` of them.

    Raises
    ------
    ValueError
        If the pool is empty.
    """
    if not len(pool):
        raise ValueError(
            "no feature outside the emotion space fires on a concept word; take fewer features an emotion (config.yaml,"
            " key features.per_emotion)"
        )
    free = np.ones(len(pool), bool)
    for wanted in density[rng.permutation(selected)[: max(1, len(pool) // 2)]]:
        left = rng.permutation(np.flatnonzero(free))
        near = left[np.argsort(np.abs(density[pool[left]] - wanted), kind="stable")[:NEAREST]]
        free[rng.choice(near)] = False
    return np.sort(pool[~free])


def draws(codes: LanguageCodes, selected: np.ndarray, n_draws: int, seeds: Seeds) -> dict[str, np.ndarray]:
    """RDM values of random draws: ``random-sae`` and ``shuffled-concepts``, each ``[n_draws, n, n]``.

    ``random-sae`` takes `random_features` among those outside the selection that fire on any concept word.
    ``shuffled-concepts`` keeps the features and permutes the words over the concept-sets.
    """
    c = codes.concepts
    pool = np.setdiff1d(c.live(), selected)
    if len(pool) < 2 * len(selected):
        LOG.info(
            "random-sae: draws of %d features for %d, %d are outside the space",
            len(pool) // 2,
            len(selected),
            len(pool),
        )
    rng = seeds.rng("random-sae")
    random = [
        _values(c.columns(random_features(selected, pool, codes.density, rng)), codes.membership, codes)
        for _ in range(n_draws)
    ]
    x, rng = c.columns(selected), seeds.rng("shuffled-concepts")
    shuffled = [_values(x, shuffle_membership(codes.membership, rng), codes) for _ in range(n_draws)]
    return {"random-sae": np.array(random), "shuffled-concepts": np.array(shuffled)}


def _values(x: np.ndarray, membership: np.ndarray, codes: LanguageCodes) -> np.ndarray:
    points = emotion_space(x, membership, codes.emotions)
    # an emotion on which no drawn feature fires has no direction; it stands at the mean distance
    norm = np.linalg.norm(points, axis=1)
    unit = points / np.where(norm > 0, norm, 1)[:, None]
    d = 1 - unit @ unit.T
    np.fill_diagonal(d, 0)
    return (d + d.T) / 2


def permuted_spaces(
    codes: LanguageCodes, contrast: Collection[str], settings: Mapping, n: int, rng: np.random.Generator
) -> dict[str, DrawnRDMs]:
    """``sae-space`` and ``sae-all`` of worlds in which codes have nothing to do with words: the null of the claims on
    congruence.

    In each draw the codes of all concept words are permuted over the words, concept-sets as they are, and features are
    selected anew.

    Parameters
    ----------
    codes : LanguageCodes
    contrast, settings
        As in `selection.select`.
    n : int
        Draws.

    Returns
    -------
    dict of representation -> DrawnRDMs, float32
    """
    c = codes.concepts
    outer = (c.sparse.astype(float) @ c.sparse.astype(float).T).toarray()
    outer -= outer.mean(0)
    outer -= outer.mean(1, keepdims=True)
    share = codes.membership / codes.membership.sum(0)
    first, second = np.triu_indices(len(codes.emotions), 1)
    found = {name: np.empty((n, first.size), np.float32) for name in TESTED}
    for k, (order, x) in enumerate(permuted_selections(codes, contrast, settings, n, rng)):
        moved = np.empty_like(share)
        moved[order] = share  # word i has the codes of word order[i]
        points = moved.T @ (x - x.mean(0))
        for name, products in (("sae-space", points @ points.T), ("sae-all", moved.T @ (outer @ moved))):
            found[name][k] = _cosine_distances(products)[first, second]
    return {name: DrawnRDMs(codes.emotions, values) for name, values in found.items()}


def _cosine_distances(products: np.ndarray) -> np.ndarray:
    """1 - cosine from inner products; a vector without length stands at the mean distance, as in `_values`."""
    square = np.diag(products)
    # what centring leaves of a zero vector is rounding
    norm = np.sqrt(np.where(square > 1e-12 * square.max(), square, np.inf))
    return np.round(1 - products / np.outer(norm, norm), 12)


def write_spaces(
    path: str | Path,
    rdms: Mapping[str, RDM],
    random: Mapping[str, np.ndarray],
    permuted: Mapping[str, DrawnRDMs] | None = None,
) -> None:
    """Write RDMs of one set of emotions, random draws, and draws of permuted codes, to one npz file."""
    labels = next(iter(rdms.values())).labels
    write_arrays(
        path,
        {
            "emotions": np.array(labels),
            **{f"rdm_{k}": v.subset(labels).values for k, v in rdms.items()},
            **{f"draws_{k}": v for k, v in random.items()},
            **{f"permuted_{k}": v.subset(labels).values for k, v in (permuted or {}).items()},
        },
    )


def load_spaces(path: str | Path) -> tuple[dict[str, RDM], dict[str, list[RDM]]]:
    """Read what `write_spaces` wrote: representation -> RDM, and representation -> drawn RDMs."""
    a = read_arrays(path)
    labels = tuple(a["emotions"].tolist())
    rdms = {k[4:]: RDM(labels, v) for k, v in a.items() if k.startswith("rdm_")}
    return rdms, {k[6:]: [RDM(labels, v) for v in values] for k, values in a.items() if k.startswith("draws_")}


def load_permuted(path: str | Path) -> dict[str, DrawnRDMs]:
    """Read the rest of it: representation -> RDMs of permuted codes."""
    a = read_arrays(path)
    return {k[9:]: DrawnRDMs(tuple(a["emotions"].tolist()), v) for k, v in a.items() if k.startswith("permuted_")}


DIFFERENCES = (
    ("sae-space", "static"),
    ("sae-space", "dense"),
    ("sae-space", "association"),
    ("sae-space", "valence-sign"),
    ("sae-all", "static"),
    ("sae-all", "dense"),
)


def affect_rdms(affect: pd.DataFrame) -> dict[str, RDM]:
    """The two simplest rungs of the ladder: ``valence-sign`` (same class or not) and ``valence-arousal`` (Euclidean
    distance).
    """
    labels = tuple(affect["emotion"])
    sign = (affect["valence_class"] == "positive").to_numpy(float)
    return {
        "valence-sign": euclidean_rdm(sign[:, None], labels),
        "valence-arousal": euclidean_rdm(affect[["valence", "arousal"]].to_numpy(float), labels),
    }


def compare_all(
    rdms: Mapping[str, RDM],
    random: Mapping[str, list[RDM]],
    judgements: pd.DataFrame,
    affect: pd.DataFrame,
    *,
    pairs,
    n_permutations: int,
    n_bootstrap: int,
    seeds: Seeds,
    permuted: Mapping[str, DrawnRDMs] | None = None,
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """The whole ladder of representations against the raters.

    Parameters
    ----------
    rdms, random
        From `load_spaces`; emotions that were not judged are left out and logged.
    judgements : DataFrame ``rater, emotion_a, emotion_b, dissimilarity``
    affect : DataFrame ``emotion, valence, arousal, valence_class``
        Where it lacks a judged emotion, the rungs made of it are compared over the other emotions (``n_emotions`` says
        so).
    pairs : sequence of str
        Pair sets of `rsa.compare_spaces`.
    permuted : mapping, optional
        From `load_permuted`.

    Returns
    -------
    rsa, differences : DataFrame
        Rows of `rsa.compare_spaces` (+ `rsa.compare_draws`) and of `rsa.compare_differences`.
    """
    raters = RaterRDMs.from_long(judgements)
    known = next(iter(rdms.values())).labels
    if dropped := [e for e in known if e not in raters.labels]:
        LOG.info("not judged, left out: %s", ", ".join(dropped))
    classes = dict(zip(affect["emotion"], affect["valence_class"], strict=True))
    models = {k: v.subset(raters.labels) for k, v in rdms.items()}
    common = {"pairs": pairs, "classes": classes}
    fewer = [e for e in raters.labels if e in classes]
    partly: dict[str, RDM] = {}
    if len(fewer) == len(raters.labels):
        models |= {k: v.subset(raters.labels) for k, v in affect_rdms(affect).items()}
    else:
        LOG.info(
            "judged but without valence, left out of valence-sign and valence-arousal: %s",
            ", ".join(e for e in raters.labels if e not in classes),
        )
        partly = {k: v.subset(fewer) for k, v in affect_rdms(affect).items()}
    whole = [
        compare_spaces(
            models,
            raters,
            **common,
            nuisances={},
            n_permutations=dict.fromkeys(TESTED, n_permutations),
            n_bootstrap=n_bootstrap,
            rng=seeds.rng("spaces"),
            permuted={k: v.subset(raters.labels) for k, v in (permuted or {}).items()},
        )
    ]
    if partly:
        whole.append(
            compare_spaces(
                partly,
                raters.subset(fewer),
                **common,
                nuisances={},
                n_permutations=0,
                n_bootstrap=n_bootstrap,
                rng=seeds.rng("spaces", "with affect"),
            )
        )
    drawn = [
        compare_draws(
            [r.subset(raters.labels) for r in values],
            raters,
            representation=name,
            **common,
            nuisances={},
            rng=seeds.rng("draws", name),
        )
        for name, values in random.items()
    ]
    narrow = {k: v.subset(fewer) for k, v in models.items()} | partly
    differences = [
        compare_differences(
            narrow if within else models,
            raters.subset(fewer) if within else raters,
            reference_pairs=found,
            **common,
            n_bootstrap=n_bootstrap,
            rng=seeds.rng("differences", "with affect" if within else "all"),
        )
        for within in (False, True)
        if (
            found := [
                d for d in DIFFERENCES if set(d) <= set(models) | set(partly) and bool(set(d) & set(partly)) == within
            ]
        )
    ]
    return pd.concat([*whole, *drawn], ignore_index=True), pd.concat(differences, ignore_index=True)
