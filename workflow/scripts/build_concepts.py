"""Concept-sets of one language: emotion, word; words permuted over the sets in the control."""

import numpy as np
import pandas as pd

from shared_affect.checks import read_concepts
from shared_affect.features import shuffle_membership
from shared_affect.runtime import rng, start_log
from shared_affect.tables import write_tsv

if __name__ == "__main__":
    log = start_log(snakemake.log[0])
    p = snakemake.params
    sets = read_concepts(snakemake.input[0], p.emotions, p.rows)
    words = list(dict.fromkeys(w for s in sets.values() for w in s))
    membership = np.array([[w in s for s in sets.values()] for w in words])
    log.info("%d words in %d sets, %d in more than one", len(words), len(sets), int((membership.sum(1) > 1).sum()))
    if p.shuffle == "concepts":
        membership = shuffle_membership(membership, rng(p.root_seed, "shuffle_concepts", snakemake.wildcards.language))
        log.info("control: words permuted over the sets")
    write_tsv(snakemake.output[0], pd.DataFrame([(e, w) for j, e in enumerate(sets) for i, w in enumerate(words) if membership[i, j]], columns=["emotion", "word"]))
