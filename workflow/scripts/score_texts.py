"""All judges on all texts of one model and language; strengths chosen on half of the prompts, rates on the other."""

from shared_affect.base.log import LOG, start_log
from shared_affect.base.naming import by_name
from shared_affect.base.tables import group_words
from shared_affect.human.files import NORMS
from shared_affect.steering import baseline, scores, statistics
from shared_affect.steering.files import SCORES, SUMMARIES
from shared_affect.steering.generations import read_generations
from shared_affect.steering.judges import Judge
from shared_affect.steering.vectors import read_vectors
from shared_affect.words.files import CONCEPTS


def score_texts(texts, vectors, concepts, judge, norms, out_scores, outputs, *, model, language, settings, root_seed):
    """Score generated texts, choose strengths, and compare the arms.

    Parameters
    ----------
    texts : list of path
        Generated texts of all emotions and of none (jsonl).
    vectors, out_scores : dict of emotion -> path
        Steering vectors, which know the words they held out (safetensors), and the scores (tsv).
    concepts : dict of language -> path
        Concept-sets (tsv): the texts' own language is scored, words of the others are named ones.
    judge, norms : tuple of path, path
        The judge (npz) with its accuracies (json), and word ratings (tsv).
    outputs : dict of table -> path, those of `steering.files.SUMMARIES` (tsv)
    model, language : str
    settings : dict
        `max_nll_ratio` and `max_nll_ratio_choose` of config.yaml, key steering; `prompts`, the set.
    root_seed : int
    """
    sets, emotions = {k: CONCEPTS.read(f) for k, f in concepts.items()}, list(vectors)
    held_out = {e: read_vectors(f)[1]["words_held_out"] for e, f in vectors.items()}
    lexicons = {"lexicon": group_words(sets[language], emotions), "lexicon-held-out": held_out}
    others = [word for k, frame in sets.items() if k != language for word in frame["word"]]
    known = (Judge.load(*judge), NORMS.read(norms), language)
    scored = scores.score_texts(read_generations(texts), lexicons, *known, named_words=others)
    chosen = statistics.choose_strength(scored, max_nll_ratio=settings["max_nll_ratio_choose"])
    summary = statistics.summarise(scored, seed=root_seed)
    for emotion, path in out_scores.items():
        SCORES.write(path, summary[summary["emotion"] == emotion].drop(columns="emotion"))
    rows = statistics.claim_rows(scored, chosen)
    claim = statistics.claim_summary(rows, max_nll_ratio=settings["max_nll_ratio"])
    found = {"chosen": chosen, "claim": claim.assign(model=model, language=language), "differences": rows}
    found |= {"pooled": statistics.pooled_rates(scored, chosen), "confusion": statistics.confusion(scored, chosen)}
    found["prompt_baseline"] = baseline.prompt_baseline(scored, settings["prompts"])
    LOG.info("\n%s\n%s", found["pooled"].to_string(), found["claim"].to_string())
    for name, frame in found.items():
        SUMMARIES[name].write(outputs[name], frame)


if __name__ == "__main__":
    start_log(snakemake.log[0])
    p, i, o, w = snakemake.params, snakemake.input, snakemake.output, snakemake.wildcards
    vectors, out = (by_name(p.emotions, files) for files in (i.vectors, o.scores))
    words, judge = by_name(p.languages, i.concepts), (i.judge, i.judge_facts)
    files = ([*i.texts, i.baselines], vectors, words, judge, i.norms, out, dict(o.items()))
    score_texts(*files, model=w.model, language=w.language, settings=p.settings, root_seed=p.root_seed)
