"""How far people of different languages agree on the affect of the same concepts."""

from shared_affect.base.log import start_log
from shared_affect.base.naming import by_name
from shared_affect.human.agreement import agree
from shared_affect.human.files import AGREEMENT, CONCEPT_RATINGS


def find_human_agreement(files, out, *, root_seed):
    """Agreement of every two sets of raters of different languages.

    Parameters
    ----------
    files : dict of (dataset, language) -> path
        Ratings of concepts (tsv).
    out : path
        Correlations with their intervals (tsv).
    root_seed : int
    """
    AGREEMENT.write(out, agree({who: CONCEPT_RATINGS.read(f) for who, f in files.items()}, root_seed))


if __name__ == "__main__":
    start_log(snakemake.log[0])
    p = snakemake.params
    files = by_name(map(tuple, p.raters), snakemake.input)
    find_human_agreement(files, snakemake.output[0], root_seed=p.root_seed)
