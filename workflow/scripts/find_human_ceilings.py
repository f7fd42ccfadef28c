"""Agreement among raters: the ceilings that stand beside every comparison with them."""

from shared_affect.base.log import start_log
from shared_affect.base.seeds import rng
from shared_affect.base.tables import read_tsv, write_tsv
from shared_affect.spaces.ceilings import ceilings
from shared_affect.spaces.pair_sets import PairSets
from shared_affect.spaces.rdm import RaterRDMs

if __name__ == "__main__":
    log = start_log(snakemake.log[0])
    p, w = snakemake.params, snakemake.wildcards
    raters = RaterRDMs.from_long(read_tsv(snakemake.input.judgements))
    affect = read_tsv(snakemake.input.affect)
    frame = ceilings(
        raters,
        pairs=PairSets(p.pairs, dict(zip(affect["emotion"], affect["valence_class"], strict=True))),
        rng=rng(p.root_seed, "ceilings", w.human, w.language),
    )
    log.info("\n%s", frame.to_string())
    write_tsv(snakemake.output[0], frame.assign(human=w.human, human_language=p.human_language))
