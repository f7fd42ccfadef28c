# Models and SAEs from a hub, fetched once on the machine that runs the workflow, checked, and linked into <retrieved>.
# Inputs: config/models.tsv (source hub), config/saes.tsv (source release).
# Outputs: resources/retrieved/models/{model}/*, resources/retrieved/saes/{model}/{sae}/*,
# resources/retrieved/revisions.json. Every study shares them. Jobs that compute run offline.


if STUDY.hub_models:

    rule retrieve_model:
        output:
            multiext("<retrieved>/models/{model}/", "config.json", "tokenizer.json", "revision.json"),
        log:
            "<logs>/retrieve_model/{model}.log",
        wildcard_constraints:
            model="|".join(STUDY.hub_models),
        localrule: True
        params:
            row=lambda w: STUDY.cells("models", ("id", "revision"), model=w.model),
        script:
            "../scripts/retrieve_model.py"

    rule collect_revisions:
        input:
            expand("<retrieved>/models/{model}/revision.json", model=STUDY.hub_models),
        output:
            "<retrieved>/revisions.json",
        log:
            "<logs>/collect_revisions/revisions.log",
        localrule: True
        params:
            folder=f"{STUDY.retrieved}/models",
        script:
            "../scripts/collect_revisions.py"


if STUDY.released_saes:

    rule retrieve_sae:
        output:
            multiext("<retrieved>/saes/{model}/{sae}/", "cfg.json", "sae_weights.safetensors"),
        log:
            "<logs>/retrieve_sae/{model}/{sae}.log",
        localrule: True
        params:
            row=lambda w: STUDY.cells("saes", ("release", "id"), model=w.model, sae=w.sae),
            layer=lambda w: STUDY.row("saes", model=w.model, sae=w.sae)["layer"],
        script:
            "../scripts/retrieve_sae.py"
