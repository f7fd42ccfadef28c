# SAEs that the workflow trains itself, on any block of any model: for models without published ones.
# Inputs: a model; its planted world's texts, texts that it writes itself, or a file or folder of texts (config/saes.tsv, column texts).
# Outputs: {R}/samples/{model}.txt, {R}/saes/{model}/{sae}/*.
from shared_affect.models.texts import text_files
from shared_affect.models.token_checks import look

TRAINED_SAES = [r for r in TABLES["saes"] if r["source"] == "trained"]
SAMPLED = [r for r in TRAINED_SAES if r["texts"] == "sampled"]


def texts_of(r):
    """Files with the training text of an SAE's row."""
    if r["texts"] == "sampled":
        return [f"{R}/samples/{r['model']}.txt"]
    if r["texts"] == "world" and row("models", model=r["model"])["world"]:
        return [f"{R}/world/{row('models', model=r['model'])['world']}/sae.txt"]
    return [str(p) for p in checked(text_files, r["texts"], f"config/saes.tsv, model {r['model']}, sae {r['sae']}", place)]


def sae_texts(w):
    """Training text of an SAE."""
    return texts_of(row("saes", model=w.model, sae=w.sae))


def own_texts(language):
    """Concept words, templates and running texts of a language, as far as they are there before the run: what a tokenizer is tried on."""
    sets = {}
    if config["concepts"] in OWN_CONCEPTS:
        sets = {config["concepts"]: read_concepts(CONCEPTS[language], EMOTIONS, config["concepts"])}
    files = [f"resources/texts/{kind}_{language}.txt" for kind in ("fidelity", "neutral")] if config["running_texts"] == "authored" else []
    prompts = [f"resources/prompts/{language}.tsv"] if STEERED else []
    return sets, TEMPLATES[language], [p for p in prompts if Path(p).exists()], [f for f in files if Path(f).exists()]


# Looked at once, by the process that plans: the texts of trained SAEs, and the tokenizers of models that are there already.
if workflow.is_main_process:
    for SAE_ROW in TRAINED_SAES:
        if SAE_ROW["model"] in MODELS:
            texts_of(SAE_ROW)
    for MODEL in MODELS:
        checked(
            look,
            model_path(MODEL),
            row("models", model=MODEL)["bos"],
            {k: own_texts(k) for k in LANGUAGES},
            MODEL,
            sampled=any(r["model"] == MODEL for r in SAMPLED),
            saes=[
                (sae_path(MODEL, r["sae"]), r["layer"], f"config/saes.tsv, model {MODEL}, sae {r['sae']}")
                for r in TABLES["saes"]
                if r["model"] == MODEL and r["source"] != "trained"
            ],
        )


rule sample_documents:
    input:
        model=lambda w: f"{model_path(w.model)}/config.json",
    output:
        f"{R}/samples/{{model}}.txt",
    log:
        f"{LOGS}/sample_documents/{{model}}.log",
    benchmark:
        f"{BENCH}/sample_documents/{{model}}.tsv"
    wildcard_constraints:
        model="|".join(r["model"] for r in SAMPLED) or "none",
    priority: 9
    threads: 1
    resources:
        gpu=lambda w: gpu(w.model),
    params:
        numerics=lambda w: {k: row("models", model=w.model)[k] for k in ("dtype", "device", "attention")},
        n_tokens=lambda w: max(r["train_tokens"] for r in SAMPLED if r["model"] == w.model),
        root_seed=config["root_seed"],
        bos=lambda w: row("models", model=w.model)["bos"],
        code=code_of("models/texts", "models/load", "models/sampling", "models/tokens"),
    script:
        "../scripts/sample_documents.py"


rule train_sae:
    input:
        model=lambda w: f"{model_path(w.model)}/config.json",
        texts=sae_texts,
    output:
        multiext(f"{R}/saes/{{model}}/{{sae}}/", "cfg.json", "sae_weights.safetensors"),
        facts=f"{R}/saes/{{model}}/{{sae}}/facts.json",
    log:
        f"{LOGS}/train_sae/{{model}}/{{sae}}.log",
    benchmark:
        f"{BENCH}/train_sae/{{model}}/{{sae}}.tsv"
    wildcard_constraints:
        model="|".join(r["model"] for r in TRAINED_SAES) or "none",
    priority: 9
    params:
        row=lambda w: {k: row("saes", model=w.model, sae=w.sae)[k] for k in ("layer", "architecture", "k", "d_sae", "texts", "train_tokens")},
        bos=lambda w: row("models", model=w.model)["bos"],
        root_seed=config["root_seed"],
        code=code_of("models/sae_training", "models/texts", "models/residual", "models/load", "models/tokens"),
    script:
        "../scripts/train_sae.py"
