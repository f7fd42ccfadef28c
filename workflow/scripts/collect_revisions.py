"""Which commit every fetched model is, in one file."""

from shared_affect.base.files import write_json
from shared_affect.base.log import start_log
from shared_affect.models import hub


def collect_revisions(folder, out):
    """Gather the ``revision.json`` of every model.

    Parameters
    ----------
    folder : path
        Folder with one folder a model.
    out : path
        Model -> id, revision and commit (json).
    """
    write_json(out, hub.collect_revisions(folder))


if __name__ == "__main__":
    start_log(snakemake.log[0])
    collect_revisions(snakemake.params.folder, snakemake.output[0])
