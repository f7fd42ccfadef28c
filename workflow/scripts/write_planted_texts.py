"""Running texts of a planted world and the tokenizer made for them."""

from pathlib import Path

from shared_affect.base.files import write_text
from shared_affect.base.log import start_log
from shared_affect.base.tables import write_tsv
from shared_affect.planted.tokenizer import make_tokenizer
from shared_affect.planted.world import World
from shared_affect.planted.worldtables import read_world_tables
from shared_affect.study.inputs import read_prompts

if __name__ == "__main__":
    log = start_log(snakemake.log[0])
    p, o, n = snakemake.params, snakemake.output, snakemake.params.counts
    world = World(
        read_world_tables(p.planted, p.concepts, p.templates), p.root_seed, affect=snakemake.wildcards.world == "affect"
    )
    for path, purpose, count in (
        (o.train, "train", p.n_train),
        (o.validation, "validation", n["validation"]),
        (o.sae, "sae", n["sae"]),
    ):
        write_text(path, "\n".join(world.documents(count, purpose)) + "\n")
        log.info("%s: %d documents", purpose, count)
    for k, language in enumerate(p.languages):
        write_text(o.fidelity[k], "\n".join(world.fidelity_texts(language, n["fidelity"])) + "\n")
        write_text(o.neutral[k], "\n".join(world.neutral_texts(language, n["neutral"])) + "\n")
        write_tsv(o.judge[k], world.judge_documents(language, n["judge"]))
    prompts = [text for f in snakemake.input.prompts for _, _, text in read_prompts(f)]
    make_tokenizer(world, prompts).save_pretrained(Path(o.tokenizer[0]).parent)
