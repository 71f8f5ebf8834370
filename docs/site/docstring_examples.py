"""An extension of Griffe: the section that docstrings here call `Example` is what it calls `Examples`."""

import re
from typing import Any

import griffe


class ExamplesExtension(griffe.Extension):
    """Makes an `Example:` of a docstring a section of code."""

    def on_object(self, *, obj: griffe.Object, **arguments: Any) -> None:
        if obj.docstring:
            obj.docstring.value = re.sub(r"^Example:$", "Examples:", obj.docstring.value, flags=re.MULTILINE)
