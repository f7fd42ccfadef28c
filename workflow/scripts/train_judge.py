"""The embedded judge of one language and its accuracy on held-out texts."""

import pandas as pd

from shared_affect.judges import train_judge
from shared_affect.runtime import rng, start_log

if __name__ == "__main__":
    log = start_log(snakemake.log[0])
    i, language = snakemake.input, snakemake.wildcards.language
    texts = pd.read_csv(i.texts, sep="\t", keep_default_na=False)
    words = [w for f in (i.concepts, i.norms) for w in pd.read_csv(f, sep="\t", keep_default_na=False)["word"]]
    judge = train_judge(texts["text"].tolist(), texts["label"].tolist(), language, rng(snakemake.params.root_seed, "train_judge", language), words=words)
    log.info("%s", judge.facts)
    judge.save(snakemake.output.judge, snakemake.output.facts)
