"""The whole ladder of representations against the raters."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import pandas as pd

from shared_affect.base.log import LOG
from shared_affect.base.seeds import Seeds
from shared_affect.spaces.pair_sets import PairSets
from shared_affect.spaces.rdm import RDM, RaterRDMs
from shared_affect.spaces.rsa import Repeats, compare_differences, compare_draws, compare_spaces
from shared_affect.spaces.rungs import RUNGS, TESTED, affect_rdms
from shared_affect.spaces.space_files import Spaces

DIFFERENCES = tuple((r.name, other) for r in RUNGS for other in r.compared_with)


def compare_all(
    spaces: Spaces,
    judgements: pd.DataFrame,
    affect: pd.DataFrame,
    *,
    pairs: Sequence[str],
    n_permutations: int,
    n_bootstrap: int,
    seeds: Seeds,
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """The whole ladder of representations against the raters.

    Parameters
    ----------
    spaces : Spaces
        Of `space_files.load_spaces`; emotions that were not judged are left out and logged.
    judgements : DataFrame ``rater, emotion_a, emotion_b, dissimilarity``
    affect : DataFrame ``emotion, valence, arousal, valence_class``
        Where it lacks a judged emotion, the rungs made of it are compared over the other emotions (``n_emotions`` says
        so).
    pairs : sequence of str
        Pair sets, see `pair_sets.PairSets`.
    n_permutations : int
        Of the rungs that are tested.
    n_bootstrap : int
    seeds : Seeds

    Returns
    -------
    rsa, differences : DataFrame
        Rows of `rsa.compare_spaces` (+ `rsa.compare_draws`) and of `rsa.compare_differences`.
    """
    how: dict = dict(pairs=pairs, n_permutations=n_permutations, n_bootstrap=n_bootstrap, seeds=seeds)
    return compare_raters(spaces, RaterRDMs.from_long(judgements), affect, **how)


def compare_raters(
    spaces: Spaces,
    raters: RaterRDMs,
    affect: pd.DataFrame,
    *,
    pairs: Sequence[str],
    n_permutations: int,
    n_bootstrap: int,
    seeds: Seeds,
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """`compare_all` with dissimilarities of people that stand in no table of judgements; arguments as there."""
    if dropped := [e for e in next(iter(spaces.rdms.values())).labels if e not in raters.labels]:
        LOG.info("not judged, left out: %s", ", ".join(dropped))
    wanted = PairSets(pairs, dict(zip(affect["emotion"], affect["valence_class"], strict=True)))
    models = {k: v.subset(raters.labels) for k, v in spaces.rdms.items()}
    fewer = [e for e in raters.labels if e in wanted.classes]
    human = {k: v.subset(fewer) for k, v in affect_rdms(affect).items()}
    if len(fewer) == len(raters.labels):
        models, human = models | human, {}
    else:
        LOG.info(
            "judged but without valence, left out of valence-sign and valence-arousal: %s",
            ", ".join(e for e in raters.labels if e not in wanted.classes),
        )
    tables = [
        compare_spaces(
            models,
            raters,
            pairs=wanted,
            repeats=Repeats(dict.fromkeys(TESTED, n_permutations), n_bootstrap),
            permuted={k: v.subset(raters.labels) for k, v in spaces.permuted.items()},
            rng=seeds.rng("spaces"),
        )
    ]
    if human:
        own, rng = raters.subset(fewer), seeds.rng("spaces", "with affect")
        tables.append(compare_spaces(human, own, pairs=wanted, repeats=Repeats(0, n_bootstrap), rng=rng))
    for name, values in spaces.random.items():
        drawn = [r.subset(raters.labels) for r in values]
        tables.append(compare_draws(drawn, raters, representation=name, pairs=wanted, rng=seeds.rng("draws", name)))
    differences = _differences(models, human, raters, wanted, n_bootstrap, seeds)
    return pd.concat(tables, ignore_index=True), pd.concat(differences, ignore_index=True)


def _differences(
    models: dict[str, RDM],
    human: Mapping[str, RDM],
    raters: RaterRDMs,
    pairs: PairSets,
    n_bootstrap: int,
    seeds: Seeds,
) -> list[pd.DataFrame]:
    """Differences over all judged emotions; those with a rung of `human`, which knows fewer, over these."""
    there = [d for d in DIFFERENCES if set(d) <= {*models, *human}]
    groups = [("all", [d for d in there if not set(d) & set(human)], models, raters)]
    if human:
        fewer = next(iter(human.values())).labels
        narrow = {k: v.subset(fewer) for k, v in models.items()} | dict(human)
        groups.append(("with affect", [d for d in there if set(d) & set(human)], narrow, raters.subset(fewer)))
    return [
        compare_differences(
            own,
            judged,
            reference_pairs=wanted,
            pairs=pairs,
            n_bootstrap=n_bootstrap,
            rng=seeds.rng("differences", name),
        )
        for name, wanted, own, judged in groups
        if wanted
    ]
