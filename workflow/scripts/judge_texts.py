"""What a judge says of all texts of one model and language, as they stand and without concept words."""

from shared_affect.base.log import start_log
from shared_affect.base.naming import by_name
from shared_affect.base.tables import group_words
from shared_affect.human.files import NORMS
from shared_affect.steering.generations import read_generations
from shared_affect.steering.learned import files_of, keep, open_judge
from shared_affect.steering.scores import cut_texts
from shared_affect.words.files import CONCEPTS
from shared_affect.words.segmentation import Writing


def judge_texts(texts, concepts, norms, out, *, judge, emotions, writing):
    """Judge generated texts.

    Parameters
    ----------
    texts : list of path
        Generated texts of all emotions and of none (jsonl).
    concepts : dict of language -> path
        Concept-sets (tsv), whose words are taken out of the masked texts.
    norms : path
        Word ratings (tsv), whose words are kept whole.
    out : path
        Verdicts (npz).
    judge : tuple of dict, dict
        Its files by name, and what opens it besides (planning/judges.py).
    emotions : list of str
    writing : dict
        Cells of the language's row of config/languages.tsv: ``language``, ``script``, ``splitter``.
    """
    language = writing["language"]
    sets = {k: CONCEPTS.read(f) for k, f in concepts.items()}
    others = [word for k, frame in sets.items() if k != language for word in frame["word"]]
    own, rated = group_words(sets[language], emotions), NORMS.read(norms)["word"]
    cut = cut_texts(read_generations(texts)["text"], [own], rated, Writing(**writing), others)
    opened = open_judge(*judge, language)
    keep(out, opened, cut.texts, cut.without_words(opened))


if __name__ == "__main__":
    start_log(snakemake.log[0])
    p, i = snakemake.params, snakemake.input
    judge, words = (files_of(i), p.how), by_name(p.languages, i.concepts)
    how = dict(judge=judge, emotions=p.emotions, writing=p.writing)
    judge_texts([*i.texts, i.baselines], words, i.norms, snakemake.output[0], **how)
