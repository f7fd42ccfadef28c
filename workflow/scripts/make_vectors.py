"""Steering vectors of all emotions of one model, SAE and language, from half of the concept words."""

from shared_affect.base.log import start_log
from shared_affect.base.naming import by_name
from shared_affect.base.tables import read_emotions, read_tsv
from shared_affect.features.codes import load_codes
from shared_affect.steering.vectors import build_vectors, write_vectors

if __name__ == "__main__":
    start_log(snakemake.log[0])
    p, w = snakemake.params, snakemake.wildcards
    table = read_emotions(snakemake.input.emotions)
    built = build_vectors(
        load_codes(snakemake.input.codes),
        set(table["emotion"][table["contrast"]]),
        p.sae,
        p.features,
        n_random=p.n_random,
        root_seed=p.root_seed,
        names=(w.model, w.sae, w.language),
        parts_of_speech={
            (r.emotion, r.word): r.pos for r in read_tsv(snakemake.input.concepts).fillna({"pos": ""}).itertuples()
        },
    )
    for emotion, path in by_name(built, snakemake.output).items():
        write_vectors(path, *built[emotion])
