"""One model from the hub: resolved, fetched, checked, linked, and looked at as a folder on disk is."""

from pathlib import Path

from shared_affect.base.log import start_log
from shared_affect.models.hub import fetch_model
from shared_affect.planning.early_look import look_at_model

if __name__ == "__main__":
    start_log(snakemake.log[0])
    row, folder, model = snakemake.params.row, Path(snakemake.output[0]).parent, snakemake.wildcards.model
    fetch_model(row["id"], row["revision"] or "main", folder, model)
    look_at_model(folder, f"config/models.tsv, row {model}", [])
