"""Norms, judgements, emotion centres and noise-free coordinates of the planted world."""

from shared_affect.base.log import LOG, start_log
from shared_affect.base.naming import by_name
from shared_affect.planted.files import CENTRES, TRUTH, WORLD_JUDGEMENTS, WORLD_NORMS
from shared_affect.planted.world import World
from shared_affect.planted.worldtables import read_world_tables


def make_planted_human(planted, concepts, templates, out_norms, out_judgements, out_centres, out_truth, *, root_seed):
    """What simulated raters of the planted world say, and what is true there.

    Parameters
    ----------
    planted : path
        Folder with the tables of the world.
    concepts, templates : dict of language -> path
        Concept table and sentence templates (tsv).
    out_norms, out_judgements, out_centres, out_truth : dict of language -> path
        Word ratings, judgements of pairs, affect of the emotions, coordinates of the words (tsv).
    root_seed : int
    """
    world = World(read_world_tables(planted, concepts, templates), root_seed)
    truth = world.truth()
    for language in out_truth:
        WORLD_NORMS.write(out_norms[language], world.norms(language))
        WORLD_JUDGEMENTS.write(out_judgements[language], world.judgements(language))
        CENTRES.write(out_centres[language], world.emotion_centres(language))
        TRUTH.write(out_truth[language], truth[truth["language"] == language])
    LOG.info("%d words in %d languages", len(truth), len(out_truth))


if __name__ == "__main__":
    start_log(snakemake.log[0])
    p, o = snakemake.params, snakemake.output
    outputs = [by_name(p.languages, files) for files in (o.norms, o.judgements, o.centres, o.truth)]
    make_planted_human(p.planted, p.concepts, p.templates, *outputs, root_seed=p.root_seed)
