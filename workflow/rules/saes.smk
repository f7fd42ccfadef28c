# SAEs that the workflow trains itself, on any block of any model: for models without published ones.
# Inputs: a model; its planted world's texts, or texts that it writes itself (config/saes.tsv, column texts).
# Outputs: {R}/samples/{model}.txt, {R}/saes/{model}/{sae}/*.
TRAINED_SAES = [r for r in TABLES["saes"] if r["source"] == "trained"]
SAMPLED = [r for r in TRAINED_SAES if r["texts"] == "sampled"]


def sae_texts(w):
    """Where an SAE's training text stands."""
    if row("saes", model=w.model, sae=w.sae)["texts"] == "sampled":
        return f"{R}/samples/{w.model}.txt"
    return f"{R}/world/{row('models', model=w.model)['world']}/sae.txt"


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
        code=code_of("corpora", "models", "steering"),
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
        row=lambda w: {k: row("saes", model=w.model, sae=w.sae)[k] for k in ("layer", "architecture", "k", "d_sae", "train_tokens")},
        root_seed=config["root_seed"],
        code=code_of("sae_training", "corpora", "activations", "models"),
    script:
        "../scripts/train_sae.py"
