# Published tables, claims, figures, provenance.
# Inputs: everything above, for every model, SAE, language and variant of the study.
# Outputs: <results>/tables/*.csv, <results>/claims.json, <results>/figures/*, <results>/provenance.json,
# <results>/run_config.yaml, <results>/report.rst.
IN_REPORT = ("rsa_profiles", "validity")  # tables that no claim and no figure shows
TABLE_FILES = {table: f"{STUDY.results}/tables/{table}.csv" for table in STUDY.grid.tables}


for TABLE, OUTPUT in TABLE_FILES.items():
    PIECES = STUDY.grid.files(TABLE)

    rule:
        name:
            f"collect_{TABLE}"
        input:
            list(PIECES),
        output:
            (
                report(
                    OUTPUT, category="3 Beside the claims", caption=f"../report/{TABLE}.rst", labels={"table": TABLE}
                )
                if TABLE in IN_REPORT
                else OUTPUT
            ),
        log:
            f"<logs>/collect_table/{TABLE}.log",
        benchmark:
            f"<benchmarks>/collect_table/{TABLE}.tsv"
        resources:
            **needs("collect_table"),
        params:
            table=TABLE,
            # whose each file is, by its name
            identities=PIECES,
            root_seed=config["root_seed"],
            code=code("collect_table"),
        script:
            "../scripts/collect_table.py"


if STUDY.is_profiled:

    # One SAE in one language: what the table of layers and widths says of it. No claim reads it.
    rule profile_sae:
        input:
            running="<results>/features/{model}/{sae}/{language}/running_text.npz",
            use="<results>/feature_use/{model}/{sae}/{language}.tsv",
            reproducibility="<results>/reproducibility/{model}/{sae}/{language}.tsv",
            rsa=f"<results>/rsa/{{model}}/{{sae}}/{{language}}/{STUDY.human}.tsv",
            ratings=expand(
                f"<results>/ratings/{{model}}/{{sae}}/{{language}}/{STUDY.norms}/{{dimension}}.tsv",
                dimension=config["dimensions"],
                allow_missing=True,
            ),
            notes=f"<results>/ratings/{{model}}/{{sae}}/{{language}}/{STUDY.norms}/notes.json",
        output:
            "<results>/layer_profile/{model}/{sae}/{language}.tsv",
        log:
            "<logs>/profile_sae/{model}/{sae}/{language}.log",
        benchmark:
            "<benchmarks>/profile_sae/{model}/{sae}/{language}.tsv"
        resources:
            **needs("profile_sae"),
        params:
            layer=lambda w: STUDY.row("saes", model=w.model, sae=w.sae)["layer"],
            primary=STUDY.sae,
            people=lambda w: STUDY.data.people(w.language),
            code=code("profile_sae"),
        script:
            "../scripts/profile_sae.py"


# What could not be tested and why: notes of the main study's predictions.
NOTES = STUDY.grid.notes()
CLAIMED = {table: TABLE_FILES[table] for table in STUDY.grid.claimed}


rule judge_claims:
    input:
        tables=list(CLAIMED.values()),
        notes=list(NOTES),
        steering=expand(
            f"<results>/steering/{{model}}/{STUDY.sae}/{{language}}/claim.tsv",
            model=STUDY.steered,
            language=STUDY.languages,
        ),
    output:
        claims="<results>/claims.json",
        table=report("<results>/claims.html", category="1 Claims", caption="../report/claims.rst"),
    log:
        "<logs>/judge_claims/claims.log",
    benchmark:
        "<benchmarks>/judge_claims/claims.tsv"
    resources:
        **needs("judge_claims"),
    params:
        tables=CLAIMED,
        notes=NOTES,
        note=STUDY.banner,
        study={
            "models": STUDY.claiming,
            "languages": STUDY.languages,
            "pair": STUDY.pair,
            "sae": STUDY.sae,
            "human": STUDY.human,
            "norms": STUDY.norms,
            "margin": config["ratings"]["margin"],
            "steering_margin": config["steering"]["margin"],
        },
        code=code("judge_claims"),
    script:
        "../scripts/judge_claims.py"


# Again whenever any final file is made again: provenance beside files of other code would be false.
rule record_provenance:
    input:
        claims="<results>/claims.json",
        final=lambda w: sorted({f"{STUDY.results}/claims.html", *TABLE_FILES.values(), *FIGURES}),
        revisions=["<retrieved>/revisions.json"] if STUDY.from_hub else [],
        trained=[f"{STUDY.row_path(r)}/facts.json" for r in STUDY.saes if r["source"] == "trained"],
    output:
        provenance="<results>/provenance.json",
        config="<results>/run_config.yaml",
        first="<results>/report.rst",
    log:
        "<logs>/record_provenance/provenance.log",
    resources:
        **needs("record_provenance"),
    params:
        config={k: v for k, v in config.items() if k != "force"},
        root=STUDY.results,
        folder=str(BASE),
        banner=STUDY.banner,
        text=(BASE / "workflow/report/workflow.rst").read_text(encoding="utf-8"),
        models=STUDY.from_hub,
        tables=CHECKOUT.digests_of_tables(),
        resources=CHECKOUT.digests_of_resources(),
        rules=lambda w: code_of_rules(),
        code=code("record_provenance"),
    script:
        "../scripts/record_provenance.py"
