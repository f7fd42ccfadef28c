"""Prompts of one language with their halves, held against the words of the study's emotions."""

import pandas as pd

from shared_affect.base.log import LOG, start_log
from shared_affect.steering.files import PROMPTS
from shared_affect.steering.prompts import halves, refuse_words
from shared_affect.study.inputs import read_prompts
from shared_affect.words.files import CONCEPTS
from shared_affect.words.segmentation import Writing


def prepare_prompts(prompts, concepts, out, *, writing, rule):
    """Check the prompts and write them with their halves.

    Parameters
    ----------
    prompts, concepts : path
        A set of prompts, concept-sets (tsv).
    out : path
        ``prompt split text`` (tsv).
    writing : dict
        Of the language (config/languages.tsv).
    rule : str
        Which words are one family: config/languages.tsv, column lemma_rule.
    """
    found = read_prompts(prompts)
    refuse_words(found, CONCEPTS.read(concepts)["word"], Writing(**writing), rule, prompts)
    LOG.info("%s: %s", prompts, halves(found))
    PROMPTS.write(out, pd.DataFrame(found, columns=["prompt", "split", "text"]))


if __name__ == "__main__":
    start_log(snakemake.log[0])
    i, p = snakemake.input, snakemake.params
    prepare_prompts(i.prompts, i.concepts, snakemake.output[0], writing=p.writing, rule=p.lemma_rule)
