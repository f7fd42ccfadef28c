"""What is asked of the Hugging Face hub for a row of a table, and its refusals in words that name the row."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

COMMIT = re.compile(r"[0-9a-f]{40}")

T = TypeVar("T")


@dataclass(frozen=True)
class HubRow:
    """A row whose files stand on the hub, as messages name it.

    Attributes
    ----------
    name : str
        What it is and its key: ``model gemma-2-2b``, ``SAE gemma-2-2b primary``.
    table : str
        Where it is changed.
    """

    name: str
    table: str = "config/models.tsv"

    @classmethod
    def of(cls, row: str | HubRow) -> HubRow:
        """A row as it is, or that of a model by its name."""
        return row if isinstance(row, HubRow) else cls(f"model {row}")


def licence_message(repository: str, row: str | HubRow) -> str:
    """What to do about a gated repository."""
    row = HubRow.of(row)
    return (
        f"{row.name}: {repository} is gated and no token with access to it was found; accept its licence on"
        f" https://huggingface.co/{repository} and set the variable HF_TOKEN to a token of the same account"
        f" ({row.table}, column id)"
    )


def resolve_revision(repository: str, revision: str, row: str | HubRow) -> str:
    """The commit that a branch or tag stands for now; a commit stands for itself without asking anyone.

    Parameters
    ----------
    repository : str
        ``owner/name``.
    revision : str
        Commit, branch or tag.
    row : HubRow, or a model's name
        Named in messages.

    Raises
    ------
    ValueError
        If the repository is gated and there is no access, or it or the revision does not exist.
    ConnectionError
        If the hub cannot be reached.
    """
    if COMMIT.fullmatch(revision):
        return revision
    from huggingface_hub import HfApi

    found = asked(lambda: HfApi().model_info(repository, revision=revision).sha, repository, revision, row)
    if found is None or not COMMIT.fullmatch(found):
        row = HubRow.of(row)
        raise ValueError(
            f"{row.name}: the hub gives no commit for {repository} at {revision!r} ({row.table}, column revision)"
        )
    return found


def files_of(repository: str, revision: str, row: str | HubRow) -> list[str]:
    """Names of a repository's files at a revision; errors as `resolve_revision`."""
    from huggingface_hub import HfApi

    info = asked(lambda: HfApi().model_info(repository, revision=revision), repository, revision, row)
    return sorted(f.rfilename for f in info.siblings or [])


def asked(question: Callable[[], T], repository: str, revision: str, row: str | HubRow) -> T:
    """Answer of the hub, its refusals in words that name row and remedy."""
    import httpx2
    from huggingface_hub.errors import (
        GatedRepoError,
        LocalEntryNotFoundError,
        OfflineModeIsEnabled,
        RepositoryNotFoundError,
        RevisionNotFoundError,
    )

    row = HubRow.of(row)
    try:
        return question()
    except GatedRepoError:
        raise ValueError(licence_message(repository, row)) from None
    except RepositoryNotFoundError:
        raise ValueError(
            f"{row.name}: the hub knows no {repository!r}, or shows it to no one without a token; check the spelling"
            f" ({row.table}, column id) or set HF_TOKEN"
        ) from None
    except RevisionNotFoundError:
        raise ValueError(
            f"{row.name}: {repository} has no revision {revision!r} ({row.table}, column revision)"
        ) from None
    except (httpx2.TransportError, LocalEntryNotFoundError, OfflineModeIsEnabled) as error:
        raise ConnectionError(
            f"{row.name}: {repository} at {revision} is not in the cache and the hub could not be reached"
            f" ({type(error).__name__}); run the retrieve rules on a machine with a network, or copy the files and give"
            f" their folder ({row.table}, columns source and path)"
        ) from None
