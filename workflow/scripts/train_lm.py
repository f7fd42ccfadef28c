"""One small language model, trained from scratch and saved in Hugging Face format; stops if it has not learned
enough.
"""

import os
from pathlib import Path

import torch
from transformers import AutoTokenizer

from shared_affect.base.files import write_json
from shared_affect.base.gates import passes
from shared_affect.base.log import start_log
from shared_affect.base.reading import read_lines
from shared_affect.base.seeds import torch_seed
from shared_affect.planted.language_model import train_language_model

if __name__ == "__main__":
    log = start_log(snakemake.log[0])
    p, i, o = snakemake.params, snakemake.input, snakemake.output
    os.environ["HF_HUB_OFFLINE"] = "1"
    torch.set_num_threads(snakemake.threads)
    tokenizer = AutoTokenizer.from_pretrained(Path(i.tokenizer).parent)
    seed = torch_seed(p.root_seed, "train_lm", p.row["family"], p.row["replicate"])
    model, facts = train_language_model(
        p.row["family"],
        tokenizer,
        read_lines(i.train),
        read_lines(i.validation),
        n_tokens=p.row["train_tokens"],
        seed=seed,
    )
    log.info("%s", facts)
    limit = p.row["max_validation_loss"]
    if limit is not None and not passes(facts["val_loss"], high=limit):
        raise ValueError(
            f"LM not trained enough: validation loss is {facts['val_loss']:.3f} nats a token; allowed: <= {limit}"
            f" (config/models.tsv, model {snakemake.wildcards.model}, column max_validation_loss; more train_tokens"
            " help)"
        )
    folder = Path(o[0]).parent
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    write_json(o.facts, facts)
