"""The embedded judge of one language and its accuracy on held-out texts."""

from shared_affect.base.log import LOG, start_log
from shared_affect.base.seeds import rng
from shared_affect.human.files import NORMS
from shared_affect.steering import judges, quality
from shared_affect.steering.files import JUDGE_QUALITY, JUDGE_TEXTS
from shared_affect.words.files import CONCEPTS
from shared_affect.words.segmentation import Writing


def train_judge(texts, concepts, norms, out_judge, out_facts, out_quality, *, judge, corpus, writing, root_seed):
    """Train a judge of emotions on labelled texts.

    Parameters
    ----------
    texts : path
        Text and label (tsv).
    concepts, norms : path
        Concept-sets and word ratings: words that segmentation keeps whole (tsv).
    out_judge, out_facts, out_quality : path
        The judge (npz), its accuracies (json), and how good it is on texts held out (tsv).
    judge, corpus : str
        Its name, and whose texts these are.
    writing : dict
        Cells of the language's row of config/languages.tsv: ``language``, ``script``, ``splitter``.
    root_seed : int
    """
    labelled = JUDGE_TEXTS.read(texts).fillna({"text": ""})
    words = [w for frame in (CONCEPTS.read(concepts), NORMS.read(norms)) for w in frame["word"]]
    # the judge of every study has had this seed before others stood beside it
    names = [writing["language"], *([] if judge == "embedded" else [judge])]
    made = judges.train_judge(
        labelled["text"].tolist(),
        labelled["label"].tolist(),
        Writing(**writing),
        rng(root_seed, "train_judge", *names),
        words=words,
    )
    LOG.info("%s", made.facts)
    made.save(out_judge, out_facts)
    held = made.held_out
    said = quality.Said(held.labels, held.top, held.probability)
    JUDGE_QUALITY.write(out_quality, quality.of_held_out(held.true, said, made.facts, corpus))


if __name__ == "__main__":
    start_log(snakemake.log[0])
    i, o, p, w = snakemake.input, snakemake.output, snakemake.params, snakemake.wildcards
    how = dict(judge=w.judge, corpus=p.corpus, writing=p.writing, root_seed=p.root_seed)
    train_judge(i.texts, i.concepts, i.norms, o.judge, o.facts, o.quality, **how)
