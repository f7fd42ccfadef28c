"""Translation pairs of all languages: the committed table and, where asked for, the pairs of dictionaries."""

from shared_affect.base.log import LOG, start_log
from shared_affect.base.naming import by_name
from shared_affect.human.files import DICTIONARY
from shared_affect.words.files import TRANSLATIONS
from shared_affect.words.lemma_families import add_dictionaries, read_translations


def prepare_translations(table, dictionaries, out, *, languages):
    """Gather which words translate each other.

    Parameters
    ----------
    table : path
        The committed pairs (tsv).
    dictionaries : dict of language -> path
        Dictionaries in standard form (tsv); may be empty.
    out : path
        All pairs (tsv).
    languages : list of str
        Languages of the study.
    """
    committed = read_translations(table, languages)
    pairs = add_dictionaries(committed, {k: DICTIONARY.read(f) for k, f in dictionaries.items()})
    LOG.info("%d pairs, %d of them from dictionaries", len(pairs), len(pairs) - len(committed))
    TRANSLATIONS.write(out, pairs)


if __name__ == "__main__":
    start_log(snakemake.log[0])
    i, p = snakemake.input, snakemake.params
    dictionaries = by_name(p.dictionaries, i.dictionaries)
    prepare_translations(i.table, dictionaries, snakemake.output[0], languages=p.languages)
