"""Does the predicted valence of translation pairs differ between languages where the raters' does?"""

from shared_affect.base.log import LOG, start_log
from shared_affect.base.naming import by_name
from shared_affect.base.seeds import rng
from shared_affect.human.files import NORMS
from shared_affect.human.standard import read_coordinates
from shared_affect.ratings.cultures import culture_differences
from shared_affect.ratings.files import CULTURES, PREDICTIONS
from shared_affect.words.lemma_families import read_pairs


def compare_cultures(predictions, values, translations, out, *, given, n_bootstrap, root_seed, names):
    """Correlate predicted with rated differences of valence over translation pairs.

    Parameters
    ----------
    predictions : dict of language -> path
        Predicted ratings (tsv).
    values : dict of language -> path
        Ratings, or noise-free coordinates of a planted world (tsv).
    translations : path
        Translation pairs (tsv).
    out : path
        Correlations with intervals (tsv).
    given : dict of language -> bool
        Whether the values are coordinates.
    n_bootstrap : int
    root_seed : int
    names : tuple of str
        Variant, model, SAE, norms: the random numbers hang on them.
    """
    frame = culture_differences(
        {k: PREDICTIONS.read(f) for k, f in predictions.items()},
        {k: (read_coordinates if given[k] else NORMS.read)(f) for k, f in values.items()},
        read_pairs(translations),
        n_bootstrap=n_bootstrap,
        rng=rng(root_seed, "compare_cultures", *names),
    )
    LOG.info("\n%s", frame.to_string())
    CULTURES.write(out, frame)


if __name__ == "__main__":
    start_log(snakemake.log[0])
    i, p, names = snakemake.input, snakemake.params, tuple(snakemake.wildcards)
    how = dict(given=p.given, n_bootstrap=p.n_bootstrap, root_seed=p.root_seed, names=names)
    compare_cultures(by_name(p.languages, i.predictions), p.values, i.translations, snakemake.output[0], **how)
