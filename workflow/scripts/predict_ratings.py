"""Ratings of words outside the concept-sets, predicted from every arm through the same folds."""

from shared_affect.base.files import write_json
from shared_affect.base.log import start_log
from shared_affect.base.naming import by_name
from shared_affect.base.seeds import Seeds
from shared_affect.base.tables import read_tsv, write_tsv
from shared_affect.features.codes import load_codes
from shared_affect.features.select import read_selected
from shared_affect.human.associations import read_vectors
from shared_affect.ratings.arms import Sources
from shared_affect.ratings.within import long_predictions, predict_language

if __name__ == "__main__":
    log = start_log(snakemake.log[0])
    p, i, o, w = snakemake.params, snakemake.input, snakemake.output, snakemake.wildcards
    shared = read_tsv(i.shared[0]) if i.shared else None
    result = predict_language(
        load_codes(i.codes[0]),
        w.language,
        read_tsv(i.norms[0]),
        read_tsv(i.folds),
        Sources(read_selected(i.features)["feature"].unique(), shared, read_vectors(i.associations)),
        dimensions=p.dimensions,
        settings=p.settings,
        seeds=Seeds(p.root_seed, ("predict_ratings", *w)),
    )
    log.info("\n%s\nnot tested: %s", result["scores"].to_string(), result["not_tested"])
    for dimension, path in by_name(p.dimensions, o.scores).items():
        write_tsv(path, result["scores"][result["scores"]["dimension"] == dimension])
    write_tsv(o.differences, result["differences"])
    write_tsv(o.predictions, long_predictions(result["predictions"]))
    write_json(o.notes, {k: result[k] for k in ("not_tested", "n_emotion_space", "n_live", "matched")})
