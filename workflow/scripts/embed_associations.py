"""Word vectors from free associations, a baseline beside the models."""

from shared_affect.base.log import LOG, start_log
from shared_affect.human.associations import association_vectors, write_vectors
from shared_affect.human.files import ASSOCIATIONS


def embed_associations(associations, out):
    """Vectors of the cues of a dataset of free associations.

    Parameters
    ----------
    associations : path
        Cue, target, strength (tsv).
    out : path
        Words and their vectors of unit length (npz).
    """
    words, vectors = association_vectors(ASSOCIATIONS.read(associations))
    LOG.info("%d words, %d dimensions", *vectors.shape)
    write_vectors(out, words, vectors)


if __name__ == "__main__":
    start_log(snakemake.log[0])
    embed_associations(snakemake.input[0], snakemake.output[0])
