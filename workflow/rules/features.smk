# Words -> SAE codes -> emotion features -> features shared by two languages.
# Inputs: models, SAEs, concept-sets, rated words, templates, fidelity and neutral texts.
# Outputs: <results>/features/{model}/{sae}/{language}/*, <results>/{variant}codes/...,
# <results>/{variant}emotion_features/..., <results>/{variant}shared/..., <results>/{variant}validity/... One accelerator job a model and language reads
# all its SAEs in one pass; the rule is emitted once a model because the SAEs differ. Its results also go to the
# journal, which outlives them. A row of config/models.tsv may ask for several shards: jobs that bring a share of the
# words into the journal first. A job before them passes the gates, so that no shard spends accelerator time on a model
# or SAE that is refused afterwards.
STIMULI = {
    "concepts": list(STUDY.concept_files.values()),
    "norms": f"<results>/human/{STUDY.norms}/norms_{{language}}.tsv",
    "templates": "resources/templates/{language}.tsv",
}


for MODEL in STUDY.models:
    NAME = MODEL.replace("-", "_").replace(".", "_")
    SHARDS = STUDY.row("models", model=MODEL)["shards"]
    SHARD = f"<results>/features/{MODEL}/shards/{{language}}/{{shard}}.json"
    GATE = f"<results>/features/{MODEL}/shards/{{language}}/gates.json"
    TEXTS = {
        "fidelity": f"{STUDY.running_texts}/fidelity_{{language}}.txt",
        "neutral": f"{STUDY.running_texts}/neutral_{{language}}.txt",
    }
    BROKEN = {"max_broken_share": lambda w: STUDY.row("languages", language=w.language)["max_broken_share"]}
    SAES = {r["sae"]: r for r in STUDY.saes_of(MODEL)}
    WEIGHTS = {
        "model": f"{STUDY.model_path(MODEL)}/config.json",
        "saes": [f"{STUDY.row_path(r)}/cfg.json" for r in SAES.values()],
    }
    READ = {
        "model": STUDY.model_path(MODEL),
        "saes": {
            s: {
                "folder": STUDY.row_path(r),
                **{k: r[k] for k in ("layer", "explained_variance_min", "l0_min", "l0_max")},
            }
            for s, r in SAES.items()
        },
        "numerics": STUDY.numerics(MODEL, "chunk_batch", "encoder"),
        "bos": STUDY.row("models", model=MODEL)["bos"],
        "emotions": STUDY.emotions,
        # folder of a source's codes -> its words
        "sets": lambda w: {
            STUDY.variants.concept_folder(c): f.format(language=w.language) for c, f in STUDY.concept_files.items()
        },
        "journal": STUDY.journal,
        "version": CHECKOUT.version_of("features.extraction"),
        "own_files": [STUDY.own_files(r) for r in [STUDY.row("models", model=MODEL), *SAES.values()]],
        "name": MODEL,
        "steered": [STUDY.sae] if MODEL in STUDY.steered else [],
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
            concepts=[
                f"<results>/features/{MODEL}/{s}/{{language}}/{STUDY.variants.concept_folder(c)}/{e}.npz"
                for s in SAES
                for c in STUDY.concept_files
                for e in STUDY.emotions
            ],
            norms=[f"<results>/features/{MODEL}/{s}/{{language}}/norms/{STUDY.norms}.npz" for s in SAES],
            running=[f"<results>/features/{MODEL}/{s}/{{language}}/running_text.npz" for s in SAES],
        log:
            f"<logs>/extract_features/{MODEL}/{{language}}.log",
        benchmark:
            f"<benchmarks>/extract_features/{MODEL}/{{language}}.tsv"
        priority: 8
        threads: 1
        resources:
            **needs("extract_features", model=MODEL),
            gpu=STUDY.gpu(MODEL),
        params:
            **READ,
            **BROKEN,
            folder=f"{STUDY.results}/features/{MODEL}",
            norms=STUDY.norms,
            readouts=STUDY.readouts,
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
                f"<logs>/gate_model/{MODEL}/{{language}}.log",
            benchmark:
                f"<benchmarks>/gate_model/{MODEL}/{{language}}.tsv"
            priority: 8
            threads: 1
            resources:
                **needs("gate_model", model=MODEL),
                gpu=STUDY.gpu(MODEL),
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
                f"<logs>/extract_shard/{MODEL}/{{language}}/{{shard}}.log",
            benchmark:
                f"<benchmarks>/extract_shard/{MODEL}/{{language}}/{{shard}}.tsv"
            wildcard_constraints:
                shard=r"\d+",
            priority: 8
            threads: 1
            resources:
                **needs("extract_shard", model=MODEL),
                gpu=STUDY.gpu(MODEL),
            params:
                **READ,
                shards=SHARDS,
            script:
                "../scripts/extract_shard.py"

    if STUDY.vignettes:

        # after the gates, which extraction has passed; the SAE that makes claims alone
        rule:
            name:
                f"read_vignettes_{NAME}"
            input:
                **WEIGHTS,
                texts="<results>/human/{vignettes}/vignettes_{language}.tsv",
                running=f"<results>/features/{MODEL}/{STUDY.sae}/{{language}}/running_text.npz",
            output:
                f"<results>/features/{MODEL}/{STUDY.sae}/{{language}}/texts/{{vignettes}}.npz",
            log:
                f"<logs>/read_vignettes/{MODEL}/{{language}}/{{vignettes}}.log",
            benchmark:
                f"<benchmarks>/read_vignettes/{MODEL}/{{language}}/{{vignettes}}.tsv"
            priority: 8
            threads: 1
            resources:
                **needs("read_vignettes", model=MODEL),
                gpu=STUDY.gpu(MODEL),
            params:
                model=READ["model"],
                name=MODEL,
                sae={k: READ["saes"][STUDY.sae][k] for k in ("folder", "layer")} | {"name": STUDY.sae},
                numerics=READ["numerics"],
                bos=READ["bos"],
                journal=READ["journal"],
                version=READ["version"],
                own_files=READ["own_files"],
            script:
                "../scripts/read_vignettes.py"


def codes_of_concepts(w):
    """Codes of the words of the concept-sets that a variant reads, a file an emotion."""
    folder = STUDY.variants.concept_folder(STUDY.settings(w.variant).concepts)
    return [f"<results>/features/{w.model}/{w.sae}/{w.language}/{folder}/{e}.npz" for e in STUDY.emotions]


rule gather_codes:
    input:
        concepts=codes_of_concepts,
        norms=f"<results>/features/{{model}}/{{sae}}/{{language}}/norms/{STUDY.norms}.npz",
        running="<results>/features/{model}/{sae}/{language}/running_text.npz",
        sets=STUDY.own("concepts", "<results>/{variant}concepts/{language}.tsv"),
        emotions="resources/emotions.tsv",
    output:
        "<results>/{variant}codes/{model}/{sae}/{language}.npz",
    log:
        "<logs>/gather_codes/{variant}{model}/{sae}/{language}.log",
    benchmark:
        "<benchmarks>/gather_codes/{variant}{model}/{sae}/{language}.tsv"
    resources:
        **needs("gather_codes"),
    params:
        settings=lambda w: {k: getattr(STUDY.settings(w.variant), k) for k in ("templates", "readout")},
        distinct_tokens=lambda w: STUDY.row("models", model=w.model)["control"] == "untrained",
        model=lambda w: STUDY.model_path(w.model),
        code=code("gather_codes"),
    script:
        "../scripts/gather_codes.py"


rule match_controls:
    input:
        sets=STUDY.own("concepts", "<results>/{variant}concepts/{language}.tsv"),
        norms=f"<results>/human/{STUDY.norms}/norms_{{language}}.tsv",
        properties=lambda w: STUDY.data.word_properties(w.language),
        model=lambda w: f"{STUDY.model_path(w.model)}/config.json",
    output:
        words="<results>/{variant}controls/{model}/{language}/words.tsv",
        matches="<results>/{variant}controls/{model}/{language}/matches.tsv",
        balance="<results>/{variant}controls/{model}/{language}/balance.tsv",
    log:
        "<logs>/match_controls/{variant}{model}/{language}.log",
    benchmark:
        "<benchmarks>/match_controls/{variant}{model}/{language}.tsv"
    resources:
        **needs("match_controls"),
    params:
        model=lambda w: STUDY.model_path(w.model),
        settings=config["controls"],
        code=code("match_controls"),
    script:
        "../scripts/match_controls.py"


rule select_features:
    input:
        codes="<results>/{variant}codes/{model}/{sae}/{language}.npz",
        emotions="resources/emotions.tsv",
        controls=STUDY.own("concepts", "<results>/{variant}controls/{model}/{language}/matches.tsv"),
    output:
        features=expand(
            "<results>/{{variant}}emotion_features/{{model}}/{{sae}}/{{language}}/{emotion}.tsv",
            emotion=STUDY.emotions,
        ),
        use="<results>/{variant}feature_use/{model}/{sae}/{language}.tsv",
        reproducibility="<results>/{variant}reproducibility/{model}/{sae}/{language}.tsv",
    log:
        "<logs>/select_features/{variant}{model}/{sae}/{language}.log",
    benchmark:
        "<benchmarks>/select_features/{variant}{model}/{sae}/{language}.tsv"
    resources:
        **needs("select_features"),
    params:
        settings=config["features"],
        root_seed=config["root_seed"],
        code=code("select_features"),
    script:
        "../scripts/select_features.py"


rule find_shared_features:
    input:
        codes=expand("<results>/{{variant}}codes/{{model}}/{{sae}}/{language}.npz", language=STUDY.pair),
        selected=expand(
            "<results>/{{variant}}emotion_features/{{model}}/{{sae}}/{language}/{emotion}.tsv",
            language=STUDY.pair,
            emotion=STUDY.emotions,
        ),
        words=STUDY.own("concepts", "<results>/{variant}controls/{model}/{language}/words.tsv", language=STUDY.pair),
        # word frequencies where no dataset gives them: the text that the planted models were trained on
        corpus="<results>/world/affect/train.txt" if config["running_texts"] == "planted" else [],
    output:
        features="<results>/{variant}shared/{model}/{sae}/features.tsv",
        summary="<results>/{variant}shared/{model}/{sae}/summary.tsv",
        overlap="<results>/{variant}shared/{model}/{sae}/overlap.tsv",
    log:
        "<logs>/find_shared_features/{variant}{model}/{sae}.log",
    benchmark:
        "<benchmarks>/find_shared_features/{variant}{model}/{sae}.tsv"
    resources:
        **needs("find_shared_features"),
    params:
        languages=STUDY.pair,
        settings=config["shared"],
        root_seed=config["root_seed"],
        code=code("find_shared_features"),
    script:
        "../scripts/find_shared_features.py"


rule measure_validity:
    input:
        texts="<results>/human/{vignettes}/vignettes_{language}.tsv",
        read="<results>/features/{model}/{sae}/{language}/texts/{vignettes}.npz",
        codes="<results>/{variant}codes/{model}/{sae}/{language}.npz",
        features=expand(
            "<results>/{{variant}}emotion_features/{{model}}/{{sae}}/{{language}}/{emotion}.tsv",
            emotion=STUDY.emotions,
        ),
        emotions="resources/emotions.tsv",
        categories="resources/categories/{vignettes}.tsv",
    output:
        "<results>/{variant}validity/{model}/{sae}/{language}/{vignettes}.tsv",
    log:
        "<logs>/measure_validity/{variant}{model}/{sae}/{language}/{vignettes}.log",
    benchmark:
        "<benchmarks>/measure_validity/{variant}{model}/{sae}/{language}/{vignettes}.tsv"
    resources:
        **needs("measure_validity"),
    params:
        settings=config["features"],
        n_draws=config["rsa"]["n_draws"],
        n_permutations=config["rsa"]["n_permutations"],
        root_seed=config["root_seed"],
        code=code("measure_validity"),
    script:
        "../scripts/measure_validity.py"
