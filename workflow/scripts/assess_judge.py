"""How good a judge is on labelled texts of a corpus."""

from shared_affect.base.log import LOG, start_log
from shared_affect.base.seeds import rng
from shared_affect.human.files import LABELLED_TEXTS
from shared_affect.steering import quality
from shared_affect.steering.files import JUDGE_QUALITY
from shared_affect.steering.judges import verdicts
from shared_affect.steering.label_maps import LabelMap, read_label_map, read_targets
from shared_affect.steering.learned import files_of, open_judge


def assess_judge(texts, label_map, own_map, out, *, judge, corpus, language, root_seed):
    """Assess a judge on a corpus.

    Parameters
    ----------
    texts, label_map : path
        Texts and labels of the corpus (tsv), and which label is which emotion (tsv).
    own_map : path or None
        The same for the labels of the judge; None where they are emotions.
    out : path
        How good it is (tsv).
    judge : tuple of dict, dict
        Its files by name, and what opens it besides (planning/judges.py).
    corpus : tuple of str, str
        Its name, and what the judge knows of it (`TESTED_ON`).
    language : str
    root_seed : int
    """
    labelled = LABELLED_TEXTS.read(texts).fillna({"text": ""})
    read_label_map(label_map, set(labelled["label"]), None)
    drawn = quality.draw(labelled, rng(root_seed, "assess_judge", corpus[0], language))
    opened = open_judge(*judge, language)
    asked = quality.texts_of(drawn)
    said = quality.Said(tuple(opened.labels), *verdicts(opened, asked))
    own = read_targets(own_map) if own_map else LabelMap({}, {})
    found = quality.assess(drawn, read_targets(label_map), said, own, *corpus)
    LOG.info("%d texts\n%s", len(asked), found[found["of"] == "all"].to_string())
    JUDGE_QUALITY.write(out, found)


if __name__ == "__main__":
    start_log(snakemake.log[0])
    p, i, w = snakemake.params, snakemake.input, snakemake.wildcards
    who = dict(corpus=(w.corpus, p.tested_on), language=w.language, root_seed=p.root_seed)
    assess_judge(i.texts, i.map, p.own_map, snakemake.output[0], judge=(files_of(i), p.how), **who)
