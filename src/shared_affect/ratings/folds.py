"""Folds that split no group of words, and permutations that split none either: within a language and across two."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from shared_affect.base.log import LOG
from shared_affect.words.lemma_families import word_groups


def folds(groups: Sequence | np.ndarray, n_folds: int, rng: np.random.Generator) -> np.ndarray:
    """Fold of every word, 0..n_folds-1, such that no group is split and folds are about equally large.

    Groups in random order, large ones first, each to the smallest fold so far.

    Raises
    ------
    ValueError
        If there are fewer groups than folds or fewer than 2 folds.
    """
    names, of_word = np.unique(np.asarray(groups), return_inverse=True)
    if n_folds < 2 or len(names) < n_folds:
        raise ValueError(
            f"{n_folds} folds for {len(names)} groups; allowed: 2 <= folds <= groups (config.yaml, or more rated words)"
        )
    size = np.bincount(of_word)
    if size.max() > 2 * len(of_word) / n_folds:
        LOG.warning(
            "the group of %r holds %d of %d words, twice a fold or more: folds are uneven (resources/translations.tsv;"
            " config.yaml, key dictionaries)",
            str(names[size.argmax()]),
            size.max(),
            len(of_word),
        )
    order = rng.permutation(len(names))
    order = order[np.argsort(-size[order], kind="stable")]
    load = np.zeros(n_folds, int)
    fold = np.empty(len(names), int)
    for g in order:
        fold[g] = load.argmin()
        load[fold[g]] += size[g]
    return fold[of_word]


def paired_folds(groups: Mapping[str, np.ndarray], n_folds: int, rng: np.random.Generator) -> dict[str, np.ndarray]:
    """Folds of several languages at once: a group (translation pair) falls in the same fold in each of them."""
    languages = sorted(groups)
    joined = folds(np.concatenate([np.asarray(groups[k]) for k in languages]), n_folds, rng)
    ends = np.cumsum([len(groups[k]) for k in languages])
    return dict(zip(languages, np.split(joined, ends[:-1])))


def inner_folds(outer: np.ndarray, groups: np.ndarray, n_inner: int, rng: np.random.Generator) -> np.ndarray:
    """Inner fold of each word in each outer training set, [n_outer, n]; -1 for the words held out there."""
    groups = np.asarray(groups)
    out = np.full((len(np.unique(outer)), len(outer)), -1)
    for k, f in enumerate(np.unique(outer)):
        out[k, outer != f] = folds(groups[outer != f], n_inner, rng)
    return out


def permuted_indices(groups: Sequence | np.ndarray, n_permutations: int, rng: np.random.Generator) -> np.ndarray:
    """Indices [n_permutations, n] that exchange words among groups of equal size, members in their order.

    Raises
    ------
    ValueError
        If no two groups have the same size: nothing could be exchanged.
    """
    groups = np.asarray(groups)
    of_word = np.unique(groups, return_inverse=True)[1]
    size = np.bincount(of_word)
    by_group = np.split(np.argsort(of_word, kind="stable"), np.cumsum(size)[:-1])
    out = np.tile(np.arange(len(groups)), (n_permutations, 1))
    movable = False
    for s in np.unique(size):
        members = np.array([by_group[g] for g in np.flatnonzero(size == s)])
        movable |= len(members) > 1
        order = rng.permuted(np.tile(np.arange(len(members)), (n_permutations, 1)), axis=1)
        out[:, members.ravel()] = members[order].reshape(n_permutations, -1)
    if not movable:
        raise ValueError(f"{len(by_group)} groups, no two of equal size; allowed: at least two that can be exchanged")
    return out


def check_groups_whole(groups: np.ndarray, fold: np.ndarray) -> None:
    """Raise ValueError if a group stands in several folds."""
    pairs = pd.DataFrame({"group": np.asarray(groups), "fold": np.asarray(fold)}).drop_duplicates()
    split = pairs.group[pairs.group.duplicated()]
    if len(split):
        raise ValueError(f"group {split.iloc[0]!r} stands in several folds; allowed: each group in one (use folds)")


@dataclass(frozen=True, eq=False)
class Folds:
    """Outer and inner folds of one analysis within a language: all its arms go through the same ones.

    Attributes
    ----------
    groups : array [n]
        Lemma families or translation pairs: never split, by inner folds neither.
    outer : int array [n]
    inner : int array [n_outer, n]
        Inner fold of each word in each outer training set; -1 for the words held out there.
    """

    groups: np.ndarray
    outer: np.ndarray
    inner: np.ndarray

    @classmethod
    def draw(cls, outer: np.ndarray, groups: Sequence | np.ndarray, n_inner: int, rng: np.random.Generator) -> Folds:
        """Draw the inner folds of given outer ones; a group in several outer folds raises ValueError."""
        outer, groups = np.asarray(outer), np.asarray(groups)
        check_groups_whole(groups, outer)
        return cls(groups, outer, inner_folds(outer, groups, n_inner, rng))


@dataclass(frozen=True, eq=False)
class CrossFolds:
    """Folds of words that are predicted from another language, no translation pair on both sides.

    Attributes
    ----------
    test : int array [n_test]
    train : int array [n_train]
        Test fold in which each training word's translation stands; -1 if it has none (it may always train).
    inner : int array [n_test_folds, n_train]
        Inner fold of each training word for each test fold; -1 for the words left out there.
    """

    test: np.ndarray
    train: np.ndarray
    inner: np.ndarray

    @classmethod
    def draw(
        cls,
        groups_train: np.ndarray,
        groups_test: np.ndarray,
        fold_test: np.ndarray,
        n_inner: int,
        rng: np.random.Generator,
    ) -> CrossFolds:
        """Draw the inner folds of the training words; groups are comparable across languages.

        Raises
        ------
        ValueError
            For negative folds, fewer than 2, not one a word, or a group of the tested words in several of them.
        """
        test, groups_train = np.asarray(fold_test), np.asarray(groups_train)
        if len(groups_test) != len(test):
            raise ValueError(f"{len(groups_test)} groups, {len(test)} folds of test words; allowed: one for each word")
        if (test < 0).any() or len(np.unique(test)) < 2:
            raise ValueError(
                "fold_test has negative numbers or fewer than 2 folds; allowed: folds 0, 1, ... (use paired_folds)"
            )
        check_groups_whole(groups_test, test)
        of_group = dict(zip(np.asarray(groups_test).tolist(), test.tolist(), strict=True))
        train = np.array([of_group.get(g, -1) for g in groups_train.tolist()])
        inner = np.full((len(np.unique(test)), len(train)), -1)
        for k, f in enumerate(np.unique(test)):
            inner[k, train != f] = folds(groups_train[train != f], n_inner, rng)
        return cls(test, train, inner)


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
