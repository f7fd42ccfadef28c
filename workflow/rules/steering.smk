# Steering: vectors, texts, judges, scores.
# Inputs: codes, residuals and concept-sets (primary configuration), prompts, judge texts, norms.
# Outputs: {R}/steering/{model}/{sae}/{language}/{emotion}/{vector.safetensors,generations.jsonl,scores.tsv}.
# Texts come from one accelerator job per group of emotions (config key emotions_per_job); the rest is cheap.
SIZE = config["emotions_per_job"] or len(EMOTIONS)
GROUPS = [EMOTIONS[i : i + SIZE] for i in range(0, len(EMOTIONS), SIZE)]
STEERING = f"{R}/steering/{{model}}/{{sae}}/{{language}}"


rule make_vectors:
    input:
        codes=f"{R}/codes/{{model}}/{{sae}}/{{language}}.npz",
        concepts=f"{R}/concepts/{{language}}.tsv",
        sae=lambda w: f"{sae_path(w.model, w.sae)}/cfg.json",
        emotions="resources/emotions.tsv",
    output:
        expand(f"{STEERING}/{{emotion}}/vector.safetensors", emotion=EMOTIONS, allow_missing=True),
    log:
        f"{LOGS}/make_vectors/{{model}}/{{sae}}/{{language}}.log",
    benchmark:
        f"{BENCH}/make_vectors/{{model}}/{{sae}}/{{language}}.tsv"
    params:
        sae=lambda w: sae_path(w.model, w.sae),
        features={k: config["features"][k] for k in ("per_emotion", "fdr", "max_density")},
        n_random=config["steering"]["random_directions"],
        root_seed=config["root_seed"],
        code=code("make_vectors"),
    script:
        "../scripts/make_vectors.py"


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
            **({"baselines": f"{STEERING}/baselines.jsonl"} if NUMBER == 0 else {}),
            texts=expand(f"{STEERING}/{{emotion}}/generations.jsonl", emotion=GROUP, allow_missing=True),
            # unsteered texts and random directions belong to no emotion: the first group makes them for all
        log:
            f"{LOGS}/generate_texts/{{model}}/{{sae}}/{{language}}/{NUMBER}.log",
        benchmark:
            f"{BENCH}/generate_texts/{{model}}/{{sae}}/{{language}}/{NUMBER}.tsv"
        priority: 7
        threads: 1
        resources:
            gpu=lambda w: gpu(w.model),
        params:
            emotions=GROUP,
            model=lambda w: model_path(w.model),
            sae=lambda w: sae_path(w.model, w.sae),
            layer=lambda w: row("saes", model=w.model, sae=w.sae)["layer"],
            numerics=lambda w: {k: row("models", model=w.model)[k] for k in ("dtype", "device", "attention", "chunk_batch")},
            bos=lambda w: row("models", model=w.model)["bos"],
            sampling={k: config["steering"][k] for k in ("max_new_tokens", "samples_per_prompt", "temperature", "positions")},
            strengths=config["steering"]["strengths"],
            root_seed=config["root_seed"],
            journal=JOURNAL,
            part=f"part{NUMBER}of{len(GROUPS)}",
            version=version_of("steering.generate"),
        script:
            "../scripts/generate_texts.py"


def texts_of_judge(w):
    """Training texts of a judge: of the planted world, or what people labelled."""
    if config["judge_texts"] == "planted":
        return f"{R}/world/affect/judge_{w.language}.tsv"
    return f"{R}/judges/texts_{w.language}.tsv"


rule prepare_judge_texts:
    input:
        texts=lambda w: f"{R}/human/{config['judge_texts'][w.language]}/labelled-text_{w.language}.tsv",
        map=lambda w: f"resources/judges/{config['judge_texts'][w.language]}.tsv",
    output:
        f"{R}/judges/texts_{{language}}.tsv",
    log:
        f"{LOGS}/prepare_judge_texts/{{language}}.log",
    benchmark:
        f"{BENCH}/prepare_judge_texts/{{language}}.tsv"
    params:
        emotions=EMOTIONS,
        known=[r["emotion"] for r in TABLES["emotions"]],
        code=code("prepare_judge_texts"),
    script:
        "../scripts/prepare_judge_texts.py"


rule train_judge:
    input:
        texts=texts_of_judge,
        concepts=f"{R}/concepts/{{language}}.tsv",
        norms=f"{R}/human/{config['norms']}/norms_{{language}}.tsv",
    output:
        judge=f"{R}/judges/{{language}}.npz",
        facts=f"{R}/judges/{{language}}.json",
    log:
        f"{LOGS}/train_judge/{{language}}.log",
    benchmark:
        f"{BENCH}/train_judge/{{language}}.tsv"
    params:
        root_seed=config["root_seed"],
        code=code("train_judge"),
    script:
        "../scripts/train_judge.py"


# one job for all emotions: the texts steered to the others are each emotion's wrong-emotion arm
rule score_texts:
    input:
        texts=expand(f"{STEERING}/{{emotion}}/generations.jsonl", emotion=EMOTIONS, allow_missing=True),
        baselines=f"{STEERING}/baselines.jsonl",
        vectors=expand(f"{STEERING}/{{emotion}}/vector.safetensors", emotion=EMOTIONS, allow_missing=True),
        concepts=expand(f"{R}/concepts/{{language}}.tsv", language=LANGUAGES),
        judge=f"{R}/judges/{{language}}.npz",
        judge_facts=f"{R}/judges/{{language}}.json",
        norms=f"{R}/human/{config['norms']}/norms_{{language}}.tsv",
    output:
        scores=expand(f"{STEERING}/{{emotion}}/scores.tsv", emotion=EMOTIONS, allow_missing=True),
        chosen=f"{STEERING}/chosen.tsv",
        claim=f"{STEERING}/claim.tsv",
        differences=f"{STEERING}/differences.tsv",
        pooled=f"{STEERING}/pooled.tsv",
        confusion=f"{STEERING}/confusion.tsv",
    log:
        f"{LOGS}/score_texts/{{model}}/{{sae}}/{{language}}.log",
    benchmark:
        f"{BENCH}/score_texts/{{model}}/{{sae}}/{{language}}.tsv"
    params:
        emotions=EMOTIONS,
        languages=LANGUAGES,
        settings={k: config["steering"][k] for k in ("max_nll_ratio", "max_nll_ratio_choose")},
        root_seed=config["root_seed"],
        code=code("score_texts"),
    script:
        "../scripts/score_texts.py"
