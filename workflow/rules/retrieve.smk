# Downloads of published data.
# Inputs: config/sources.tsv (address, sha256, terms), rows with download = true.
# Outputs: resources/retrieved/data/{folder}/{file}. Only what a study needs is fetched, and nothing that stands in
# data_dir. Files that may not be downloaded are read from data_dir alone; study.smk says where to get them.
import re


rule retrieve_data:
    output:
        "<retrieved>/data/{folder}/{file}",
    log:
        "logs/retrieve_data/{folder}/{file}.log",
    wildcard_constraints:
        folder="|".join(re.escape(f) for f in sorted({r["folder"] for r in STUDY.tables["sources"] if r["download"]})),
        file="|".join(re.escape(f) for f in sorted({r["file"] for r in STUDY.tables["sources"] if r["download"]})),
    localrule: True
    params:
        source=lambda w: STUDY.cells("sources", ("url", "sha256", "terms"), folder=w.folder, file=w.file),
    script:
        "../scripts/retrieve_data.py"
