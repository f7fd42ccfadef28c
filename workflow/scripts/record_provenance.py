"""What was run and what came out: code, packages, machine, configuration, tables, final files; the report's first
screen.
"""

from pathlib import Path

import yaml

from shared_affect.base.files import read_json, write_json, write_text
from shared_affect.base.log import start_log
from shared_affect.results.show import digest_of_output, more_said, rst
from shared_affect.study.provenance import describe_run


def record_provenance(claims, final, revisions, out_provenance, out_config, out_first, *, run, places, config, text):
    """Write down a run beside its results.

    Parameters
    ----------
    claims : path
        Verdicts (json).
    final : list of path
        Other final files, of which digests are kept.
    revisions : dict of model -> dict
        Commits of the models that came from a hub.
    out_provenance, out_config, out_first : path
        The run (json), its settings (yaml), the first screen of the report (rst).
    run : dict
        What is told besides: `banner`, `config_tables`, `resources`, `code_of_rules`, `texts_of_saes`.
    places : tuple of path
        Folder of the results, and of the code.
    config : dict
        All settings.
    text : str
        What was done, in words (rst).
    """
    root, folder = places
    outputs = {str(Path(f).relative_to(root)): digest_of_output(f) for f in sorted([claims, *final])}
    described = describe_run(revisions, folder) | run | {"outputs": outputs}
    write_json(out_provenance, described)
    write_text(out_config, yaml.safe_dump(config, allow_unicode=True, sort_keys=True))
    write_text(out_first, rst(read_json(claims), described, more_said(Path(root))) + text)


if __name__ == "__main__":
    start_log(snakemake.log[0])
    p, i, o = snakemake.params, snakemake.input, snakemake.output
    fetched = read_json(i.revisions[0]) if p.models else {}
    texts = {str(Path(f).parent.relative_to(p.root)): read_json(f).get("texts") for f in i.trained}
    run = dict(
        banner=p.banner, config_tables=p.tables, resources=p.resources, code_of_rules=p.rules, texts_of_saes=texts
    )
    files = (i.claims, i.final, {m: fetched[m] for m in p.models}, o.provenance, o.config, o.first)
    record_provenance(*files, run=run, places=(p.root, p.folder), config=p.config, text=p.text)
