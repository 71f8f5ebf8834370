"""Executes the lessons, each from a clean kernel in a temporary folder.

    python -m notebooks.execute                  # all in the quick form; keeps nothing and fails on an error
    python -m notebooks.execute --keep           # all in the full form; writes the notebooks with their outputs
    python -m notebooks.execute --keep --quick 1_basenet

Needs the extra `notebooks`: nbclient and ipykernel.
"""

import argparse
import json
import os
import tempfile
import time
from pathlib import Path
from typing import Any

from notebooks.lessons import SPANISH, make_notebook, notebook_of, sources, write_notebook
from notebooks.outputs import tidy

QUICK = "KERASCLF_NOTEBOOK_QUICK"
_TIMEOUT_S = 1800  # of one cell
_MADE = {
    "en": "*These outputs are of the {form} form. It took {seconds} s on {machine}, with Python {python}, TensorFlow "
    "{tensorflow} and Keras {keras}. The cells above say which data they used.*",
    "es": "*Estas salidas son de la forma {form}. Tardó {seconds} s en {machine}, con Python {python}, TensorFlow "
    "{tensorflow} y Keras {keras}. Las celdas de arriba dicen qué datos usaron.*",
}
_FORMS = {"en": {True: "quick", False: "full"}, "es": {True: "rápida", False: "completa"}}


def execute(source: Path, folder: Path, quick: bool) -> dict[str, Any]:
    """Returns a lesson with its outputs.

    Args:
        source: The Markdown source.
        folder: Working folder of the kernel, which the lesson fills with its runs.
        quick: Whether to run the form that takes seconds.

    Raises:
        CellExecutionError: If a cell fails.
    """
    import nbformat
    from nbclient import NotebookClient

    notebook = nbformat.reads(json.dumps(make_notebook(source)), as_version=4)
    began = time.monotonic()
    client = NotebookClient(
        notebook,
        timeout=_TIMEOUT_S,
        kernel_name="python3",
        resources={"metadata": {"path": str(folder)}},
        extra_arguments=["--IPKernelApp.log_level=ERROR"],
    )
    client.execute(env={**os.environ, QUICK: "1" if quick else "0"})
    tidy(notebook, folder)
    notebook["cells"].append(nbformat.from_dict(_made(source, time.monotonic() - began, quick)))
    return json.loads(nbformat.writes(notebook))  # type: ignore[no-any-return]


def _made(source: Path, seconds: float, quick: bool) -> dict[str, Any]:
    """Returns the last cell, which says what made the outputs."""
    from kerasclf.runs.environment import describe_environment, hardware_in_words

    environment = describe_environment()
    versions = {"python": environment["python"], **environment["packages"]}
    language = "es" if source.stem.endswith(SPANISH) else "en"
    text = _MADE[language].format(
        form=_FORMS[language][quick],
        seconds=f"{seconds:.0f}",
        machine=hardware_in_words(environment),
        **{name: versions[name] for name in ("python", "tensorflow", "keras")},
    )
    return {"id": "made", "cell_type": "markdown", "metadata": {}, "source": text}


def main() -> None:
    """Executes the lessons that the command line names."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    names = [source.stem for source in sources()]
    parser.add_argument("lessons", nargs="*", choices=[[], *names], help="names of lessons; all without one")
    parser.add_argument("--keep", action="store_true", help="write the notebooks with their outputs")
    parser.add_argument("--quick", action="store_true", help="the quick form, with --keep")
    arguments = parser.parse_args()
    for source in sources():
        if arguments.lessons and source.stem not in arguments.lessons:
            continue
        began = time.monotonic()
        with tempfile.TemporaryDirectory(prefix="kerasclf-notebook-") as folder:
            notebook = execute(source, Path(folder), quick=arguments.quick or not arguments.keep)
        if arguments.keep:
            write_notebook(notebook, notebook_of(source))
        print(f"{source.stem}: {time.monotonic() - began:.0f} s", flush=True)


if __name__ == "__main__":
    main()
