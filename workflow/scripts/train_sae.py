"""One sparse autoencoder on one block of a language model, trained with sae-lens and saved in its disk format."""

import os
from itertools import chain, islice
from pathlib import Path

import torch

from shared_affect.base.files import write_json
from shared_affect.base.log import start_log
from shared_affect.base.seeds import torch_seed
from shared_affect.models.load import load_model
from shared_affect.models.proof import prove_reading
from shared_affect.models.sae_training import SaeSpec, train_sae
from shared_affect.models.texts import read_documents
from shared_affect.models.tokens import load_ids, log_rule

if __name__ == "__main__":
    log = start_log(snakemake.log[0])
    p, i, o, w = snakemake.params, snakemake.input, snakemake.output, snakemake.wildcards
    os.environ.update(HF_HUB_OFFLINE="1", WANDB_MODE="disabled")
    torch.set_num_threads(snakemake.threads)
    folder = Path(i.model).parent
    spec = SaeSpec(
        **{k: p.row[k] for k in ("layer", "architecture", "k", "d_sae")},
        n_tokens=p.row["train_tokens"],
        model_name=w.model,
    )
    ids, where = load_ids(folder, p.bos), f"config/models.tsv, model {w.model}"
    log_rule(ids, w.model)
    model, documents = load_model(folder, where=where), read_documents(i.texts)
    first = list(islice(documents, 16))
    prove_reading(model, ids.ids(first), where)
    # models of a planted world were trained on rows cut anywhere, and so are their SAEs
    facts = train_sae(
        model,
        ids,
        chain(first, documents),
        spec,
        rows_begin=p.row["texts"] != "world",
        seed=torch_seed(p.root_seed, "train_sae", w.model, w.sae),
        out_dir=Path(o[0]).parent,
    )
    log.info("%s", facts)
    write_json(o.facts, facts)
