# Words -> SAE codes -> emotion features -> features shared by two languages.
# Inputs: models, SAEs, concept-sets, rated words, templates, fidelity and neutral texts.
# Outputs: {R}/features/{model}/{sae}/{language}/*, {R}/{variant}codes/..., {R}/{variant}emotion_features/..., {R}/{variant}shared/...
# One accelerator job a model and language reads all its SAEs in one pass; the rule is emitted once a model because
# the SAEs differ. Its results also go to the journal, which outlives them.
# Ordinary text (fidelity) and affect-free text (firing rates): of the planted world, or ours (resources/texts).
RUNNING_TEXTS = {"planted": f"{R}/world/affect", "authored": "resources/texts"}[config["running_texts"]]
# A row of config/models.tsv may ask for several shards: jobs that bring a share of the words into the journal first. A job before them
# passes the gates, so that no shard spends accelerator time on a model or SAE that is refused afterwards.
STIMULI = {
    "concepts": list(CONCEPT_FILES.values()),
    "norms": f"{R}/human/{config['norms']}/norms_{{language}}.tsv",
    "templates": "resources/templates/{language}.tsv",
}


def own_files(r):
    """Sizes and times of the files in a user's own folder, so that weights or a tokenizer exchanged in place are read anew."""
    folder = Path(place(r["path"]))
    if r["source"] != "local" or folder.is_relative_to(R):
        return {}
    return {f.name: [f.stat().st_size, f.stat().st_mtime_ns] for f in sorted(folder.glob("*")) if f.is_file()}


for MODEL in MODELS:
    NAME = MODEL.replace("-", "_").replace(".", "_")
    SHARDS = row("models", model=MODEL)["shards"]
    SHARD = f"{R}/features/{MODEL}/shards/{{language}}/{{shard}}.json"
    GATE = f"{R}/features/{MODEL}/shards/{{language}}/gates.json"
    TEXTS = {"fidelity": f"{RUNNING_TEXTS}/fidelity_{{language}}.txt", "neutral": f"{RUNNING_TEXTS}/neutral_{{language}}.txt"}
    BROKEN = {"max_broken_share": lambda w: row("languages", language=w.language)["max_broken_share"]}
    WEIGHTS = {"model": f"{model_path(MODEL)}/config.json", "saes": [f"{sae_path(MODEL, s)}/cfg.json" for s in saes_of(MODEL)]}
    READ = {
        "model": model_path(MODEL),
        "saes": {
            s: {"folder": sae_path(MODEL, s), **{k: row("saes", model=MODEL, sae=s)[k] for k in ("layer", "explained_variance_min", "l0_min", "l0_max")}} for s in saes_of(MODEL)
        },
        "numerics": {k: row("models", model=MODEL)[k] for k in ("dtype", "device", "attention", "chunk_batch")},
        "bos": row("models", model=MODEL)["bos"],
        "emotions": EMOTIONS,
        # folder of a source's codes -> its words
        "sets": lambda w: {concept_folder(c): f.format(language=w.language) for c, f in CONCEPT_FILES.items()},
        "journal": JOURNAL,
        "version": version_of("features.extraction"),
        "own_files": [own_files(r) for r in [row("models", model=MODEL), *(row("saes", model=MODEL, sae=s) for s in saes_of(MODEL))]],
        "name": MODEL,
        "steered": [config["primary_sae"]] if MODEL in STEERED else [],
    }

    rule:
        name:
            f"extract_features_{NAME}"
        input:
            **WEIGHTS,
            **STIMULI,
            **TEXTS,
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
            **BROKEN,
            folder=f"{R}/features/{MODEL}",
            norms=config["norms"],
        script:
            "../scripts/extract_features.py"

    if SHARDS > 1:

        rule:
            name:
                f"gate_model_{NAME}"
            input:
                **WEIGHTS,
                **TEXTS,
                concepts=STIMULI["concepts"],
                templates=STIMULI["templates"],
            output:
                GATE,
            log:
                f"{LOGS}/gate_model/{MODEL}/{{language}}.log",
            benchmark:
                f"{BENCH}/gate_model/{MODEL}/{{language}}.tsv"
            priority: 8
            threads: 1
            resources:
                gpu=gpu(MODEL),
            params:
                **READ,
                **BROKEN,
            script:
                "../scripts/gate_model.py"

        rule:
            name:
                f"extract_shard_{NAME}"
            input:
                **WEIGHTS,
                **STIMULI,
                gates=GATE,
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
        emotions="resources/emotions.tsv",
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
        use=f"{R}/{{variant}}feature_use/{{model}}/{{sae}}/{{language}}.tsv",
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
        words=own("concepts", f"{R}/{{variant}}controls/{{model}}/{{language}}/words.tsv", language=PAIR),
        # word frequencies where no dataset gives them: the text that the planted models were trained on
        corpus=f"{R}/world/affect/train.txt" if config["running_texts"] == "planted" else [],
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
