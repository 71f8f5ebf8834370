"""Search spaces in TOML files.

    ["train.learning_rate"]
    float = [1e-3, 1e-1]
    log = true

    [train]
    batch_size = { choice = [32, 64, 128] }
    epochs = { int = [10, 100], step = 5 }

Axes may stand under their dotted names in quotation marks or in tables; both mean the same.
"""

import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from kerasclf.errors import KerasclfError, did_you_mean, raise_all, unknown
from kerasclf.search.spaces.space import Axis, Boolean, Choice, Float, Int, Space

_KINDS = ("float", "int", "choice", "boolean")
_KEYS = (*_KINDS, "log", "step")
_FORMS = (
    "float = [low, high], int = [low, high], choice = [value, …] or boolean = true; with float and int also "
    "log = true and step = …"
)


def read_space(path: Path | str) -> Space:
    """Reads a search space from a TOML file.

    Raises:
        KerasclfError: It cannot be read, or an axis has another form; with all that is wrong.
    """
    try:
        with Path(path).open("rb") as file:
            plain = tomllib.load(file)
    except OSError as error:
        raise KerasclfError(f"The search space {path} cannot be read: {error}.") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise KerasclfError(f"The search space {path} is no TOML: {error}.") from None
    return space_from_dict(plain, str(path))


def space_from_dict(plain: Mapping[str, Any], where: str) -> Space:
    """Makes a space of what a TOML file or `Space.to_dict` holds.

    Raises:
        KerasclfError: An axis has another form; with all that is wrong.
    """
    axes, problems = {}, []
    for name, written in _axes(plain, ""):
        try:
            if name in axes:
                raise KerasclfError("the axis is there twice.")
            axes[name] = _axis(written, name)
        except KerasclfError as error:
            problems.append(f"{name}: {error}")
    raise_all(f"The search space {where} cannot be used", problems)
    return Space(axes)


def _axes(plain: Mapping[str, Any], prefix: str) -> Iterator[tuple[str, Any]]:
    """Yields each axis with its dotted name: tables are gone down into until one has a key of an axis."""
    for name, value in plain.items():
        if isinstance(value, Mapping) and value and not set(value) & set(_KEYS):
            yield from _axes(value, f"{prefix}{name}.")
        else:
            yield f"{prefix}{name}", value


def _axis(written: Any, name: str) -> Axis:
    if not isinstance(written, Mapping):
        meant = did_you_mean(name.rpartition(".")[2], _KINDS)
        raise KerasclfError(f"expected {_FORMS}. Received: {written!r}.{meant}")
    kinds = [kind for kind in _KINDS if kind in written]
    strange = [key for key in written if key not in _KEYS]
    if strange:
        raise KerasclfError(unknown("key", strange[0], _KEYS))
    extra = {key: written[key] for key in ("log", "step") if key in written}
    if len(kinds) != 1 or (extra and kinds[0] in ("choice", "boolean")):
        raise KerasclfError(f"expected {_FORMS}. Received: {dict(written)}.")
    kind, value = kinds[0], written[kinds[0]]
    if kind == "boolean":
        return Boolean()
    if not isinstance(value, list):
        raise KerasclfError(
            f"expected {kind} = [{'low, high' if kind != 'choice' else 'value, …'}]. Received: {value!r}."
        )
    if kind == "choice":
        return Choice(*value)
    if len(value) != 2 or not isinstance(extra.get("log", False), bool):
        raise KerasclfError(f"expected {kind} = [low, high], log = true or false. Received: {dict(written)}.")
    return Float(*value, **extra) if kind == "float" else Int(*value, **extra)
