# Downloads of published data.
# Inputs: config/sources.tsv (address, sha256, terms), rows with download = true.
# Outputs: resources/retrieved/data/{folder}/{file}. Only what a study needs is fetched, and nothing that stands in data_dir.
# Files that may not be downloaded are read from data_dir alone; study.smk says where to get them.


rule retrieve_data:
    output:
        f"{RETRIEVED}/data/{{folder}}/{{file}}",
    log:
        "logs/retrieve_data/{folder}/{file}.log",
    wildcard_constraints:
        folder="|".join(re.escape(f) for f in sorted({r["folder"] for r in TABLES["sources"] if r["download"]})),
        file="[^/]+",
    localrule: True
    params:
        source=lambda w: {k: row("sources", folder=w.folder, file=w.file)[k] for k in ("url", "sha256", "terms")},
    script:
        "../scripts/retrieve_data.py"
