# Untrained twins: negative controls of real models.
# Inputs: the original's folder (config/models.tsv, columns twin_of and path).
# Outputs: <results>/models/{model}/*: configuration and tokenizer of the original, weights drawn anew.


rule make_twin:
    input:
        original=lambda w: f"{STUDY.model_path(STUDY.original(w.model))}/config.json",
    output:
        multiext("<results>/models/{model}/", "config.json", "model.safetensors", "tokenizer.json"),
        facts="<results>/models/{model}/facts.json",
    log:
        "<logs>/make_twin/{model}.log",
    benchmark:
        "<benchmarks>/make_twin/{model}.tsv"
    wildcard_constraints:
        model="|".join(STUDY.twins) or "none",
    priority: 10
    threads: 1
    resources:
        **needs("make_twin"),
    params:
        dtype=lambda w: STUDY.row("models", model=w.model)["dtype"],
        root_seed=config["root_seed"],
        code=code_of("models/twins"),
    script:
        "../scripts/make_twin.py"
