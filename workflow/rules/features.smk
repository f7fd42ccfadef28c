# Words -> SAE codes -> emotion features -> features shared by two languages.
# Inputs: models, SAEs, concept-sets, rated words, templates, fidelity and neutral texts.
# Outputs: {R}/features/{model}/{sae}/{language}/*, {R}/{variant}codes/..., {R}/{variant}emotion_features/..., {R}/{variant}shared/...
# One accelerator job a model and language reads all its SAEs in one pass; the rule is emitted once a model because
# the SAEs differ. Its results also go to the journal, which outlives them.
# Ordinary text (fidelity) and affect-free text (firing rates): of the planted world, or ours (resources/texts).
RUNNING_TEXTS = {"planted": f"{R}/world/affect", "authored": "resources/texts"}[config["running_texts"]]
# A row of config/models.tsv may ask for several shards: jobs that bring a share of the words into the journal first.
STIMULI = {
    "concepts": list(CONCEPT_FILES.values()),
    "norms": f"{R}/human/{config['norms']}/norms_{{language}}.tsv",
    "templates": "resources/templates/{language}.tsv",
}
for MODEL in MODELS:
    NAME = MODEL.replace("-", "_").replace(".", "_")
    SHARDS = row("models", model=MODEL)["shards"]
    SHARD = f"{R}/features/{MODEL}/shards/{{language}}/{{shard}}.json"
    WEIGHTS = {"model": f"{model_path(MODEL)}/config.json", "saes": [f"{sae_path(MODEL, s)}/cfg.json" for s in saes_of(MODEL)]}
    READ = {
        "model": model_path(MODEL),
        "saes": {
            s: {"folder": sae_path(MODEL, s), **{k: row("saes", model=MODEL, sae=s)[k] for k in ("layer", "explained_variance_min", "l0_min", "l0_max")}} for s in saes_of(MODEL)
        },
        "numerics": {k: row("models", model=MODEL)[k] for k in ("dtype", "device", "attention", "chunk_batch")},
        "bos": row("models", model=MODEL)["bos"],
        "emotions": EMOTIONS,
        "folders": [concept_folder(c) for c in CONCEPT_FILES],
        "journal": JOURNAL,
        "version": version_of("extraction"),
        "name": MODEL,
    }

    rule:
        name:
            f"extract_features_{NAME}"
        input:
            **WEIGHTS,
            **STIMULI,
            fidelity=f"{RUNNING_TEXTS}/fidelity_{{language}}.txt",
            neutral=f"{RUNNING_TEXTS}/neutral_{{language}}.txt",
            shards=expand(SHARD, shard=range(SHARDS), allow_missing=True) if SHARDS > 1 else [],
        output:
            concepts=[f"{R}/features/{MODEL}/{s}/{{language}}/{concept_folder(c)}/{e}.npz" for s in saes_of(MODEL) for c in CONCEPT_FILES for e in EMOTIONS],
            norms=[f"{R}/features/{MODEL}/{s}/{{language}}/norms/{config['norms']}.npz" for s in saes_of(MODEL)],
            running=[f"{R}/features/{MODEL}/{s}/{{language}}/running_text.npz" for s in saes_of(MODEL)],
        log:
            f"{LOGS}/extract_features/{MODEL}/{{language}}.log",
        benchmark:
            f"{BENCH}/extract_features/{MODEL}/{{language}}.tsv"
        priority: 8
        threads: 1
        resources:
            gpu=gpu(MODEL),
        params:
            **READ,
            folder=f"{R}/features/{MODEL}",
            norms=config["norms"],
            max_broken_share=lambda w: row("languages", language=w.language)["max_broken_share"],
        script:
            "../scripts/extract_features.py"

    if SHARDS > 1:

        rule:
            name:
                f"extract_shard_{NAME}"
            input:
                **WEIGHTS,
                **STIMULI,
            output:
                SHARD,
            log:
                f"{LOGS}/extract_shard/{MODEL}/{{language}}/{{shard}}.log",
            benchmark:
                f"{BENCH}/extract_shard/{MODEL}/{{language}}/{{shard}}.tsv"
            wildcard_constraints:
                shard=r"\d+",
            priority: 8
            threads: 1
            resources:
                gpu=gpu(MODEL),
            params:
                **READ,
                shards=SHARDS,
            script:
                "../scripts/extract_shard.py"


