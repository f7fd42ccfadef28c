"""What is said of one SAE in one language, for the table of layers and widths."""

from shared_affect.base.log import LOG, start_log
from shared_affect.results.files import LAYER_PROFILE
from shared_affect.results.profile import profile, read_measured


def profile_sae(files, out, *, layer, people, is_primary):
    """Numbers of one SAE, each beside its control.

    Parameters
    ----------
    files : dict of kind -> path
        ``running, use, reproducibility, rsa, notes``, and ``ratings``: a list, a file a dimension.
    out : path
        The rows (tsv).
    layer : int
        Block whose output the SAE reads, from 0.
    people : dict of kind -> dict
        Dataset and language of the judgements (``rho``) and of the ratings (``r``).
    is_primary : bool
        Whether it is the SAE that makes claims.
    """
    frame = profile(read_measured(**files), layer, people, is_primary=is_primary)
    LOG.info("%d rows: %s", len(frame), ", ".join(dict.fromkeys(frame["quantity"])))
    LAYER_PROFILE.write(out, frame)


if __name__ == "__main__":
    start_log(snakemake.log[0])
    i, p = snakemake.input, snakemake.params
    files = {k: i[k] for k in ("running", "use", "reproducibility", "rsa", "notes")} | {"ratings": list(i.ratings)}
    is_primary = snakemake.wildcards.sae == p.primary
    profile_sae(files, snakemake.output[0], layer=p.layer, people=p.people, is_primary=is_primary)
