"""Steering vectors of all emotions of one model, SAE and language, from half of the concept words."""

from shared_affect.base.log import start_log
from shared_affect.base.naming import by_name
from shared_affect.base.tables import read_emotions
from shared_affect.features.codes import load_codes
from shared_affect.steering.vectors import build_vectors, write_vectors
from shared_affect.words.files import CONCEPTS


def make_vectors(codes, concepts, emotions, sae, out, *, features, n_random, root_seed, names):
    """Vectors of every arm for each emotion, with what they were made from.

    Parameters
    ----------
    codes : path
        Codes of the words (npz).
    concepts : path
        Concept-sets; parts of speech are read (tsv).
    emotions : path
        Table of the emotions (tsv).
    sae : path
        Folder of the SAE.
    out : list of path
        One file for each emotion of the codes, its name in the path (safetensors).
    features : dict
        Of config.yaml, key features: `per_emotion`, `fdr`, `max_density`.
    n_random : int
        Random directions.
    root_seed : int
    names : tuple of str
        Model, SAE, language: the random numbers hang on them.
    """
    table, words = read_emotions(emotions), CONCEPTS.read(concepts).fillna({"pos": ""})
    built = build_vectors(
        load_codes(codes),
        set(table["emotion"][table["contrast"]]),
        sae,
        features,
        n_random=n_random,
        root_seed=root_seed,
        names=names,
        parts_of_speech={(r.emotion, r.word): r.pos for r in words.itertuples()},
    )
    for emotion, path in by_name(built, out).items():
        write_vectors(path, *built[emotion])


if __name__ == "__main__":
    start_log(snakemake.log[0])
    i, p, w = snakemake.input, snakemake.params, snakemake.wildcards
    how = dict(features=p.features, n_random=p.n_random, root_seed=p.root_seed, names=(w.model, w.sae, w.language))
    make_vectors(i.codes, i.concepts, i.emotions, p.sae, snakemake.output, **how)
