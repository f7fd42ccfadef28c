"""All judges on all texts of one model and language; strengths chosen on half of the prompts, rates on the other."""

from shared_affect.base.log import LOG, start_log
from shared_affect.base.naming import by_name
from shared_affect.base.tables import group_words
from shared_affect.human.files import NORMS
from shared_affect.results.claims.flips import flips
from shared_affect.steering import baseline, scores, statistics
from shared_affect.steering.files import SCORES, SUMMARIES
from shared_affect.steering.generations import read_generations
from shared_affect.steering.learned import learned_judges
from shared_affect.steering.vectors import read_vectors
from shared_affect.words.files import CONCEPTS
from shared_affect.words.segmentation import Writing


def score_texts(texts, vectors, concepts, judges, norms, out_scores, outputs, *, who, settings, root_seed):
    """Score generated texts, choose strengths, and compare the arms and the judges.

    Parameters
    ----------
    texts, vectors, out_scores : list of path, dict of emotion -> path
        Generated texts (jsonl), steering vectors with the words they held out (safetensors), and the scores (tsv).
    concepts : dict of language -> path
        Concept-sets (tsv): the texts' own language is scored, words of the others are named ones.
    judges : list of path, dict of judge -> path
        The judge embedded (npz, json), or none, and what others have said (npz).
    norms, outputs : path, dict
        Word ratings (tsv), and paths of the summaries by name (tsv; `steering.files.SUMMARIES`).
    who, settings : dict
        `model`, `writing` of the texts; `max_nll_ratio`, `max_nll_ratio_choose`, `margin`, `prompts` of config.yaml.
    root_seed : int
    """
    writing, language, emotions = Writing(**who["writing"]), who["writing"]["language"], list(vectors)
    sets = {k: CONCEPTS.read(f) for k, f in concepts.items()}
    held_out = {e: read_vectors(f)[1]["words_held_out"] for e, f in vectors.items()}
    lexicons = {"lexicon": group_words(sets[language], emotions), "lexicon-held-out": held_out}
    others = [word for k, frame in sets.items() if k != language for word in frame["word"]]
    known = (learned_judges(*judges, language), NORMS.read(norms), writing)
    scored = scores.score_texts(read_generations(texts), lexicons, *known, named_words=others)
    chosen = statistics.choose_strength(scored, max_nll_ratio=settings["max_nll_ratio_choose"])
    summary = statistics.summarise(scored, seed=root_seed)
    for emotion, path in out_scores.items():
        SCORES.write(path, summary[summary["emotion"] == emotion].drop(columns="emotion"))
    of = {"model": who["model"], "language": language}
    found = statistics.summaries(scored, chosen, of, max_nll_ratio=settings["max_nll_ratio"])
    found["flips"] = flips(found.pop("by_judge"), scored.learned[0], settings["margin"])
    found["prompt_baseline"] = baseline.prompt_baseline(scored, settings["prompts"])
    LOG.info("\n%s\n%s\n%s", *(found[k].to_string() for k in ("pooled", "claim", "flips")))
    for name, frame in found.items():
        SUMMARIES[name].write(outputs[name], frame)


if __name__ == "__main__":
    start_log(snakemake.log[0])
    p, i, o, w = snakemake.params, snakemake.input, snakemake.output, snakemake.wildcards
    vectors, out = (by_name(p.emotions, files) for files in (i.vectors, o.scores))
    words, judges = by_name(p.languages, i.concepts), (list(i.judge), by_name(p.apart, i.judged))
    files = ([*i.texts, i.baselines], vectors, words, judges, i.norms, out, dict(o.items()))
    score_texts(*files, who=dict(model=w.model, writing=p.writing), settings=p.settings, root_seed=p.root_seed)
