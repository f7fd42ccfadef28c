"""Reliability of word ratings: the largest correlation with them that their own noise allows."""

from shared_affect.base.log import LOG, start_log
from shared_affect.human.files import CEILINGS, NORMS
from shared_affect.ratings.scores import find_ceilings


def find_norm_ceilings(norms, out, *, human, human_language):
    """Reliability and ceiling of each rated dimension.

    Parameters
    ----------
    norms : path
        Word ratings with their SD and number of raters (tsv).
    out : path
        Ceilings (tsv); no row where SD or number is unknown.
    human, human_language : str
        Dataset, and language of its raters.
    """
    frame = find_ceilings(NORMS.read(norms))
    LOG.info("\n%s", frame.to_string())
    CEILINGS.write(out, frame.assign(human=human, human_language=human_language))


if __name__ == "__main__":
    start_log(snakemake.log[0])
    human, raters = snakemake.wildcards.norms, snakemake.params.human_language
    find_norm_ceilings(snakemake.input[0], snakemake.output[0], human=human, human_language=raters)
