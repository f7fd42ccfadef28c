"""One small language model, trained from scratch and saved in Hugging Face format; stops if it has not learned
enough.
"""

import os
from pathlib import Path

import torch
from transformers import AutoTokenizer

from shared_affect.base.files import write_json, writing_to
from shared_affect.base.gates import passes
from shared_affect.base.log import LOG, start_log
from shared_affect.base.reading import read_lines
from shared_affect.base.seeds import torch_seed
from shared_affect.planted.language_model import train_language_model


def train_lm(train, validation, tokenizer_folder, folder, out_facts, *, row, model, root_seed):
    """Train a language model on the texts of a planted world.

    Parameters
    ----------
    train, validation : path
        Texts, one a line.
    tokenizer_folder, folder : path
        Where the tokenizer stands, and where model and tokenizer are saved.
    out_facts : path
        What was measured in training (json).
    row : dict
        Of config/models.tsv: `family`, `replicate`, `train_tokens`, `max_validation_loss` (nats a token, or None).
    model : str
        Its name there.
    root_seed : int
    """
    tokenizer = AutoTokenizer.from_pretrained(tokenizer_folder)
    tokenizer.init_kwargs["local_files_only"] = False  # is saved, and hangs on HF_HUB_OFFLINE
    seed = torch_seed(root_seed, "train_lm", row["family"], row["replicate"])
    texts = read_lines(train), read_lines(validation)
    trained, facts = train_language_model(row["family"], tokenizer, *texts, n_tokens=row["train_tokens"], seed=seed)
    LOG.info("%s", facts)
    limit = row["max_validation_loss"]
    if limit is not None and not passes(facts["val_loss"], high=limit):
        raise ValueError(
            f"LM not trained enough: validation loss is {facts['val_loss']:.3f} nats a token; allowed: <= {limit}"
            f" (config/models.tsv, model {model}, column max_validation_loss; more train_tokens help)"
        )
    with writing_to(folder):
        trained.save_pretrained(folder)
        tokenizer.save_pretrained(folder)
    write_json(out_facts, facts)


if __name__ == "__main__":
    start_log(snakemake.log[0])
    os.environ["HF_HUB_OFFLINE"] = "1"
    torch.set_num_threads(snakemake.threads)
    p, i, o = snakemake.params, snakemake.input, snakemake.output
    files = (i.train, i.validation, Path(i.tokenizer).parent, Path(o[0]).parent, o.facts)
    train_lm(*files, row=p.row, model=snakemake.wildcards.model, root_seed=p.root_seed)
