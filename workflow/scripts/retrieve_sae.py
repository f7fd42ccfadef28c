"""One published SAE, through sae-lens, in its disk format, and held against its row."""

from pathlib import Path

from shared_affect.base.log import LOG, start_log
from shared_affect.models.hub import fetch_sae
from shared_affect.models.sae_folder import check_folder


def retrieve_sae(release, sae_id, folder, *, layer, model, sae):
    """Fetch an SAE.

    Parameters
    ----------
    release, sae_id : str
        Where sae-lens finds it.
    folder : path
        Where it is put.
    layer : int
        Block that its row says it reads.
    model, sae : str
        Their names in config/saes.tsv.
    """
    LOG.info("%s", fetch_sae(release, sae_id, folder))
    LOG.info("%s", check_folder(folder, layer, f"config/saes.tsv, model {model}, sae {sae}"))


if __name__ == "__main__":
    start_log(snakemake.log[0])
    p, w, folder = snakemake.params, snakemake.wildcards, Path(snakemake.output[0]).parent
    retrieve_sae(p.row["release"], p.row["id"], folder, layer=p.layer, model=w.model, sae=w.sae)
