"""A synthetic study of any size, in the formats that extraction and human data leave: what `bench_scale` runs on.

No model stands behind it. A word fires features whose rates fall off like those of a wide SAE (`firing_rates`), the
same ones for the most part in every template and position, and those of an emotion if it carries one; ratings follow
the emotion. Everything descends from one seed.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from scipy.sparse import csr_matrix, vstack

from shared_affect.base.seeds import Seeds
from shared_affect.base.tables import write_tsv
from shared_affect.features.files import RUNNING_TEXT, WORD_ARRAYS
from shared_affect.features.readout import POSITIONS, named_readout
from shared_affect.human.files import AFFECT, JUDGEMENTS, NORMS, WORD_PROPERTIES
from shared_affect.words.files import CONCEPTS, TRANSLATIONS

LANGUAGES = ("en", "zh")
BLOCK = 2000
"""Words whose codes are drawn at once."""

READOUT = "word-after"
"""Position that the study reads, as the default study does."""


@dataclass(frozen=True)
class Sizes:
    """How large a study is.

    Attributes
    ----------
    words : int
        Rated words of each language.
    features : int
        Of the SAE.
    width : int
        Of the residual and of the input embedding.
    emotions, concept_words : int
        Emotions, and words of each.
    active : float
        Features that fire on a text, mean.
    densest : float
        Rate of the feature that fires most.
    """

    words: int = 25_000
    features: int = 131_072
    width: int = 3584
    emotions: int = 27
    concept_words: int = 30
    active: float = 130
    densest: float = 0.02
    templates: tuple[str, ...] = ("bare", "word-is", "said", "think-of")

    @property
    def names(self) -> list[str]:
        """Of the emotions."""
        return [f"e{i:02d}" for i in range(self.emotions)]


def firing_rates(n_features: int, active: float, densest: float) -> np.ndarray:
    """Rates that fall off like ``densest / (1 + k / k0) ** 1.5`` and sum to `active`, most frequent feature first.

    Raises
    ------
    ValueError
        If so many features cannot fire at no more than the densest's rate.

    Examples
    --------
    >>> rates = firing_rates(131_072, 130, 0.02)
    >>> round(float(rates.sum())), float(rates[0]), bool(rates[-1] > 1e-5)
    (130, 0.02, True)
    """
    if not 0 < active < densest * n_features:
        raise ValueError(f"{active} of {n_features} features active at rates up to {densest}; allowed: fewer")
    k, low, high = np.arange(n_features), 1e-3, 1e9
    for _ in range(200):
        middle = np.sqrt(low * high)
        low, high = (middle, high) if (densest / (1 + k / middle) ** 1.5).sum() < active else (low, middle)
    return densest / (1 + k / high) ** 1.5


def word_names(language: str, n: int) -> list[str]:
    """Made-up words that share no stem: syllables, or two Chinese characters."""
    if language == "zh":
        return [chr(0x4E00 + i // 200) + chr(0x6000 + i % 200) for i in range(n)]
    syllables = [c + v for c in "bdfgklmnprtvz" for v in "aou"]
    size = len(syllables)
    return [syllables[i // size**2 % size] + syllables[i // size % size] + syllables[i % size] for i in range(n)]


@dataclass(frozen=True, eq=False)
class World:
    """What the words of both languages have in common.

    Attributes
    ----------
    rates : array [F]
    of_emotion : int array [E, k]
        Features that an emotion's words fire more often.
    affect : array [E, 2]
        Valence and arousal of the emotions, -1..1.
    """

    rates: np.ndarray
    of_emotion: np.ndarray
    affect: np.ndarray

    @classmethod
    def of(cls, sizes: Sizes, seeds: Seeds) -> World:
        """Drawn from the seeds; features in random order."""
        rng = seeds.rng("world")
        rates = rng.permutation(firing_rates(sizes.features, sizes.active, sizes.densest))
        each = min(40, sizes.features // (2 * sizes.emotions))
        of_emotion = rng.permutation(sizes.features)[: each * sizes.emotions].reshape(sizes.emotions, each)
        valence = np.linspace(-0.9, 0.9, sizes.emotions)
        return cls(rates, of_emotion, np.column_stack([valence, rng.uniform(-0.9, 0.9, sizes.emotions)]))

    def codes(self, carries: np.ndarray, n_rows: int, rng: np.random.Generator) -> list[csr_matrix]:
        """Codes [words, F] for each template and position; `carries` is each word's emotion, -1 for none."""
        parts: list[list[csr_matrix]] = [[] for _ in range(n_rows)]
        for start in range(0, len(carries), BLOCK):
            for out, part in zip(parts, self._block(carries[start : start + BLOCK], n_rows, rng), strict=True):
                out.append(part)
        return [csr_matrix(vstack(p, format="csr")) for p in parts]

    def _block(self, carries: np.ndarray, n_rows: int, rng: np.random.Generator) -> list[csr_matrix]:
        n, cumulated = len(carries), np.cumsum(self.rates)
        own = np.flatnonzero(carries >= 0)
        marks = self.of_emotion[carries[own]]
        fires = rng.random(marks.shape) < 0.35
        lasting = self._draw(n, 1.0, cumulated, rng)
        words = np.concatenate([lasting[0], np.repeat(own, fires.sum(1))])
        features = np.concatenate([lasting[1], marks[fires]])
        size = 1 + rng.exponential(2.0, len(words))
        found = []
        for _ in range(n_rows):
            kept = rng.random(len(words)) < 0.7
            passing = self._draw(n, 0.3, cumulated, rng)
            row = np.concatenate([words[kept], passing[0]])
            column = np.concatenate([features[kept], passing[1]])
            value = np.concatenate(
                [size[kept] * rng.uniform(0.8, 1.2, kept.sum()), 1 + rng.exponential(1.0, len(passing[0]))]
            )
            one = csr_matrix((value.astype(np.float32), (row, column)), shape=(n, len(self.rates)))
            one.sum_duplicates()
            found.append(one)
        return found

    def _draw(
        self, n: int, share: float, cumulated: np.ndarray, rng: np.random.Generator
    ) -> tuple[np.ndarray, np.ndarray]:
        """Words and features that fire, at a share of their rates."""
        count = rng.poisson(share * cumulated[-1], n)
        at = np.searchsorted(cumulated, rng.random(count.sum()) * cumulated[-1])
        return np.repeat(np.arange(n), count), np.minimum(at, len(cumulated) - 1)


