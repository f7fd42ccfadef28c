"""Where emotions lie: the mean codes of their concept words."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from shared_affect.features.contrast import check_concepts


def emotion_space(
    codes: np.ndarray,
    membership: np.ndarray,
    emotions: Sequence[str],
    feature_ids: Sequence[int] | np.ndarray | None = None,
) -> np.ndarray:
    """Points [E, k] of the emotions: codes centred on the mean over concept words, averaged over an emotion's words.

    Words of several sets are left out: two centroids that share words are alike whatever the codes are. `feature_ids`
    picks and orders the k columns (doubled or unknown ids raise); None takes all features.

    Examples
    --------
    >>> codes = np.array([[3.0, 0.0], [1.0, 0.0], [0.0, 4.0], [0.0, 0.0]])
    >>> member = np.repeat([[True, False], [False, True]], 2, axis=0)
    >>> emotion_space(codes, member, ["joy", "fear"])
    array([[ 1., -1.],
           [-1.,  1.]])
    """
    codes, membership = check_concepts(codes, membership, emotions)
    if feature_ids is not None:
        ids = np.asarray(feature_ids)
        if len(np.unique(ids)) != len(ids) or not len(ids) or ids.min() < 0 or ids.max() >= codes.shape[1]:
            raise ValueError(
                f"feature_ids are empty, doubled or out of range; allowed: distinct ids in 0..{codes.shape[1] - 1}"
            )
        codes = codes[:, ids]
    return centroids(codes, membership)


def centroids(codes: np.ndarray, membership: np.ndarray) -> np.ndarray:
    """Points of the emotions over all words given, those of several sets in each of them."""
    return (membership / membership.sum(0)).T @ (codes - codes.mean(0, dtype=float))
