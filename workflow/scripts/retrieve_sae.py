"""One published SAE in sae-lens' disk format: through sae-lens' table, or from a repository; held against its row."""

from pathlib import Path

from shared_affect.base.log import LOG, start_log
from shared_affect.models.hub import fetch_sae
from shared_affect.models.hub_rows import HubRow
from shared_affect.models.hub_saes import HubFolder, fetch_hub_sae
from shared_affect.models.sae_folder import check_folder


def retrieve_sae(row, folder, *, layer, model, sae, commit=""):
    """Fetch an SAE.

    Parameters
    ----------
    row : dict
        ``release`` and ``id`` where sae-lens' table finds it; ``id``, ``subfolder`` and ``revision`` of a repository.
    folder : path
        Where it is put.
    layer : int
        Block that its row says it reads.
    model, sae : str
        Their names in config/saes.tsv.
    commit : str
        What the row names now, where that is a commit.
    """
    if "release" in row:
        LOG.info("%s", fetch_sae(row["release"], row["id"], folder))
    else:
        at = HubFolder(row["id"], row["revision"] or "main", row["subfolder"] or "", commit)
        LOG.info("%s", fetch_hub_sae(at, folder, HubRow(f"SAE {model} {sae}", "config/saes.tsv")))
    where = f"config/saes.tsv, model {model}, sae {sae}"
    LOG.info("%s", check_folder(folder, layer, where, d_in=row.get("d_in")))


if __name__ == "__main__":
    start_log(snakemake.log[0])
    p, w, folder = snakemake.params, snakemake.wildcards, Path(snakemake.output[0]).parent
    retrieve_sae(p.row, folder, layer=p.layer, model=w.model, sae=w.sae, commit=snakemake.resources.commit)
