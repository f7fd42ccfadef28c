"""Judgements of emotion pairs and the affect of the emotions, in standard form; shuffled in the control."""

from shared_affect.human import read_affect, read_judgements, shuffle_emotions
from shared_affect.runtime import rng, start_log
from shared_affect.tables import write_tsv

if __name__ == "__main__":
    log = start_log(snakemake.log[0])
    p = snakemake.params
    judgements = read_judgements(snakemake.input.judgements, p.emotions)
    affect = read_affect(snakemake.input.centres, p.emotions, p.row["valence_split"])
    log.info("%d judgements, %d raters, %d emotions", len(judgements), judgements["rater"].nunique(), len(affect))
    if p.shuffle == "norms":
        judgements, affect = shuffle_emotions(judgements, affect, rng(p.root_seed, "shuffle_emotions", snakemake.wildcards.language))
        log.info("control: emotion labels permuted")
    write_tsv(snakemake.output.judgements, judgements)
    write_tsv(snakemake.output.affect, affect)
