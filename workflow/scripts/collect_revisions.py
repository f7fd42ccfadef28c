"""Which commit every fetched model and SAE is, in one file."""

from shared_affect.base.files import write_json
from shared_affect.base.log import start_log
from shared_affect.models import hub


def collect_revisions(folder, saes, out):
    """Gather the ``revision.json`` of every model, and of every SAE that came from a repository.

    Parameters
    ----------
    folder : path
        Folder with one folder a model.
    saes : path
        Folder with one folder an SAE within one a model.
    out : path
        Model, or model and SAE -> id, revision and commit (json).
    """
    write_json(out, hub.collect_revisions(folder, saes))


if __name__ == "__main__":
    start_log(snakemake.log[0])
    collect_revisions(snakemake.params.folder, snakemake.params.saes, snakemake.output[0])
