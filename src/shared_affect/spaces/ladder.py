"""The whole ladder of representations against the raters."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

from shared_affect.base.log import LOG
from shared_affect.base.seeds import Seeds
from shared_affect.spaces.pair_sets import MIN_PAIRS, PairSets
from shared_affect.spaces.rdm import RDM, DrawnRDMs, RaterRDMs
from shared_affect.spaces.rsa import Repeats, compare_differences, compare_draws, compare_spaces
from shared_affect.spaces.rungs import RUNGS, TESTED, affect_rdms, derived_rdms, nuisance_rdms
from shared_affect.spaces.space_files import Spaces

DIFFERENCES = tuple((r.name, other) for r in RUNGS for other in r.compared_with)
DERIVED = tuple(r.name for r in RUNGS if r.of_rdms)


def compare_all(
    spaces: Spaces,
    judgements: pd.DataFrame,
    affect: pd.DataFrame,
    *,
    pairs: Sequence[str],
    n_permutations: int,
    n_bootstrap: int,
    seeds: Seeds,
    nuisances: Sequence[str] = (),
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
    nuisances : sequence of str
        Of `vocabulary.NUISANCES`: where there are some, also the pair set ``partial``, over the emotions that have a
        valence, for all rungs that are neither nuisances themselves nor made of other rungs.

    Returns
    -------
    rsa, differences : DataFrame
        Rows of `rsa.compare_spaces` (+ `rsa.compare_draws`) and of `rsa.compare_differences`.
    """
    how: dict = dict(pairs=pairs, n_permutations=n_permutations, n_bootstrap=n_bootstrap, seeds=seeds)
    how |= dict(nuisances=nuisances)
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
    nuisances: Sequence[str] = (),
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """`compare_all` with dissimilarities of people that stand in no table of judgements; arguments as there."""
    if dropped := [e for e in next(iter(spaces.rdms.values())).labels if e not in raters.labels]:
        LOG.info("not judged, left out: %s", ", ".join(dropped))
    wanted = PairSets(pairs, dict(zip(affect["emotion"], affect["valence_class"], strict=True)))
    models = {k: v.subset(raters.labels) for k, v in spaces.rdms.items()}
    models |= derived_rdms(models)
    fewer = [e for e in raters.labels if e in wanted.classes]
    human = {k: v.subset(fewer) for k, v in affect_rdms(affect).items()}
    if len(fewer) == len(raters.labels):
        models, human = models | human, {}
    else:
        LOG.info(
            "judged but without valence, left out of valence-sign and valence-arousal: %s",
            ", ".join(e for e in raters.labels if e not in wanted.classes),
        )
    repeats = Repeats(dict.fromkeys(TESTED, n_permutations), n_bootstrap)
    permuted = {k: v.subset(raters.labels) for k, v in spaces.permuted.items()}
    tables = [compare_spaces(models, raters, pairs=wanted, repeats=repeats, permuted=permuted, rng=seeds.rng("spaces"))]
    if human:
        own, rng = raters.subset(fewer), seeds.rng("spaces", "with affect")
        tables.append(compare_spaces(human, own, pairs=wanted, repeats=Repeats(0, n_bootstrap), rng=rng))
    for name, values in spaces.random.items():
        drawn = [r.subset(raters.labels) for r in values]
        tables.append(compare_draws(drawn, raters, representation=name, pairs=wanted, rng=seeds.rng("draws", name)))
    if nuisances and fewer:
        judged = raters.subset(fewer)
        taken_out = nuisance_rdms(nuisances, affect.set_index("emotion").loc[fewer].reset_index(), models)
        if _spare_pairs(len(fewer), len(taken_out)) >= MIN_PAIRS:
            # a stream of its own: what is taken out moves no number of the other sets
            tables.append(_partial(models | human, judged, taken_out, repeats, permuted, seeds.rng("partial")))
        else:
            LOG.warning(
                "no partial correlations: without one of %d emotions, %d dissimilarities leave fewer than %d pairs"
                " free; take some out of rsa.nuisances (config.yaml)",
                len(fewer),
                len(taken_out),
                MIN_PAIRS,
            )
    differences = _differences(models, human, raters, wanted, n_bootstrap, seeds)
    return pd.concat(tables, ignore_index=True), pd.concat(differences, ignore_index=True)


def _spare_pairs(n_emotions: int, n_nuisances: int) -> int:
    """Pairs of emotions beyond what a regression on the nuisances fits, where the jackknife leaves one emotion out.

    Examples
    --------
    >>> _spare_pairs(27, 8), _spare_pairs(6, 8)
    (316, 1)
    """
    return (n_emotions - 1) * (n_emotions - 2) // 2 - n_nuisances - 1


def _partial(
    models: Mapping[str, RDM],
    raters: RaterRDMs,
    nuisances: Mapping[str, RDM],
    repeats: Repeats,
    permuted: Mapping[str, DrawnRDMs],
    rng: np.random.Generator,
) -> pd.DataFrame:
    """Rows of the pair set ``partial``, of rungs that are neither nuisances nor made of other rungs."""
    kept = [k for k in models if k not in (*nuisances, *DERIVED)]
    return compare_spaces(
        {k: models[k].subset(raters.labels) for k in kept},
        raters,
        pairs=PairSets(("partial",), nuisances=nuisances),
        repeats=repeats,
        permuted={k: v.subset(raters.labels) for k, v in permuted.items()},
        rng=rng,
    )


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
