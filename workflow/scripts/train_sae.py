"""One sparse autoencoder on one block of a language model, trained with sae-lens and saved in its disk format."""

import os
from pathlib import Path

import torch
from transformers import AutoTokenizer

from shared_affect.models import load_model
from shared_affect.proof import prove_reading
from shared_affect.reading import read_lines
from shared_affect.runtime import start_log, torch_seed, write_json
from shared_affect.sae_training import train_sae

if __name__ == "__main__":
    log = start_log(snakemake.log[0])
    p, i, o, w = snakemake.params, snakemake.input, snakemake.output, snakemake.wildcards
    os.environ.update(HF_HUB_OFFLINE="1", WANDB_MODE="disabled")
    torch.set_num_threads(snakemake.threads)
    folder = Path(i.model).parent
    settings = {k: p.row[k] for k in ("layer", "architecture", "k", "d_sae")}
    where, texts = f"config/models.tsv, model {w.model}", read_lines(i.texts)
    model, tokenizer = load_model(folder, where=where), AutoTokenizer.from_pretrained(folder)
    prove_reading(model, tokenizer(texts[:16])["input_ids"], where)
    facts = train_sae(model, tokenizer, texts, **settings, n_tokens=p.row["train_tokens"],
                      seed=torch_seed(p.root_seed, "train_sae", w.model, w.sae), out_dir=Path(o[0]).parent, model_name=w.model)
    log.info("%s", facts)
    write_json(o.facts, facts)
