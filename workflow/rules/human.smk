# Human (or planted) data in one standard form, and the concept-sets.
# Inputs: files named in config/human.tsv (from data_dir, or downloaded: retrieve.smk);
# resources/concepts/{language}.tsv.
# Outputs: <results>/{variant}human/{dataset}/..., <results>/{variant}concepts/{language}.tsv. Shuffled controls are
# shuffled here and nowhere else: everything after runs the same code on them.


rule prepare_judgements:
    input:
        judgements=lambda w: checked(STUDY.data.files, "judgements", w.human, w.language),
        centres=lambda w: checked(STUDY.data.affect_of, w.human, w.language)[0],
    output:
        judgements="<results>/{variant}human/{human}/judgements_{language}.tsv",
        affect="<results>/{variant}human/{human}/affect_{language}.tsv",
    log:
        "<logs>/prepare_judgements/{variant}{human}/{language}.log",
    benchmark:
        "<benchmarks>/prepare_judgements/{variant}{human}/{language}.tsv"
    resources:
        **needs("prepare_judgements"),
    params:
        row=lambda w: STUDY.data.cells(("loader", "valence_split"), "judgements", w.human, w.language),
        digests=lambda w: STUDY.data.digests("judgements", w.human, w.language),
        labels=lambda w: STUDY.data.affect_of(w.human, w.language)[1],
        shuffle=lambda w: STUDY.settings(w.variant).shuffle,
        emotions=STUDY.emotions,
        root_seed=config["root_seed"],
        code=code("prepare_judgements"),
    script:
        "../scripts/prepare_judgements.py"


rule prepare_profiles:
    input:
        profiles=lambda w: checked(STUDY.data.files, "profiles", w.profiles, w.language),
        centres=lambda w: checked(STUDY.data.affect_of, w.profiles, w.language, "profiles")[0],
        names=lambda w: STUDY.data.profile_words(w.profiles, w.language)["names"],
        concepts=lambda w: STUDY.data.profile_words(w.profiles, w.language)["concepts"],
    output:
        profiles="<results>/{variant}human/{profiles}/profiles_{language}.tsv",
        affect="<results>/{variant}human/{profiles}/profile_affect_{language}.tsv",
    log:
        "<logs>/prepare_profiles/{variant}{profiles}/{language}.log",
    benchmark:
        "<benchmarks>/prepare_profiles/{variant}{profiles}/{language}.tsv"
    resources:
        **needs("prepare_profiles"),
    params:
        row=lambda w: STUDY.data.cells(("loader", "valence_split"), "profiles", w.profiles, w.language),
        digests=lambda w: STUDY.data.digests("profiles", w.profiles, w.language),
        labels=lambda w: STUDY.data.affect_of(w.profiles, w.language, "profiles")[1],
        shuffle=lambda w: STUDY.settings(w.variant).shuffle,
        emotions=STUDY.emotions,
        root_seed=config["root_seed"],
        code=code("prepare_profiles"),
    script:
        "../scripts/prepare_profiles.py"


rule prepare_norms:
    input:
        lambda w: checked(STUDY.data.files, "norms", w.norms, w.language),
    output:
        "<results>/{variant}human/{norms}/norms_{language}.tsv",
    log:
        "<logs>/prepare_norms/{variant}{norms}/{language}.log",
    benchmark:
        "<benchmarks>/prepare_norms/{variant}{norms}/{language}.tsv"
    resources:
        **needs("prepare_norms"),
    params:
        row=lambda w: STUDY.data.cells(("loader",), "norms", w.norms, w.language),
        digests=lambda w: STUDY.data.digests("norms", w.norms, w.language),
        script=lambda w: STUDY.data.script(w.language),
        shuffle=lambda w: STUDY.settings(w.variant).shuffle,
        root_seed=config["root_seed"],
        code=code("prepare_norms"),
    script:
        "../scripts/prepare_norms.py"


rule prepare_data:
    input:
        lambda w: checked(STUDY.data.files, w.kind, w.dataset, w.language),
    output:
        "<results>/human/{dataset}/{kind}_{language}.tsv",
    log:
        "<logs>/prepare_data/{dataset}/{kind}_{language}.log",
    benchmark:
        "<benchmarks>/prepare_data/{dataset}/{kind}_{language}.tsv"
    wildcard_constraints:
        dataset=r"[a-z0-9][a-z0-9.-]*",
        kind="association|attributes|concept-ratings|concreteness|dictionary|frequency|labelled-text|lexicon",
    resources:
        **needs("prepare_data"),
    params:
        row=lambda w: STUDY.data.cells(("loader",), w.kind, w.dataset, w.language),
        digests=lambda w: STUDY.data.digests(w.kind, w.dataset, w.language),
        script=lambda w: STUDY.data.script(w.language),
        code=code("prepare_data"),
    script:
        "../scripts/prepare_data.py"


