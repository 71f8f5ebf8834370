"""Where a user's own network comes from: its file and the SHA-256 of its source. Runs no code of the user.

An experiment names a network in one of three ways: by its name in the catalogue, as `"module:function"`, or as a
`.keras` file. Needs no TensorFlow.
"""

import hashlib
import importlib
import inspect
import json
import re
import sys
from collections.abc import Callable, Sequence
from importlib.machinery import ModuleSpec, PathFinder
from pathlib import Path
from typing import Any
from zipfile import BadZipFile, ZipFile

from kerasclf.errors import KerasclfError
from kerasclf.files.home_folders import expanded
from kerasclf.files.reading import file_digest

# The module of a notebook, of a script that Python was started with, and of an interactive session.
MAIN = "__main__"
FORMS = "'module:function', such as 'my_net:build' for the function build in my_net.py, or a .keras file"
_NAME = re.compile(r"[^\W\d]\w*(\.[^\W\d]\w*)*:[^\W\d]\w*(\.[^\W\d]\w*)*")
# Keras' description of a saved network, and the most that is read of it.
_CONFIG, _MAX_CONFIG_BYTES = "config.json", 64 << 20
_MOVE_IT = "Move it to a file, such as my_net.py, and give model='my_net:build'"


def is_own(model: str) -> bool:
    """Returns whether a model is a user's own network, not one of the catalogue."""
    return is_saved(model) or ":" in model


def is_saved(model: str) -> bool:
    """Returns whether a model is a `.keras` file."""
    return model.endswith(".keras")


def label_of(model: str) -> str:
    """Returns a name for a model that folders, files and layers may have: "my_net:build" gives "my_net-build"."""
    name = Path(model).stem if is_saved(model) else model
    return re.sub(r"[^A-Za-z0-9_.-]+", "-", name).strip("-._") or "network"


def name_function(function: Callable[..., Any]) -> str:
    """Returns the `"module:function"` of a function.

    Raises:
        KerasclfError: If its module does not hold it by this name: a lambda, or a function inside another one.
    """
    module, name = getattr(function, "__module__", None) or "", getattr(function, "__qualname__", "")
    if not name or attribute(sys.modules.get(module), name) is not function:
        raise KerasclfError(
            f"model: expected a function at the top level of a module. Received: {name or repr(function)!r}, which "
            f"cannot be found by its name. {_MOVE_IT}."
        )
    return f"{module}:{name}"


def attribute(owner: Any, name: str) -> Any:
    """Returns an attribute by its dotted name; None if there is none."""
    for part in name.split("."):
        owner = getattr(owner, part, None)
    return owner


def source_digest(model: str) -> str | None:
    """Returns the SHA-256 of the file that defines an own network; None for a network of the catalogue.

    For a function of a notebook it is the SHA-256 of the function's source text.

    Raises:
        KerasclfError: If there is no such file, or the name has another form.
    """
    if not is_own(model):
        return None
    if is_saved(model):
        return file_digest(saved_file(model))
    module = check_form(model)
    return hashlib.sha256(main_source(model) if module == MAIN else read_source(module)[1]).hexdigest()


def check_form(model: str) -> str:
    """Checks the form of `"module:function"` and returns the module.

    Raises:
        KerasclfError: If it has another form.
    """
    if not _NAME.fullmatch(model):
        raise KerasclfError(f"model: expected {FORMS}. Received: {model!r}.")
    return model.partition(":")[0]


def saved_file(model: str) -> Path:
    """Returns the path of a `.keras` file.

    Raises:
        KerasclfError: If it does not exist.
    """
    path = expanded(model)
    if not path.is_file():
        raise KerasclfError(f"model: expected a .keras file. Received: {model!r}, which does not exist.")
    return path


def saved_image_size(model: str) -> tuple[int, int] | None:
    """Returns the height and width of the images that a `.keras` file takes; None if the file does not say so."""
    try:
        with ZipFile(saved_file(model)) as archive:
            if archive.getinfo(_CONFIG).file_size > _MAX_CONFIG_BYTES:
                return None
            config = json.loads(archive.read(_CONFIG))
        inputs = [layer for layer in config["config"]["layers"] if layer["class_name"] == "InputLayer"]
        _, height, width, _ = inputs[0]["config"]["batch_shape"]
    except (OSError, BadZipFile, ValueError, KeyError, TypeError, IndexError, RecursionError):
        return None
    return (height, width) if isinstance(height, int) and isinstance(width, int) else None


def read_source(module: str) -> tuple[Path, bytes]:
    """Returns the file of a module and its contents, without running it or the packages that contain it.

    Raises:
        KerasclfError: If there is no Python file of this module.
    """
    spec = find_module(module)
    if spec is None or not spec.origin or not spec.origin.endswith(".py"):
        found = f"which is {spec.origin}" if spec and spec.origin else "which was not found"
        raise KerasclfError(
            f"model: expected {FORMS}. Received the module {module!r}, {found}. Modules are searched in "
            f"{Path.cwd()} and on Python's search path, which PYTHONPATH extends."
        )
    return Path(spec.origin), Path(spec.origin).read_bytes()


def find_module(name: str) -> ModuleSpec | None:
    """Returns where a module is on the search path, without importing anything; None if it is nowhere."""
    importlib.invalidate_caches()  # a file that was written a moment ago counts
    path: Sequence[str] = search_path()
    spec = None
    for part in name.split("."):
        spec = PathFinder.find_spec(part, path)
        if spec is None:
            return None
        path = list(spec.submodule_search_locations or ())
    return spec


def main_source(model: str) -> bytes:
    """Returns the source text of a function of `__main__`, such as one of a notebook.

    Raises:
        KerasclfError: If there is no such function, or its source is unknown.
    """
    function = attribute(sys.modules.get(MAIN), model.partition(":")[2])
    try:
        return inspect.getsource(function).encode()
    except (OSError, TypeError) as error:
        raise KerasclfError(
            f"model: expected a function whose source can be read. Received: {model!r} ({error}). {_MOVE_IT}."
        ) from None


def check_importable(models: Sequence[str]) -> None:
    """Checks that other processes can import all own networks.

    Raises:
        KerasclfError: If one is a function of a notebook or of the script that Python was started with.
    """
    for model in models:
        if model.startswith(f"{MAIN}:"):
            raise KerasclfError(
                f"model: expected a network that other processes can import. Received: {model!r}, which is defined in "
                f"a notebook or in the script itself. {_MOVE_IT}, or use engine=Inline()."
            )


def search_path() -> list[str]:
    """Returns Python's search path as absolute paths, followed by the current folder."""
    return list(dict.fromkeys(str(Path(folder).absolute()) for folder in [*sys.path, "."]))


def use_search_path(path: Sequence[str]) -> None:
    """Lets this process import what the process with this search path can import, from the same files."""
    sys.path[:] = [*path, *(folder for folder in sys.path if folder not in path)]
