"""Every space against every other, and people against people: models, languages, layers and sets of raters.

What two models have in common with each other may be more than what either has in common with people, and a space may
be more like that of another language than like that of another layer. Nobody stands above anybody here: one side of a
pair is treated as a single rater of the other, so statistic, interval (over emotions) and permutations are those of the
comparison with people (`spaces.rsa`). No claim reads any of it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations

import pandas as pd

from shared_affect.base.log import LOG
from shared_affect.base.seeds import Seeds
from shared_affect.human.files import WORDINGS
from shared_affect.spaces.files import VIEW
from shared_affect.spaces.pair_sets import PairSets, lacking_pairs
from shared_affect.spaces.profiles import profile_rdms
from shared_affect.spaces.rdm import RDM, RaterRDMs
from shared_affect.spaces.rsa import Repeats, compare_spaces
from shared_affect.study.vocabulary import STATISTICS


@dataclass(frozen=True)
class View:
    """Whose dissimilarities of emotions they are.

    Attributes
    ----------
    kind : {"space", "judgements", "profiles"}
    name : str
        Of the model, or of the dataset.
    sae : str
        "-" of people.
    language : str
        Of the words; of people, the raters' own.
    """

    kind: str
    name: str
    sae: str
    language: str


def views_of_people(
    dataset: str, judgements: Mapping[str, pd.DataFrame], profiles: Mapping[tuple[str, str], pd.DataFrame]
) -> dict[View, RDM]:
    """Sets of people: mean judgements, and mean distances between profiles of the words that name an emotion.

    Parameters
    ----------
    dataset : str
        Of the judgements.
    judgements : raters' language -> DataFrame ``rater, emotion_a, emotion_b, dissimilarity``
    profiles : (dataset, raters' language) -> DataFrame of `human.files.PROFILES`
    """
    found = {View("judgements", dataset, "-", k): RaterRDMs.from_long(f).mean() for k, f in judgements.items()}
    for (name, language), frame in profiles.items():
        own = frame[frame["wording"] == WORDINGS[0]]
        if (n := own["emotion"].nunique()) < 2:
            LOG.info("profiles %s %s: names of %d emotions are rated, left out", name, language, n)
        else:
            found[View("profiles", name, "-", language)] = profile_rdms(own).mean()
    return found


def compare_pairwise(
    views: Mapping[View, RDM],
    classes: Mapping[str, str],
    *,
    pairs: Sequence[str],
    n_permutations: int,
    n_bootstrap: int,
    seeds: Seeds,
) -> pd.DataFrame:
    """Rank correlation of every two views over the emotions that both know.

    Parameters
    ----------
    views : mapping of View to RDM
    classes : mapping of emotion to "positive" or "negative"
    pairs : sequence of str
        Pair sets; one with too few pairs of the emotions that two views share is left out for these and logged.
    n_permutations, n_bootstrap : int
        As in `rsa.Repeats`; labels are permuted.
    seeds : Seeds
        Every two views have a stream of their names: a view more moves no other number.

    Returns
    -------
    DataFrame
        kind_a, name_a, sae_a, language_a, the same of b, pairs, rho (rho-a), ci_low, ci_high (95 %), p (one-sided; of
        this number alone, in no family), n_permutations, n_emotions, n_pairs. Each pair once, in the order of `views`.

    Examples
    --------
    >>> import numpy as np
    >>> from shared_affect.spaces.rdm import euclidean_rdm
    >>> labels = tuple("abcdef")
    >>> views = {
    ...     View("space", "m", "s", k): euclidean_rdm(v, labels)
    ...     for k, v in {"en": [0.0, 1, 2, 4, 7, 9], "zh": [0.0, 1, 2, 5, 6, 9]}.items()
    ... }
    >>> how = dict(pairs=["all"], n_permutations=99, n_bootstrap=0, seeds=Seeds(0))
    >>> found = compare_pairwise(views, {}, **how)
    >>> found[["language_a", "language_b", "rho", "n_pairs"]].round(2).values.tolist()
    [['en', 'zh', 0.91, 15]]
    """
    rows = []
    for (a, first), (b, second) in combinations(views.items(), 2):
        labels = [e for e in first.labels if e in second.labels]
        own = seeds.child(*vars(a).values(), "against", *vars(b).values())
        wanted = [p for p in pairs if _has_pairs(p, labels, classes, a, b)]
        if not wanted:
            continue
        frame = compare_spaces(
            {"a": first.subset(labels)},
            RaterRDMs(tuple(labels), ("b",), second.condensed(labels)[None]),
            pairs=PairSets(wanted, classes),
            repeats=Repeats(n_permutations, n_bootstrap),
            rng=own.rng("compare"),
        )
        frame = frame[frame["statistic"] == STATISTICS[0]]
        who = {f"{c}_{side}": getattr(v, c) for side, v in (("a", a), ("b", b)) for c in VIEW}
        rows.append(frame.assign(**who))
    columns = [f"{c}_{side}" for side in "ab" for c in VIEW]
    columns += ["pairs", "rho", "ci_low", "ci_high", "p", "n_permutations", "n_emotions", "n_pairs"]
    return pd.concat(rows, ignore_index=True)[columns] if rows else pd.DataFrame(columns=columns)


def _has_pairs(name: str, labels: Sequence[str], classes: Mapping[str, str], a: View, b: View) -> bool:
    """Whether a pair set is large enough; the log says why not."""
    if why := lacking_pairs(name, labels, classes):
        LOG.info(
            "%s and %s: pair set %s is left out: %s", " ".join(vars(a).values()), " ".join(vars(b).values()), name, why
        )
    return not why


def common_classes(affects: Sequence[pd.DataFrame]) -> dict[str, str]:
    """Class of valence of each emotion that is of one class in all languages; the log names the others.

    Parameters
    ----------
    affects : sequence of DataFrame ``emotion, valence_class``
        One a language.
    """
    every = pd.concat([a[["emotion", "valence_class"]] for a in affects]).drop_duplicates()
    several = every["emotion"][every["emotion"].duplicated()].unique()
    if len(several):
        LOG.info("of no class of valence, since languages differ: %s", ", ".join(several))
    kept = every[~every["emotion"].isin(several)]
    return dict(zip(kept["emotion"], kept["valence_class"], strict=True))
