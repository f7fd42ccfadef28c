"""One classifier from the hub that judges texts: resolved, fetched, checked, linked; its labels held against their
table.
"""

from pathlib import Path

from shared_affect.base.log import start_log
from shared_affect.models.classifiers import labels_of
from shared_affect.models.hub import fetch_model
from shared_affect.models.hub_rows import HubRow
from shared_affect.steering.label_maps import read_targets


def retrieve_judge(repository, revision, folder, labels, *, judge, language, commit=""):
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
    judge, language : str
        Its names in config/judges.tsv.
    commit : str
        What its row names now, where that is a commit.
    """
    row = HubRow(f"judge {judge} {language}", "config/judges.tsv")
    fetch_model(repository, revision or "main", folder, row, commit=commit)
    read_targets(labels, labels_of(folder, f"{row.table}, row {judge} {language}"), f"the classifier {repository}")


if __name__ == "__main__":
    start_log(snakemake.log[0])
    row, folder = snakemake.params.row, Path(snakemake.output[0]).parent
    labels = f"resources/judges/{row['labels']}.tsv"
    w, commit = snakemake.wildcards, snakemake.resources.commit
    retrieve_judge(row["id"], row["revision"], folder, labels, judge=w.judge, language=w.language, commit=commit)
