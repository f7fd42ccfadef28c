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


def build_space(inputs, out, *, settings, n_draws, n_permuted, root_seed, names):
    """RDMs of all representations of one model, SAE and language, random draws, and the null of permuted codes.

    Parameters
    ----------
    inputs : dict
        `codes` (npz), `features` (list of tsv, of each emotion), `words`, `controls`, `emotions` (tsv), `associations`
        (list of npz, may be empty), `corpus` (text that gives word frequencies where no dataset does, or None).
    out : path
        The space (npz).
    settings : dict
        config.yaml, key features: what the null selects anew with.
    n_draws, n_permuted : int
        Random draws of each kind; permutations of the codes.
    root_seed : int
    names : tuple of str
        Variant, model, SAE, language: the random numbers hang on them.
    """
    codes, table = load_codes(inputs["codes"]), read_emotions(inputs["emotions"])
    contrast = set(table["emotion"][table["contrast"]])
    permuted = permuted_spaces(codes, contrast, settings, n_permuted, rng(root_seed, "permute_codes", *names))
    selected = np.unique(read_selected(inputs["features"])["feature"])
    LOG.info("%d features; %d permutations of %d words", len(selected), n_permuted, len(codes.concepts.words))
    text = Path(inputs["corpus"]).read_text(encoding="utf-8") if inputs["corpus"] else None
    known = word_covariates(codes.concepts.words, CONCEPT_WORDS.read(inputs["words"]), text, gaps=True)
    beside = read_vectors(inputs["associations"]), group_controls(MATCHES.read(inputs["controls"]))
    material = Material(codes, selected, *beside, known)
    random = draws(material, n_draws, Seeds(root_seed, ("build_space", *names)))
    write_spaces(out, representations(material), random, permuted)


if __name__ == "__main__":
    start_log(snakemake.log[0])
    i, p, names = snakemake.input, snakemake.params, tuple(snakemake.wildcards)
    inputs = {k: i[k] for k in ("codes", "features", "emotions", "associations")}
    inputs |= dict(words=i.words[0], controls=i.controls[0], corpus=i.corpus or None)
    how = dict(settings=p.settings, n_draws=p.n_draws, n_permuted=p.n_code_permutations, root_seed=p.root_seed)
    build_space(inputs, snakemake.output[0], **how, names=names)
