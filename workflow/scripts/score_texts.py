"""All judges on all texts of one model and language; strengths chosen on half of the prompts, rates on the other."""

from shared_affect.base.log import start_log
from shared_affect.base.naming import by_name
from shared_affect.base.tables import group_words, read_tsv, write_tsv
from shared_affect.steering.generations import read_generations
from shared_affect.steering.judges import Judge
from shared_affect.steering.scores import score_texts
from shared_affect.steering.statistics import (
    choose_strength,
    claim_rows,
    claim_summary,
    confusion,
    pooled_rates,
    summarise,
)
from shared_affect.steering.vectors import read_vectors

if __name__ == "__main__":
    log = start_log(snakemake.log[0])
    p, i, o, w = snakemake.params, snakemake.input, snakemake.output, snakemake.wildcards
    concepts = {k: read_tsv(f) for k, f in by_name(p.languages, i.concepts).items()}
    lexicon = group_words(concepts[w.language], p.emotions)
    held_out = {e: read_vectors(f)[1]["words_held_out"] for e, f in by_name(p.emotions, i.vectors).items()}
    others = [word for k, frame in concepts.items() if k != w.language for word in frame["word"]]
    scored = score_texts(
        read_generations([*i.texts, i.baselines]),
        {"lexicon": lexicon, "lexicon-held-out": held_out},
        Judge.load(i.judge, i.judge_facts),
        read_tsv(i.norms),
        w.language,
        named_words=others,
    )
    chosen = choose_strength(scored, max_nll_ratio=p.settings["max_nll_ratio_choose"])
    summary = summarise(scored, seed=p.root_seed)
    for emotion, path in by_name(p.emotions, o.scores).items():
        write_tsv(path, summary[summary["emotion"] == emotion].drop(columns="emotion"))
    rows = claim_rows(scored, chosen)
    claim = claim_summary(rows, max_nll_ratio=p.settings["max_nll_ratio"]).assign(model=w.model, language=w.language)
    pooled = pooled_rates(scored, chosen)
    log.info("\n%s\n%s", pooled.to_string(), claim.to_string())
    for path, frame in (
        (o.chosen, chosen),
        (o.claim, claim),
        (o.differences, rows),
        (o.pooled, pooled),
        (o.confusion, confusion(scored, chosen)),
    ):
        write_tsv(path, frame)
