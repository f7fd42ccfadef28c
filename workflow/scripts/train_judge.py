"""The embedded judge of one language and its accuracy on held-out texts."""

from shared_affect.base.log import start_log
from shared_affect.base.seeds import rng
from shared_affect.base.tables import read_tsv
from shared_affect.steering.judges import train_judge

if __name__ == "__main__":
    log = start_log(snakemake.log[0])
    i, language = snakemake.input, snakemake.wildcards.language
    texts = read_tsv(i.texts).fillna({"text": ""})
    words = [w for f in (i.concepts, i.norms) for w in read_tsv(f)["word"]]
    judge = train_judge(
        texts["text"].tolist(),
        texts["label"].tolist(),
        language,
        rng(snakemake.params.root_seed, "train_judge", language),
        words=words,
    )
    log.info("%s", judge.facts)
    judge.save(snakemake.output.judge, snakemake.output.facts)
