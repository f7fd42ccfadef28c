"""Norms, judgements, emotion centres and noise-free coordinates of the planted world."""

from shared_affect.base.log import start_log
from shared_affect.base.tables import write_tsv
from shared_affect.planted.world import World
from shared_affect.planted.worldtables import read_world_tables

if __name__ == "__main__":
    log = start_log(snakemake.log[0])
    p, o = snakemake.params, snakemake.output
    world = World(read_world_tables(p.planted, p.concepts, p.templates), p.root_seed)
    truth = world.truth()
    for k, language in enumerate(p.languages):
        write_tsv(o.norms[k], world.norms(language))
        write_tsv(o.judgements[k], world.judgements(language))
        write_tsv(o.centres[k], world.emotion_centres(language))
        write_tsv(o.truth[k], truth[truth["language"] == language])
    log.info("%d words in %d languages", len(truth), len(p.languages))
