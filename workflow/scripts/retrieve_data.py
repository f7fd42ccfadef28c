"""One published file from its address, refused unless its checksum is right."""

from shared_affect.base.log import start_log
from shared_affect.human.downloads import download

if __name__ == "__main__":
    log = start_log(snakemake.log[0])
    source = snakemake.params.source
    download(source["url"], snakemake.output[0], source["sha256"])
    log.info("whole and right; terms of use: %s", source["terms"])
