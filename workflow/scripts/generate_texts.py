"""Texts of one model and language under the vectors of a group of emotions, through the journal."""

from shared_affect.base.files import read_arrays
from shared_affect.base.log import start_log
from shared_affect.base.naming import by_name
from shared_affect.models.load import Numerics
from shared_affect.models.sampling import Sampling
from shared_affect.steering.generate import Generator, Place
from shared_affect.steering.generations import write_generations
from shared_affect.steering.plan import NO_EMOTION, Design, Prompt, plan
from shared_affect.steering.vectors import read_vectors
from shared_affect.study.inputs import read_prompts

if __name__ == "__main__":
    start_log(snakemake.log[0])
    p, i, w = snakemake.params, snakemake.input, snakemake.wildcards
    norm = float(read_arrays(i.running)["mean_residual_norm"][0])
    place = Place(p.model, p.sae, p.layer, norm, bos=p.bos, where=f"config/models.tsv, model {w.model}")
    sampling = Sampling(p.sampling["max_new_tokens"], p.sampling["temperature"])
    prompts = [Prompt(*row) for row in read_prompts(i.prompts)]
    design = Design(prompts, p.strengths, p.sampling["samples_per_prompt"], p.sampling["positions"])
    generator = Generator(
        place, w.language, sampling, numerics=Numerics(**p.numerics), journal_folder=p.journal, root_seed=p.root_seed
    )
    vectors = {e: read_vectors(f)[0] for e, f in by_name(p.emotions, i.vectors).items()}
    texts = generator.run(plan(vectors, design, with_baselines=bool(snakemake.output.get("baselines"))), p.part)
    for emotion, path in by_name(p.emotions, snakemake.output.texts).items():
        write_generations(path, emotion, texts)
    if snakemake.output.get("baselines"):
        write_generations(snakemake.output.baselines, NO_EMOTION, texts)
