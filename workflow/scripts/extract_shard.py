"""One share of a model's words in one language, into the journal; `extract_features` then finds them there."""

from shared_affect.base.files import write_json
from shared_affect.base.log import start_log
from shared_affect.base.tables import read_tsv
from shared_affect.features.extraction import Extractor
from shared_affect.features.held import SaeSource
from shared_affect.features.stimuli import extraction_lists, read_sets
from shared_affect.models.load import Numerics
from shared_affect.models.model_folder import ModelRow
from shared_affect.study.inputs import read_templates

if __name__ == "__main__":
    start_log(snakemake.log[0])
    p, i, w = snakemake.params, snakemake.input, snakemake.wildcards
    sets = read_sets(p.sets, p.emotions)
    lists = extraction_lists(sets, read_tsv(i.norms)["word"].tolist())
    extractor = Extractor(
        p.model,
        {s: SaeSource(v["folder"], v["layer"], s in p.steered) for s, v in p.saes.items()},
        w.language,
        Numerics(**p.numerics),
        p.journal,
        part=f"shard{w.shard}of{p.shards}",
        row=ModelRow(f"config/models.tsv, model {p.name}", p.bos),
    )
    computed = extractor.shard(lists, read_templates(i.templates), int(w.shard), p.shards)
    write_json(snakemake.output[0], {"computed": computed, "model_loads": extractor.model_loads})
