"""The lessons as files: a Markdown source next to the notebook that is made of it.

The source is what one reads, changes and reviews. The notebook holds the same cells with the outputs of a run. This
file needs no Jupyter.
"""

import json
import re
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).parent
SPANISH = "ejercicios"
# A cell of code in a source, whose language is Python.
_CODE = re.compile(r"^```python\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_METADATA = {
    "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
    "language_info": {"name": "python"},
}


def sources() -> list[Path]:
    """Returns the sources of all lessons, in their order."""
    return sorted(path for path in FOLDER.glob("*.md") if path.name != "README.md")


def notebook_of(source: Path) -> Path:
    """Returns the path of the notebook that a source becomes."""
    return source.with_suffix(".ipynb")


def make_notebook(source: Path) -> dict[str, Any]:
    """Returns the notebook of a source, without outputs, in the format of nbformat 4.5.

    Args:
        source: A Markdown file. Each block of Python is a cell, and so is the text between two of them.
    """
    pieces = _CODE.split(source.read_text(encoding="utf-8"))
    kinds = ["markdown", "code"] * (len(pieces) // 2) + ["markdown"]
    cells = [(kind, text.strip("\n")) for kind, text in zip(kinds, pieces, strict=True) if text.strip()]
    return {
        "cells": [_cell(number, kind, text) for number, (kind, text) in enumerate(cells, 1)],
        "metadata": _METADATA,
        "nbformat": 4,
        "nbformat_minor": 5,
    }


def _cell(number: int, kind: str, text: str) -> dict[str, Any]:
    """Returns a cell. Its number is its name, so that a new run changes nothing but the outputs."""
    cell = {"id": f"cell-{number:02}", "cell_type": kind, "metadata": {}, "source": text.splitlines(keepends=True)}
    return cell if kind == "markdown" else {**cell, "execution_count": None, "outputs": []}


def read_notebook(path: Path) -> dict[str, Any]:
    """Returns a notebook as it is on disk."""
    return json.loads(path.read_text(encoding="utf-8"))  # type: ignore[no-any-return]


def write_notebook(notebook: dict[str, Any], path: Path) -> None:
    """Writes a notebook in the form of Jupyter: one line per entry, so that changes can be compared."""
    path.write_text(json.dumps(notebook, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
