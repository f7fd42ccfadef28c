"""Features whose emotion profile is the same in two languages, and the overlap of the selected ones."""

import itertools
from pathlib import Path

import numpy as np
import pandas as pd

from shared_affect.base.log import start_log
from shared_affect.base.naming import by_name
from shared_affect.base.seeds import rng
from shared_affect.base.tables import read_tsv, write_tsv
from shared_affect.features.codes import load_codes
from shared_affect.features.overlap import jaccard_overlap
from shared_affect.features.select import group_features, read_selected
from shared_affect.features.shared import LanguageWords, shared_features
from shared_affect.human.frequencies import word_covariates

if __name__ == "__main__":
    log = start_log(snakemake.log[0])
    p, w, o = snakemake.params, snakemake.wildcards, snakemake.output
    codes = {language: load_codes(f) for language, f in by_name(p.languages, snakemake.input.codes).items()}
    first, second = codes.values()
    live = np.union1d(first.concepts.live(), second.concepts.live())
    corpus = Path(snakemake.input.corpus).read_text(encoding="utf-8") if snakemake.input.corpus else None
    covariates = {
        k: word_covariates(codes[k].concepts.words, read_tsv(f), corpus)
        for k, f in by_name(codes, snakemake.input.words).items()
    }
    found = shared_features(
        {
            k: LanguageWords(c.concepts.columns(live), c.members(first.emotions), covariates[k])
            for k, c in codes.items()
        },
        first.emotions,
        min_active=p.settings["min_active"],
        n_permutations=p.settings["n_permutations"],
        rng=rng(p.root_seed, "shared_features", *w),
        words_rng=rng(p.root_seed, "shared_features", *w, "words"),
    )
    write_tsv(o.features, found.features.assign(feature=live[found.features["feature"].to_numpy(int)]))
    keys = [
        "n_active_both",
        "n_language",
        "n_shared",
        "expected",
        "null_high",
        "p",
        "p_labels",
        "p_words",
        "n_permutations",
        "n_word_permutations",
        "frequency_known",
    ]
    write_tsv(o.summary, pd.DataFrame([{k: getattr(found, k) for k in keys}]))
    files = by_name(itertools.product(codes, first.emotions), snakemake.input.selected)
    selected = [group_features(read_selected([files[k, e] for e in first.emotions])) for k in codes]
    pool = np.union1d(live, [f for s in selected for ids in s.values() for f in ids])
    overlap = jaccard_overlap(
        *selected,
        pool=pool,
        density=(first.density + second.density)[pool] / 2,
        rng=rng(p.root_seed, "jaccard_overlap", *w),
    )
    write_tsv(o.overlap, overlap)
    log.info(
        "%d shared of %d active in both, expected %.1f, p %.4g",
        found.n_shared,
        found.n_active_both,
        found.expected,
        found.p,
    )
