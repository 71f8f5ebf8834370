"""Themes of the figures: colour-blind safe colours for light pages, dark pages and print."""

import io
import warnings
from pathlib import Path
from typing import Any

import matplotlib
from matplotlib.figure import Figure

from kerasclf.files.writing import write_bytes

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
    with matplotlib.rc_context({"svg.hashsalt": "kerasclf"}), warnings.catch_warnings():
        # Names in other scripts than matplotlib's own font has, or too long ones, stand in the tables of the page.
        warnings.filterwarnings("ignore", "Glyph .* missing from font|constrained_layout not applied", UserWarning)
        figure.savefig(buffer, format=form, metadata=metadata)
    return buffer.getvalue()


def save_figure(figure: Figure, path: Path) -> dict[str, bytes]:
    """Saves a figure atomically as PATH.png and PATH.svg, and returns the bytes of both."""
    forms = {form: figure_bytes(figure, form) for form in ("png", "svg")}
    _write_forms(forms, path)
    return forms


def save_new_figure(figure: Figure, path: Path) -> Path:
    """Saves a figure as `save_figure` does, but replaces no other figure: the name becomes PATH-2, PATH-3, ….

    Returns:
        The path without suffix. The same figure keeps its name.
    """
    forms = {form: figure_bytes(figure, form) for form in ("png", "svg")}
    number, free = 1, path
    while (png := _with_suffix(free, "png")).exists() and png.read_bytes() != forms["png"]:
        number += 1
        free = path.with_name(f"{path.name}-{number}")
    _write_forms(forms, free)
    return free


def _write_forms(forms: dict[str, bytes], path: Path) -> None:
    for form, raw in forms.items():
        write_bytes(_with_suffix(path, form), raw)


def _with_suffix(path: Path, form: str) -> Path:
    """Returns a path with a suffix behind its name, which may contain a dot."""
    return path.with_name(f"{path.name}.{form}")
