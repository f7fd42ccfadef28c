"""Folds of rating prediction: one draw for all languages, models and variants of a study."""

from shared_affect.base.log import start_log
from shared_affect.base.naming import by_name
from shared_affect.base.seeds import rng
from shared_affect.human.files import NORMS
from shared_affect.ratings import folds
from shared_affect.ratings.files import FOLDS
from shared_affect.words.lemma_families import read_pairs


def draw_folds(norms, translations, out, *, lemma_rules, n_folds, root_seed, name):
    """Deal the rated words of all languages into folds, words of one family or translation pair together.

    Parameters
    ----------
    norms : dict of language -> path
        Word ratings (tsv).
    translations : path
        Translation pairs (tsv).
    out : path
        Fold of every word (tsv).
    lemma_rules : dict of language -> str
        Of config/languages.tsv, column lemma_rule.
    n_folds : int
    root_seed : int
    name : str
        Of the dataset of norms: the random numbers hang on it.
    """
    words = {k: NORMS.read(f)["word"].tolist() for k, f in norms.items()}
    draw = rng(root_seed, "folds", name)
    FOLDS.write(out, folds.draw_folds(words, read_pairs(translations), lemma_rules, n_folds, draw))


if __name__ == "__main__":
    start_log(snakemake.log[0])
    i, p = snakemake.input, snakemake.params
    how = dict(lemma_rules=p.lemma_rules, n_folds=p.n_folds, root_seed=p.root_seed, name=snakemake.wildcards.norms)
    draw_folds(by_name(p.languages, i.norms), i.translations, snakemake.output[0], **how)
