"""One published file from its address, refused unless its checksum is right."""

from shared_affect.base.log import LOG, start_log
from shared_affect.human.downloads import download


def retrieve_data(url, out, *, sha256, terms):
    """Download a file.

    Parameters
    ----------
    url : str
        Its address.
    out : path
        The file, as it was published.
    sha256 : str
        Its digest (hex).
    terms : str
        Its terms of use, for the log.
    """
    download(url, out, sha256)
    LOG.info("whole and right; terms of use: %s", terms)


if __name__ == "__main__":
    start_log(snakemake.log[0])
    source = snakemake.params.source
    retrieve_data(source["url"], snakemake.output[0], sha256=source["sha256"], terms=source["terms"])
