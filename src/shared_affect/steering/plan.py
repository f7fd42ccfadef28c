"""What a study writes: the arms of steering, one record each, and the chunks of texts that come of them.

How an arm's vector is made, what is done with it and whose texts it reads is told here and nowhere else. What its name
is called, whether its texts belong to an emotion and come at several strengths stands with the word, in
`study.vocabulary.STEERING_ARM`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from shared_affect.base.files import digest_of
from shared_affect.base.seeds import rng, seed_sequence, torch_seed
from shared_affect.models.interventions import Intervention
from shared_affect.steering.directions import concept_vector, difference_of_means, random_directions
from shared_affect.study.vocabulary import STEERING_ARM

NO_EMOTION = "-"
"""Stands for the emotion of texts that belong to none."""


# ---- arms


@dataclass(frozen=True, eq=False)
class Material:
    """What an emotion's vectors may be made of.

    Attributes
    ----------
    features : ndarray of int, ``[k]``
        Of the emotion space.
    weights : ndarray, ``[k]``
        Mean code over the emotion's words minus that over the others' words.
    decoder : ndarray, ``[d_sae, d]``
    inside, outside : ndarray, ``[n, d]``
        Residuals of the emotion's words, and of the others' words.
    n_random, root_seed, names
        Number of random directions, and what their seed hangs on: root seed, model, SAE, language.
    """

    features: np.ndarray
    weights: np.ndarray
    decoder: np.ndarray
    inside: np.ndarray
    outside: np.ndarray
    n_random: int
    root_seed: int
    names: tuple[str, str, str]


@dataclass(frozen=True)
class Arm:
    """A way of steering, or of not steering, that is scored on its own.

    Attributes
    ----------
    name : str
        A word of the vocabulary.
    vector : callable of Material -> ndarray ``[d]`` or ``[n, d]``, optional
        None: nothing is done to the model.
    operator : str
        As in `models.interventions.Intervention`.
    reads : str
        Arm whose texts to the *other* emotions stand for this arm, which then writes none of its own.
    """

    name: str
    vector: Callable[[Material], np.ndarray] | None = None
    operator: str = "add"
    reads: str = ""

    @property
    def of_emotion(self) -> bool:
        """Whether its texts belong to an emotion. Those of a baseline are written once and scored for all emotions."""
        return STEERING_ARM[self.name].of_emotion

    @property
    def source(self) -> str:
        """Arm whose texts it reads."""
        return self.reads or self.name

    @property
    def has_strength(self) -> bool:
        """Whether its texts come at the study's strengths; else at one, 1 with a vector and 0 without."""
        return STEERING_ARM[self.name].has_strength

    @property
    def chooses(self) -> bool:
        """Whether it gets strengths of its own, on the prompts that choose."""
        return self.vector is not None


def _concept(m: Material) -> np.ndarray:
    return concept_vector(m.features, m.weights, m.decoder)


def _diff_means(m: Material) -> np.ndarray:
    return difference_of_means(m.inside, m.outside)


def _random(m: Material) -> np.ndarray:
    """The same for all emotions."""
    return random_directions(m.n_random, m.decoder.shape[1], rng(m.root_seed, "random_directions", *m.names))


ARMS = (
    Arm("concept", _concept),
    Arm("diff-means", _diff_means),
    Arm("random", _random),
    Arm("none"),
    Arm("wrong-emotion", reads="concept"),
)
"""In the order of rows in the tables."""

COMPARED = ("random", "wrong-emotion", "diff-means")
"""Arms that the concept vector is compared with, in the order of rows in ``differences.tsv``."""


def arm_named(name: str) -> Arm:
    """The arm of a name.

    Raises
    ------
    ValueError
        If there is none.
    """
    if (found := next((a for a in ARMS if a.name == name), None)) is None:
        raise ValueError(f"arm is {name!r}; allowed: {', '.join(a.name for a in ARMS)}")
    return found


def written_arms() -> tuple[Arm, ...]:
    """Arms that have texts of their own."""
    return tuple(a for a in ARMS if not a.reads)


def baselines() -> tuple[Arm, ...]:
    """Arms whose texts belong to no emotion."""
    return tuple(a for a in written_arms() if not a.of_emotion)


def make_vectors(material: Material) -> dict[str, np.ndarray]:
    """The vector of every arm that has one, by its name."""
    return {a.name: a.vector(material) for a in ARMS if a.vector is not None}


# ---- chunks


@dataclass(frozen=True)
class Prompt:
    """A sentence beginning; `split` says whether it chooses the strength or is scored."""

    name: str
    split: str
    text: str


