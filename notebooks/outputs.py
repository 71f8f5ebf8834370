"""The outputs of a lesson that are kept: small, without folders of this machine and without images of other people.

This file needs no Jupyter.
"""

import base64
import io
import os
import re
from pathlib import Path
from typing import Any

from PIL import Image

# A cell of code that ends so shows images that may not be passed on.
LEFT_OUT = "# kept notebooks leave the images out"
_INSTEAD = "The images are left out, as they may not be passed on. Run the cell to see them."
_VARIABLES = ("KERASCLF_DATA", "KERASCLF_WEIGHTS", "KERASCLF_CACHE")
_TEXTS = ("text/plain", "text/html")


def tidy(notebook: dict[str, Any], folder: Path) -> None:
    """Removes from the outputs of a notebook what should not be kept.

    Args:
        notebook: The notebook, which is changed.
        folder: Working folder of its kernel.
    """
    places = _places(folder)
    for cell in notebook["cells"]:
        cell["metadata"] = {}  # the times of its execution
        leaves_out = "".join(cell["source"]).rstrip().endswith(LEFT_OUT)
        for output in cell.get("outputs", ()):
            output.pop("transient", None)
            data = output.get("data", {})
            if "image/png" in data:
                data["image/png"] = _smaller(data["image/png"])
                if leaves_out:
                    output["data"] = {"text/plain": _INSTEAD}
            for holder, name in [(output, "text"), *((data, form) for form in _TEXTS)]:
                if name in holder:
                    holder[name] = _without(places, "".join(holder[name]))
            if "traceback" in output:
                output["traceback"] = [_without(places, line) for line in output["traceback"]]
        if "outputs" in cell:
            cell["outputs"] = _joined(cell["outputs"])


def _places(folder: Path) -> list[tuple[str, str]]:
    """Returns folders and what stands for them. The longest come first: the data may lie in the home."""
    places = {f"{folder}{os.sep}": "", str(folder): "."}
    places |= {os.environ[name].rstrip("/"): f"${name}" for name in _VARIABLES if os.environ.get(name)}
    places[str(Path.home())] = "~"
    # The root of the file system is in every path, and stands for nothing.
    return sorted((place for place in places.items() if place[0].strip(os.sep)), key=lambda place: -len(place[0]))


def _smaller(png: str) -> str:
    """Returns a picture with at most 256 colours, which takes a third of the bytes."""
    buffer = io.BytesIO()
    Image.open(io.BytesIO(base64.b64decode(png))).convert("RGB").quantize(256).save(buffer, "PNG", optimize=True)
    return base64.b64encode(buffer.getvalue()).decode()


def _joined(outputs: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Returns outputs in which the lines that follow each other on one stream are one output."""
    found: list[dict[str, Any]] = []
    for output in outputs:
        if found and "text" in output and output["name"] == found[-1].get("name"):
            found[-1]["text"] += output["text"]
        else:
            found.append(output)
    return found


def _without(places: list[tuple[str, str]], text: str) -> str:
    for place, instead in places:
        end = "" if place.endswith(os.sep) else r"(?![\w-])"  # not of /root2, if the place is /root
        text = re.sub(re.escape(place) + end, instead.replace("\\", r"\\"), text)
    return text
