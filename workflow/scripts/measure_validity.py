"""Whether features found with words of emotions fire on texts that show an emotion without naming it."""

from shared_affect.base.log import start_log
from shared_affect.base.seeds import Seeds
from shared_affect.base.tables import read_emotions
from shared_affect.features.codes import load_codes
from shared_affect.features.select import read_selected
from shared_affect.human.files import VIGNETTES
from shared_affect.human.vignettes import emotions_of
from shared_affect.study.inputs import read_names
from shared_affect.validity.files import TEXT_CODES, VALIDITY
from shared_affect.validity.table import Stimuli, validity


def measure_validity(texts, read, codes, features, emotions, categories, out, *, settings, n_draws, n_permuted, seeds):
    """AUROC of each emotion's vignettes against matched neutral texts and those of other emotions.

    Parameters
    ----------
    texts : path
        Vignettes and neutral texts (tsv).
    read, codes : path
        Codes of these texts; codes of the words (npz).
    features : list of path
        Selected features of each emotion (tsv).
    emotions, categories : path
        Table of the emotions; what the vignettes call them (tsv).
    out : path
        One row a set of features, readout, comparison and emotion (tsv).
    settings : dict
        config.yaml, key features.
    n_draws, n_permuted : int
        Draws of random features; permutations.
    seeds : Seeds
    """
    frame, words, table = VIGNETTES.read(texts), load_codes(codes), read_emotions(emotions)
    emotion_of = emotions_of(frame, read_names(categories, "category", may_be_empty=True), words.emotions)
    found = validity(
        Stimuli.of(frame, TEXT_CODES.read(read), emotion_of),
        words,
        read_selected(features),
        contrast=set(table["emotion"][table["contrast"]]),
        settings=settings,
        n_draws=n_draws,
        n_permutations=n_permuted,
        seeds=seeds,
    )
    VALIDITY.write(out, found)


if __name__ == "__main__":
    start_log(snakemake.log[0])
    i, p = snakemake.input, snakemake.params
    seeds = Seeds(p.root_seed, ("measure_validity", *snakemake.wildcards))
    how = dict(settings=p.settings, n_draws=p.n_draws, n_permuted=p.n_permutations, seeds=seeds)
    measure_validity(i.texts, i.read, i.codes, i.features, i.emotions, i.categories, snakemake.output[0], **how)
