# Prediction of word ratings within and across languages.
# Inputs: codes of rated words, emotion features, shared features, norms in standard form, translation pairs.
# Outputs: {R}/{variant}ratings/{model}/{sae}/{language|pair}/{norms}/{dimension}.tsv and what the claims need beside them.


rule prepare_translations:
    input:
        table="resources/translations.tsv",
        dictionaries=[f"{R}/human/{d}/dictionary_{k}.tsv" for k, d in config["dictionaries"].items()],
    output:
        f"{R}/human/translations.tsv",
    log:
        f"{LOGS}/prepare_translations/pairs.log",
    benchmark:
        f"{BENCH}/prepare_translations/pairs.tsv"
    params:
        languages=[r["language"] for r in TABLES["languages"]],
        dictionaries=list(config["dictionaries"]),
        code=code("prepare_translations"),
    script:
        "../scripts/prepare_translations.py"


rule draw_folds:
    input:
        norms=expand(f"{R}/human/{{{{norms}}}}/norms_{{language}}.tsv", language=LANGUAGES),
        translations=f"{R}/human/translations.tsv",
    output:
        f"{R}/human/{{norms}}/folds.tsv",
    log:
        f"{LOGS}/draw_folds/{{norms}}.log",
    benchmark:
        f"{BENCH}/draw_folds/{{norms}}.tsv"
    params:
        languages=LANGUAGES,
        lemma_rules={k: row("languages", language=k)["lemma_rule"] for k in LANGUAGES},
        n_folds=config["ratings"]["n_outer"],
        root_seed=config["root_seed"],
        code=code("draw_folds"),
    script:
        "../scripts/draw_folds.py"


rule predict_ratings:
    input:
        codes=own("model", f"{R}/{{variant}}codes/{{model}}/{{sae}}/{{language}}.npz"),
        features=own("model", f"{R}/{{variant}}emotion_features/{{model}}/{{sae}}/{{language}}/{{emotion}}.tsv", emotion=EMOTIONS),
        shared=own("model", f"{R}/{{variant}}shared/{{model}}/{{sae}}/features.tsv") if PAIR else [],
        norms=own("human", f"{R}/{{variant}}human/{{norms}}/norms_{{language}}.tsv"),
        folds=f"{R}/human/{{norms}}/folds.tsv",
        associations=association_vectors,
    output:
        scores=expand(f"{R}/{{{{variant}}}}ratings/{{{{model}}}}/{{{{sae}}}}/{{{{language}}}}/{{{{norms}}}}/{{dimension}}.tsv", dimension=config["dimensions"]),
        differences=f"{R}/{{variant}}ratings/{{model}}/{{sae}}/{{language}}/{{norms}}/differences.tsv",
        predictions=f"{R}/{{variant}}ratings/{{model}}/{{sae}}/{{language}}/{{norms}}/predictions.tsv",
        notes=f"{R}/{{variant}}ratings/{{model}}/{{sae}}/{{language}}/{{norms}}/notes.json",
    log:
        f"{LOGS}/predict_ratings/{{variant}}{{model}}/{{sae}}/{{language}}/{{norms}}.log",
    benchmark:
        f"{BENCH}/predict_ratings/{{variant}}{{model}}/{{sae}}/{{language}}/{{norms}}.tsv"
    wildcard_constraints:
        language="|".join(LANGUAGES),
    params:
        settings=config["ratings"],
        dimensions=config["dimensions"],
        root_seed=config["root_seed"],
        code=code("predict_ratings"),
    script:
        "../scripts/predict_ratings.py"


rule transfer_ratings:
    input:
        codes=own("model", f"{R}/{{variant}}codes/{{model}}/{{sae}}/{{language}}.npz", language=PAIR),
        shared=own("model", f"{R}/{{variant}}shared/{{model}}/{{sae}}/features.tsv"),
        norms=own("human", f"{R}/{{variant}}human/{{norms}}/norms_{{language}}.tsv", language=PAIR),
        folds=f"{R}/human/{{norms}}/folds.tsv",
        translations=f"{R}/human/translations.tsv",
    output:
        scores=expand(
            f"{R}/{{{{variant}}}}ratings/{{{{model}}}}/{{{{sae}}}}/{{direction}}/{{{{norms}}}}/{{dimension}}.tsv",
            direction=DIRECTIONS,
            dimension=config["dimensions"],
        ),
    log:
        f"{LOGS}/transfer_ratings/{{variant}}{{model}}/{{sae}}/{{norms}}.log",
    benchmark:
        f"{BENCH}/transfer_ratings/{{variant}}{{model}}/{{sae}}/{{norms}}.tsv"
    params:
        settings=config["ratings"],
        dimensions=config["dimensions"],
        languages=PAIR,
        directions=DIRECTIONS,
        root_seed=config["root_seed"],
        code=code("transfer_ratings"),
    script:
        "../scripts/transfer_ratings.py"


def culture_values(w):
    """File with the valence of the words of each language: noise-free coordinates of a planted world, else the ratings."""
    return {k: place(human_row("norms", w.norms, k)["coordinates"] or f"{R}/human/{w.norms}/norms_{k}.tsv") for k in PAIR}


rule compare_cultures:
    input:
        predictions=expand(f"{R}/{{{{variant}}}}ratings/{{{{model}}}}/{{{{sae}}}}/{{language}}/{{{{norms}}}}/predictions.tsv", language=PAIR),
        values=lambda w: list(culture_values(w).values()),
        translations=f"{R}/human/translations.tsv",
    output:
        f"{R}/{{variant}}cultures/{{model}}/{{sae}}/{{norms}}.tsv",
    log:
        f"{LOGS}/compare_cultures/{{variant}}{{model}}/{{sae}}/{{norms}}.log",
    benchmark:
        f"{BENCH}/compare_cultures/{{variant}}{{model}}/{{sae}}/{{norms}}.tsv"
    params:
        languages=PAIR,
        values=culture_values,
        given=lambda w: {k: bool(human_row("norms", w.norms, k)["coordinates"]) for k in PAIR},
        n_bootstrap=config["ratings"]["n_bootstrap"],
        root_seed=config["root_seed"],
        code=code("compare_cultures"),
    script:
        "../scripts/compare_cultures.py"
