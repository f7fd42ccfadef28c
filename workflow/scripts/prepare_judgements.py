"""Judgements of emotion pairs and the affect of the emotions, in standard form; shuffled in the control."""

from shared_affect.base.log import start_log
from shared_affect.base.seeds import rng
from shared_affect.base.tables import write_tsv
from shared_affect.human.downloads import check_files
from shared_affect.human.loaders import load
from shared_affect.human.shuffles import shuffle_emotions
from shared_affect.human.standard import read_affect, studied_pairs

if __name__ == "__main__":
    log = start_log(snakemake.log[0])
    p, i = snakemake.params, snakemake.input
    judgements = studied_pairs(load("judgements", p.row["loader"], i.judgements), p.emotions, i.judgements[0])
    check_files(i.judgements, p.digests)
    affect = read_affect(i.centres, p.emotions, p.row["valence_split"], p.labels)
    log.info("%d judgements, %d raters, %d emotions", len(judgements), judgements["rater"].nunique(), len(affect))
    if p.shuffle == "norms":
        judgements, affect = shuffle_emotions(
            judgements, affect, rng(p.root_seed, "shuffle_emotions", snakemake.wildcards.language)
        )
        log.info("control: emotion labels permuted")
    write_tsv(snakemake.output.judgements, judgements)
    write_tsv(snakemake.output.affect, affect)
