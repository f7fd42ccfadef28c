"""Residuals and SAE codes of all words of one model and language, all its SAEs in one pass, through the journal."""

from shared_affect.base.files import write_arrays
from shared_affect.base.log import start_log
from shared_affect.base.reading import read_lines
from shared_affect.base.tables import read_tsv
from shared_affect.features.codes import join_blocks
from shared_affect.features.extraction import Extractor
from shared_affect.features.gates import check_gates
from shared_affect.features.held import SaeSource
from shared_affect.features.stimuli import extraction_lists, read_sets
from shared_affect.models.load import Numerics
from shared_affect.models.model_folder import ModelRow
from shared_affect.models.token_checks import check_reading
from shared_affect.study.inputs import read_templates

if __name__ == "__main__":
    log = start_log(snakemake.log[0])
    p, i, language = snakemake.params, snakemake.input, snakemake.wildcards.language
    sets = read_sets(p.sets, p.emotions)
    rated = read_tsv(i.norms)["word"].tolist()
    lists = extraction_lists(sets, rated)
    extractor = Extractor(
        p.model,
        {s: SaeSource(v["folder"], v["layer"], s in p.steered) for s, v in p.saes.items()},
        language,
        Numerics(**p.numerics),
        p.journal,
        row=ModelRow(f"config/models.tsv, model {p.name}", p.bos),
    )
    templates, fidelity, neutral = read_templates(i.templates), read_lines(i.fidelity), read_lines(i.neutral)
    check_reading(
        p.model,
        extractor.tokenizer,
        sets,
        templates,
        [*fidelity, *neutral],
        model=p.name,
        language=language,
        rated=rated,
    )
    running = check_gates(
        extractor,
        [w for own in sets.values() for ws in own.values() for w in ws],
        fidelity,
        neutral,
        p.saes,
        max_broken_share=p.max_broken_share,
        model=p.name,
    )
    words = extractor.words(lists, templates)
    precision = extractor.deviation(
        sorted({w for ws in sets[next(iter(p.sets))].values() for w in ws[:2]}), next(iter(templates.values()))
    )
    for sae, found in words.items():
        folder = f"{p.folder}/{sae}/{language}"
        for name in (f"{kind}/{e}" for kind, own in sets.items() for e in own):
            write_arrays(f"{folder}/{name}.npz", found[name])
        write_arrays(
            f"{folder}/norms/{p.norms}.npz", join_blocks([a for name, a in found.items() if name.startswith("norms/")])
        )
        write_arrays(f"{folder}/running_text.npz", running[sae] | precision[sae])
    log.info("model loads: %d", extractor.model_loads)
