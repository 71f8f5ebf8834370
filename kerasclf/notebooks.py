"""The outputs of a notebook that are replaced in place. Imports neither IPython nor matplotlib."""

import sys
from typing import Any


class Screen:
    """A notebook output in which each content replaces the one before. Outside notebooks it shows nothing."""

    def __init__(self) -> None:
        self._handle: Any = None

    def show(self, png: bytes) -> None:
        """Shows a picture and replaces the previous content."""
        if in_notebook():
            from IPython.display import Image

            self._replace(Image(data=png))

    def show_html(self, html: str) -> None:
        """Shows HTML and replaces the previous content."""
        if in_notebook():
            from IPython.display import HTML

            self._replace(HTML(html))

    def _replace(self, content: Any) -> None:
        from IPython.display import display

        if self._handle is None:
            self._handle = display(content, display_id=True)
        else:
            self._handle.update(content)


def in_notebook() -> bool:
    """Returns whether this process runs in a notebook that can show pictures. Imports nothing."""
    shell = sys.modules.get("IPython")
    found = shell.get_ipython() if shell is not None else None
    return found is not None and hasattr(found, "kernel")
