"""Agreement among raters: the ceilings that stand beside every comparison with them."""

from shared_affect.base.log import LOG, start_log
from shared_affect.base.seeds import rng
from shared_affect.human.files import AFFECT, CEILINGS, JUDGEMENTS
from shared_affect.spaces.ceilings import ceilings
from shared_affect.spaces.pair_sets import PairSets
from shared_affect.spaces.rdm import RaterRDMs


def find_human_ceilings(judgements, affect, out, *, pairs, human, language, human_language, root_seed):
    """How well raters agree with each other, on every set of pairs.

    Parameters
    ----------
    judgements : path
        Dissimilarity of pairs of emotions, each rater's (tsv).
    affect : path
        Valence class of the emotions (tsv).
    out : path
        Ceilings (tsv).
    pairs : list of str
        Sets of pairs, of config.yaml, key rsa.pairs.
    human, language : str
        Dataset and language of the study: the random numbers hang on them.
    human_language : str
        Language of the raters.
    root_seed : int
    """
    raters, classes = RaterRDMs.from_long(JUDGEMENTS.read(judgements)), AFFECT.read(affect)
    frame = ceilings(
        raters,
        pairs=PairSets(pairs, dict(zip(classes["emotion"], classes["valence_class"], strict=True))),
        rng=rng(root_seed, "ceilings", human, language),
    )
    LOG.info("\n%s", frame.to_string())
    CEILINGS.write(out, frame.assign(human=human, human_language=human_language))


if __name__ == "__main__":
    start_log(snakemake.log[0])
    i, p, w = snakemake.input, snakemake.params, snakemake.wildcards
    how = dict(pairs=p.pairs, human=w.human, language=w.language, human_language=p.human_language)
    find_human_ceilings(i.judgements, i.affect, snakemake.output[0], **how, root_seed=p.root_seed)
