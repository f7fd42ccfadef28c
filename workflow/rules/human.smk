# Human (or planted) data in one standard form, and the concept-sets.
# Inputs: files named in config/human.tsv (from data_dir, or downloaded: retrieve.smk); resources/concepts/{language}.tsv.
# Outputs: {R}/{variant}human/{dataset}/..., {R}/{variant}concepts/{language}.tsv. Shuffled controls are shuffled here
# and nowhere else: everything after runs the same code on them.


rule prepare_judgements:
    input:
        judgements=lambda w: human_files("judgements", w.human, w.language),
        centres=lambda w: affect_of(w.human, w.language)[0],
    output:
        judgements=f"{R}/{{variant}}human/{{human}}/judgements_{{language}}.tsv",
        affect=f"{R}/{{variant}}human/{{human}}/affect_{{language}}.tsv",
    log:
        f"{LOGS}/prepare_judgements/{{variant}}{{human}}/{{language}}.log",
    benchmark:
        f"{BENCH}/prepare_judgements/{{variant}}{{human}}/{{language}}.tsv"
    params:
        row=lambda w: {k: human_row("judgements", w.human, w.language)[k] for k in ("loader", "valence_split")},
        digests=lambda w: digests("judgements", w.human, w.language),
        labels=lambda w: affect_of(w.human, w.language)[1],
        shuffle=lambda w: read_settings(w.variant)["shuffle"],
        emotions=EMOTIONS,
        root_seed=config["root_seed"],
        code=code("prepare_judgements"),
    script:
        "../scripts/prepare_judgements.py"


rule prepare_norms:
    input:
        lambda w: human_files("norms", w.norms, w.language),
    output:
        f"{R}/{{variant}}human/{{norms}}/norms_{{language}}.tsv",
    log:
        f"{LOGS}/prepare_norms/{{variant}}{{norms}}/{{language}}.log",
    benchmark:
        f"{BENCH}/prepare_norms/{{variant}}{{norms}}/{{language}}.tsv"
    params:
        row=lambda w: {k: human_row("norms", w.norms, w.language)[k] for k in ("loader",)},
        digests=lambda w: digests("norms", w.norms, w.language),
        shuffle=lambda w: read_settings(w.variant)["shuffle"],
        root_seed=config["root_seed"],
        code=code("prepare_norms"),
    script:
        "../scripts/prepare_norms.py"


rule prepare_data:
    input:
        lambda w: human_files(w.kind, w.dataset, w.language),
    output:
        f"{R}/human/{{dataset}}/{{kind}}_{{language}}.tsv",
    log:
        f"{LOGS}/prepare_data/{{dataset}}/{{kind}}_{{language}}.log",
    benchmark:
        f"{BENCH}/prepare_data/{{dataset}}/{{kind}}_{{language}}.tsv"
    wildcard_constraints:
        dataset=r"[a-z0-9][a-z0-9.-]*",
        kind="association|attributes|concreteness|dictionary|frequency|labelled-text|lexicon",
    params:
        row=lambda w: {k: human_row(w.kind, w.dataset, w.language)[k] for k in ("loader",)},
        digests=lambda w: digests(w.kind, w.dataset, w.language),
        code=code("prepare_data"),
    script:
        "../scripts/prepare_data.py"


def concept_source(w):
    """Where a variant's concept words come from, and what else its builder reads."""
    source = read_settings(w.variant)["concepts"]
    if source in OWN_CONCEPTS:
        return "table", {"words": f"resources/concepts/{w.language}.tsv"}
    kind = kind_of(source, w.language, "association", "lexicon")
    names = f"resources/cues/{w.language}.tsv" if kind == "association" else f"resources/categories/{source}.tsv"
    return kind, {"words": f"{R}/human/{source}/{kind}_{w.language}.tsv", "names": names}


rule build_concepts:
    input:
        unpack(lambda w: concept_source(w)[1]),
    output:
        f"{R}/{{variant}}concepts/{{language}}.tsv",
    log:
        f"{LOGS}/build_concepts/{{variant}}{{language}}.log",
    benchmark:
        f"{BENCH}/build_concepts/{{variant}}{{language}}.tsv"
    params:
        emotions=EMOTIONS,
        known=[r["emotion"] for r in TABLES["emotions"]],
        contrast=[r["emotion"] for r in TABLES["emotions"] if r["contrast"]],
        kind=lambda w: concept_source(w)[0],
        source=lambda w: read_settings(w.variant)["concepts"],
        settings=config["concept_sets"],
        # only the primary configuration is steered
        own_words=lambda w: study_checks.OWN_WORDS_STEERED if STEERED and not w.variant else study_checks.OWN_WORDS,
        script=lambda w: row("languages", language=w.language)["script"],
        shuffle=lambda w: read_settings(w.variant)["shuffle"],
        root_seed=config["root_seed"],
        code=code("build_concepts"),
    script:
        "../scripts/build_concepts.py"


rule embed_associations:
    input:
        f"{R}/human/{{dataset}}/association_{{language}}.tsv",
    output:
        f"{R}/human/{{dataset}}/vectors_{{language}}.npz",
    log:
        f"{LOGS}/embed_associations/{{dataset}}/{{language}}.log",
    benchmark:
        f"{BENCH}/embed_associations/{{dataset}}/{{language}}.tsv"
    params:
        code=code("embed_associations"),
    script:
        "../scripts/embed_associations.py"


rule find_human_ceilings:
    input:
        judgements=f"{R}/human/{{human}}/judgements_{{language}}.tsv",
        affect=f"{R}/human/{{human}}/affect_{{language}}.tsv",
    output:
        f"{R}/human/{{human}}/ceilings_{{language}}.tsv",
    log:
        f"{LOGS}/find_human_ceilings/{{human}}/{{language}}.log",
    benchmark:
        f"{BENCH}/find_human_ceilings/{{human}}/{{language}}.tsv"
    params:
        pairs=config["rsa"]["pairs"],
        root_seed=config["root_seed"],
        human_language=lambda w: human_row("judgements", w.human, w.language)["human_language"],
        code=code("find_human_ceilings"),
    script:
        "../scripts/find_human_ceilings.py"


rule find_norm_ceilings:
    input:
        f"{R}/human/{{norms}}/norms_{{language}}.tsv",
    output:
        f"{R}/human/{{norms}}/norm_ceilings_{{language}}.tsv",
    log:
        f"{LOGS}/find_norm_ceilings/{{norms}}/{{language}}.log",
    benchmark:
        f"{BENCH}/find_norm_ceilings/{{norms}}/{{language}}.tsv"
    params:
        human_language=lambda w: human_row("norms", w.norms, w.language)["human_language"],
        code=code("find_norm_ceilings"),
    script:
        "../scripts/find_norm_ceilings.py"
