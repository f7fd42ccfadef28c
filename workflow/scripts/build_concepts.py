"""Concept-sets of one language: emotion, word, strength, pos, source; words permuted over the sets in the control."""

import numpy as np
import pandas as pd

from shared_affect.checks import read_concepts
from shared_affect.concepts import (
    check_sets,
    from_associations,
    from_lexicon,
    log_sets,
    permute_words,
    require_own,
)
from shared_affect.runtime import rng, start_log
from shared_affect.tables import group_words, read_tsv, write_tsv

if __name__ == "__main__":
    log = start_log(snakemake.log[0])
    p, i, language = snakemake.params, snakemake.input, snakemake.wildcards.language
    if p.kind == "table":
        frame = pd.DataFrame([(e, w, np.nan) for e, words in read_concepts(i.words, p.emotions, p.source).items() for w in words], columns=["emotion", "word", "strength"])
        table = read_tsv(i.words)
        frame = frame.merge(table[["emotion", "word", "pos"]], how="left") if "pos" in table else frame
    elif p.kind == "association":
        frame = from_associations(read_tsv(i.words), group_words(read_tsv(i.names), p.emotions), p.script, **p.settings)
    else:
        names = read_tsv(i.names)
        frame = from_lexicon(read_tsv(i.words), {c: [e for e in g["emotion"] if e in p.emotions] for c, g in names.groupby("category")}, p.script, max_words=p.settings["max_words"])
    check_sets(frame, p.emotions, p.source, language)
    require_own(group_words(frame, p.emotions), f"concept-sets from {p.source}, language {language}", p.contrast)
    frame = frame.reindex(columns=["emotion", "word", "strength", "pos"]).assign(source=p.source)
    log_sets(frame)
    if p.shuffle == "concepts":
        frame = permute_words(frame, p.emotions, rng(p.root_seed, "shuffle_concepts", language))
        log.info("control: words permuted over the sets")
    write_tsv(snakemake.output[0], frame)
