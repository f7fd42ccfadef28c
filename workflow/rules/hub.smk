# Models and SAEs from a hub, fetched once on the machine that runs the workflow, checked, and linked into <retrieved>.
# Inputs: config/models.tsv (source hub), config/saes.tsv (sources release and hub), config/judges.tsv (with an id).
# Outputs: resources/retrieved/models/{model}/*, resources/retrieved/saes/{model}/{sae}/*,
# resources/retrieved/judges/{judge}/{language}/*, resources/retrieved/revisions.json. Every study shares them. Jobs
# that compute run offline. The commit of a row is a resource: as a param it would be a reason to fetch again what has
# been pinned since.


if STUDY.hub_models:

    rule retrieve_model:
        output:
            multiext("<retrieved>/models/{model}/", "config.json", "tokenizer.json", "revision.json"),
        log:
            "<logs>/retrieve_model/{model}.log",
        wildcard_constraints:
            model="|".join(STUDY.hub_models),
        localrule: True
        resources:
            commit=lambda w: STUDY.commit("models", model=w.model),
        params:
            row=lambda w: STUDY.fetched_model(w.model),
        script:
            "../scripts/retrieve_model.py"


if STUDY.from_hub:

    rule collect_revisions:
        input:
            expand("<retrieved>/models/{model}/revision.json", model=STUDY.hub_models),
            [f"<retrieved>/saes/{r['model']}/{r['sae']}/cfg.json" for r in STUDY.hub_saes],
            [f"<retrieved>/judges/{judge}/{language}/revision.json" for judge, language in STUDY.judges.fetched],
        output:
            "<retrieved>/revisions.json",
        log:
            "<logs>/collect_revisions/revisions.log",
        localrule: True
        params:
            folder=f"{STUDY.retrieved}/models",
            saes=f"{STUDY.retrieved}/saes",
            judges=f"{STUDY.retrieved}/judges",
        script:
            "../scripts/collect_revisions.py"


if STUDY.fetched_saes:

    rule retrieve_sae:
        output:
            multiext("<retrieved>/saes/{model}/{sae}/", "cfg.json", "sae_weights.safetensors"),
        log:
            "<logs>/retrieve_sae/{model}/{sae}.log",
        localrule: True
        resources:
            commit=lambda w: STUDY.commit("saes", model=w.model, sae=w.sae),
        params:
            row=lambda w: STUDY.fetched_sae(w.model, w.sae),
            layer=lambda w: STUDY.row("saes", model=w.model, sae=w.sae)["layer"],
        script:
            "../scripts/retrieve_sae.py"


if STUDY.judges.fetched:

    rule retrieve_judge:
        output:
            multiext("<retrieved>/judges/{judge}/{language}/", "config.json", "tokenizer.json", "revision.json"),
        log:
            "<logs>/retrieve_judge/{judge}/{language}.log",
        localrule: True
        resources:
            commit=lambda w: STUDY.commit("judges", judge=w.judge, language=w.language),
        params:
            row=lambda w: STUDY.fetched_judge(w.judge, w.language),
        script:
            "../scripts/retrieve_judge.py"


PINNED_TABLES = sorted(map(str, CHECKOUT.tables.glob("*.tsv")))


# `snakemake pin_revisions`: no output, so it runs whenever it is asked for; `-n` shows the rows.
rule pin_revisions:
    log:
        "<logs>/pin_revisions/revisions.log",
    localrule: True
    params:
        tables=PINNED_TABLES,
        retrieved=STUDY.retrieved,
        loose=lambda w: "; ".join(one.told() for one in pinning.find_loose(PINNED_TABLES, STUDY.retrieved)),
    message:
        "Rows of the hub that name no commit: {params.loose}"
    script:
        "../scripts/pin_revisions.py"
