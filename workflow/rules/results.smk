# Published tables, claims, figures, provenance.
# Inputs: everything above, for every model, SAE, language and variant of the study.
# Outputs: {R}/tables/*.csv, {R}/claims.json, {R}/figures/*, {R}/provenance.json, {R}/run_config.yaml, {R}/report.rst.
HUMAN = config["human"]
NORMS = config["norms"]


def grid(side, pattern, **axes):
    """Files of one kind over the (variant, model) units of the study that touch that side."""
    return expand([pattern.replace("{variant}", v).replace("{model}", m).replace("{sae}", SAE) for v, m in UNITS[side]], **axes)


PIECES = {
    "rsa": grid("both", f"{R}/{{variant}}rsa/{{model}}/{{sae}}/{{language}}/{HUMAN}.tsv", language=LANGUAGES),
    "rsa_differences": grid("both", f"{R}/{{variant}}rsa_differences/{{model}}/{{sae}}/{{language}}/{HUMAN}.tsv", language=LANGUAGES),
    # one file of ceilings for each language of the raters: two languages may be compared with the same people
    "human_ceilings": expand(
        f"{R}/human/{HUMAN}/ceilings_{{language}}.tsv", language=list({human_row("judgements", HUMAN, k)["human_language"]: k for k in LANGUAGES[::-1]}.values())[::-1]
    )
    + expand(f"{R}/human/{NORMS}/norm_ceilings_{{language}}.tsv", language=LANGUAGES),
    "dimensions": grid("both", f"{R}/{{variant}}dimensions/{{model}}/{{sae}}/{{language}}/{HUMAN}.tsv", language=LANGUAGES),
    "features": grid("model", f"{R}/{{variant}}emotion_features/{{model}}/{{sae}}/{{language}}/{{emotion}}.tsv", language=LANGUAGES, emotion=EMOTIONS),
    "feature_use": grid("model", f"{R}/{{variant}}feature_use/{{model}}/{{sae}}/{{language}}.tsv", language=LANGUAGES),
    "concept_words": grid("concepts", f"{R}/{{variant}}controls/{{model}}/{{language}}/words.tsv", language=LANGUAGES),
    "control_balance": grid("concepts", f"{R}/{{variant}}controls/{{model}}/{{language}}/balance.tsv", language=LANGUAGES),
    "reproducibility": grid("model", f"{R}/{{variant}}reproducibility/{{model}}/{{sae}}/{{language}}.tsv", language=LANGUAGES),
    "sae_fidelity": expand(f"{R}/features/{{model}}/{SAE}/{{language}}/running_text.npz", model=MODELS, language=LANGUAGES),
    "ratings": grid("both", f"{R}/{{variant}}ratings/{{model}}/{{sae}}/{{language}}/{NORMS}/{{dimension}}.tsv", language=LANGUAGES + DIRECTIONS, dimension=config["dimensions"]),
    "rating_differences": grid("both", f"{R}/{{variant}}ratings/{{model}}/{{sae}}/{{language}}/{NORMS}/differences.tsv", language=LANGUAGES),
}
if PAIR:
    PIECES |= {
        "shared_features": grid("model", f"{R}/{{variant}}shared/{{model}}/{{sae}}/summary.tsv"),
        "shared_overlap": grid("model", f"{R}/{{variant}}shared/{{model}}/{{sae}}/overlap.tsv"),
        "cultures": grid("both", f"{R}/{{variant}}cultures/{{model}}/{{sae}}/{NORMS}.tsv"),
    }
if STEERED:
    PIECES |= {
        "steering": expand(f"{R}/steering/{{model}}/{SAE}/{{language}}/{{emotion}}/scores.tsv", model=STEERED, language=LANGUAGES, emotion=EMOTIONS),
        **{
            f"steering_{t}": expand(f"{R}/steering/{{model}}/{SAE}/{{language}}/{t}.tsv", model=STEERED, language=LANGUAGES)
            for t in ("chosen", "differences", "pooled", "confusion")
        },
        "judges": expand(f"{R}/judges/{{language}}.json", language=LANGUAGES),
    }
