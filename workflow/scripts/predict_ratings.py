"""Ratings of words outside the concept-sets, predicted from every arm through the same folds."""

from shared_affect.base.log import LOG, start_log
from shared_affect.base.naming import by_name
from shared_affect.base.seeds import Seeds
from shared_affect.features.codes import load_codes
from shared_affect.features.files import SHARED_FEATURES
from shared_affect.features.select import read_selected
from shared_affect.human.associations import read_vectors
from shared_affect.human.files import NORMS
from shared_affect.ratings.arms import Sources
from shared_affect.ratings.files import FOLDS, NOTES, PREDICTIONS, RATING_DIFFERENCES, RATINGS
from shared_affect.ratings.within import long_predictions, predict_language


def predict_ratings(inputs, outputs, *, language, dimensions, settings, root_seed, names):
    """Predict ratings within a language.

    Parameters
    ----------
    inputs : dict
        `codes` (npz), `norms`, `folds` (tsv), `features` (list of tsv, selected features of each emotion), `shared`
        (tsv, or None without a second language), `associations` (list of npz, may be empty).
    outputs : dict
        `scores` (dimension -> tsv), `differences` between arms, `predictions` of every word (tsv), `notes` (json).
    language : str
    dimensions : list of str
    settings : dict
        config.yaml, key ratings.
    root_seed : int
    names : tuple of str
        Variant, model, SAE, language, norms: the random numbers hang on them.
    """
    shared = SHARED_FEATURES.read(inputs["shared"]) if inputs["shared"] else None
    result = predict_language(
        load_codes(inputs["codes"]),
        language,
        NORMS.read(inputs["norms"]),
        FOLDS.read(inputs["folds"]),
        Sources(read_selected(inputs["features"])["feature"].unique(), shared, read_vectors(inputs["associations"])),
        dimensions=dimensions,
        settings=settings,
        seeds=Seeds(root_seed, ("predict_ratings", *names)),
    )
    LOG.info("\n%s\nnot tested: %s", result["scores"].to_string(), result["not_tested"])
    for dimension, path in outputs["scores"].items():
        RATINGS.write(path, result["scores"][result["scores"]["dimension"] == dimension])
    RATING_DIFFERENCES.write(outputs["differences"], result["differences"])
    PREDICTIONS.write(outputs["predictions"], long_predictions(result["predictions"]))
    NOTES.write(outputs["notes"], {k: result[k] for k in NOTES.keys})


if __name__ == "__main__":
    start_log(snakemake.log[0])
    p, i, o, w = snakemake.params, snakemake.input, snakemake.output, snakemake.wildcards
    inputs = dict(codes=i.codes[0], norms=i.norms[0], folds=i.folds, features=i.features, associations=i.associations)
    inputs |= dict(shared=i.shared[0] if i.shared else None)
    outputs = {k: o[k] for k in ("differences", "predictions", "notes")} | {"scores": by_name(p.dimensions, o.scores)}
    how = dict(dimensions=p.dimensions, settings=p.settings, root_seed=p.root_seed)
    predict_ratings(inputs, outputs, language=w.language, **how, names=tuple(w))
