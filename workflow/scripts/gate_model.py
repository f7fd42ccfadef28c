"""The gates of a model, its SAEs and a language, before its shards spend their time; what is measured goes to the
journal.
"""

from shared_affect.base.files import write_json
from shared_affect.base.log import start_log
from shared_affect.base.reading import read_lines
from shared_affect.features.extraction import Extractor
from shared_affect.features.gates import check_gates
from shared_affect.features.held import SaeSource
from shared_affect.features.stimuli import read_sets
from shared_affect.models.load import Numerics
from shared_affect.models.model_folder import ModelRow
from shared_affect.models.token_checks import check_reading
from shared_affect.study.inputs import read_templates

if __name__ == "__main__":
    start_log(snakemake.log[0])
    p, i, language = snakemake.params, snakemake.input, snakemake.wildcards.language
    sets, fidelity, neutral = read_sets(p.sets, p.emotions), read_lines(i.fidelity), read_lines(i.neutral)
    extractor = Extractor(
        p.model,
        {s: SaeSource(v["folder"], v["layer"], s in p.steered) for s, v in p.saes.items()},
        language,
        Numerics(**p.numerics),
        p.journal,
        row=ModelRow(f"config/models.tsv, model {p.name}", p.bos),
    )
    check_reading(
        p.model,
        extractor.tokenizer,
        sets,
        read_templates(i.templates),
        [*fidelity, *neutral],
        model=p.name,
        language=language,
    )
    words = [w for own in sets.values() for ws in own.values() for w in ws]
    running = check_gates(
        extractor, words, fidelity, neutral, p.saes, max_broken_share=p.max_broken_share, model=p.name
    )
    write_json(
        snakemake.output[0],
        {s: {k: float(v[0]) for k, v in facts.items() if v.shape == (1,)} for s, facts in running.items()},
    )
