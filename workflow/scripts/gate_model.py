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


def gate_model(templates, fidelity, neutral, out, *, reading, language, max_broken_share):
    """Refuse a model, tokenizer or SAE that does not read a language as it should.

    Parameters
    ----------
    templates, fidelity, neutral : path
        Templates (tsv); ordinary and affect-free texts, one a line.
    out : path
        What was measured of each SAE (json).
    reading : dict
        As of `extract_features`.
    language : str
    max_broken_share : float
        Share of concept words that the tokenizer may break, 0 to 1.
    """
    p, sets = reading, read_sets(reading["sets"], reading["emotions"])
    ordinary, plain = read_lines(fidelity), read_lines(neutral)
    saes = {s: SaeSource(v["folder"], v["layer"], s in p["steered"]) for s, v in p["saes"].items()}
    own = ModelRow(f"config/models.tsv, model {p['name']}", p["bos"])
    extractor = Extractor(p["model"], saes, language, Numerics(**p["numerics"]), p["journal"], row=own)
    who, texts = dict(model=p["name"], language=language), [*ordinary, *plain]
    check_reading(p["model"], extractor.tokenizer, sets, read_templates(templates), texts, **who)
    words = [w for own in sets.values() for ws in own.values() for w in ws]
    limits = dict(max_broken_share=max_broken_share, model=p["name"])
    running = check_gates(extractor, words, ordinary, plain, p["saes"], **limits)
    single = {s: {k: float(v[0]) for k, v in facts.items() if v.shape == (1,)} for s, facts in running.items()}
    write_json(out, single)


if __name__ == "__main__":
    start_log(snakemake.log[0])
    i, p, language = snakemake.input, snakemake.params, snakemake.wildcards.language
    how = dict(reading=dict(p.items()), language=language, max_broken_share=p.max_broken_share)
    gate_model(i.templates, i.fidelity, i.neutral, snakemake.output[0], **how)
