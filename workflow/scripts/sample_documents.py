"""Texts that a model writes by itself, to train its SAEs on."""

from pathlib import Path

import torch

from shared_affect.base.files import write_text
from shared_affect.base.log import start_log
from shared_affect.base.seeds import torch_seed
from shared_affect.models import texts
from shared_affect.models.load import load_model
from shared_affect.models.token_checks import no_start
from shared_affect.models.tokens import load_ids, log_rule


def sample_documents(folder, out, *, model, numerics, rows, bos, n_tokens, root_seed):
    """Let a model write after its first token.

    Parameters
    ----------
    folder : path
        Folder of the model.
    out : path
        One text a line.
    model : str
        Its name in config/models.tsv; the random numbers hang on it.
    numerics : dict
        Its `dtype`, `device`, `attention`.
    rows : int
        Texts written at once.
    bos : str or None
        Its row's word on the token at the start of a text.
    n_tokens : int
        Tokens wanted in all.
    root_seed : int
    """
    ids = load_ids(folder, bos)
    if not ids.first:
        raise ValueError(no_start(model))
    log_rule(ids, model)
    loaded = load_model(folder, **numerics, where=f"config/models.tsv, model {model}")
    seed = torch_seed(root_seed, "sample_documents", model)
    written = texts.sample_documents(loaded, ids, n_tokens, seed, rows=rows)
    write_text(out, "".join(f"{t}\n" for t in written))


if __name__ == "__main__":
    start_log(snakemake.log[0])
    torch.set_num_threads(snakemake.threads)
    p, folder = snakemake.params, Path(snakemake.input.model).parent
    how = {k: p[k] for k in ("numerics", "rows", "bos", "n_tokens", "root_seed")}
    sample_documents(folder, snakemake.output[0], model=snakemake.wildcards.model, **how)
