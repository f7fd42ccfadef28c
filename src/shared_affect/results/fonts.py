"""One committed font for all figures: none of the machine is needed, and a missing character is an error."""

from __future__ import annotations

import contextlib
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import matplotlib as mpl
from matplotlib.font_manager import FontProperties, fontManager
from matplotlib.typing import RcKeyType

STYLE: dict[RcKeyType, Any] = {
    "font.size": 8,
    "axes.titlesize": 9,
    "axes.labelsize": 8,
    "xtick.labelsize": 7,
    "ytick.labelsize": 7,
    "legend.fontsize": 7,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.linewidth": 0.6,
    "xtick.major.width": 0.6,
    "ytick.major.width": 0.6,
    "xtick.major.size": 2.5,
    "ytick.major.size": 2.5,
    "axes.titlelocation": "left",
    "legend.frameon": False,
    "figure.facecolor": "white",
    "axes.unicode_minus": True,
    "mathtext.default": "regular",
}


def register_font(path: str | Path) -> str:
    """Make a font file known to matplotlib and return its family name.

    Raises
    ------
    ValueError
        If the file is not there.
    """
    if not Path(path).is_file():
        raise ValueError(f"font {path} is not a file; needed: the committed font in resources/fonts")
    name = FontProperties(fname=str(path)).get_name()
    if str(path) not in {f.fname for f in fontManager.ttflist}:
        fontManager.addfont(str(path))
    return name


@contextlib.contextmanager
def figure_style(font: str | Path) -> Iterator[None]:
    """Matplotlib settings of every figure, for the block only; a character that the font lacks raises inside it.

    Parameters
    ----------
    font : path
        Font file; all text is set in it.
    """
    family = register_font(font)
    with mpl.rc_context({**STYLE, "font.family": family}), warnings.catch_warnings():
        warnings.filterwarnings("error", message=r"Glyph .* missing from")
        yield
