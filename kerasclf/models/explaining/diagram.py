"""A network's diagram in a file: text on any machine, an image where graphviz is installed."""

import importlib.util
import shutil
from pathlib import Path

import keras

from kerasclf.errors import KerasclfError
from kerasclf.files import write_text
from kerasclf.models.explaining.drawing import draw

IMAGES = (".png", ".svg", ".pdf")
TEXT = ".txt"


def check_diagram(path: Path) -> None:
    """Checks the name of a diagram's file, before anything is built.

    Raises:
        KerasclfError: Its ending is none of those that can be written, or its folder does not exist.
    """
    if path.suffix.lower() not in (*IMAGES, TEXT):
        known = ", ".join([*IMAGES, TEXT])
        raise KerasclfError(f"The diagram: expected a file name that ends in one of {known}. Received: {path.name!r}.")
    if not path.parent.is_dir():
        raise KerasclfError(f"The diagram: the folder {path.parent} does not exist.")


def write_diagram(model: keras.Model, path: Path) -> str:
    """Writes a diagram: an image by `keras.utils.plot_model`, or the drawing of `draw` where the name ends in .txt.

    Returns:
        What must be installed before an image can be written; empty where the file was written.

    Raises:
        KerasclfError: The file's name cannot be used.
    """
    check_diagram(path)
    if path.suffix.lower() == TEXT:
        write_text(path, draw(model) + "\n")
    elif missing := _missing():
        return missing
    else:
        keras.utils.plot_model(model, str(path), show_shapes=True, show_layer_names=True, dpi=96)
    return ""


def _missing() -> str:
    missing = [] if importlib.util.find_spec("pydot") else ["pydot (pip install pydot)"]
    if not shutil.which("dot"):
        missing.append("graphviz (apt install graphviz, brew install graphviz)")
    return " and ".join(missing)
