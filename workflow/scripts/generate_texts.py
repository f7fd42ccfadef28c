"""Texts of one model and language under the vectors of a group of emotions, through the journal."""

from shared_affect.base.log import start_log
from shared_affect.base.naming import by_name
from shared_affect.features.files import RUNNING_TEXT
from shared_affect.models.load import Numerics
from shared_affect.models.sampling import Sampling
from shared_affect.steering.generate import Generator, Place
from shared_affect.steering.generations import write_generations
from shared_affect.steering.plan import NO_EMOTION, Design, Prompt, plan
from shared_affect.steering.prompts import read_prepared
from shared_affect.steering.vectors import read_vectors


def generate_texts(
    vectors, running, prompts, out_texts, out_none, *, place, sampling, strengths, numerics, language, keep, root_seed
):
    """Write the continuations of all prompts under every arm and strength.

    Parameters
    ----------
    vectors, out_texts : dict of emotion -> path
        Steering vectors (safetensors), and where their texts go (jsonl).
    running, prompts : path
        Measured on running text: the mean norm of the residual is the unit of strength (npz); prompts (tsv).
    out_none : path or None
        Texts that belong to no emotion (jsonl); None where another group makes them.
    place : dict
        As of `steering.generate.Place`, without the residual norm.
    sampling, numerics : dict
        config.yaml, key steering; `dtype`, `device`, `attention`, `rows` of the model's row.
    strengths : list of float
        In units of the mean norm of the residual.
    language : str
    keep : tuple of str
        Folder of the journal, and the part of it that this job writes.
    root_seed : int
    """
    journal, part = keep
    norm = float(RUNNING_TEXT.read(running)["mean_residual_norm"][0])
    plain, rows = Numerics(*(numerics[k] for k in ("dtype", "device", "attention"))), numerics["rows"]
    how = dict(numerics=plain, journal_folder=journal, root_seed=root_seed, rows=rows)
    drawn = Sampling(sampling["max_new_tokens"], sampling["temperature"])
    generator = Generator(Place(**place, residual_norm=norm), language, drawn, **how)
    asked = [Prompt(*p) for p in read_prepared(prompts)]
    design = Design(asked, strengths, sampling["samples_per_prompt"], sampling["positions"])
    arms = {e: read_vectors(f)[0] for e, f in vectors.items()}
    texts = generator.run(plan(arms, design, with_baselines=bool(out_none)), part)
    for emotion, path in (out_texts | ({NO_EMOTION: out_none} if out_none else {})).items():
        write_generations(path, emotion, texts)


if __name__ == "__main__":
    start_log(snakemake.log[0])
    p, i, o, w = snakemake.params, snakemake.input, snakemake.output, snakemake.wildcards
    where = f"config/models.tsv, model {w.model}"
    place = dict(model_folder=p.model, sae_folder=p.sae, layer=p.layer, bos=p.bos, **p.beginning, where=where)
    how = {k: p[k] for k in ("sampling", "strengths", "numerics", "root_seed")} | dict(keep=(p.journal, p.part))
    vectors, texts = (by_name(p.emotions, files) for files in (i.vectors, o.texts))
    generate_texts(vectors, i.running, i.prompts, texts, o.get("baselines"), place=place, language=w.language, **how)
