"""One published file from its address, refused unless its checksum is right."""

from shared_affect.retrieval import download
from shared_affect.runtime import start_log

if __name__ == "__main__":
    log = start_log(snakemake.log[0])
    source = snakemake.params.source
    download(source["url"], snakemake.output[0], source["sha256"])
    log.info("whole and right; terms of use: %s", source["terms"])
