"""One model from the hub: resolved, fetched, checked, linked, and looked at as a folder on disk is."""

from pathlib import Path

from shared_affect.base.log import start_log
from shared_affect.models.hub import fetch_model
from shared_affect.planning.early_look import look_at_model


def retrieve_model(repository, revision, folder, *, model, commit=""):
    """Fetch a model.

    Parameters
    ----------
    repository : str
        Its id on the hub.
    revision : str or None
        Commit, tag or branch; None is the main branch.
    folder : path
        Where links to its files are put, and ``revision.json``.
    model : str
        Its name in config/models.tsv.
    commit : str
        What its row names now, where that is a commit.
    """
    fetch_model(repository, revision or "main", folder, model, commit=commit)
    look_at_model(folder, f"config/models.tsv, row {model}", [])


if __name__ == "__main__":
    start_log(snakemake.log[0])
    row, folder = snakemake.params.row, Path(snakemake.output[0]).parent
    how = dict(model=snakemake.wildcards.model, commit=snakemake.resources.commit)
    retrieve_model(row["id"], row["revision"], folder, **how)
