# SAEs that the workflow trains itself, on any block of any model: for models without published ones.
# Inputs: a model; its planted world's texts, texts that it writes itself, or a file or folder of texts
# (config/saes.tsv, column texts).
# Outputs: <results>/samples/{model}.txt, <results>/saes/{model}/{sae}/*.

# Looked at once, by the process that plans: the texts of trained SAEs, and the tokenizers of models that are there
# already.
if workflow.is_main_process:
    checked(looks.look_at_texts, STUDY)


rule sample_documents:
    input:
        model=lambda w: f"{STUDY.model_path(w.model)}/config.json",
    output:
        "<results>/samples/{model}.txt",
    log:
        "<logs>/sample_documents/{model}.log",
    benchmark:
        "<benchmarks>/sample_documents/{model}.tsv"
    wildcard_constraints:
        model="|".join(STUDY.sampling_models) or "none",
    priority: 9
    threads: 1
    resources:
        **needs("sample_documents"),
        gpu=lambda w: STUDY.gpu(w.model),
    params:
        numerics=lambda w: STUDY.numerics(w.model),
        rows=lambda w: STUDY.row("models", model=w.model)["rows"],
        n_tokens=lambda w: STUDY.sampled_tokens(w.model),
        root_seed=config["root_seed"],
        bos=lambda w: STUDY.row("models", model=w.model)["bos"],
        code=code_of(
            "models/texts",
            "models/load",
            "models/blocks",
            "models/sampling",
            "models/key_values",
            "models/interventions",
            "models/tokens",
        ),
    script:
        "../scripts/sample_documents.py"


rule train_sae:
    input:
        model=lambda w: f"{STUDY.model_path(w.model)}/config.json",
        texts=lambda w: checked(STUDY.training_texts, w.model, w.sae),
    output:
        multiext("<results>/saes/{model}/{sae}/", "cfg.json", "sae_weights.safetensors"),
        facts="<results>/saes/{model}/{sae}/facts.json",
    log:
        "<logs>/train_sae/{model}/{sae}.log",
    benchmark:
        "<benchmarks>/train_sae/{model}/{sae}.tsv"
    wildcard_constraints:
        model="|".join(r["model"] for r in STUDY.trained_saes) or "none",
    priority: 9
    resources:
        **needs("train_sae"),
    params:
        row=lambda w: STUDY.cells(
            "saes", ("layer", "architecture", "k", "d_sae", "texts", "train_tokens"), model=w.model, sae=w.sae
        ),
        bos=lambda w: STUDY.row("models", model=w.model)["bos"],
        own_texts=lambda w: checked(STUDY.own_texts, w.model, w.sae),
        root_seed=config["root_seed"],
        code=code_of(
            "models/sae_training", "models/texts", "models/residual", "models/load", "models/blocks", "models/tokens"
        ),
    script:
        "../scripts/train_sae.py"
