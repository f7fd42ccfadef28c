# Steering: vectors, texts, judges, scores.
# Inputs: codes, residuals and concept-sets (primary configuration), prompts, judge texts, norms.
# Outputs: {R}/steering/{model}/{sae}/{language}/{emotion}/{vector.safetensors,generations.jsonl,labels.npz,scores.tsv}.
# Texts come from one accelerator job per group of emotions (config key emotions_per_job); the rest is cheap.
SIZE = config["emotions_per_job"] or len(EMOTIONS)
GROUPS = [EMOTIONS[i : i + SIZE] for i in range(0, len(EMOTIONS), SIZE)]
STEERING = f"{R}/steering/{{model}}/{{sae}}/{{language}}"


rule make_vector:
    input:
        codes=f"{R}/codes/{{model}}/{{sae}}/{{language}}.npz",
        sae=lambda w: f"{sae_path(w.model, w.sae)}/cfg.json",
        emotions="resources/emotions.tsv",
    output:
        f"{STEERING}/{{emotion}}/vector.safetensors",
    params:
        sae=lambda w: sae_path(w.model, w.sae),
        features={k: config["features"][k] for k in ("fdr", "max_density")} | {"per_emotion": config["steering"]["features"]},
        n_random=config["steering"]["random_directions"],
        root_seed=config["root_seed"],
        code=code("steering", "features", "codes"),
    log:
        f"{LOGS}/make_vector/{{model}}/{{sae}}/{{language}}/{{emotion}}.log",
    script:
        "../scripts/make_vector.py"


for NUMBER, GROUP in enumerate(GROUPS):

    rule:
        name:
            f"generate_texts_{NUMBER}"
        input:
            model=lambda w: f"{model_path(w.model)}/config.json",
            running=f"{R}/features/{{model}}/{{sae}}/{{language}}/running_text.npz",
            vectors=expand(f"{STEERING}/{{emotion}}/vector.safetensors", emotion=GROUP, allow_missing=True),
            prompts="resources/prompts/{language}.tsv",
        output:
            expand(f"{STEERING}/{{emotion}}/generations.jsonl", emotion=GROUP, allow_missing=True),
        params:
            emotions=GROUP,
            model=lambda w: model_path(w.model),
            sae=lambda w: sae_path(w.model, w.sae),
            layer=lambda w: row("saes", model=w.model, sae=w.sae)["layer"],
            numerics=lambda w: {k: row("models", model=w.model)[k] for k in ("dtype", "device", "attention", "chunk_batch")},
            sampling={k: config["steering"][k] for k in ("max_new_tokens", "samples_per_prompt", "temperature", "positions")},
            strengths=config["steering"]["strengths"],
            root_seed=config["root_seed"],
            journal=JOURNAL,
            part=f"part{NUMBER}of{len(GROUPS)}",
        threads: 1
        resources:
            gpu=lambda w: gpu(w.model),
        priority: 7
        log:
            f"{LOGS}/generate_texts/{{model}}/{{sae}}/{{language}}/{NUMBER}.log",
        benchmark:
            f"{BENCH}/generate_texts/{{model}}/{{sae}}/{{language}}/{NUMBER}.tsv"
        script:
            "../scripts/generate_texts.py"


rule train_judge:
    input:
        f"{R}/world/affect/judge_{{language}}.tsv",
    output:
        judge=f"{R}/judges/{{language}}.npz",
        facts=f"{R}/judges/{{language}}.json",
    params:
        root_seed=config["root_seed"],
        code=code("evaluation"),
    log:
        f"{LOGS}/train_judge/{{language}}.log",
    benchmark:
        f"{BENCH}/train_judge/{{language}}.tsv"
    script:
        "../scripts/train_judge.py"
