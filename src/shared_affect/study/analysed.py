"""Which SAEs a study analyses: the one that makes claims, and those that stand beside it in the profile of layers and
widths.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TypeVar

from shared_affect.base.reading import shown
from shared_affect.study.config import PLACE, ConfigError, hint, listing

PRIMARY, ALL = "primary", "all"
"""Words of the key ``saes``; anything else is a list of names."""

Row = TypeVar("Row", bound=Mapping)


def models_of(config: Mapping) -> list[str]:
    """All models of a study, those that make claims first."""
    return [*config["models"], *config["control_models"]]


def analysed(config: Mapping, saes: Sequence[Row], model: str) -> list[Row]:
    """Rows of a model's SAEs that a study analyses, in the table's order; the primary one is always among them.

    Parameters
    ----------
    config : mapping
        ``primary_sae, saes``.
    saes : rows of ``config/saes.tsv``
    model : str

    Examples
    --------
    >>> rows = [{"model": "m", "sae": s} for s in ("l9", "main", "l31")] + [{"model": "n", "sae": "main"}]
    >>> for asked in ("primary", "all", ["l31"]):
    ...     config = {"primary_sae": "main", "saes": asked}
    ...     print([r["sae"] for r in analysed(config, rows, "m")], [r["sae"] for r in analysed(config, rows, "n")])
    ['main'] ['main']
    ['l9', 'main', 'l31'] ['main']
    ['main', 'l31'] ['main']
    """
    own, asked = [r for r in saes if r["model"] == model], config["saes"]
    if asked == ALL:
        return own
    names = [] if asked == PRIMARY else list(asked)
    return [r for r in own if r["sae"] in (config["primary_sae"], *names)]


def names_of(config: Mapping, saes: Sequence[Mapping]) -> list[str]:
    """Names of all SAEs that a study analyses, each once."""
    return list(dict.fromkeys(r["sae"] for m in models_of(config) for r in analysed(config, saes, m)))


def lacking(config: Mapping, saes: Sequence[Mapping]) -> list[str]:
    """A sentence for each SAE that the study names and some of its models do not have."""
    said = []
    for name in [] if isinstance(config["saes"], str) else config["saes"]:
        having = [r["model"] for r in saes if r["sae"] == name]
        has = [m for m in models_of(config) if m in having]
        if without := [m for m in models_of(config) if m not in having]:
            said.append(
                f"SAE {shown(name)} of the key saes belongs to {', '.join(has)}, and there is none of that name for"
                f" {', '.join(without)} (config/saes.tsv): the profile is without it there"
            )
    return said


def check(config: Mapping, saes: Sequence[Mapping]) -> None:
    """Every model has the primary SAE, and every SAE that is named belongs to a model that makes claims.

    A name that only some of the models have is taken: models of unlike depth have unlike SAEs (`lacking` says which).

    Raises
    ------
    ConfigError
        With the name found, those that the models have, and where they stand.
    """
    for model in models_of(config):
        own = [r["sae"] for r in saes if r["model"] == model]
        if config["primary_sae"] not in own:
            raise ConfigError(
                f"{PLACE}: key primary_sae is {shown(config['primary_sae'])}; allowed for model {model!r}:"
                f" {listing(own) or 'none'} (config/saes.tsv)"
            )
    known = list(dict.fromkeys(r["sae"] for m in config["models"] for r in saes if r["model"] == m))
    for name in [] if isinstance(config["saes"], str) else config["saes"]:
        if name not in known:
            held = "; ".join(
                f"{m} has {listing([r['sae'] for r in saes if r['model'] == m])}" for m in config["models"]
            )
            raise ConfigError(
                f"{PLACE}: key saes names {shown(name)}{hint(name, known)}; allowed: {PRIMARY}, {ALL}, or a list of"
                f" SAEs of one or more of the models: {held} (config/saes.tsv)"
            )
