"""Writes the diagram of a network to a file: text on any machine, an image if graphviz is installed."""

import importlib.util
import shutil
from pathlib import Path

import keras

from kerasclf.errors import KerasclfError
from kerasclf.extras import install_command
from kerasclf.files.writing import write_text
from kerasclf.models.explaining.drawing import draw

IMAGES = (".png", ".svg", ".pdf")
TEXT = ".txt"


def check_diagram(path: Path) -> None:
    """Checks the file name of a diagram before the network is built.

    Args:
        path: The file.

    Raises:
        KerasclfError: If its ending is unknown, or its folder does not exist.
    """
    if path.suffix.lower() not in (*IMAGES, TEXT):
        known = ", ".join([*IMAGES, TEXT])
        raise KerasclfError(f"Expected a diagram's file name that ends in one of {known}. Received: {path.name!r}.")
    if not path.parent.is_dir():
        raise KerasclfError(f"The folder {path.parent} of the diagram does not exist.")


def write_diagram(model: keras.Model, path: Path) -> str:
    """Writes a diagram: an image of `keras.utils.plot_model`, or the text of `draw` for a name that ends in .txt.

    Args:
        model: The network.
        path: The file.

    Returns:
        The packages to install before an image can be written; empty if the file was written.

    Raises:
        KerasclfError: If the file's name cannot be used.
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
    missing = [] if importlib.util.find_spec("pydot") else [f"pydot ({install_command('diagrams')})"]
    if not shutil.which("dot"):
        missing.append("graphviz (apt install graphviz, brew install graphviz)")
    return " and ".join(missing)
