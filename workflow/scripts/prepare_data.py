"""Associations, lexicons, frequencies, concreteness, attributes or labelled texts, in the form their loader
documents.
"""

from shared_affect.base.log import start_log
from shared_affect.base.tables import write_tsv
from shared_affect.human.downloads import check_files
from shared_affect.human.loaders import load

if __name__ == "__main__":
    start_log(snakemake.log[0])
    p = snakemake.params
    frame = load(snakemake.wildcards.kind, p.row["loader"], snakemake.input)
    check_files(snakemake.input, p.digests)
    write_tsv(snakemake.output[0], frame)
