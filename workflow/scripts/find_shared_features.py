"""Features whose emotion profile is the same in two languages, and the overlap of the selected ones."""

from itertools import product
from pathlib import Path

import pandas as pd

from shared_affect.base.log import LOG, start_log
from shared_affect.base.naming import by_name
from shared_affect.base.seeds import rng
from shared_affect.features.codes import load_codes
from shared_affect.features.files import SHARED_FEATURES, SHARED_OVERLAP, SHARED_SUMMARY
from shared_affect.features.select import group_features, read_selected
from shared_affect.features.two_languages import overlap_between, shared_between
from shared_affect.human.frequencies import word_covariates
from shared_affect.words.files import CONCEPT_WORDS


def find_shared_features(codes, words, selected, corpus, out_features, out_summary, out_overlap, *, settings, seed):
    """Test which features mean the same in two languages, and how far their selections agree.

    Parameters
    ----------
    codes, words : dict of language -> path
        Codes (npz) and descriptions of the concept words (tsv) of both languages.
    selected : list of path
        Selected features of each language and emotion, both in the path (tsv).
    corpus : path or None
        Text that gives word frequencies where no dataset does.
    out_features, out_summary, out_overlap : path
        Every feature, the test over all, the overlap of the selections (tsv).
    settings : dict
        config.yaml, key shared: `min_active`, `n_permutations`.
    seed : tuple
        Root seed, then variant, model and SAE: the random numbers hang on them.
    """
    root, *names = seed
    both = {k: load_codes(f) for k, f in codes.items()}
    text = Path(corpus).read_text(encoding="utf-8") if corpus else None
    covariates = {k: word_covariates(c.concepts.words, CONCEPT_WORDS.read(words[k]), text) for k, c in both.items()}
    limits = {k: settings[k] for k in ("min_active", "n_permutations")}
    draws = [rng(root, "shared_features", *names), rng(root, "shared_features", *names, "words")]
    found = shared_between(both, covariates, **limits, rng=draws[0], words_rng=draws[1])
    SHARED_FEATURES.write(out_features, found.features)
    SHARED_SUMMARY.write(out_summary, pd.DataFrame([{c: getattr(found, c) for c in SHARED_SUMMARY.columns}]))
    emotions = next(iter(both.values())).emotions
    files = by_name(product(both, emotions), selected)
    chosen = {k: group_features(read_selected([files[k, e] for e in emotions])) for k in both}
    SHARED_OVERLAP.write(out_overlap, overlap_between(both, chosen, rng(root, "jaccard_overlap", *names)))
    shown = (found.n_shared, found.n_active_both, found.expected, found.p)
    LOG.info("%d shared of %d active in both, expected %.1f, p %.4g", *shown)


if __name__ == "__main__":
    start_log(snakemake.log[0])
    i, o, p = snakemake.input, snakemake.output, snakemake.params
    codes, words = (by_name(p.languages, files) for files in (i.codes, i.words))
    files = (codes, words, i.selected, i.corpus or None, o.features, o.summary, o.overlap)
    find_shared_features(*files, settings=p.settings, seed=(p.root_seed, *snakemake.wildcards))
