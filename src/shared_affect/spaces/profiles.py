"""A second kind of human reference: emotions compared by the profiles of the words for them, not by judging pairs.

Two emotions are as far apart as the directions of their profiles: one minus the cosine, as in the spaces of models. How
strong a word is does not count then (fury and anger point the same way), only the mixture of emotions that people find
in it; a model's space, which is compared by cosines too, does not hold strength either. Ratings enter as they were
given, 1 = not at all: that constant keeps a word in which people find little of anything near the middle, where from 0
its noise alone would say where it points. Of Song's 11 names women and men agree by .88 so and by .86 from 0 (Euclidean
distance, which holds strength: .89).

Groups of raters stand where raters do in judgements: their agreement is a rough ceiling, of means over groups.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from shared_affect.base.log import LOG
from shared_affect.base.seeds import Seeds
from shared_affect.spaces.ladder import compare_raters
from shared_affect.spaces.pair_sets import MIN_PAIRS, PairSets, lacking_pairs
from shared_affect.spaces.rdm import RaterRDMs, cosine_rdm
from shared_affect.spaces.space_files import Spaces

KIND = "profiles"
"""What stands in the column ``reference`` of results: these are no judgements."""


def profile_rdms(profiles: pd.DataFrame) -> RaterRDMs:
    """Distances between emotions in each group's profiles.

    Parameters
    ----------
    profiles : DataFrame ``emotion, group, scale, rating``
        Of one wording, complete.

    Returns
    -------
    RaterRDMs
        Groups as raters; one minus the cosine.

    Raises
    ------
    ValueError
        A rating that is lacking, or a profile without length.

    Examples
    --------
    >>> rows = [(e, g, s, r) for g in ("men", "women") for e, own in
    ...         {"joy": (5, 1), "fear": (1, 3), "awe": (3, 3)}.items() for s, r in zip(("happy", "afraid"), own)]
    >>> profile_rdms(pd.DataFrame(rows, columns=["emotion", "group", "scale", "rating"])).values.round(2).tolist()
    [[0.5, 0.17, 0.11], [0.5, 0.17, 0.11]]
    """
    emotions = tuple(dict.fromkeys(profiles["emotion"]))
    groups = tuple(sorted(set(profiles["group"])))
    values = []
    for group in groups:
        own = profiles[profiles["group"] == group].pivot(index="emotion", columns="scale", values="rating")
        values.append(cosine_rdm(own.loc[list(emotions)].to_numpy(float), emotions).condensed())
    return RaterRDMs(emotions, groups, np.array(values))


def agreement(groups: RaterRDMs) -> float:
    """Mean rank correlation (rho-a) of each group's distances with the mean ranks of the others: of two groups, of one
    with the other.
    """
    from shared_affect.spaces.ceilings import ceilings

    found = ceilings(groups, pairs=PairSets(("all",)), rng=np.random.default_rng(0), n_splits=1)
    return float(found.set_index(["quantity", "statistic"])["value"]["ceiling_low", "rho-a"])


COLUMNS = [
    *("wording", "representation", "pairs", "statistic", "reference", "human_language"),
    *("rho", "ci_low", "ci_high", "p", "n_permutations", "p_codes", "n_code_permutations", "n_bootstrap"),
    *("rho_group", "rho_group_ci_low", "rho_group_ci_high", "group_agreement", "ceiling_group"),
    *("n_emotions", "n_pairs", "n_groups"),
]


def compare_profiles(
    spaces: Spaces,
    profiles: pd.DataFrame,
    affect: pd.DataFrame,
    *,
    pairs: Sequence[str],
    n_permutations: int,
    n_bootstrap: int,
    human_language: str,
    seeds: Seeds,
) -> pd.DataFrame:
    """The ladder of representations against the profiles, by each wording.

    Parameters
    ----------
    spaces, affect, n_permutations, n_bootstrap
        As in `ladder.compare_all`.
    profiles : DataFrame
        Of `human.files.PROFILES`.
    pairs : sequence of str
        One that has too few pairs of these emotions, or would have without one of them, is left out and logged.
    human_language : str
        Of the raters.
    seeds : Seeds

    Returns
    -------
    DataFrame
        `COLUMNS`: those of `rsa.compare_spaces`, where ``rho`` is the mean over groups, ``group_agreement`` that of a
        group with the other (``ceiling_low`` there), ``rho_group`` the correlation with the groups' mean distances.
        ``p`` and ``p_codes`` stand alone, in no family: no claim reads them.

    Raises
    ------
    ValueError
        No set has enough pairs, by any wording.
    """
    parts = []
    classes = dict(zip(affect["emotion"], affect["valence_class"], strict=True))
    for wording, own in profiles.groupby("wording", sort=False):
        groups = profile_rdms(own)
        if not (kept := [name for name in pairs if _has_pairs(name, groups.labels, classes, str(wording))]):
            continue
        frame, _ = compare_raters(
            spaces,
            groups,
            affect[affect["emotion"].isin(groups.labels)].reset_index(drop=True),
            pairs=kept,
            n_permutations=n_permutations,
            n_bootstrap=n_bootstrap,
            seeds=seeds.child(str(wording)),
        )
        parts.append(frame.assign(wording=wording))
    if not parts:
        raise ValueError(
            f"no set of pairs is large enough for these profiles: {', '.join(pairs)} over"
            f" {', '.join(dict.fromkeys(profiles['emotion']))}; needed in one of them: {MIN_PAIRS} pairs or more,"
            " whichever emotion is left out (config.yaml, keys rsa.pairs and profiles)"
        )
    found = pd.concat(parts, ignore_index=True).assign(reference=KIND, human_language=human_language)
    return found.rename(columns={"ceiling_low": "group_agreement", "n_raters": "n_groups"})[COLUMNS]


def _has_pairs(name: str, emotions: Sequence[str], classes: dict[str, str], wording: str) -> bool:
    """Whether a pair set is large enough; the log says why not."""
    if why := lacking_pairs(name, emotions, classes):
        LOG.info("profiles by %s: pair set %s is left out: %s", wording, name, why)
    return not why
