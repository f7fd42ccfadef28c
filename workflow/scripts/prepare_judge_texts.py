"""Texts that people labelled, as training texts of the embedded judge."""

from shared_affect.base.log import start_log
from shared_affect.human.files import LABELLED_TEXTS
from shared_affect.steering.files import JUDGE_TEXTS
from shared_affect.steering.label_maps import judge_texts, read_label_map


def prepare_judge_texts(texts, label_map, out, *, emotions, known):
    """Texts with the emotions of the study in place of the labels that people gave.

    Parameters
    ----------
    texts : path
        Text and label (tsv).
    label_map : path
        Which label is which emotion (tsv).
    out : path
        Text and emotion (tsv).
    emotions, known : list of str
        Emotions of the study, and of the table.
    """
    labelled = LABELLED_TEXTS.read(texts).fillna({"text": ""})
    found, _ = judge_texts(labelled, read_label_map(label_map, set(labelled["label"]), known), emotions)
    JUDGE_TEXTS.write(out, found)


if __name__ == "__main__":
    start_log(snakemake.log[0])
    i, p = snakemake.input, snakemake.params
    prepare_judge_texts(i.texts, i.map, snakemake.output[0], emotions=p.emotions, known=p.known)
