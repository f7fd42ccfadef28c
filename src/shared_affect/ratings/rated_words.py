"""Which words are predicted, what people say of them, and in which fold each stands."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import pandas as pd

from shared_affect.features.codes import LanguageCodes
from shared_affect.ratings.scores import known_ceiling


@dataclass(frozen=True, eq=False)
class RatedWords:
    """The ordinary rated words of one language, in one order.

    Attributes
    ----------
    words : tuple of n str, unique; they index stored predictions
    ratings : dimension -> array [n]
    groups : array [n]
        Lemma families and translation pairs, comparable across languages.
    fold : int array [n]
        Outer fold of each word, whole groups together.
    noise : dimension -> (array [n], array [n])
        SD over raters and number of raters of each word, where they are known (NaN: unknown).

    Raises
    ------
    ValueError
        If a word is doubled, a rating is missing, or no dimension is given.
    """

    words: Sequence[str]
    ratings: Mapping[str, np.ndarray]
    groups: np.ndarray
    fold: np.ndarray
    noise: Mapping[str, tuple[np.ndarray, np.ndarray]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        object.__setattr__(self, "fold", np.asarray(self.fold))
        object.__setattr__(self, "groups", np.asarray(self.groups))
        n = len(self.fold)
        for name, y in self.ratings.items():
            if np.shape(y) != (n,) or not np.isfinite(np.asarray(y, float)).all():
                raise ValueError(
                    f"ratings {name!r} have shape {np.shape(y)} or missing values; allowed: {n} finite numbers"
                )
        if not self.ratings:
            raise ValueError("no rating dimension given; allowed: at least one, such as valence")
        if len(set(self.words)) != len(self.words) or len(self.words) != n:
            raise ValueError(
                f"{len(self.words)} word labels, {len(set(self.words))} distinct, for {n} words; allowed: one label"
                " each"
            )

    @property
    def targets(self) -> np.ndarray:
        """Ratings [n, dimensions]."""
        return np.column_stack([np.asarray(y, float) for y in self.ratings.values()])

    @property
    def ceilings(self) -> dict[str, float | None]:
        """Reliability ceiling of each dimension over these words, None where it is unknown."""
        return {d: known_ceiling(y, *self.noise[d]) if d in self.noise else None for d, y in self.ratings.items()}

    def subset(self, rows: np.ndarray) -> RatedWords:
        """Some of the words."""
        return RatedWords(
            [self.words[i] for i in rows],
            {d: np.asarray(y)[rows] for d, y in self.ratings.items()},
            self.groups[rows],
            self.fold[rows],
            {d: (sd[rows], n[rows]) for d, (sd, n) in self.noise.items()},
        )


def ordinary_words(codes: LanguageCodes, norms: pd.DataFrame) -> list[str]:
    """Rated words that stand in no concept-set."""
    concepts = {*codes.concepts.words, *codes.left_out}
    return [w for w in norms["word"] if w not in concepts]


def ordinary_norms(codes: LanguageCodes, norms: pd.DataFrame, folds: pd.DataFrame, language: str) -> pd.DataFrame:
    """Norms of a language's ordinary words, indexed by word, with the group and the fold of each.

    Parameters
    ----------
    codes : LanguageCodes
    norms : DataFrame
        Standard norms of the language. Where an SD or N is NaN the ceiling is unknown.
    folds : DataFrame as of `folds.draw_folds`
    language : str

    Raises
    ------
    ValueError
        If a rated word is in no fold.
    """
    own = folds[folds["language"] == language].drop(columns="language")
    if missing := sorted(set(norms["word"]) - set(own["word"])):
        raise ValueError(
            f"{len(missing)} rated words of {language!r} are in no fold, {missing[0]!r} among them; needed: the folds"
            " of these norms"
        )
    folded = norms.merge(own, on="word", validate="one_to_one")
    return folded.set_index("word").loc[ordinary_words(codes, folded)]


def rated_words(frame: pd.DataFrame, dimensions: Sequence[str]) -> RatedWords:
    """Words of `ordinary_norms`."""
    return RatedWords(
        frame.index.tolist(),
        {d: frame[d].to_numpy(float) for d in dimensions},
        frame["group"].to_numpy(str),
        frame["fold"].to_numpy(),
        {d: (frame[f"{d}_sd"].to_numpy(float), frame[f"{d}_n"].to_numpy(float)) for d in dimensions},
    )
