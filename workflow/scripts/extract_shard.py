"""One share of a model's words in one language, into the journal; `extract_features` then finds them there."""

from shared_affect.base.files import write_json
from shared_affect.base.log import start_log
from shared_affect.features.extraction import Extractor
from shared_affect.features.held import SaeSource
from shared_affect.features.stimuli import extraction_lists, read_sets
from shared_affect.human.files import NORMS
from shared_affect.models.load import Numerics
from shared_affect.models.model_folder import ModelRow
from shared_affect.study.inputs import read_templates


def extract_shard(norms, templates, out, *, reading, language, shard, shards):
    """Bring one of several shares of the words into the journal.

    Parameters
    ----------
    norms, templates : path
        Word ratings, and templates (tsv).
    out : path
        How many words were computed, and how often the model was loaded (json).
    reading : dict
        As of `extract_features`.
    language : str
    shard, shards : int
        Which share, from 0, and of how many.
    """
    p, sets = reading, read_sets(reading["sets"], reading["emotions"])
    lists = extraction_lists(sets, NORMS.read(norms)["word"].tolist())
    extractor = Extractor(
        p["model"],
        {s: SaeSource(v["folder"], v["layer"], s in p["steered"]) for s, v in p["saes"].items()},
        language,
        Numerics(**p["numerics"]),
        p["journal"],
        part=f"shard{shard}of{shards}",
        row=ModelRow(f"config/models.tsv, model {p['name']}", p["bos"]),
    )
    computed = extractor.shard(lists, read_templates(templates), shard, shards)
    write_json(out, {"computed": computed, "model_loads": extractor.model_loads})


if __name__ == "__main__":
    start_log(snakemake.log[0])
    i, p, w = snakemake.input, snakemake.params, snakemake.wildcards
    how = dict(reading=dict(p.items()), language=w.language, shard=int(w.shard), shards=p.shards)
    extract_shard(i.norms, i.templates, snakemake.output[0], **how)
