"""Judgements of emotion pairs and the affect of the emotions, in standard form; shuffled in the control."""

from shared_affect.base.log import LOG, start_log
from shared_affect.base.seeds import rng
from shared_affect.human.downloads import check_files
from shared_affect.human.files import AFFECT, JUDGEMENTS
from shared_affect.human.loaders import load
from shared_affect.human.shuffles import shuffle_emotions
from shared_affect.human.standard import read_affect, studied_pairs


def prepare_judgements(
    files, centres, out_judgements, out_affect, *, row, digests, labels, emotions, shuffle, language, root_seed
):
    """Judgements of the pairs that are studied, and valence and arousal of the same emotions.

    Parameters
    ----------
    files : list of path
        Published judgements.
    centres : path
        Affect of the emotions, or word ratings to look them up in (tsv).
    out_judgements, out_affect : path
        Both in standard form (tsv).
    row : dict
        Of config/human.tsv: `loader`, `valence_split`.
    digests : list of str or None
        Published sha256 of each file, where it is known.
    labels : dict of emotion -> word, or None
        Words to look up among the ratings.
    emotions : list of str
    shuffle : str
        "norms" permutes the labels of the emotions.
    language : str
    root_seed : int
    """
    judgements = studied_pairs(load("judgements", row["loader"], files), emotions, files[0])
    check_files(files, digests)
    affect = read_affect(centres, emotions, row["valence_split"], labels)
    LOG.info("%d judgements, %d raters, %d emotions", len(judgements), judgements["rater"].nunique(), len(affect))
    if shuffle == "norms":
        judgements, affect = shuffle_emotions(judgements, affect, rng(root_seed, "shuffle_emotions", language))
        LOG.info("control: emotion labels permuted")
    JUDGEMENTS.write(out_judgements, judgements)
    AFFECT.write(out_affect, affect)


if __name__ == "__main__":
    start_log(snakemake.log[0])
    i, o, p = snakemake.input, snakemake.output, snakemake.params
    how = {k: p[k] for k in ("row", "digests", "labels", "emotions", "shuffle", "root_seed")}
    files = (i.judgements, i.centres, o.judgements, o.affect)
    prepare_judgements(*files, **how, language=snakemake.wildcards.language)
