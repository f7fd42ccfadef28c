"""Requests as a chat model reads them: in its tokenizer's template, with the tokens that are the request's own."""

import pandas as pd

from shared_affect.base.log import start_log
from shared_affect.models.chat import own_span
from shared_affect.planning.prompts import look_at_chat
from shared_affect.steering.files import REQUESTS
from shared_affect.steering.prompts import read_prepared


def wrap_requests(folder, prompts, out, *, row, max_new_tokens):
    """Refuse a template that cannot wrap the requests, and write them as they are read.

    Parameters
    ----------
    folder : path
        Of the model.
    prompts : path
        Requests of a language (tsv).
    out : path
        ``prompt wrapped n_tokens first_own last_own`` (tsv).
    row : dict
        `model`, `bos`, `system_prompt` of config/models.tsv.
    max_new_tokens : int
        Length of an answer.
    """
    names, _, texts = zip(*read_prepared(prompts), strict=True)
    chat, codes = look_at_chat(folder, row, texts, max_new_tokens)
    rows = []
    for name, text, code in zip(names, texts, codes, strict=True):
        begin, stop = own_span(code)
        n = len(code.ids)
        wrapped = f"{chat.before}{text}{chat.after}".replace("\n", "\\n")
        rows.append((name, wrapped, n, n - begin, n - stop - 1))
    columns = ["prompt", "wrapped", "n_tokens", "first_own", "last_own"]
    REQUESTS.write(out, pd.DataFrame(rows, columns=columns))


if __name__ == "__main__":
    start_log(snakemake.log[0])
    p, i = snakemake.params, snakemake.input
    wrap_requests(p.folder, i.prompts, snakemake.output[0], row=p.row, max_new_tokens=p.max_new_tokens)
