"""One published SAE, through sae-lens, in its disk format, looked at as a folder on disk is."""

from pathlib import Path

from shared_affect.early_look import look_at_sae
from shared_affect.hub import fetch_sae
from shared_affect.runtime import start_log

if __name__ == "__main__":
    log = start_log(snakemake.log[0])
    row, folder, w = snakemake.params.row, Path(snakemake.output[0]).parent, snakemake.wildcards
    log.info("%s", fetch_sae(row["release"], row["id"], folder))
    look_at_sae(folder, snakemake.params.layer, f"config/saes.tsv, row {w.model} {w.sae}", None)
