"""Word vectors from free associations, a baseline beside the models."""

from shared_affect.base.log import start_log
from shared_affect.base.tables import read_tsv
from shared_affect.human.associations import association_vectors, write_vectors

if __name__ == "__main__":
    log = start_log(snakemake.log[0])
    words, vectors = association_vectors(read_tsv(snakemake.input[0]))
    log.info("%d words, %d dimensions", *vectors.shape)
    write_vectors(snakemake.output[0], words, vectors)
