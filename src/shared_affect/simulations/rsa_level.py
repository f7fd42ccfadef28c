"""Is an emotion space called congruent with human judgements where codes have nothing to do with words?"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
from scipy.sparse import csr_matrix
from scipy.spatial.distance import cdist, pdist

from shared_affect.base.seeds import rng as seeded
from shared_affect.features.centroids import centroids, emotion_space
from shared_affect.features.codes import WordCodes, attach_sets
from shared_affect.features.select import select
from shared_affect.results.claims.families import FINE_STRUCTURE, STRUCTURE
from shared_affect.simulations._tally import rate
from shared_affect.spaces.pair_sets import PairSets
from shared_affect.spaces.permuted_spaces import permuted_spaces
from shared_affect.spaces.rdm import RaterRDMs, cosine_rdm
from shared_affect.spaces.rsa import Repeats, compare_spaces
from shared_affect.spaces.rungs import TESTED

TITLE = "Congruence with human judgements: level of the test"
TEXT = """
Sparse codes are drawn independently for every word (300 features), so that nothing can be found in them. Emotions are
points in a plane, 40 raters judge their distances with noise. Concept-sets: *disjoint*, of equal size; *overlapping*:
words are points in the same plane and a set is the words nearest to its emotion, so that emotions that people find
alike share words, as in free associations (about a fifth of the words in several sets); *sizes*: disjoint, 3 to 30
words, and emotions with sets of similar size are judged alike; *density*: disjoint, words of some sets activate four
times as many features as those of others, and emotions alike in this are judged alike; *signal*: disjoint sets whose
words do carry the plane, the only setting in which rejecting is right. `structure` is all pairs, `fine-structure` pairs
within a valence class. *Old rule*: words of several sets stay in the centroids, emotion labels are permuted. *Labels*,
*codes*: these words left out, labels or codes permuted. *Claim*: both reject, the rule of the study. Each at .01, 399
permutations of labels and of codes. Old rule and claim for `sae-space` and `sae-all`.
"""
N_EMOTIONS, N_FEATURES, N_RATERS, N_PERMUTATIONS = 27, 300, 40, 399
SETTINGS = {"per_emotion": 10, "fdr": 0.05, "max_density": 1.0}
SETTINGS_OF_SETS = ("disjoint", "overlapping", "sizes", "density", "signal")
PAIRS = {f.name: f.where["pairs"] for f in (STRUCTURE, FINE_STRUCTURE)}


def overlapping_sets(plane: np.ndarray, n_words: int, per_set: int, rng: np.random.Generator) -> dict[str, list[str]]:
    """Sets of the words nearest to each emotion in a plane, each emotion with two words of its own at least."""
    words = plane[rng.integers(0, len(plane), n_words)] + 0.45 * rng.standard_normal((n_words, 2))
    near = np.argsort(cdist(plane, words), axis=1)[:, :per_set]
    named: dict[str, list[str]] = {f"e{k:02d}": [f"w{i}" for i in row] for k, row in enumerate(near)}
    for k, own in enumerate(named.values()):
        own += [f"own{k}a", f"own{k}b"]
    return named


def judged(plane: np.ndarray, emotions: Sequence[str], rng: np.random.Generator) -> RaterRDMs:
    """Whole judgements of 1 to 9 of distances in the plane, with noise of each rater and pair."""
    distance = pdist(plane)
    values = np.clip(np.round(1 + 2 * distance + 1.5 * rng.standard_normal((N_RATERS, distance.size))), 1, 9)
    return RaterRDMs(tuple(emotions), tuple(f"r{k:02d}" for k in range(N_RATERS)), values)


def world(
    setting: str, rng: np.random.Generator, n_emotions: int = N_EMOTIONS
) -> tuple[dict[str, list[str]], np.ndarray, np.ndarray]:
    """Concept-sets, the emotions' points for people, and how many times more features each set's words activate."""
    plane = rng.standard_normal((n_emotions, 2))
    sizes = np.full(n_emotions, 15)
    density = np.ones(n_emotions)
    if setting == "overlapping":
        return overlapping_sets(plane, 17 * n_emotions, 18, rng), plane, density
    if setting == "sizes":
        sizes = rng.integers(3, 31, n_emotions)
        plane[:, 0] = (np.log(sizes) - np.log(sizes).mean()) / np.log(sizes).std()
    if setting == "density":
        density = np.exp(rng.uniform(-0.7, 0.7, n_emotions))
        plane[:, 0] = np.log(density) / np.log(density).std()
    return {f"e{k:02d}": [f"e{k:02d}-{i}" for i in range(s)] for k, s in enumerate(sizes)}, plane, density


def random_codes(
    sets: Mapping[str, Sequence[str]], density: np.ndarray, rng: np.random.Generator, signal: np.ndarray | None = None
) -> WordCodes:
    """Sparse codes, independent for every word; with `signal` [E, 2] a third of the features follow the plane."""
    of = {w: k for k, own in enumerate(sets.values()) for w in own}
    at = np.fromiter(of.values(), int)
    rate_of = rng.uniform(0.01, 0.12, N_FEATURES)
    logits = np.zeros((len(of), N_FEATURES))
    if signal is not None:
        third = N_FEATURES // 3
        logits[:, :third] = 1.2 * signal[at] @ rng.standard_normal((2, third))
    x = (rng.random(logits.shape) < np.clip(rate_of * density[at][:, None] * np.exp(logits), 0, 0.9)) * rng.exponential(
        1, logits.shape
    )
    return WordCodes(
        tuple(of),
        csr_matrix(x.astype(np.float32)),
        np.zeros((len(of), 1), np.float32),
        np.zeros((len(of), 1), np.float32),
    )


def p_values(
    concepts: WordCodes,
    sets: Mapping[str, Sequence[str]],
    raters: RaterRDMs,
    classes: Mapping[str, str],
    rng: np.random.Generator,
    n_permutations: int = N_PERMUTATIONS,
) -> pd.DataFrame:
    """p of the old rule, of labels and of codes, one row a representation and pair set."""
    nothing = WordCodes((), csr_matrix((0, concepts.sparse.shape[1])), concepts.dense[:0], concepts.static[:0])
    codes = attach_sets(concepts, sets, nothing, np.zeros(concepts.sparse.shape[1]))
    contrast = set(codes.emotions)
    columns = {"sae-space": select(codes, contrast, SETTINGS)["feature"].unique(), "sae-all": codes.concepts.live()}
    full = np.array([[w in own for own in map(set, sets.values())] for w in concepts.words])
    new = {
        name: cosine_rdm(emotion_space(codes.concepts.columns(f), codes.membership, codes.emotions), codes.emotions)
        for name, f in columns.items()
    }
    old = {name: cosine_rdm(centroids(concepts.columns(f), full), codes.emotions) for name, f in columns.items()}
    permuted = permuted_spaces(codes, contrast, SETTINGS, n_permutations, rng)
    pairs, repeats = PairSets(list(PAIRS.values()), classes), Repeats(n_permutations, n_splits=1)
    found = [
        compare_spaces(spaces, raters, pairs=pairs, repeats=repeats, permuted=p, rng=rng)
        .query("statistic == 'rho-a'")
        .set_index(["representation", "pairs"])
        for spaces, p in ((new, permuted), (old, None))
    ]
    return pd.DataFrame(
        {
            "labels": found[0]["p"],
            "codes": found[0]["p_codes"],
            "claim": found[0][["p", "p_codes"]].max(axis=1),
            "old rule": found[1]["p"],
        }
    )


def run(
    n: int,
    root_seed: int,
    settings: Sequence[str] = SETTINGS_OF_SETS,
    level: float = 0.01,
    n_permutations: int = N_PERMUTATIONS,
) -> list[dict]:
    """Rates of rejection; about 1 s a dataset and setting on one core."""
    rows = []
    for setting in settings:
        found = []
        for k in range(n):
            rng = seeded(root_seed, "simulate", "rsa_level", setting, str(k))
            sets, plane, density = world(setting, rng)
            emotions = list(sets)
            classes = dict(zip(emotions, np.where(plane[:, 1] > 0, "positive", "negative").tolist(), strict=True))
            concepts = random_codes(sets, density, rng, plane if setting == "signal" else None)
            found.append(p_values(concepts, sets, judged(plane, emotions, rng), classes, rng, n_permutations))
        for representation in TESTED:
            for claim, pairs in PAIRS.items():
                for rule in ("old rule", "labels", "codes", "claim"):
                    hits = np.array([f[rule].to_dict()[representation, pairs] for f in found]) < level
                    meant = (
                        "power"
                        if setting == "signal"
                        else f"<= {level:g}".replace("0.", ".")
                        if rule == "claim"
                        else "beside it"
                    )
                    rows.append(rate(setting, f"{claim}, {representation}: {rule}", hits, meant))
    return rows
