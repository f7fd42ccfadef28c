"""An untrained twin of a model: its configuration and tokenizer, weights drawn anew."""

import os
from pathlib import Path

import torch

from shared_affect.base.files import write_json
from shared_affect.base.log import LOG, start_log
from shared_affect.base.seeds import torch_seed
from shared_affect.models import twins


def make_twin(original, folder, out_facts, *, model, dtype, root_seed):
    """Save a twin as a model's folder.

    Parameters
    ----------
    original, folder : path
        The original's folder, and where the twin is saved.
    out_facts : path
        What was made (json).
    model : str
        The twin's name in config/models.tsv; its weights hang on it.
    dtype : str
        In which they are drawn and saved.
    root_seed : int
    """
    seed = torch_seed(root_seed, "untrained_twin", model)
    facts = twins.make_twin(original, folder, dtype=dtype, seed=seed, where=f"config/models.tsv, row {model}")
    LOG.info("%s", facts)
    write_json(out_facts, facts)


if __name__ == "__main__":
    start_log(snakemake.log[0])
    os.environ["HF_HUB_OFFLINE"] = "1"
    torch.set_num_threads(snakemake.threads)
    p, i, o = snakemake.params, snakemake.input, snakemake.output
    original, folder = Path(i.original).parent, Path(o[0]).parent
    make_twin(original, folder, o.facts, model=snakemake.wildcards.model, dtype=p.dtype, root_seed=p.root_seed)
