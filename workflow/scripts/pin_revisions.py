"""Commits into the column revision of the tables, for rows of the hub that name a branch; says what it changed."""

from shared_affect.base.log import LOG, start_log
from shared_affect.planning.pinning import find_loose, pin


def pin_revisions(tables, retrieved):
    """Pin every row of the hub.

    Parameters
    ----------
    tables : list of path
        Tables that may name repositories.
    retrieved : path
        Folder of what is fetched.

    Returns
    -------
    list of str
        What was changed, a line a row.
    """
    changed = pin(find_loose(tables, retrieved))
    for line in changed:
        LOG.info("%s", line)
    LOG.info("%s", f"{len(changed)} rows pinned" if changed else "every row of the hub names a commit already")
    return changed


if __name__ == "__main__":
    start_log(snakemake.log[0])
    print(*pin_revisions(snakemake.params.tables, snakemake.params.retrieved) or ["nothing to pin"], sep="\n")
