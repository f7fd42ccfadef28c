"""Reliability of word ratings: the largest correlation with them that their own noise allows."""

from shared_affect.base.log import start_log
from shared_affect.base.tables import read_tsv, write_tsv
from shared_affect.ratings.scores import find_ceilings

if __name__ == "__main__":
    log = start_log(snakemake.log[0])
    frame = find_ceilings(read_tsv(snakemake.input[0]))
    log.info("\n%s", frame.to_string())
    write_tsv(
        snakemake.output[0],
        frame.assign(human=snakemake.wildcards.norms, human_language=snakemake.params.human_language),
    )
