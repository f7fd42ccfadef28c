"""Translation pairs of all languages: the committed table and, where asked for, the pairs of dictionaries."""

from shared_affect.base.log import start_log
from shared_affect.base.naming import by_name
from shared_affect.base.tables import read_tsv, write_tsv
from shared_affect.words.lemma_families import add_dictionaries, read_translations

if __name__ == "__main__":
    log = start_log(snakemake.log[0])
    p, i = snakemake.params, snakemake.input
    table = read_translations(i.table, p.languages)
    pairs = add_dictionaries(table, {k: read_tsv(f) for k, f in by_name(p.dictionaries, i.dictionaries).items()})
    log.info("%d pairs, %d of them from dictionaries", len(pairs), len(pairs) - len(table))
    write_tsv(snakemake.output[0], pairs)
