# Human (or planted) data in one standard form, and the concept-sets.
# Inputs: files named in config/human.tsv; resources/concepts/{language}.tsv.
# Outputs: {R}/{variant}human/{dataset}/..., {R}/{variant}concepts/{language}.tsv. Shuffled controls are shuffled here
# and nowhere else: everything after runs the same code on them.


rule prepare_judgements:
    input:
        judgements=lambda w: place(human_row("judgements", w.human, w.language)["path"]),
        centres=lambda w: place(human_row("judgements", w.human, w.language)["valence_norm"]),
    output:
        judgements=f"{R}/{{variant}}human/{{human}}/judgements_{{language}}.tsv",
        affect=f"{R}/{{variant}}human/{{human}}/affect_{{language}}.tsv",
    log:
        f"{LOGS}/prepare_judgements/{{variant}}{{human}}/{{language}}.log",
    benchmark:
        f"{BENCH}/prepare_judgements/{{variant}}{{human}}/{{language}}.tsv"
    params:
        row=lambda w: {k: human_row("judgements", w.human, w.language)[k] for k in ("loader", "valence_split")},
        shuffle=lambda w: read_settings(w.variant)["shuffle"],
        emotions=EMOTIONS,
        root_seed=config["root_seed"],
        code=code("human"),
    script:
        "../scripts/prepare_judgements.py"


rule prepare_norms:
    input:
        lambda w: place(human_row("norms", w.norms, w.language)["path"]),
    output:
        f"{R}/{{variant}}human/{{norms}}/norms_{{language}}.tsv",
    log:
        f"{LOGS}/prepare_norms/{{variant}}{{norms}}/{{language}}.log",
    benchmark:
        f"{BENCH}/prepare_norms/{{variant}}{{norms}}/{{language}}.tsv"
    params:
        row=lambda w: {k: human_row("norms", w.norms, w.language)[k] for k in ("loader",)},
        shuffle=lambda w: read_settings(w.variant)["shuffle"],
        root_seed=config["root_seed"],
        code=code("human"),
    script:
        "../scripts/prepare_norms.py"


rule build_concepts:
    input:
        "resources/concepts/{language}.tsv",
    output:
        f"{R}/{{variant}}concepts/{{language}}.tsv",
    log:
        f"{LOGS}/build_concepts/{{variant}}{{language}}.log",
    benchmark:
        f"{BENCH}/build_concepts/{{variant}}{{language}}.tsv"
    params:
        emotions=EMOTIONS,
        rows=config["concepts"],
        shuffle=lambda w: read_settings(w.variant)["shuffle"],
        root_seed=config["root_seed"],
        code=code("checks", "features"),
    script:
        "../scripts/build_concepts.py"


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
        code=code("rsa", "rdm", "stats"),
    script:
        "../scripts/find_human_ceilings.py"
