"""Word ratings in standard form; permuted over words in the control."""

from shared_affect.base.log import start_log
from shared_affect.base.seeds import rng
from shared_affect.base.tables import write_tsv
from shared_affect.human.downloads import check_files
from shared_affect.human.loaders import load
from shared_affect.human.shuffles import shuffle_norms

if __name__ == "__main__":
    log = start_log(snakemake.log[0])
    p = snakemake.params
    norms = load("norms", p.row["loader"], snakemake.input)
    check_files(snakemake.input, p.digests)
    if p.shuffle == "norms":
        norms = shuffle_norms(norms, rng(p.root_seed, "shuffle_norms", snakemake.wildcards.language))
        log.info("control: ratings permuted over words")
    write_tsv(snakemake.output[0], norms)
