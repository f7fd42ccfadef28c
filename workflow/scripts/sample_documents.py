"""Texts that a model writes by itself, to train its SAEs on."""

from pathlib import Path

import torch

from shared_affect.base.files import write_text
from shared_affect.base.log import start_log
from shared_affect.base.seeds import torch_seed
from shared_affect.models.load import load_model
from shared_affect.models.texts import sample_documents
from shared_affect.models.token_checks import no_start
from shared_affect.models.tokens import load_ids, log_rule

if __name__ == "__main__":
    start_log(snakemake.log[0])
    p, folder, model = snakemake.params, Path(snakemake.input.model).parent, snakemake.wildcards.model
    torch.set_num_threads(snakemake.threads)
    ids = load_ids(folder, p.bos)
    if not ids.first:
        raise ValueError(no_start(model))
    log_rule(ids, model)
    loaded = load_model(folder, **p.numerics, where=f"config/models.tsv, model {model}")
    texts = sample_documents(loaded, ids, p.n_tokens, torch_seed(p.root_seed, "sample_documents", model))
    write_text(snakemake.output[0], "".join(f"{t}\n" for t in texts))
