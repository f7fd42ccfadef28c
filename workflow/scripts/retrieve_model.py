"""One model from the hub: resolved, fetched, checked, linked."""

from pathlib import Path

from shared_affect.hub import fetch_model
from shared_affect.runtime import start_log

if __name__ == "__main__":
    start_log(snakemake.log[0])
    row = snakemake.params.row
    fetch_model(row["id"], row["revision"] or "main", Path(snakemake.output[0]).parent, snakemake.wildcards.model)
