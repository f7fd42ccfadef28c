"""Dissimilarity matrices of the emotion space and of the representations beside it."""

import numpy as np

from shared_affect.base.log import start_log
from shared_affect.base.seeds import Seeds, rng
from shared_affect.base.tables import read_emotions, read_tsv
from shared_affect.features.codes import load_codes
from shared_affect.features.select import read_selected
from shared_affect.features.stimuli import group_controls
from shared_affect.human.associations import read_vectors
from shared_affect.spaces.permuted_spaces import permuted_spaces
from shared_affect.spaces.rungs import Material, draws, representations
from shared_affect.spaces.space_files import write_spaces

if __name__ == "__main__":
    log = start_log(snakemake.log[0])
    p = snakemake.params
    codes = load_codes(snakemake.input.codes)
    selected = np.unique(read_selected(snakemake.input.features)["feature"])
    log.info("space of %d features", len(selected))
    controls = group_controls(read_tsv(snakemake.input.controls[0]))
    table = read_emotions(snakemake.input.emotions)
    permuted = permuted_spaces(
        codes,
        set(table["emotion"][table["contrast"]]),
        p.settings,
        p.n_code_permutations,
        rng(p.root_seed, "permute_codes", *snakemake.wildcards),
    )
    log.info("%d permutations of the codes of %d words", p.n_code_permutations, len(codes.concepts.words))
    material = Material(codes, selected, read_vectors(snakemake.input.associations), controls)
    write_spaces(
        snakemake.output[0],
        representations(material),
        draws(material, p.n_draws, Seeds(p.root_seed, ("build_space", *snakemake.wildcards))),
        permuted,
    )
