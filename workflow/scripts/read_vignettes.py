"""SAE codes of whole texts that show an emotion without naming it, and of neutral ones, through the journal."""

import numpy as np

from shared_affect.base.log import LOG, start_log
from shared_affect.features.extraction import Extractor
from shared_affect.features.held import SaeSource
from shared_affect.features.texts import READOUTS
from shared_affect.human.files import VIGNETTES
from shared_affect.models.load import Numerics
from shared_affect.models.model_folder import ModelRow
from shared_affect.validity.files import TEXT_CODES


def read_vignettes(texts, out, *, reading, language):
    """Read every text with a model, and write what the SAE that makes claims makes of it.

    Parameters
    ----------
    texts : path
        Vignettes and neutral texts (tsv).
    out : path
        Codes of each text: mean over its tokens, and last token (npz).
    reading : dict
        What is read, and how: `model` (folder), `name`, `sae` (name, folder, layer), `numerics`, `bos`, `journal`.
    language : str
    """
    p, frame = reading, VIGNETTES.read(texts)
    saes = {p["sae"]["name"]: SaeSource(p["sae"]["folder"], p["sae"]["layer"])}
    row = ModelRow(f"config/models.tsv, model {p['name']}", p["bos"])
    extractor = Extractor(p["model"], saes, language, Numerics(**p["numerics"]), p["journal"], part="texts", row=row)
    found = extractor.texts(frame["text"].tolist())[p["sae"]["name"]]
    said = "%d texts of %.0f tokens on average; model loads: %d"
    LOG.info(said, len(frame), found["n_tokens"].mean(), extractor.model_loads)
    names = {"text_ids": np.array(frame["text_id"].tolist()), "readouts": np.array(READOUTS)}
    TEXT_CODES.write(out, names | found)


if __name__ == "__main__":
    start_log(snakemake.log[0])
    p, language = snakemake.params, snakemake.wildcards.language
    read_vignettes(snakemake.input.texts, snakemake.output[0], reading=dict(p.items()), language=language)
