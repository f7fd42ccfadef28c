"""Running texts of a planted world and the tokenizer made for them."""

from pathlib import Path

from shared_affect.base.files import write_text, writing_to
from shared_affect.base.log import LOG, start_log
from shared_affect.base.naming import by_name
from shared_affect.planted.tokenizer import make_tokenizer
from shared_affect.planted.world import World
from shared_affect.planted.worldtables import read_world_tables
from shared_affect.steering.files import JUDGE_TEXTS
from shared_affect.study.inputs import read_prompts


def write_planted_texts(planted, concepts, templates, prompts, outputs, *, affect, counts, root_seed):
    """Write what a world says, and a tokenizer that knows its words.

    Parameters
    ----------
    planted : path
        Folder with the tables of the world.
    concepts, templates : dict of language -> path
        Concept table and sentence templates (tsv).
    prompts : list of path
        Prompts of steering, which the tokenizer knows too (tsv).
    outputs : dict
        `train`, `validation`, `sae` (path, one text a line); `fidelity`, `neutral`, `judge` (language -> path; the last
        a tsv with labels); `tokenizer` (folder).
    affect : bool
        Whether words have affect in this world.
    counts : dict
        Texts of each kind, named as in `outputs`.
    root_seed : int
    """
    world = World(read_world_tables(planted, concepts, templates), root_seed, affect=affect)
    for purpose in ("train", "validation", "sae"):
        write_text(outputs[purpose], "\n".join(world.documents(counts[purpose], purpose)) + "\n")
        LOG.info("%s: %d documents", purpose, counts[purpose])
    for language in outputs["judge"]:
        fidelity, neutral = (outputs[k][language] for k in ("fidelity", "neutral"))
        write_text(fidelity, "\n".join(world.fidelity_texts(language, counts["fidelity"])) + "\n")
        write_text(neutral, "\n".join(world.neutral_texts(language, counts["neutral"])) + "\n")
        JUDGE_TEXTS.write(outputs["judge"][language], world.judge_documents(language, counts["judge"]))
    known = [text for f in prompts for _, _, text in read_prompts(f)]
    with writing_to(outputs["tokenizer"]):
        make_tokenizer(world, known).save_pretrained(outputs["tokenizer"])


if __name__ == "__main__":
    start_log(snakemake.log[0])
    p, o = snakemake.params, snakemake.output
    outputs = {k: o[k] for k in ("train", "validation", "sae")} | {"tokenizer": Path(o.tokenizer[0]).parent}
    outputs |= {k: by_name(p.languages, o[k]) for k in ("fidelity", "neutral", "judge")}
    how = dict(affect=snakemake.wildcards.world == "affect", counts=p.counts | {"train": p.n_train})
    tables = (p.planted, p.concepts, p.templates, snakemake.input.prompts)
    write_planted_texts(*tables, outputs, **how, root_seed=p.root_seed)
