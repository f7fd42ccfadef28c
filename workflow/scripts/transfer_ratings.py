"""Ratings predicted across two languages, no translation pair on both sides."""

from itertools import product

from shared_affect.base.log import LOG, start_log
from shared_affect.base.naming import by_name
from shared_affect.base.seeds import Seeds
from shared_affect.features.codes import StoredCodes
from shared_affect.features.files import SHARED_FEATURES
from shared_affect.human.files import NORMS
from shared_affect.ratings.across import predict_across
from shared_affect.ratings.files import FOLDS, RATINGS
from shared_affect.words.lemma_families import read_pairs


def transfer_ratings(codes, norms, shared, folds, translations, out, *, dimensions, settings, root_seed, names):
    """Learn ratings in one language and predict them in the other, both ways.

    Parameters
    ----------
    codes, norms : dict of language -> path
        Codes (npz) and word ratings (tsv) of both languages.
    shared, folds, translations : path
        Shared features, folds, translation pairs (tsv).
    out : dict of (direction, dimension) -> path
        Scores (tsv).
    dimensions : list of str
        Rated dimensions.
    settings : dict
        config.yaml, key ratings.
    root_seed : int
    names : tuple of str
        Variant, model, SAE, norms: the random numbers hang on them.
    """
    scores = predict_across(
        StoredCodes(codes),
        {k: NORMS.read(f) for k, f in norms.items()},
        FOLDS.read(folds),
        read_pairs(translations),
        SHARED_FEATURES.read(shared),
        dimensions=dimensions,
        settings=settings,
        seeds=Seeds(root_seed, ("transfer_ratings", *names)),
    )
    LOG.info("\n%s", scores.to_string())
    for (direction, dimension), path in out.items():
        RATINGS.write(path, scores[(scores["direction"] == direction) & (scores["dimension"] == dimension)])


if __name__ == "__main__":
    start_log(snakemake.log[0])
    p, i = snakemake.params, snakemake.input
    codes, norms = (by_name(p.languages, files) for files in (i.codes, i.norms))
    out = by_name(product(p.directions, p.dimensions), snakemake.output.scores)
    how = dict(dimensions=p.dimensions, settings=p.settings, root_seed=p.root_seed, names=tuple(snakemake.wildcards))
    transfer_ratings(codes, norms, i.shared[0], i.folds, i.translations, out, **how)
