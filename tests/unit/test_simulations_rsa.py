"""Small runs of the simulations behind the claims on congruence: no rejection for nothing, intervals that hold the
truth.
"""

import numpy as np
import pandas as pd

from shared_affect.base.seeds import rng as seeded
from shared_affect.base.tables import group_words, read_tsv
from shared_affect.human.associations import read_usf
from shared_affect.human.judgements import read_li2024
from shared_affect.simulations import rsa_coverage, rsa_level
from shared_affect.spaces.rdm import RaterRDMs
from shared_affect.words.concept_sets import from_associations


def rates(rows):
    return {(r["setting"], r["quantity"]): r["value"] for r in rows}


def test_overlapping_sets_make_no_claim_true_and_a_signal_does():
    # at .05, so that few permutations will do: 10 worlds of each kind
    found = rates(rsa_level.run(10, 5, ["overlapping", "density", "signal"], level=0.05, n_permutations=59))
    for claim in ("structure, sae-space", "fine-structure, sae-space", "structure, sae-all", "fine-structure, sae-all"):
        assert found["overlapping", f"{claim}: old rule"] > 0.6  # what was wrong
        assert found["overlapping", f"{claim}: claim"] <= 3 / 10  # P(more | .05) = .001
        assert found["density", f"{claim}: labels"] > 0.6 and found["density", f"{claim}: claim"] <= 3 / 10
        assert found["signal", f"{claim}: claim"] > 0.8


def test_intervals_lie_on_their_estimates_and_hold_the_truth():
    rows = rsa_coverage.run(40, 3, n_truth=8, n_large=100)
    covered = [r for r in rows if "holds the truth" in r["quantity"]]
    assert len(covered) == 24 and all(r["value"] >= 33 / 40 for r in covered)  # P(fewer | .95) = .0004 each
    assert 0.92 <= np.mean([r["value"] for r in covered]) <= 0.985
    assert all(abs(r["value"]) < 0.002 for r in rows if "middle minus estimate" in r["quantity"])


def test_sets_of_free_associations_make_no_claim_true(published_files, root):
    """USF and the raters of Li et al.: random codes rejected in 39 to 95 of 100 worlds when words of several sets
    stayed.
    """
    parts = ("A-B", "C", "D-F", "G-K", "L-O", "P-R", "S", "T-Z")
    pairs = read_usf(*(published_files("USF_free_association", f"Cue_Target_Pairs.{p}.csv") for p in parts))
    judged = read_li2024(
        *(
            published_files("ModelEmotion_Li2024", f)
            for f in ("ind_dist_subjective_comparison.csv", "reordered_emotions.csv", "data.xlsx")
        )
    )
    raters = RaterRDMs.from_long(judged)
    emotions = [e for e in read_tsv(root / "resources/emotions.tsv")["emotion"] if e in raters.labels]
    sets = group_words(
        from_associations(pairs, group_words(read_tsv(root / "resources/cues/en.tsv"), emotions), "latin"), emotions
    )
    mean = raters.mean()
    near_joy = mean.values[mean.labels.index("joy")]
    classes = dict(
        zip(mean.labels, np.where(near_joy < np.median(near_joy), "positive", "negative").tolist(), strict=True)
    )
    found = []
    for k in range(10):
        rng = seeded(k, "simulate", "usf")
        found.append(
            rsa_level.p_values(
                rsa_level.random_codes(sets, np.ones(len(sets)), rng), sets, raters.subset(emotions), classes, rng, 99
            )
            < 0.05
        )
    total = pd.concat(found).groupby(level=[0, 1]).sum()
    assert (total["claim"] <= 2).all() and total["old rule"].sum() >= 16, total
