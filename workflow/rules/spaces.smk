# Emotion spaces, their comparison with human judgements, their dimensions.
# Inputs: codes, emotion features, judgements and affect of the emotions in standard form.
# Outputs: <results>/{variant}spaces/{model}/{sae}/{language}.npz, <results>/{variant}rsa/...,
# <results>/{variant}rsa_profiles/..., <results>/space_pairs/{human}.tsv, <results>/{variant}dimensions/...


rule build_space:
    input:
        codes="<results>/{variant}codes/{model}/{sae}/{language}.npz",
        features=expand(
            "<results>/{{variant}}emotion_features/{{model}}/{{sae}}/{{language}}/{emotion}.tsv",
            emotion=STUDY.emotions,
        ),
        associations=lambda w: STUDY.data.association_vectors(w.language),
        emotions="resources/emotions.tsv",
        words=STUDY.own("concepts", "<results>/{variant}controls/{model}/{language}/words.tsv"),
        controls=STUDY.own("concepts", "<results>/{variant}controls/{model}/{language}/matches.tsv"),
        # word frequencies where no dataset gives them: the text that the planted models were trained on
        corpus="<results>/world/affect/train.txt" if config["running_texts"] == "planted" else [],
    output:
        "<results>/{variant}spaces/{model}/{sae}/{language}.npz",
    log:
        "<logs>/build_space/{variant}{model}/{sae}/{language}.log",
    benchmark:
        "<benchmarks>/build_space/{variant}{model}/{sae}/{language}.tsv"
    resources:
        **needs("build_space"),
    params:
        n_draws=config["rsa"]["n_draws"],
        n_code_permutations=config["rsa"]["n_code_permutations"],
        settings=config["features"],
        root_seed=config["root_seed"],
        code=code("build_space"),
    script:
        "../scripts/build_space.py"


rule compare_with_judgements:
    input:
        space=STUDY.own("model", "<results>/{variant}spaces/{model}/{sae}/{language}.npz"),
        judgements=STUDY.own("human", "<results>/{variant}human/{human}/judgements_{language}.tsv"),
        affect=STUDY.own("human", "<results>/{variant}human/{human}/affect_{language}.tsv"),
    output:
        rsa="<results>/{variant}rsa/{model}/{sae}/{language}/{human}.tsv",
        differences="<results>/{variant}rsa_differences/{model}/{sae}/{language}/{human}.tsv",
    log:
        "<logs>/compare_with_judgements/{variant}{model}/{sae}/{language}/{human}.log",
    benchmark:
        "<benchmarks>/compare_with_judgements/{variant}{model}/{sae}/{language}/{human}.tsv"
    resources:
        **needs("compare_with_judgements"),
    params:
        settings=config["rsa"],
        root_seed=config["root_seed"],
        code=code("compare_with_judgements"),
    script:
        "../scripts/compare_with_judgements.py"


rule compare_with_profiles:
    input:
        space=STUDY.own("model", "<results>/{variant}spaces/{model}/{sae}/{language}.npz"),
        profiles=STUDY.own("human", "<results>/{variant}human/{profiles}/profiles_{language}.tsv"),
        affect=STUDY.own("human", "<results>/{variant}human/{profiles}/profile_affect_{language}.tsv"),
    output:
        "<results>/{variant}rsa_profiles/{model}/{sae}/{language}/{profiles}.tsv",
    log:
        "<logs>/compare_with_profiles/{variant}{model}/{sae}/{language}/{profiles}.log",
    benchmark:
        "<benchmarks>/compare_with_profiles/{variant}{model}/{sae}/{language}/{profiles}.tsv"
    resources:
        **needs("compare_with_profiles"),
    params:
        settings=config["rsa"],
        human_language=lambda w: STUDY.data.row("profiles", w.profiles, w.language)["human_language"],
        root_seed=config["root_seed"],
        code=code("compare_with_profiles"),
    script:
        "../scripts/compare_with_profiles.py"


if STUDY.models:
    VIEWS = [
        {"name": m, "sae": r["sae"], "language": k}
        for m in STUDY.claiming
        for r in STUDY.saes_of(m)
        for k in STUDY.languages
    ]
    # raters' language -> a language of words whose file holds what they judged
    JUDGED = STUDY.data.judged()

    rule compare_pairwise:
        input:
            spaces=["<results>/spaces/{name}/{sae}/{language}.npz".format(**v) for v in VIEWS],
            judgements=[f"<results>/human/{{human}}/judgements_{k}.tsv" for k in JUDGED.values()],
            affect=expand("<results>/human/{{human}}/affect_{language}.tsv", language=STUDY.languages),
            profiles=[f"<results>/human/{STUDY.profiles}/profiles_{k}.tsv" for k in STUDY.profiled_languages],
        output:
            "<results>/space_pairs/{human}.tsv",
        log:
            "<logs>/compare_pairwise/{human}.log",
        benchmark:
            "<benchmarks>/compare_pairwise/{human}.tsv"
        resources:
            **needs("compare_pairwise"),
        params:
            settings=config["rsa"],
            views=VIEWS,
            judged=JUDGED,
            profiled={
                k: {"dataset": STUDY.profiles, **STUDY.data.cells(("human_language",), "profiles", STUDY.profiles, k)}
                for k in STUDY.profiled_languages
            },
            root_seed=config["root_seed"],
            code=code("compare_pairwise"),
        script:
            "../scripts/compare_pairwise.py"


rule find_dimensions:
    input:
        space=STUDY.own("model", "<results>/{variant}spaces/{model}/{sae}/{language}.npz"),
        affect=STUDY.own("human", "<results>/{variant}human/{human}/affect_{language}.tsv"),
    output:
        dimensions="<results>/{variant}dimensions/{model}/{sae}/{language}/{human}.tsv",
        coordinates="<results>/{variant}coordinates/{model}/{sae}/{language}/{human}.tsv",
    log:
        "<logs>/find_dimensions/{variant}{model}/{sae}/{language}/{human}.log",
    benchmark:
        "<benchmarks>/find_dimensions/{variant}{model}/{sae}/{language}/{human}.tsv"
    resources:
        **needs("find_dimensions"),
    params:
        n_permutations=config["rsa"]["n_permutations"],
        n_bootstrap=config["rsa"]["n_bootstrap"],
        root_seed=config["root_seed"],
        code=code("find_dimensions"),
    script:
        "../scripts/find_dimensions.py"
