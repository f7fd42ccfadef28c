"""One published SAE, through sae-lens, in its disk format."""

from pathlib import Path

from shared_affect.hub import fetch_sae
from shared_affect.runtime import start_log

if __name__ == "__main__":
    log = start_log(snakemake.log[0])
    row = snakemake.params.row
    log.info("%s", fetch_sae(row["release"], row["id"], Path(snakemake.output[0]).parent))
