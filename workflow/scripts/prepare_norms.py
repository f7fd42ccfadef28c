"""Word ratings in standard form; permuted over words in the control."""

from shared_affect.base.log import LOG, start_log
from shared_affect.base.seeds import rng
from shared_affect.human.downloads import check_files
from shared_affect.human.files import NORMS
from shared_affect.human.loaders import load
from shared_affect.human.shuffles import shuffle_norms


def prepare_norms(files, out, *, loader, digests, script, shuffle, language, root_seed):
    """Bring published word ratings into standard form.

    Parameters
    ----------
    files : list of path
    out : path
        Valence and arousal of the words from -1 to 1, published scales beside them (tsv).
    loader : str
        Of config/human.tsv.
    digests : list of str or None
        Published sha256 of each file, where it is known.
    script : str or None
        Of the language, where its row of config/languages.tsv says it.
    shuffle : str
        "norms" permutes the ratings over the words.
    language : str
    root_seed : int
    """
    norms = load("norms", loader, files, script)
    check_files(files, digests)
    if shuffle == "norms":
        norms = shuffle_norms(norms, rng(root_seed, "shuffle_norms", language))
        LOG.info("control: ratings permuted over words")
    NORMS.write(out, norms)


if __name__ == "__main__":
    start_log(snakemake.log[0])
    p, language = snakemake.params, snakemake.wildcards.language
    how = dict(digests=p.digests, script=p.script, shuffle=p.shuffle, language=language, root_seed=p.root_seed)
    prepare_norms(snakemake.input, snakemake.output[0], loader=p.row["loader"], **how)
