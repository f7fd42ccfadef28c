"""Dissimilarity matrices of the emotion space and of the representations beside it."""

from pathlib import Path

import numpy as np

from shared_affect.base.log import LOG, start_log
from shared_affect.base.seeds import Seeds, rng
from shared_affect.base.tables import read_emotions
from shared_affect.features.codes import load_codes
from shared_affect.features.select import read_selected
from shared_affect.features.stimuli import group_controls
from shared_affect.human.associations import read_vectors
from shared_affect.human.frequencies import word_covariates
from shared_affect.spaces.permuted_spaces import permuted_spaces
from shared_affect.spaces.rungs import Material, draws, representations
from shared_affect.spaces.space_files import write_spaces
from shared_affect.words.files import CONCEPT_WORDS, MATCHES


def build_space(
    codes,
    features,
    words,
    controls,
    associations,
    emotions,
    out,
    *,
    corpus,
    settings,
    n_draws,
    n_permuted,
    root_seed,
    names,
):
    """RDMs of all representations of one model, SAE and language, random draws, and the null of permuted codes.

    Parameters
    ----------
    codes : path
        Codes of the words (npz).
    features, associations : list of path
        Selected features of each emotion (tsv); word vectors (npz), none where the language has none.
    words, controls, emotions : path
        Descriptions of the concept words, matched control words, and table of the emotions (tsv).
    out : path
        The space (npz).
    corpus : path or None
        Text that gives word frequencies where no dataset does.
    settings : dict
        config.yaml, key features: what the null selects anew with.
    n_draws, n_permuted : int
        Random draws of each kind; permutations of the codes.
    root_seed : int
    names : tuple of str
        Variant, model, SAE, language: the random numbers hang on them.
    """
    known = load_codes(codes)
    selected = np.unique(read_selected(features)["feature"])
    LOG.info("space of %d features", len(selected))
    table = read_emotions(emotions)
    contrast = set(table["emotion"][table["contrast"]])
    permuted = permuted_spaces(known, contrast, settings, n_permuted, rng(root_seed, "permute_codes", *names))
    LOG.info("%d permutations of the codes of %d words", n_permuted, len(known.concepts.words))
    text = Path(corpus).read_text(encoding="utf-8") if corpus else None
    covariates = word_covariates(known.concepts.words, CONCEPT_WORDS.read(words), text, gaps=True)
    beside = group_controls(MATCHES.read(controls))
    material = Material(known, selected, read_vectors(associations), beside, covariates)
    random = draws(material, n_draws, Seeds(root_seed, ("build_space", *names)))
    write_spaces(out, representations(material), random, permuted)


if __name__ == "__main__":
    start_log(snakemake.log[0])
    i, p, names = snakemake.input, snakemake.params, tuple(snakemake.wildcards)
    how = dict(settings=p.settings, n_draws=p.n_draws, n_permuted=p.n_code_permutations, root_seed=p.root_seed)
    files = (i.codes, i.features, i.words[0], i.controls[0], i.associations, i.emotions, snakemake.output[0])
    build_space(*files, corpus=i.corpus or None, **how, names=names)
