"""How figures look: colours that the colour-blind tell apart, on a light page, a dark one, and on paper."""

import io
from pathlib import Path
from typing import Any

import matplotlib
from matplotlib.figure import Figure

from kerasclf.files import write_bytes

# Okabe and Ito's palette, without its yellow, which is faint on white; the last two change with the theme.
_PALETTE = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#56B4E9", "#E69F00")
_LIGHT = {"ink": "#1c1e21", "soft": "#5c6370", "grid": "#e4e4e4", "paper": "#ffffff"}
_DARK = {"ink": "#e6e8eb", "soft": "#a0a7b4", "grid": "#33383f", "paper": "#16181c"}
_COLORS = {"light": _LIGHT, "dark": _DARK}

THEMES = tuple(_COLORS)
_STYLES = ("-", "--", ":")


def settings(theme: str) -> dict[str, Any]:
    """Returns matplotlib's settings for a theme."""
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
    """Returns the colour of writing."""
    return _COLORS[theme]["ink"]


def soft(theme: str) -> str:
    """Returns the colour of what should not catch the eye."""
    return _COLORS[theme]["soft"]


def paper(theme: str) -> str:
    """Returns the colour of the background."""
    return _COLORS[theme]["paper"]


def color_of(place: int, theme: str) -> str:
    """Returns the colour of an experiment by its place in the study."""
    palette = (*_PALETTE, ink(theme), soft(theme))
    return palette[place % len(palette)]


def style_of(place: int) -> str:
    """Returns the line style that tells experiments of one colour apart."""
    return _STYLES[place // (len(_PALETTE) + 2) % len(_STYLES)]


def figure_bytes(figure: Figure, form: str) -> bytes:
    """Returns a figure as PNG or SVG."""
    buffer = io.BytesIO()
    nothing = {"Software": None} if form == "png" else {"Date": None}
    with matplotlib.rc_context({"svg.hashsalt": "kerasclf"}):  # the same figure gives the same bytes
        figure.savefig(buffer, format=form, metadata=nothing)
    return buffer.getvalue()


def save_figure(figure: Figure, path: Path) -> dict[str, bytes]:
    """Saves a figure as PATH.png and PATH.svg, each atomically, and returns the bytes of both."""
    forms = {form: figure_bytes(figure, form) for form in ("png", "svg")}
    for form, raw in forms.items():
        write_bytes(path.with_name(f"{path.name}.{form}"), raw)
    return forms