def _word_arrays(words: Sequence[str], carries: np.ndarray, world: World, sizes: Sizes, rng) -> dict[str, np.ndarray]:
    n, n_rows = len(words), len(sizes.templates) * len(POSITIONS)
    codes = csr_matrix(vstack(world.codes(carries, n_rows, rng), format="csr"))
    common = rng.standard_normal((n, sizes.width), np.float32)
    # what templates and positions add to a word's residual, averaged over them
    mean = common + np.float32(0.3 / n_rows**0.5) * rng.standard_normal((n, sizes.width), np.float32)
    return {
        "words": np.array(words),
        "templates": np.array(sizes.templates),
        "positions": np.array(POSITIONS),
        "readouts": np.array([named_readout(sizes.templates, READOUT)]),
        "dense": mean[None],
        "static": rng.standard_normal((n, sizes.width), np.float32),
        "data": codes.data,
        "indices": codes.indices,
        "indptr": codes.indptr,
        "d_sae": np.array(sizes.features, np.int64),
    }


def _running_text(world: World) -> dict[str, np.ndarray]:
    facts = {"dead_share": 0.0, "explained_variance": 0.8, "l0": world.rates.sum(), "loss": 3.0, "loss_sae": 3.1}
    facts |= {"loss_ablated": 5.0, "loss_recovered": 0.95, "mean_residual_norm": 100.0}
    arrays = {k: np.array([v], float) for k, v in facts.items()}
    return arrays | {"density": world.rates.astype(float), "n_tokens": np.array([100_000], np.int64)}