class Row(NamedTuple):
    """One text of a chunk: its prompt, which of the prompt's texts it is, and its direction where there are several."""

    prompt: Prompt
    sample: int
    direction: int | None


@dataclass(frozen=True, eq=False)
class Chunk:
    """Texts that are written under one intervention: an emotion, an arm and a strength over all prompts.

    Attributes
    ----------
    emotion : str
        `NO_EMOTION` for a baseline.
    arm : str
    intervention : Intervention
    prompts : tuple of Prompt
    samples : int
        Texts a prompt; more where it takes more for one text a direction.
    """

    emotion: str
    arm: str
    intervention: Intervention
    prompts: tuple[Prompt, ...]
    samples: int = 1

    @property
    def strength(self) -> float:
        return float(self.intervention.strength)

    @property
    def name(self) -> tuple[str, str, float]:
        """Emotion, arm, strength: no two chunks of a study share them."""
        return self.emotion, self.arm, self.strength

    def rows(self) -> list[Row]:
        """Its texts in order; directions are taken in turn."""
        n = self.intervention.n_directions
        samples = max(self.samples, -(-n // len(self.prompts)))  # every direction gets a text at least
        pairs = [(p, s) for p in self.prompts for s in range(samples)]
        return [Row(p, s, i % n if n > 1 else None) for i, (p, s) in enumerate(pairs)]

    @property
    def _purpose(self) -> tuple[str, ...]:
        return self.emotion, self.arm, repr(self.strength)

    def seed(self, root_seed: int, language: str) -> int:
        """What its rows' seeds hang on, for keys."""
        return torch_seed(root_seed, "generate_texts", language, *self._purpose)

    def row_seed(self, row: Row, root_seed: int, language: str) -> np.random.SeedSequence:
        """Seed of one text, by names: prompts and samples that are added leave it alone."""
        return seed_sequence(root_seed, "generate_texts", language, *self._purpose, row.prompt.name, row.sample)

    def key(self, identity: Mapping, seed: int) -> str:
        """Its key in a journal.

        Parameters
        ----------
        identity : mapping
            What besides the chunk decides its texts: the model, the place that is steered, the sampling.
        seed : int
        """
        own = {
            "emotion": self.emotion,
            "arm": self.arm,
            "prompts": [[p.name, p.text] for p in self.prompts],
            "samples_per_prompt": self.samples,
            "seed": seed,
        }
        return digest_of({**identity, **own, **self.intervention.key()})


@dataclass(frozen=True)
class Design:
    """What the chunks of a study have in common.

    Attributes
    ----------
    prompts : sequence of Prompt
    strengths : sequence of float
        In mean residual norms.
    samples : int
        Texts a prompt.
    positions : {"all", "generated", "prompt"}
    """

    prompts: Sequence[Prompt]
    strengths: Sequence[float]
    samples: int = 1
    positions: str = "all"


def plan(vectors: Mapping[str, Mapping[str, np.ndarray]], design: Design, *, with_baselines: bool) -> list[Chunk]:
    """Chunks of a group of emotions: every emotion x arm x strength.

    Parameters
    ----------
    vectors : mapping of emotion -> arm -> ndarray
    design : Design
    with_baselines : bool
        Also the texts that belong to no emotion: unsteered, and random directions at every strength. The first group
        of emotions makes them for all.

    Raises
    ------
    ValueError
        If a strength is given twice (its texts would be written twice and kept once); as `Intervention`.
    """
    if len({float(s) for s in design.strengths}) < len(design.strengths):
        found = ", ".join(f"{s:g}" for s in design.strengths)
        raise ValueError(f"strengths are {found}; allowed: each once (config.yaml, key steering.strengths)")
    # a baseline's vectors are the same in every emotion's file; unsteered texts come first
    own = next(iter(vectors.values())) if with_baselines else {}
    wanted = [(NO_EMOTION, a, own) for a in sorted(baselines(), key=lambda a: a.has_strength) if with_baselines]
    wanted += [(e, a, of_emotion) for e, of_emotion in vectors.items() for a in written_arms() if a.of_emotion]
    return [chunk for emotion, arm, found in wanted for chunk in _chunks(emotion, arm, found, design)]


def _chunks(emotion: str, arm: Arm, vectors: Mapping[str, np.ndarray], design: Design) -> Iterator[Chunk]:
    once = 0.0 if arm.vector is None else 1.0
    for strength in design.strengths if arm.has_strength else (once,):
        vector = None if arm.vector is None else vectors[arm.name]
        change = Intervention(vector, float(strength), arm.operator, design.positions)
        yield Chunk(emotion, arm.name, change, tuple(design.prompts), design.samples)
