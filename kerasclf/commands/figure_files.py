"""The files of the figures that `kerasclf show` draws: a figure replaces another one only if the user asks for it."""

from pathlib import Path
from typing import TYPE_CHECKING

from kerasclf.errors import FolderError

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_FORMS = (".png", ".svg")


def is_figure(out: Path | None) -> bool:
    """Returns whether `out` is the name of a figure, not its folder."""
    return out is not None and out.suffix in _FORMS


def check_named_figure(out: Path | None, overwrite: bool) -> None:
    """Checks that no file of a figure with a name of its own exists.

    Raises:
        FolderError: If one does, and must not be replaced.
    """
    if out is None or not is_figure(out) or overwrite:
        return
    for path in map(out.with_suffix, _FORMS):
        if path.exists():
            raise FolderError(f"{path} already exists. Give `overwrite` to replace it, or another name as `out`.")


def save_shown(figure: "Figure", path: Path, replace: bool) -> Path:
    """Saves a figure as PATH.png and PATH.svg, and returns its path without suffix.

    Args:
        figure: The figure.
        path: Its path without suffix.
        replace: Whether to replace another figure of this name. Otherwise, the name becomes PATH-2, PATH-3, ….
    """
    from kerasclf.report.figures.themes import save_figure, save_new_figure

    if not replace:
        return save_new_figure(figure, path)
    save_figure(figure, path)
    return path