def _human(
    folder: Path, language: str, words: Sequence[str], carries: np.ndarray, world: World, sizes: Sizes, rng
) -> None:
    n = len(words)
    latent = np.where(carries[:, None] >= 0, world.affect[carries], 0) + 0.15 * rng.standard_normal((n, 2))
    mean = np.clip(latent, -1, 1)
    frame = pd.DataFrame({"word": words, "valence": mean[:, 0], "arousal": mean[:, 1]})
    frame = frame.assign(valence_sd=0.35, valence_n=20, arousal_sd=0.4, arousal_n=20)
    NORMS.write(folder / f"human/norms_{language}.tsv", frame)
    every = [*words, *concept_words(language, sizes)]
    count = np.ceil(np.exp(rng.normal(4, 2, len(every))))
    WORD_PROPERTIES.write(folder / f"human/frequency_{language}.tsv", pd.DataFrame({"word": every, "count": count}))
    affect = pd.DataFrame({"emotion": sizes.names, "valence": world.affect[:, 0], "arousal": world.affect[:, 1]})
    affect["valence_class"] = np.where(affect["valence"] > 0, "positive", "negative")
    AFFECT.write(folder / f"human/affect_{language}.tsv", affect)
    first, second = np.triu_indices(sizes.emotions, 1)
    apart = np.linalg.norm(world.affect[first] - world.affect[second], axis=1)
    rows = [
        {"rater": f"r{r:02d}", "emotion_a": sizes.names[i], "emotion_b": sizes.names[j], "dissimilarity": d}
        for r in range(20)
        for i, j, d in zip(first, second, np.round(apart * 4 + rng.normal(0, 1, len(apart)), 1))
    ]
    JUDGEMENTS.write(folder / f"human/judgements_{language}.tsv", pd.DataFrame(rows))


def concept_words(language: str, sizes: Sizes) -> list[str]:
    """Words of all concept-sets, behind the rated ones; emotion after emotion."""
    n = sizes.emotions * sizes.concept_words
    return word_names(language, sizes.words + n)[sizes.words :]


def _write_language(folder: Path, language: str, world: World, sizes: Sizes, seeds: Seeds) -> None:
    rng = seeds.rng(language)
    rated = word_names(language, sizes.words)
    emotion = np.repeat(np.arange(sizes.emotions), sizes.concept_words)
    carries = np.where(rng.random(len(rated)) < 0.4, rng.integers(0, sizes.emotions, len(rated)), -1)
    concepts = concept_words(language, sizes)
    frame = pd.DataFrame({"emotion": np.array(sizes.names)[emotion], "word": concepts, "strength": np.nan})
    CONCEPTS.write(folder / f"concepts_{language}.tsv", frame.assign(pos="n", source="made"))
    for e, name in enumerate(sizes.names):
        own = emotion == e
        arrays = _word_arrays([w for w, o in zip(concepts, own) if o], emotion[own], world, sizes, rng)
        WORD_ARRAYS.write(folder / f"features/{language}/concepts/{name}.npz", arrays)
    WORD_ARRAYS.write(folder / f"features/{language}/norms.npz", _word_arrays(rated, carries, world, sizes, rng))
    RUNNING_TEXT.write(folder / f"features/{language}/running_text.npz", _running_text(world))
    _human(folder, language, rated, carries, world, sizes, rng)


def _write_tokenizer(folder: Path, texts: Sequence[str]) -> None:
    """A tokenizer of single characters."""
    from tokenizers import Tokenizer, models

    characters = sorted(set("".join(texts)))
    vocabulary = [("<unk>", 0.0), *((c, -1.0) for c in characters)]
    folder.mkdir(parents=True, exist_ok=True)
    Tokenizer(models.Unigram(vocabulary, unk_id=0, byte_fallback=False)).save(str(folder / "tokenizer.json"))


def write_study(folder: Path, sizes: Sizes, language: str, root_seed: int = 0) -> None:
    """Write what a study has when its models have read a language: extracted arrays, norms, judgements, concept-sets.

    What languages have in common is written with each, the same.
    """
    seeds = Seeds(root_seed, ("bench_scale",))
    world = World.of(sizes, seeds)
    table = {"emotion": sizes.names, "basic": "false", "contrast": "true"}
    write_tsv(folder / "emotions.tsv", pd.DataFrame(table))
    names = {k: word_names(k, sizes.words) for k in LANGUAGES}
    n = sizes.words * 2 // 5
    pairs = pd.DataFrame({"pair": [f"p{i}" for i in range(n)], **{k: w[:n] for k, w in names.items()}})
    TRANSLATIONS.write(folder / "human/translations.tsv", pairs)
    _write_tokenizer(folder / "model", [w for k in LANGUAGES for w in (*names[k], *concept_words(k, sizes))])
    _write_language(folder, language, world, sizes, seeds)
