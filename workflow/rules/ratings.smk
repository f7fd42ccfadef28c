# Prediction of word ratings within and across languages.
# Inputs: codes of rated words, emotion features, shared features, norms in standard form, translation pairs.
# Outputs: <results>/{variant}ratings/{model}/{sae}/{language|pair}/{norms}/{dimension}.tsv and what the claims need
# beside them.


rule prepare_translations:
    input:
        table="resources/translations.tsv",
        dictionaries=[f"<results>/human/{d}/dictionary_{k}.tsv" for k, d in config["dictionaries"].items()],
    output:
        "<results>/human/translations.tsv",
    log:
        "<logs>/prepare_translations/pairs.log",
    benchmark:
        "<benchmarks>/prepare_translations/pairs.tsv"
    resources:
        **needs("prepare_translations"),
    params:
        languages=STUDY.languages,
        dictionaries=list(config["dictionaries"]),
        code=code("prepare_translations"),
    script:
        "../scripts/prepare_translations.py"


rule draw_folds:
    input:
        norms=expand("<results>/human/{{norms}}/norms_{language}.tsv", language=STUDY.languages),
        translations="<results>/human/translations.tsv",
    output:
        "<results>/human/{norms}/folds.tsv",
    log:
        "<logs>/draw_folds/{norms}.log",
    benchmark:
        "<benchmarks>/draw_folds/{norms}.tsv"
    resources:
        **needs("draw_folds"),
    params:
        languages=STUDY.languages,
        lemma_rules={k: STUDY.row("languages", language=k)["lemma_rule"] for k in STUDY.languages},
        n_folds=config["ratings"]["n_outer"],
        root_seed=config["root_seed"],
        code=code("draw_folds"),
    script:
        "../scripts/draw_folds.py"


rule predict_ratings:
    input:
        codes=STUDY.own("model", "<results>/{variant}codes/{model}/{sae}/{language}.npz"),
        features=STUDY.own(
            "model",
            "<results>/{variant}emotion_features/{model}/{sae}/{language}/{emotion}.tsv",
            emotion=STUDY.emotions,
        ),
        shared=STUDY.own("model", "<results>/{variant}shared/{model}/{sae}/features.tsv") if STUDY.pair else [],
        norms=STUDY.own("human", "<results>/{variant}human/{norms}/norms_{language}.tsv"),
        folds="<results>/human/{norms}/folds.tsv",
        associations=lambda w: STUDY.data.association_vectors(w.language),
    output:
        scores=expand(
            "<results>/{{variant}}ratings/{{model}}/{{sae}}/{{language}}/{{norms}}/{dimension}.tsv",
            dimension=config["dimensions"],
        ),
        differences="<results>/{variant}ratings/{model}/{sae}/{language}/{norms}/differences.tsv",
        predictions="<results>/{variant}ratings/{model}/{sae}/{language}/{norms}/predictions.tsv",
        notes="<results>/{variant}ratings/{model}/{sae}/{language}/{norms}/notes.json",
    log:
        "<logs>/predict_ratings/{variant}{model}/{sae}/{language}/{norms}.log",
    benchmark:
        "<benchmarks>/predict_ratings/{variant}{model}/{sae}/{language}/{norms}.tsv"
    wildcard_constraints:
        language="|".join(STUDY.languages),
    resources:
        **needs("predict_ratings"),
    params:
        settings=config["ratings"],
        dimensions=config["dimensions"],
        root_seed=config["root_seed"],
        code=code("predict_ratings"),
    script:
        "../scripts/predict_ratings.py"


rule transfer_ratings:
    input:
        codes=STUDY.own("model", "<results>/{variant}codes/{model}/{sae}/{language}.npz", language=STUDY.pair),
        shared=STUDY.own("model", "<results>/{variant}shared/{model}/{sae}/features.tsv"),
        norms=STUDY.own("human", "<results>/{variant}human/{norms}/norms_{language}.tsv", language=STUDY.pair),
        folds="<results>/human/{norms}/folds.tsv",
        translations="<results>/human/translations.tsv",
    output:
        scores=expand(
            "<results>/{{variant}}ratings/{{model}}/{{sae}}/{direction}/{{norms}}/{dimension}.tsv",
            direction=STUDY.directions,
            dimension=config["dimensions"],
        ),
    log:
        "<logs>/transfer_ratings/{variant}{model}/{sae}/{norms}.log",
    benchmark:
        "<benchmarks>/transfer_ratings/{variant}{model}/{sae}/{norms}.tsv"
    resources:
        **needs("transfer_ratings"),
    params:
        settings=config["ratings"],
        dimensions=config["dimensions"],
        languages=STUDY.pair,
        directions=STUDY.directions,
        root_seed=config["root_seed"],
        code=code("transfer_ratings"),
    script:
        "../scripts/transfer_ratings.py"


rule compare_cultures:
    input:
        predictions=expand(
            "<results>/{{variant}}ratings/{{model}}/{{sae}}/{language}/{{norms}}/predictions.tsv", language=STUDY.pair
        ),
        values=lambda w: list(STUDY.data.culture_values(w.norms).values()),
        translations="<results>/human/translations.tsv",
    output:
        "<results>/{variant}cultures/{model}/{sae}/{norms}.tsv",
    log:
        "<logs>/compare_cultures/{variant}{model}/{sae}/{norms}.log",
    benchmark:
        "<benchmarks>/compare_cultures/{variant}{model}/{sae}/{norms}.tsv"
    resources:
        **needs("compare_cultures"),
    params:
        languages=STUDY.pair,
        values=lambda w: STUDY.data.culture_values(w.norms),
        given=lambda w: {k: bool(STUDY.data.row("norms", w.norms, k)["coordinates"]) for k in STUDY.pair},
        n_bootstrap=config["ratings"]["n_bootstrap"],
        root_seed=config["root_seed"],
        code=code("compare_cultures"),
    script:
        "../scripts/compare_cultures.py"