TABLE_FILES = [f"{R}/tables/{t}.csv" for t in PIECES]
# Committed inputs; not the journal or what was downloaded, which stand beside them.
RESOURCES = {
    str(f.relative_to(BASE)): code_of_file(f)
    for f in sorted([*(BASE / "resources").glob("*.tsv"), *(BASE / "resources").glob("*/*.t[sx][vt]")])
    if f.parent.name not in ("journal", "retrieved")
}
IDENTITIES = {
    "study_root": R,
    "controls": {r["model"]: r["control"] for r in TABLES["models"]},
    "human_language": {k: human_row("judgements", HUMAN, k)["human_language"] for k in LANGUAGES},
    "root_seed": config["root_seed"],
}


for TABLE, FILES in PIECES.items():

    rule:
        name:
            f"collect_{TABLE}"
        input:
            FILES,
        output:
            f"{R}/tables/{TABLE}.csv",
        log:
            f"{LOGS}/collect_table/{TABLE}.log",
        benchmark:
            f"{BENCH}/collect_table/{TABLE}.tsv"
        params:
            table=TABLE,
            identities=IDENTITIES,
            code=code("collect_table"),
        script:
            "../scripts/collect_table.py"


rule judge_claims:
    input:
        tables=TABLE_FILES,
        notes=expand(f"{R}/ratings/{{model}}/{SAE}/{{language}}/{NORMS}/notes.json", model=config["models"], language=LANGUAGES),
        steering=expand(f"{R}/steering/{{model}}/{SAE}/{{language}}/claim.tsv", model=STEERED, language=LANGUAGES),
    output:
        claims=f"{R}/claims.json",
        table=report(f"{R}/claims.html", category="1 Claims", caption="../report/claims.rst"),
    log:
        f"{LOGS}/judge_claims/claims.log",
    benchmark:
        f"{BENCH}/judge_claims/claims.tsv"
    params:
        root=R,
        note=BANNER,
        study={
            "models": config["models"],
            "languages": LANGUAGES,
            "pair": PAIR,
            "sae": SAE,
            "human": HUMAN,
            "norms": NORMS,
            "margin": config["ratings"]["margin"],
            "steering_margin": config["steering"]["margin"],
        },
        code=code("judge_claims"),
    script:
        "../scripts/judge_claims.py"


def code_of_rules():
    """What the code of each rule is known by: digests, or the version of what the journal keeps."""
    found = {}
    for r in workflow.rules:
        script = BASE / "workflow/scripts" / Path(r.script or "none").name
        if script.is_file():
            known = {k: v for k, v in r.params.items() if k in ("code", "version")}
            found[r.name] = {"script": code_of_file(script), **known}
    return found


# Again whenever any final file is made again: provenance beside files of other code would be false.
rule record_provenance:
    input:
        claims=f"{R}/claims.json",
        final=lambda w: sorted({f"{R}/claims.html", *TABLE_FILES, *FIGURES}),
        revisions=[f"{RETRIEVED}/revisions.json"] if HUB_MODELS else [],
    output:
        provenance=f"{R}/provenance.json",
        config=f"{R}/run_config.yaml",
        first=f"{R}/report.rst",
    log:
        f"{LOGS}/record_provenance/provenance.log",
    params:
        config={k: v for k, v in config.items() if k != "force"},
        root=R,
        folder=str(BASE),
        banner=BANNER,
        text=(BASE / "workflow/report/workflow.rst").read_text(encoding="utf-8"),
        models=HUB_MODELS,
        tables={name: code_of_file(BASE / "config" / f"{name}.tsv") for name in TABLES if name != "emotions"},
        resources=RESOURCES,
        rules=lambda w: code_of_rules(),
        code=code("record_provenance"),
    script:
        "../scripts/record_provenance.py"
