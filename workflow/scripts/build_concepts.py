"""Concept-sets of one language: emotion, word, strength, pos, source; words permuted over the sets in the control."""

import numpy as np
import pandas as pd

from shared_affect.base.log import start_log
from shared_affect.base.seeds import rng
from shared_affect.base.tables import group_words, read_tsv, write_tsv
from shared_affect.study.inputs import read_concepts, read_names, read_parts_of_speech
from shared_affect.words.concept_sets import (
    check_sets,
    from_associations,
    from_lexicon,
    log_sets,
    permute_words,
    require_own,
)

if __name__ == "__main__":
    log = start_log(snakemake.log[0])
    p, i, language = snakemake.params, snakemake.input, snakemake.wildcards.language
    if p.kind == "table":
        frame = pd.DataFrame(
            [(e, w, np.nan) for e, words in read_concepts(i.words, p.emotions, p.source).items() for w in words],
            columns=["emotion", "word", "strength"],
        )
        of = read_parts_of_speech(i.words)
        frame["pos"] = [of[own] or None for own in zip(frame["emotion"], frame["word"], strict=True)]
    elif p.kind == "association":
        frame = from_associations(
            read_tsv(i.words),
            group_words(pd.DataFrame(read_names(i.names, "word", p.known), columns=["emotion", "word"]), p.emotions),
            p.script,
            **p.settings,
        )
    else:
        names = pd.DataFrame(
            read_names(i.names, "category", p.known, may_be_empty=True), columns=["emotion", "category"]
        )
        frame = from_lexicon(
            read_tsv(i.words),
            {c: [e for e in g["emotion"] if e in p.emotions] for c, g in names.groupby("category")},
            p.script,
            max_words=p.settings["max_words"],
        )
    check_sets(frame, p.emotions, p.source, language)
    require_own(
        group_words(frame, p.emotions),
        f"concept-sets from {p.source}, language {language}",
        p.contrast,
        at_least=p.own_words,
    )
    frame = frame.reindex(columns=["emotion", "word", "strength", "pos"]).assign(source=p.source)
    log_sets(frame)
    if p.shuffle == "concepts":
        frame = permute_words(frame, p.emotions, rng(p.root_seed, "shuffle_concepts", language))
        log.info("control: words permuted over the sets")
    write_tsv(snakemake.output[0], frame)
