"""One classifier from the hub that judges texts: resolved, fetched, checked, linked; its labels held against their
table.
"""

from pathlib import Path

from shared_affect.base.log import start_log
from shared_affect.models.classifiers import labels_of
from shared_affect.models.hub import fetch_model
from shared_affect.steering.label_maps import read_targets


def retrieve_judge(repository, revision, folder, labels, *, judge):
    """Fetch a classifier.

    Parameters
    ----------
    repository : str
        Its id on the hub.
    revision : str or None
        Commit, tag or branch; None is the main branch.
    folder : path
        Where links to its files are put, and ``revision.json``.
    labels : path
        Table that says which emotions its labels stand for.
    judge : str
        Its name in config/judges.tsv.
    """
    fetch_model(repository, revision or "main", folder, f"judge {judge} (config/judges.tsv)")
    read_targets(labels, labels_of(folder, f"config/judges.tsv, row {judge}"), f"the classifier {repository}")


if __name__ == "__main__":
    start_log(snakemake.log[0])
    row, folder = snakemake.params.row, Path(snakemake.output[0]).parent
    labels = f"resources/judges/{row['labels']}.tsv"
    retrieve_judge(row["id"], row["revision"], folder, labels, judge=snakemake.wildcards.judge)
