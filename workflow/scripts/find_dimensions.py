"""Valence and arousal in the emotion space: MDS turned to the raters' affect."""

from functools import partial

from shared_affect.base.log import start_log
from shared_affect.base.seeds import rng
from shared_affect.base.tables import read_tsv, write_tsv
from shared_affect.spaces.dimensions import organise
from shared_affect.spaces.layouts import classical_mds
from shared_affect.spaces.procrustes import align_to_human
from shared_affect.spaces.rungs import PRIMARY
from shared_affect.spaces.space_files import load_spaces

if __name__ == "__main__":
    log = start_log(snakemake.log[0])
    p, o = snakemake.params, snakemake.output
    affect = read_tsv(snakemake.input.affect[0])
    rdms = load_spaces(snakemake.input.space[0]).rdms
    layout = classical_mds(rdms[PRIMARY].subset(affect["emotion"].tolist()))
    frame = organise(
        layout,
        affect,
        n_permutations=p.n_permutations,
        n_bootstrap=p.n_bootstrap,
        draw=partial(rng, p.root_seed, "find_dimensions", *snakemake.wildcards),
    )
    log.info("\n%s", frame.to_string())
    write_tsv(o.dimensions, frame)
    write_tsv(o.coordinates, align_to_human(layout, affect))