rule gather_codes:
    input:
        concepts=lambda w: expand(f"{R}/features/{w.model}/{w.sae}/{w.language}/{concept_folder(read_settings(w.variant)['concepts'])}/{{emotion}}.npz", emotion=EMOTIONS),
        norms=f"{R}/features/{{model}}/{{sae}}/{{language}}/norms/{config['norms']}.npz",
        running=f"{R}/features/{{model}}/{{sae}}/{{language}}/running_text.npz",
        sets=own("concepts", f"{R}/{{variant}}concepts/{{language}}.tsv"),
    output:
        f"{R}/{{variant}}codes/{{model}}/{{sae}}/{{language}}.npz",
    log:
        f"{LOGS}/gather_codes/{{variant}}{{model}}/{{sae}}/{{language}}.log",
    benchmark:
        f"{BENCH}/gather_codes/{{variant}}{{model}}/{{sae}}/{{language}}.tsv"
    params:
        settings=lambda w: {k: v for k, v in read_settings(w.variant).items() if k in ("templates", "readout")},
        distinct_tokens=lambda w: row("models", model=w.model)["control"] == "untrained",
        model=lambda w: model_path(w.model),
        code=code("gather_codes"),
    script:
        "../scripts/gather_codes.py"


rule match_controls:
    input:
        sets=own("concepts", f"{R}/{{variant}}concepts/{{language}}.tsv"),
        norms=f"{R}/human/{config['norms']}/norms_{{language}}.tsv",
        properties=lambda w: [f"{R}/human/{d}/{kind_of(d, w.language, 'frequency', 'concreteness')}_{w.language}.tsv" for d in config["word_properties"].get(w.language, [])],
        model=lambda w: f"{model_path(w.model)}/config.json",
    output:
        words=f"{R}/{{variant}}controls/{{model}}/{{language}}/words.tsv",
        matches=f"{R}/{{variant}}controls/{{model}}/{{language}}/matches.tsv",
        balance=f"{R}/{{variant}}controls/{{model}}/{{language}}/balance.tsv",
    log:
        f"{LOGS}/match_controls/{{variant}}{{model}}/{{language}}.log",
    benchmark:
        f"{BENCH}/match_controls/{{variant}}{{model}}/{{language}}.tsv"
    params:
        model=lambda w: model_path(w.model),
        settings=config["controls"],
        code=code("match_controls"),
    script:
        "../scripts/match_controls.py"


rule select_features:
    input:
        codes=f"{R}/{{variant}}codes/{{model}}/{{sae}}/{{language}}.npz",
        emotions="resources/emotions.tsv",
        controls=own("concepts", f"{R}/{{variant}}controls/{{model}}/{{language}}/matches.tsv"),
    output:
        features=expand(f"{R}/{{{{variant}}}}emotion_features/{{{{model}}}}/{{{{sae}}}}/{{{{language}}}}/{{emotion}}.tsv", emotion=EMOTIONS),
        reproducibility=f"{R}/{{variant}}reproducibility/{{model}}/{{sae}}/{{language}}.tsv",
    log:
        f"{LOGS}/select_features/{{variant}}{{model}}/{{sae}}/{{language}}.log",
    benchmark:
        f"{BENCH}/select_features/{{variant}}{{model}}/{{sae}}/{{language}}.tsv"
    params:
        settings=config["features"],
        root_seed=config["root_seed"],
        code=code("select_features"),
    script:
        "../scripts/select_features.py"


rule find_shared_features:
    input:
        codes=expand(f"{R}/{{{{variant}}}}codes/{{{{model}}}}/{{{{sae}}}}/{{language}}.npz", language=PAIR),
        selected=expand(f"{R}/{{{{variant}}}}emotion_features/{{{{model}}}}/{{{{sae}}}}/{{language}}/{{emotion}}.tsv", language=PAIR, emotion=EMOTIONS),
    output:
        features=f"{R}/{{variant}}shared/{{model}}/{{sae}}/features.tsv",
        summary=f"{R}/{{variant}}shared/{{model}}/{{sae}}/summary.tsv",
        overlap=f"{R}/{{variant}}shared/{{model}}/{{sae}}/overlap.tsv",
    log:
        f"{LOGS}/find_shared_features/{{variant}}{{model}}/{{sae}}.log",
    benchmark:
        f"{BENCH}/find_shared_features/{{variant}}{{model}}/{{sae}}.tsv"
    params:
        languages=PAIR,
        settings=config["shared"],
        root_seed=config["root_seed"],
        code=code("find_shared_features"),
    script:
        "../scripts/find_shared_features.py"