# refused here, and not after a model has read the texts
rule prepare_vignettes:
    input:
        texts=lambda w: checked(STUDY.data.files, "vignettes", w.vignettes, w.language),
        categories="resources/categories/{vignettes}.tsv",
    output:
        "<results>/human/{vignettes}/vignettes_{language}.tsv",
    log:
        "<logs>/prepare_vignettes/{vignettes}/{language}.log",
    benchmark:
        "<benchmarks>/prepare_vignettes/{vignettes}/{language}.tsv"
    resources:
        **needs("prepare_vignettes"),
    params:
        row=lambda w: STUDY.data.cells(("loader",), "vignettes", w.vignettes, w.language),
        digests=lambda w: STUDY.data.digests("vignettes", w.vignettes, w.language),
        emotions=STUDY.emotions,
        code=code("prepare_vignettes"),
    script:
        "../scripts/prepare_vignettes.py"


rule build_concepts:
    input:
        unpack(lambda w: STUDY.data.concept_source(STUDY.settings(w.variant).concepts, w.language)[1]),
    output:
        "<results>/{variant}concepts/{language}.tsv",
    log:
        "<logs>/build_concepts/{variant}{language}.log",
    benchmark:
        "<benchmarks>/build_concepts/{variant}{language}.tsv"
    resources:
        **needs("build_concepts"),
    params:
        emotions=STUDY.emotions,
        known=STUDY.emotion_names,
        contrast=[r["emotion"] for r in STUDY.tables["emotions"] if r["contrast"]],
        kind=lambda w: STUDY.data.concept_source(STUDY.settings(w.variant).concepts, w.language)[0],
        source=lambda w: STUDY.settings(w.variant).concepts,
        settings=config["concept_sets"],
        own_words=lambda w: STUDY.own_words(w.variant),
        script=lambda w: STUDY.row("languages", language=w.language)["script"],
        shuffle=lambda w: STUDY.settings(w.variant).shuffle,
        root_seed=config["root_seed"],
        code=code("build_concepts"),
    script:
        "../scripts/build_concepts.py"


rule embed_associations:
    input:
        "<results>/human/{dataset}/association_{language}.tsv",
    output:
        "<results>/human/{dataset}/vectors_{language}.npz",
    log:
        "<logs>/embed_associations/{dataset}/{language}.log",
    benchmark:
        "<benchmarks>/embed_associations/{dataset}/{language}.tsv"
    resources:
        **needs("embed_associations"),
    params:
        code=code("embed_associations"),
    script:
        "../scripts/embed_associations.py"


rule find_human_ceilings:
    input:
        judgements="<results>/human/{human}/judgements_{language}.tsv",
        affect="<results>/human/{human}/affect_{language}.tsv",
    output:
        "<results>/human/{human}/ceilings_{language}.tsv",
    log:
        "<logs>/find_human_ceilings/{human}/{language}.log",
    benchmark:
        "<benchmarks>/find_human_ceilings/{human}/{language}.tsv"
    resources:
        **needs("find_human_ceilings"),
    params:
        pairs=config["rsa"]["pairs"],
        root_seed=config["root_seed"],
        human_language=lambda w: STUDY.data.row("judgements", w.human, w.language)["human_language"],
        code=code("find_human_ceilings"),
    script:
        "../scripts/find_human_ceilings.py"


rule find_norm_ceilings:
    input:
        "<results>/human/{norms}/norms_{language}.tsv",
    output:
        "<results>/human/{norms}/norm_ceilings_{language}.tsv",
    log:
        "<logs>/find_norm_ceilings/{norms}/{language}.log",
    benchmark:
        "<benchmarks>/find_norm_ceilings/{norms}/{language}.tsv"
    resources:
        **needs("find_norm_ceilings"),
    params:
        human_language=lambda w: STUDY.data.row("norms", w.norms, w.language)["human_language"],
        code=code("find_norm_ceilings"),
    script:
        "../scripts/find_norm_ceilings.py"


if STUDY.config["agreement"]:
    RATERS = STUDY.data.agreement()

    # how far people themselves agree across languages: beside every result that crosses them
    rule find_human_agreement:
        input:
            [r["file"] for r in RATERS],
        output:
            "<results>/human/agreement.tsv",
        log:
            "<logs>/find_human_agreement/agreement.log",
        benchmark:
            "<benchmarks>/find_human_agreement/agreement.tsv"
        resources:
            **needs("find_human_agreement"),
        params:
            raters=[[r["dataset"], r["language"]] for r in RATERS],
            root_seed=config["root_seed"],
            code=code("find_human_agreement"),
        script:
            "../scripts/find_human_agreement.py"
