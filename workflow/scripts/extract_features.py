"""Residuals and SAE codes of all words of one model and language, all its SAEs in one pass, through the journal."""

from shared_affect.base.log import LOG, start_log
from shared_affect.base.reading import read_lines
from shared_affect.features.extraction import Extractor
from shared_affect.features.gates import check_gates
from shared_affect.features.held import SaeSource
from shared_affect.features.stimuli import extraction_lists, read_sets
from shared_affect.features.stored import write_lists, write_running
from shared_affect.human.files import NORMS
from shared_affect.models.load import Numerics
from shared_affect.models.model_folder import ModelRow
from shared_affect.models.token_checks import check_reading
from shared_affect.study.inputs import read_templates


def extract_features(norms, templates, fidelity, neutral, folder, *, reading, language, dataset, max_broken_share):
    """Read every word in every template with a model, and write what its SAEs make of it.

    Parameters
    ----------
    norms, templates, fidelity, neutral : path
        Word ratings and templates (tsv); ordinary and affect-free texts, one a line.
    folder : path
        Folder of the model's features: ``{sae}/{language}/...`` is written there (npz).
    reading : dict
        What is read, and how: `model` (folder), `name`, `saes` (name -> folder, layer and limits of its gates),
        `sets` (folder of a source's codes -> its concept-sets, tsv), `emotions`, `steered`, `numerics`, `bos`,
        `journal`, and `readouts` (templates and position, pairs).
    language, dataset : str
        Language of the words; name of the dataset of norms.
    max_broken_share : float
        Share of concept words that the tokenizer may break, 0 to 1.
    """
    p, rated = reading, NORMS.read(norms)["word"].tolist()
    sets = read_sets(p["sets"], p["emotions"])
    saes = {s: SaeSource(v["folder"], v["layer"], s in p["steered"]) for s, v in p["saes"].items()}
    own = ModelRow(f"config/models.tsv, model {p['name']}", p["bos"])
    extractor = Extractor(p["model"], saes, language, Numerics(**p["numerics"]), p["journal"], row=own)
    carriers, ordinary, plain = read_templates(templates), read_lines(fidelity), read_lines(neutral)
    who, texts = dict(model=p["name"], language=language), [*ordinary, *plain]
    check_reading(p["model"], extractor.tokenizer, sets, carriers, texts, rated=rated, **who)
    words = [w for own in sets.values() for ws in own.values() for w in ws]
    limits = dict(max_broken_share=max_broken_share, model=p["name"])
    running = check_gates(extractor, words, ordinary, plain, p["saes"], **limits)
    lists = extraction_lists(sets, rated)
    extractor.compute_words(lists, carriers)
    two_each = sorted({w for ws in sets[next(iter(p["sets"]))].values() for w in ws[:2]})
    precision = extractor.deviation(two_each, next(iter(carriers.values())))
    for sae in saes:
        write_lists(f"{folder}/{sae}/{language}", dataset, extractor.lists(sae, lists, carriers), p["readouts"])
        write_running(f"{folder}/{sae}/{language}", running[sae] | precision[sae])
    LOG.info("model loads: %d", extractor.model_loads)


if __name__ == "__main__":
    start_log(snakemake.log[0])
    i, p, language = snakemake.input, snakemake.params, snakemake.wildcards.language
    how = dict(reading=dict(p.items()), language=language, dataset=p.norms, max_broken_share=p.max_broken_share)
    extract_features(i.norms, i.templates, i.fidelity, i.neutral, p.folder, **how)
