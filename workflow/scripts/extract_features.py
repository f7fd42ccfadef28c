"""Residuals and SAE codes of all words of one model and language, all its SAEs in one pass, through the journal."""

from shared_affect.extraction import Extractor, Numerics, SaeSource, describe
from shared_affect.human import extraction_lists
from shared_affect.runtime import start_log, write_arrays
from shared_affect.saes import check_fidelity
from shared_affect.tables import join_blocks, read_lines, read_sets, read_templates, read_tsv
from shared_affect.token_checks import check_reading
from shared_affect.tokens import check_script

if __name__ == "__main__":
    log = start_log(snakemake.log[0])
    p, i, language = snakemake.params, snakemake.input, snakemake.wildcards.language
    sets = read_sets(p.folders, i.concepts, p.emotions)
    rated = read_tsv(i.norms)["word"].tolist()
    lists = extraction_lists(sets, rated)
    extractor = Extractor(p.model, {s: SaeSource(v["folder"], v["layer"]) for s, v in p.saes.items()}, language, Numerics(**p.numerics), p.journal, bos=p.bos)
    check_script(extractor.tokenizer, [w for own in sets.values() for ws in own.values() for w in ws], p.max_broken_share, p.name, language)
    templates, fidelity, neutral = read_templates(i.templates), read_lines(i.fidelity), read_lines(i.neutral)
    check_reading(p.model, extractor.tokenizer, sets, templates, [*fidelity, *neutral], model=p.name, language=language, rated=rated)
    running = extractor.running_text(fidelity, neutral)
    for sae, facts in running.items():
        log.info("fidelity %s %s: %s", sae, language, describe(facts))
        check_fidelity(facts, p.saes[sae], f"config/saes.tsv, model {p.name}, sae {sae}, language {language}")
    words = extractor.words(lists, templates)
    precision = extractor.deviation(sorted({w for ws in sets[p.folders[0]].values() for w in ws[:2]}), next(iter(templates.values())))
    for sae, found in words.items():
        folder = f"{p.folder}/{sae}/{language}"
        for name in (f"{kind}/{e}" for kind, own in sets.items() for e in own):
            write_arrays(f"{folder}/{name}.npz", found[name])
        write_arrays(f"{folder}/norms/{p.norms}.npz", join_blocks([a for name, a in found.items() if name.startswith("norms/")]))
        write_arrays(f"{folder}/running_text.npz", running[sae] | precision[sae])
    log.info("model loads: %d", extractor.model_loads)
