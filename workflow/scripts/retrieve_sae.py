"""One published SAE, through sae-lens, in its disk format, and held against its row."""

from pathlib import Path

from shared_affect.base.log import start_log
from shared_affect.models.hub import fetch_sae
from shared_affect.models.sae_folder import check_folder

if __name__ == "__main__":
    log = start_log(snakemake.log[0])
    row, w, folder = snakemake.params.row, snakemake.wildcards, Path(snakemake.output[0]).parent
    log.info("%s", fetch_sae(row["release"], row["id"], folder))
    log.info("%s", check_folder(folder, snakemake.params.layer, f"config/saes.tsv, model {w.model}, sae {w.sae}"))
