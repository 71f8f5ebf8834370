"""Themes of the figures: colour-blind safe colours for light pages, dark pages and print."""

import io
from pathlib import Path
from typing import Any

import matplotlib
from matplotlib.figure import Figure

from kerasclf.files import write_bytes

# The palette of Okabe and Ito without yellow, which is faint on white. `color_of` adds two colours of the theme.
_PALETTE = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#56B4E9", "#E69F00")
_LIGHT = {"ink": "#1c1e21", "soft": "#5c6370", "grid": "#e4e4e4", "paper": "#ffffff"}
_DARK = {"ink": "#e6e8eb", "soft": "#a0a7b4", "grid": "#33383f", "paper": "#16181c"}
_COLORS = {"light": _LIGHT, "dark": _DARK}

THEMES = tuple(_COLORS)
_STYLES = ("-", "--", "-.", ":")
_WIDEST, _THINNEST = 3.4, 1.4  # points


def settings(theme: str) -> dict[str, Any]:
    """Returns the matplotlib settings of a theme."""
    colors = _COLORS[theme]
    return {
        "font.size": 10,
        "axes.spines.top": False,
        "axes.spines.right": False,
        "axes.grid": True,
        "axes.axisbelow": True,
        "axes.edgecolor": colors["soft"],
        "axes.facecolor": colors["paper"],
        "axes.labelcolor": colors["ink"],
        "axes.titlecolor": colors["ink"],
        "grid.color": colors["grid"],
        "text.color": colors["ink"],
        "xtick.color": colors["soft"],
        "ytick.color": colors["soft"],
        "xtick.labelcolor": colors["ink"],
        "ytick.labelcolor": colors["ink"],
        "figure.facecolor": colors["paper"],
        "figure.constrained_layout.use": True,
        "savefig.dpi": 150,
    }


def ink(theme: str) -> str:
    """Returns the colour of text."""
    return _COLORS[theme]["ink"]


def soft(theme: str) -> str:
    """Returns the colour of secondary elements."""
    return _COLORS[theme]["soft"]


def paper(theme: str) -> str:
    """Returns the background colour."""
    return _COLORS[theme]["paper"]


def color_of(index: int, theme: str) -> str:
    """Returns the colour of the experiment at an index in the study."""
    palette = (*_PALETTE, ink(theme), soft(theme))
    return palette[index % len(palette)]


def line_of(index: int, count: int, theme: str) -> dict[str, Any]:
    """Returns the settings of an experiment's line, such that lines with the same values can all be seen.

    Each line is thinner than the one that is drawn before, and most have dashes. Colour is therefore never the only
    difference between two experiments.

    Args:
        index: Index of the experiment in the study.
        count: Number of experiments.
        theme: light or dark.
    """
    repeated = index // (len(_PALETTE) + 2)  # Experiments that share a colour get different dashes.
    return {
        "color": color_of(index, theme),
        "linestyle": _STYLES[(index + repeated) % len(_STYLES)],
        "linewidth": _THINNEST + (_WIDEST - _THINNEST) * (1 - index / max(count - 1, 1)) if count > 1 else 1.8,
    }


def figure_bytes(figure: Figure, form: str) -> bytes:
    """Returns a figure as PNG or SVG."""
    buffer = io.BytesIO()
    # Without version, date and random ids, the same figure gives the same bytes.
    metadata = {"Software": None} if form == "png" else {"Date": None}
    with matplotlib.rc_context({"svg.hashsalt": "kerasclf"}):
        figure.savefig(buffer, format=form, metadata=metadata)
    return buffer.getvalue()


def save_figure(figure: Figure, path: Path) -> dict[str, bytes]:
    """Saves a figure atomically as PATH.png and PATH.svg, and returns the bytes of both."""
    forms = {form: figure_bytes(figure, form) for form in ("png", "svg")}
    for form, raw in forms.items():
        write_bytes(path.with_name(f"{path.name}.{form}"), raw)
    return forms
