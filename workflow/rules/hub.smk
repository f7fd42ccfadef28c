# Models and SAEs from a hub, fetched once on the machine that runs the workflow, checked, and linked into {retrieved}.
# Inputs: config/models.tsv (source hub), config/saes.tsv (source release).
# Outputs: resources/retrieved/models/{model}/*, resources/retrieved/saes/{model}/{sae}/*, resources/retrieved/revisions.json.
# Every study shares them. Jobs that compute run offline.
HUB_MODELS = [m for m in MODELS if row("models", model=m)["source"] == "hub"]
RELEASED_SAES = [f"{m}/{r['sae']}" for m in MODELS for r in TABLES["saes"] if r["model"] == m and r["source"] == "release"]


if HUB_MODELS:

    rule retrieve_model:
        output:
            multiext(f"{RETRIEVED}/models/{{model}}/", "config.json", "tokenizer.json", "revision.json"),
        log:
            f"{LOGS}/retrieve_model/{{model}}.log",
        wildcard_constraints:
            model="|".join(HUB_MODELS),
        localrule: True
        params:
            row=lambda w: {k: row("models", model=w.model)[k] for k in ("id", "revision")},
        script:
            "../scripts/retrieve_model.py"

    rule collect_revisions:
        input:
            expand(f"{RETRIEVED}/models/{{model}}/revision.json", model=HUB_MODELS),
        output:
            f"{RETRIEVED}/revisions.json",
        log:
            f"{LOGS}/collect_revisions/revisions.log",
        localrule: True
        params:
            folder=f"{RETRIEVED}/models",
        script:
            "../scripts/collect_revisions.py"


if RELEASED_SAES:

    rule retrieve_sae:
        output:
            multiext(f"{RETRIEVED}/saes/{{model}}/{{sae}}/", "cfg.json", "sae_weights.safetensors"),
        log:
            f"{LOGS}/retrieve_sae/{{model}}/{{sae}}.log",
        localrule: True
        params:
            row=lambda w: {k: row("saes", model=w.model, sae=w.sae)[k] for k in ("release", "id")},
        script:
            "../scripts/retrieve_sae.py"
