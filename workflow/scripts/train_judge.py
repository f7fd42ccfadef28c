"""The embedded judge of one language and its accuracy on held-out texts."""

from shared_affect.base.log import LOG, start_log
from shared_affect.base.seeds import rng
from shared_affect.human.files import NORMS
from shared_affect.steering import judges
from shared_affect.steering.files import JUDGE_TEXTS
from shared_affect.words.files import CONCEPTS


def train_judge(texts, concepts, norms, out_judge, out_facts, *, language, root_seed):
    """Train a judge of emotions on labelled texts.

    Parameters
    ----------
    texts : path
        Text and label (tsv).
    concepts, norms : path
        Concept-sets and word ratings: words that segmentation keeps whole (tsv).
    out_judge, out_facts : path
        The judge (npz), and its accuracies (json).
    language : str
    root_seed : int
    """
    labelled = JUDGE_TEXTS.read(texts).fillna({"text": ""})
    words = [w for frame in (CONCEPTS.read(concepts), NORMS.read(norms)) for w in frame["word"]]
    judge = judges.train_judge(
        labelled["text"].tolist(),
        labelled["label"].tolist(),
        language,
        rng(root_seed, "train_judge", language),
        words=words,
    )
    LOG.info("%s", judge.facts)
    judge.save(out_judge, out_facts)


if __name__ == "__main__":
    start_log(snakemake.log[0])
    i, o = snakemake.input, snakemake.output
    how = dict(language=snakemake.wildcards.language, root_seed=snakemake.params.root_seed)
    train_judge(i.texts, i.concepts, i.norms, o.judge, o.facts, **how)
