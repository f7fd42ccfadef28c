"""Word vectors from free associations, a baseline beside the models."""

from shared_affect.associations import association_vectors, write_vectors
from shared_affect.runtime import start_log
from shared_affect.tables import read_tsv

if __name__ == "__main__":
    log = start_log(snakemake.log[0])
    words, vectors = association_vectors(read_tsv(snakemake.input[0]))
    log.info("%d words, %d dimensions", *vectors.shape)
    write_vectors(snakemake.output[0], words, vectors)
