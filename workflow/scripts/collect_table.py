"""One published table from the files it collects."""

from shared_affect.base.log import LOG, start_log
from shared_affect.results.collect import collect
from shared_affect.results.contracts import write_table


def collect_table(table, files, out, *, root_seed):
    """One published table, in the columns of its contract.

    Parameters
    ----------
    table : str
        Name of the table (results/contracts.py).
    files : dict of path -> identity
        What the rows of each file are about: ``control``, ``spec``, ``model``, ``language``, ... (planning/grid.py).
    out : path
        The table (csv).
    root_seed : int
    """
    frame = collect(table, files, root_seed)
    LOG.info("%d rows from %d files", len(frame), len(files))
    write_table(out, table, frame)


if __name__ == "__main__":
    start_log(snakemake.log[0])
    p = snakemake.params
    files = {f: p.identities[f] for f in snakemake.input}
    collect_table(p.table, files, snakemake.output[0], root_seed=p.root_seed)
