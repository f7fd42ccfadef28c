"""One share of a model's words in one language, into the journal; `extract_features` then finds them there."""

from shared_affect.extraction import Extractor, Numerics, SaeSource
from shared_affect.human import extraction_lists
from shared_affect.runtime import start_log, write_json
from shared_affect.tables import read_sets, read_templates, read_tsv
from shared_affect.token_checks import check_reading

if __name__ == "__main__":
    start_log(snakemake.log[0])
    p, i, w = snakemake.params, snakemake.input, snakemake.wildcards
    sets = read_sets(p.folders, i.concepts, p.emotions)
    lists = extraction_lists(sets, read_tsv(i.norms)["word"].tolist())
    extractor = Extractor(p.model, {s: SaeSource(v["folder"], v["layer"]) for s, v in p.saes.items()}, w.language, Numerics(**p.numerics), p.journal,
                          part=f"shard{w.shard}of{p.shards}", bos=p.bos)
    templates = read_templates(i.templates)
    check_reading(p.model, extractor.tokenizer, sets, templates, [], model=p.name, language=w.language)
    computed = extractor.shard(lists, templates, int(w.shard), p.shards)
    write_json(snakemake.output[0], {"computed": computed, "model_loads": extractor.model_loads})
