"""Ratings predicted across two languages, no translation pair on both sides."""

import itertools

from shared_affect.base.log import start_log
from shared_affect.base.naming import by_name
from shared_affect.base.seeds import Seeds
from shared_affect.base.tables import read_tsv, write_tsv
from shared_affect.features.codes import load_codes
from shared_affect.ratings.across import predict_across
from shared_affect.words.lemma_families import read_pairs

if __name__ == "__main__":
    log = start_log(snakemake.log[0])
    p, i, w = snakemake.params, snakemake.input, snakemake.wildcards
    codes = {k: load_codes(f) for k, f in by_name(p.languages, i.codes).items()}
    norms = {k: read_tsv(f) for k, f in by_name(p.languages, i.norms).items()}
    scores = predict_across(
        codes,
        norms,
        read_tsv(i.folds),
        read_pairs(i.translations),
        read_tsv(i.shared[0]),
        dimensions=p.dimensions,
        settings=p.settings,
        seeds=Seeds(p.root_seed, ("transfer_ratings", *w)),
    )
    log.info("\n%s", scores.to_string())
    for (direction, dimension), path in by_name(
        itertools.product(p.directions, p.dimensions), snakemake.output.scores
    ).items():
        write_tsv(path, scores[(scores["direction"] == direction) & (scores["dimension"] == dimension)])
