"""Associations, lexicons, frequencies, concreteness, attributes or labelled texts, in the form their loader
documents.
"""

from shared_affect.base.log import start_log
from shared_affect.human.downloads import check_files
from shared_affect.human.files import DATA
from shared_affect.human.loaders import load


def prepare_data(files, out, *, kind, loader, digests, script):
    """Bring published files into the standard form of their kind.

    Parameters
    ----------
    files : list of path
    out : path
        The standard form (tsv).
    kind, loader : str
        Of config/human.tsv.
    digests : list of str or None
        Published sha256 of each file, where it is known.
    script : str or None
        Of the language, where its row of config/languages.tsv says it.
    """
    frame = load(kind, loader, files, script)
    check_files(files, digests)
    DATA[kind].write(out, frame)


if __name__ == "__main__":
    start_log(snakemake.log[0])
    p = snakemake.params
    how = dict(kind=snakemake.wildcards.kind, loader=p.row["loader"], digests=p.digests, script=p.script)
    prepare_data(snakemake.input, snakemake.output[0], **how)
