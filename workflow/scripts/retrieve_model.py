"""One model from the hub: resolved, fetched, checked, linked."""

from pathlib import Path

from shared_affect.hub import fetch_model
from shared_affect.models import check_folder
from shared_affect.runtime import start_log

if __name__ == "__main__":
    start_log(snakemake.log[0])
    row, model, folder = snakemake.params.row, snakemake.wildcards.model, Path(snakemake.output[0]).parent
    fetch_model(row["id"], row["revision"] or "main", folder, model)
    check_folder(folder, f"config/models.tsv, model {model}")
