"""One sparse autoencoder on one block of a language model, trained with sae-lens and saved in its disk format."""

import os
from itertools import chain, islice
from pathlib import Path

import torch

from shared_affect.base.files import write_json
from shared_affect.base.log import LOG, start_log
from shared_affect.base.seeds import torch_seed
from shared_affect.models import sae_training
from shared_affect.models.load import load_model
from shared_affect.models.proof import prove_reading
from shared_affect.models.texts import Documents
from shared_affect.models.tokens import load_ids, log_rule


def train_sae(model_folder, texts, folder, out_facts, *, model, sae, row, bos, root_seed):
    """Train an SAE on the residual of a model that reads texts.

    Parameters
    ----------
    model_folder, folder : path
        Folder of the model, and where the SAE is saved.
    texts : list of path
        What the model reads.
    out_facts : path
        What was measured in training (json).
    model, sae : str
        Their names in config/saes.tsv; the random numbers hang on them.
    row : dict
        Of config/saes.tsv: `layer`, `architecture`, `k`, `d_sae`, `texts`, `train_tokens`.
    bos : str or None
        The model's row's word on the token at the start of a text.
    root_seed : int
    """
    settings = {k: row[k] for k in ("layer", "architecture", "k", "d_sae")}
    spec = sae_training.SaeSpec(**settings, n_tokens=row["train_tokens"], model_name=model)
    ids, where = load_ids(model_folder, bos), f"config/models.tsv, model {model}"
    log_rule(ids, model)
    loaded, read = load_model(model_folder, where=where), Documents(texts)
    documents = iter(read)
    first = list(islice(documents, 16))
    prove_reading(loaded, ids.ids(first), where)
    # models of a planted world were trained on rows cut anywhere, and so are their SAEs
    how = dict(rows_begin=row["texts"] != "world", seed=torch_seed(root_seed, "train_sae", model, sae), out_dir=folder)
    facts = sae_training.train_sae(loaded, ids, chain(first, documents), spec, **how)
    facts["texts"] = read.facts()
    LOG.info("%s", facts)
    write_json(out_facts, facts)


if __name__ == "__main__":
    start_log(snakemake.log[0])
    os.environ.update(HF_HUB_OFFLINE="1", WANDB_MODE="disabled")
    torch.set_num_threads(snakemake.threads)
    p, i, o, w = snakemake.params, snakemake.input, snakemake.output, snakemake.wildcards
    how = dict(model=w.model, sae=w.sae, row=p.row, bos=p.bos, root_seed=p.root_seed)
    train_sae(Path(i.model).parent, i.texts, Path(o[0]).parent, o.facts, **how)
