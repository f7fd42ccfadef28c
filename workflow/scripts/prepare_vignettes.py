"""Texts that show an emotion without naming it, in standard form; a design that cannot be measured is refused here."""

from shared_affect.base.log import start_log
from shared_affect.human.downloads import check_files
from shared_affect.human.files import VIGNETTES
from shared_affect.human.loaders import load
from shared_affect.human.vignettes import check_design, emotions_of
from shared_affect.study.inputs import read_names


def prepare_vignettes(files, categories, out, *, loader, digests, emotions):
    """Bring published vignettes into their standard form, if the study's emotions can be told apart with them.

    Parameters
    ----------
    files : list of path
    categories : path
        What the vignettes call the emotions (tsv).
    out : path
        The standard form (tsv).
    loader : str
        Of config/human.tsv.
    digests : list of str or None
        Published sha256 of each file, where it is known.
    emotions : list of str
        Of the study.
    """
    texts = load("vignettes", loader, files)
    check_files(files, digests)
    names = read_names(categories, "category", may_be_empty=True)
    check_design(texts, emotions_of(texts, names, emotions))
    VIGNETTES.write(out, texts)


if __name__ == "__main__":
    start_log(snakemake.log[0])
    i, p = snakemake.input, snakemake.params
    how = dict(loader=p.row["loader"], digests=p.digests, emotions=p.emotions)
    prepare_vignettes(i.texts, i.categories, snakemake.output[0], **how)
