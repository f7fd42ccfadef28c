"""Folds that split no group of words, and permutations that split none either."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

from shared_affect.base.log import LOG


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
