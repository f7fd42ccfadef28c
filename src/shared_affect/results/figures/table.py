"""The figures of a study: one row each. The workflow emits a rule for each row, and `draw` draws it.

A new figure is a room beside this one, a row here and a caption in workflow/report. A room is entered when its figure
is drawn: who reads this table needs no plotting library.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.figure import Figure

    from shared_affect.results.figures.spaces import Space
    from shared_affect.results.panels import Names

SPACE = ("coordinates", "spaces", "judgements", "affect")
"""Files of one model and language, for a figure of the spaces themselves (`spaces.read_spaces`)."""


@dataclass(frozen=True)
class Material:
    """What a figure may be drawn from.

    Attributes
    ----------
    tables : mapping of table name -> DataFrame
        Published tables.
    names : Names
    spaces : sequence of Space
        Of the main study; none for a figure that shows no space.
    max_nll_ratio : float
        The claims' limit of fluency.
    """

    tables: Mapping[str, pd.DataFrame]
    names: Names
    spaces: Sequence[Space]
    max_nll_ratio: float


@dataclass(frozen=True)
class FigureOf:
    """A row of the table.

    Attributes
    ----------
    name : str
        As in its files' names; its caption is workflow/report/figure{name}.rst.
    shows : str
        Title in the report.
    tables : tuple of str
        Published tables that it reads, where the study has them.
    draw : function of `Material`
        The figure and its source data.
    files : tuple of str
        Kinds of other files that it reads, one for each model and language.
    needs : {"", "steering", "profile"}
        Only where texts were steered, or where some model was read through several SAEs (`planning.grid.Kind`).
    """

    name: str
    shows: str
    tables: tuple[str, ...]
    draw: Callable[[Material], tuple[Figure, pd.DataFrame]]
    files: tuple[str, ...] = ()
    needs: str = ""


ROWS = (
    FigureOf(
        "1",
        "Emotion spaces",
        ("rsa", "dimensions"),
        lambda m: import_module("shared_affect.results.figures.spaces").draw_spaces(m.spaces, m.tables, m.names),
        files=SPACE,
    ),
    FigureOf(
        "2",
        "Congruence with judgements",
        ("rsa",),
        lambda m: import_module("shared_affect.results.figures.congruence").draw_congruence(m.tables, m.names),
    ),
    FigureOf(
        "3",
        "Ratings and shared features",
        ("ratings", "shared_features", "shared_overlap", "cultures"),
        lambda m: import_module("shared_affect.results.figures.ratings").draw_ratings(m.tables, m.names),
    ),
    FigureOf(
        "4",
        "Steering",
        ("steering", "steering_chosen", "steering_pooled"),
        lambda m: import_module("shared_affect.results.figures.steering").draw_steering(
            m.tables, m.names, max_nll_ratio=m.max_nll_ratio
        ),
        needs="steering",
    ),
    FigureOf(
        "S1",
        "Negative controls",
        ("rsa", "ratings", "shared_features"),
        lambda m: import_module("shared_affect.results.figures.controls").draw_controls(m.tables),
    ),
    FigureOf(
        "S2",
        "Layers and widths",
        ("layer_profile",),
        lambda m: import_module("shared_affect.results.figures.profile").draw_profile(m.tables, m.names),
        needs="profile",
    ),
    FigureOf(
        "S3",
        "Beyond simpler dissimilarities",
        ("rsa",),
        lambda m: import_module("shared_affect.results.figures.beyond").draw_beyond(m.tables, m.names),
    ),
    FigureOf(
        "S4",
        "Every space against every other",
        ("space_pairs",),
        lambda m: import_module("shared_affect.results.figures.matrix").draw_matrix(m.tables, m.names),
    ),
)
FIGURES = {f.name: f for f in ROWS}
