"""A user's own networks: functions that are imported by name, and checked against the contract of the builders."""

import functools
import hashlib
import importlib
import inspect
import sys
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib.util import module_from_spec, spec_from_file_location
from types import ModuleType
from typing import Any

import keras

from kerasclf.errors import KerasclfError, did_you_mean
from kerasclf.models.contract import accepted
from kerasclf.networks.network_source import (
    MAIN,
    attribute,
    check_form,
    main_source,
    read_source,
    search_path,
    use_search_path,
)

SIZES = ("input_shape", "num_classes")


def own_builder(model: str, source: str | None = None) -> Callable[..., keras.Model]:
    """Returns a function that builds a user's own network as the builders of the catalogue do.

    Args:
        model: `"module:function"`. The module is run.
        source: SHA-256 that the source must have; None accepts any.

    Raises:
        KerasclfError: If the function cannot be imported, has changed, or takes no `input_shape` and `num_classes`.
    """
    function = _load(model, source)
    parameters = _parameters(function, model)
    missing = [size for size in SIZES if size not in parameters and not takes_any(function)]
    if missing:
        raise KerasclfError(
            f"model: expected a function of input_shape and num_classes. Received: {model!r}, which takes "
            f"{', '.join(parameters) or 'nothing'}."
        )

    @functools.wraps(function)
    def build_own(input_shape: tuple[int, ...], num_classes: int, **arguments: Any) -> keras.Model:
        given = {"input_shape": tuple(input_shape), "num_classes": num_classes, **arguments}
        with _importable():
            try:
                network = function(**given)
            except KerasclfError:
                raise
            except Exception as error:
                shown = ", ".join(f"{name}={value!r}" for name, value in given.items())
                raise KerasclfError(f"{model} failed with {shown}: {_described(error)}") from error
        whole = arguments.get("include_top", True)
        return accepted(network, model, tuple(input_shape), num_classes if whole else None)

    return build_own


def takes_any(function: Callable[..., Any]) -> bool:
    """Returns whether a function takes arguments of any name."""
    return any(p.kind is p.VAR_KEYWORD for p in inspect.signature(function).parameters.values())


def _load(model: str, source: str | None) -> Callable[..., Any]:
    """Returns the function that `"module:function"` names, from the source with this SHA-256."""
    module, name = check_form(model), model.partition(":")[2]
    if module == MAIN:
        where, text = model, main_source(model)
        holder = sys.modules[MAIN]
    else:
        path, text = read_source(module)
        where = str(path)
    if source not in (None, hashlib.sha256(text).hexdigest()):
        raise KerasclfError(
            f"{where} has changed since the experiment was made. Make the experiment again, or restore the source."
        )
    if module != MAIN:
        holder = _run(module, where, text)
    found = attribute(holder, name)
    if not callable(found):
        functions = [key for key, value in vars(holder).items() if callable(value) and not key.startswith("_")]
        raise KerasclfError(
            f"model: expected a function in {where}. Received: {name!r}, which is "
            f"{'missing' if found is None else 'no function'}.{did_you_mean(name, functions)}"
        )
    return found  # type: ignore[no-any-return]


@functools.cache
def _run(name: str, path: str, text: bytes) -> ModuleType:
    """Returns a module made from its text, once for each version of it.

    A plain import would return the version that was imported first, or that Python's cache of bytecode holds, and not
    the one whose hash the experiment has.
    """
    spec = spec_from_file_location(name, path)
    assert spec is not None
    with _importable():
        try:
            if "." in name:
                importlib.import_module(name.rpartition(".")[0])
            module = module_from_spec(spec)
            sys.modules.setdefault(name, module)  # dataclasses and others look a module up while it runs
            exec(compile(text, path, "exec"), vars(module))
        except Exception as error:
            raise KerasclfError(f"model: {path} cannot be imported. {_described(error)}") from error
    return module


@contextmanager
def _importable() -> Iterator[None]:
    """Lets a user's network import other modules from the current folder, too."""
    before = list(sys.path)
    use_search_path(search_path())
    try:
        yield
    finally:
        sys.path[:] = before


def _parameters(function: Callable[..., Any], model: str) -> list[str]:
    try:
        return list(inspect.signature(function).parameters)
    except (TypeError, ValueError):
        raise KerasclfError(f"model: expected a function with a signature. Received: {model!r}.") from None


def _described(error: Exception) -> str:
    """Returns an error's class, message and place in the user's code."""
    frames = traceback.extract_tb(error.__traceback__)
    own = [frame for frame in frames if "site-packages" not in frame.filename and frame.filename != __file__]
    place = f" ({own[-1].filename}, line {own[-1].lineno})" if own else ""
    return f"{type(error).__name__}: {error}{place}"
