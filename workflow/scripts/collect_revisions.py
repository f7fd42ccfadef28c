"""Which commit every fetched model, SAE and judge is, in one file."""

from shared_affect.base.files import write_json
from shared_affect.base.log import start_log
from shared_affect.models import hub


def collect_revisions(folder, saes, judges, out):
    """Gather the ``revision.json`` of every model, every judge, and every SAE that came from a repository.

    Parameters
    ----------
    folder : path
        Folder with one folder a model.
    saes : path
        Folder with one folder an SAE within one a model.
    judges : path
        Folder with one folder a language within one a judge.
    out : path
        Model, or model and SAE, or judge -> id, revision and commit (json).
    """
    write_json(out, hub.collect_revisions(folder, saes, judges))


if __name__ == "__main__":
    start_log(snakemake.log[0])
    p = snakemake.params
    collect_revisions(p.folder, p.saes, p.judges, snakemake.output[0])
