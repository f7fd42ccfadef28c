"""Folds of rating prediction: one draw for all languages, models and variants of a study."""

from shared_affect.base.log import start_log
from shared_affect.base.naming import by_name
from shared_affect.base.seeds import rng
from shared_affect.base.tables import read_tsv, write_tsv
from shared_affect.ratings.folds import draw_folds
from shared_affect.words.lemma_families import read_pairs

if __name__ == "__main__":
    start_log(snakemake.log[0])
    p, i, w = snakemake.params, snakemake.input, snakemake.wildcards
    words = {k: read_tsv(f)["word"].tolist() for k, f in by_name(p.languages, i.norms).items()}
    write_tsv(
        snakemake.output[0],
        draw_folds(words, read_pairs(i.translations), p.lemma_rules, p.n_folds, rng(p.root_seed, "folds", w.norms)),
    )
