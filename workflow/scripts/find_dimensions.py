"""Valence and arousal in the emotion space: MDS turned to the raters' affect."""

from functools import partial

import pandas as pd

from shared_affect.base.log import LOG, start_log
from shared_affect.base.seeds import rng
from shared_affect.human.files import AFFECT
from shared_affect.spaces.dimensions import organise
from shared_affect.spaces.files import COORDINATES, DIMENSIONS
from shared_affect.spaces.layouts import classical_mds
from shared_affect.spaces.procrustes import align_to_human
from shared_affect.spaces.rungs import EUCLIDEAN, PRIMARY
from shared_affect.spaces.space_files import load_spaces


def find_dimensions(space, affect, out_dimensions, out_coordinates, *, n_permutations, n_bootstrap, root_seed, names):
    """How far valence and arousal organise the emotion space, and its layout turned to them.

    Parameters
    ----------
    space : path
        RDMs of all representations (npz); only the emotion space is read, by both of its distances.
    affect : path
        Valence and arousal of the emotions (tsv).
    out_dimensions, out_coordinates : path
        Tests of each quantity, those of principal components behind those of the layout (`pca_`), and coordinates of
        the emotions (tsv).
    n_permutations, n_bootstrap : int
    root_seed : int
    names : tuple of str
        Variant, model, SAE, language, dataset: the random numbers hang on them.
    """
    human = AFFECT.read(affect)
    rdms = load_spaces(space).rdms
    layout, components = (classical_mds(rdms[k].subset(human["emotion"].tolist())) for k in (PRIMARY, EUCLIDEAN))
    draw, how = partial(rng, root_seed, "find_dimensions", *names), dict(n_permutations=n_permutations)
    found = organise(layout, human, n_bootstrap=n_bootstrap, draw=draw, **how)
    beside = organise(components, human, n_bootstrap=n_bootstrap, draw=partial(draw, "pca"), **how)
    frame = pd.concat([found, beside.assign(quantity="pca_" + beside["quantity"])], ignore_index=True)
    LOG.info("\n%s", frame.to_string())
    DIMENSIONS.write(out_dimensions, frame)
    COORDINATES.write(out_coordinates, align_to_human(layout, human))


if __name__ == "__main__":
    start_log(snakemake.log[0])
    i, o, p = snakemake.input, snakemake.output, snakemake.params
    how = dict(n_permutations=p.n_permutations, n_bootstrap=p.n_bootstrap, root_seed=p.root_seed)
    names = tuple(snakemake.wildcards)
    find_dimensions(i.space[0], i.affect[0], o.dimensions, o.coordinates, **how, names=names)
