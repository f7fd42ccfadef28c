"""Texts that a model writes by itself, to train its SAEs on."""

from pathlib import Path

import torch
from transformers import AutoTokenizer

from shared_affect.corpora import sample_documents
from shared_affect.models import load_model
from shared_affect.runtime import start_log, torch_seed, write_text

if __name__ == "__main__":
    start_log(snakemake.log[0])
    p, folder = snakemake.params, Path(snakemake.input.model).parent
    torch.set_num_threads(snakemake.threads)
    seed = torch_seed(p.root_seed, "sample_documents", snakemake.wildcards.model)
    texts = sample_documents(load_model(folder, **p.numerics, where=f"config/models.tsv, model {snakemake.wildcards.model}"), AutoTokenizer.from_pretrained(folder), p.n_tokens, seed)
    write_text(snakemake.output[0], "".join(f"{t}\n" for t in texts))
