"""Search spaces in TOML files.

    ["train.learning_rate"]
    float = [1e-3, 1e-1]
    log = true

    [train]
    batch_size = { choice = [32, 64, 128] }
    epochs = { int = [10, 100], step = 5 }

An axis is a quoted dotted name or a key in nested tables. Both forms mean the same.
"""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from kerasclf.errors import FolderError, KerasclfError, did_you_mean, in_short, raise_all, unknown
from kerasclf.files.reading import read_toml
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
        KerasclfError: If the file cannot be read, or an axis has another form; the message lists all problems.
    """
    try:
        plain = read_toml(Path(path))
    except OSError as error:
        raise KerasclfError(f"The search space {path} cannot be read: {error}.") from None
    except FolderError as error:
        raise KerasclfError(f"The search space {error}") from None
    return space_from_dict(plain, str(path))


def space_from_dict(plain: Mapping[str, Any], source: str) -> Space:
    """Returns a space from the content of a TOML file or from `Space.to_dict`.

    Args:
        plain: The content.
        source: Where it comes from, for the error message.

    Raises:
        KerasclfError: If an axis has another form; the message lists all problems.
    """
    axes, problems = {}, []
    for name, content in _axes(plain, ""):
        try:
            if name in axes:
                raise KerasclfError("expected one axis of this name. Received two.")
            axes[name] = _axis(content, name)
        except KerasclfError as error:
            problems.append(f"axis {name}: {error}")
    raise_all(f"The search space {source} cannot be used", problems)
    return Space(axes)


def _axes(plain: Mapping[str, Any], prefix: str) -> Iterator[tuple[str, Any]]:
    """Yields each axis with its dotted name. A table with a key of an axis is an axis; others contain axes."""
    for name, value in plain.items():
        if isinstance(value, Mapping) and value and not set(value) & set(_KEYS):
            yield from _axes(value, f"{prefix}{name}.")
        else:
            yield f"{prefix}{name}", value


def _axis(content: Any, name: str) -> Axis:
    if not isinstance(content, Mapping):
        suggestion = did_you_mean(name.rpartition(".")[2], _KINDS)
        raise KerasclfError(f"expected {_FORMS}. Received: {in_short(content)}.{suggestion}")
    kinds = [kind for kind in _KINDS if kind in content]
    unknown_keys = [key for key in content if key not in _KEYS]
    if unknown_keys:
        raise KerasclfError(unknown("key", unknown_keys[0], _KEYS))
    extra = {key: content[key] for key in ("log", "step") if key in content}
    if len(kinds) != 1 or (extra and kinds[0] in ("choice", "boolean")):
        raise KerasclfError(f"expected {_FORMS}. Received: {in_short(dict(content))}.")
    kind, value = kinds[0], content[kinds[0]]
    if kind == "boolean":
        return Boolean()
    if not isinstance(value, list):
        raise KerasclfError(
            f"expected {kind} = [{'low, high' if kind != 'choice' else 'value, …'}]. Received: {in_short(value)}."
        )
    if kind == "choice":
        return Choice(*value)
    if len(value) != 2 or not isinstance(extra.get("log", False), bool):
        raise KerasclfError(f"expected {kind} = [low, high], log = true or false. Received: {in_short(dict(content))}.")
    return Float(*value, **extra) if kind == "float" else Int(*value, **extra)
