"""Checks plain JSON types against a schema: a TypedDict or another type hint. Does not use TensorFlow."""

import math
from collections.abc import Iterator
from types import NoneType, UnionType
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints, is_typeddict

from kerasclf.errors import FolderError, in_short, listed, shortened, unknown

# No number in a run is larger: no metric of a finite training is, and figures of larger values cannot be drawn.
MAX_VALUE = 1e30
_NAMES = {str: "text", int: "an integer", float: "a finite number", bool: "true or false", NoneType: "null"}


def check_schema(plain: Any, schema: Any, source: object) -> None:
    """Checks a value that was read from a file. Keys that a TypedDict does not name are allowed.

    Args:
        plain: Plain JSON types.
        schema: A TypedDict, or a type hint of `str`, `int`, `float` (finite), `bool`, None, `list[…]`, `dict[str, …]`,
            `Literal`, unions and `Any`.
        source: The file, for the message.

    Raises:
        FolderError: If the value does not match; the message lists the problems.
    """
    problems = list(_problems(plain, schema, ""))
    if len(problems) == 1:
        raise FolderError(f"{source} cannot be read: {problems[0]}")
    if problems:
        raise FolderError(listed(f"{source} cannot be read", shortened(problems, most=10)))


def matches(plain: Any, schema: Any) -> bool:
    """Returns whether a value matches a schema; see `check_schema`."""
    return next(_problems(plain, schema, ""), None) is None


def _problems(value: Any, schema: Any, where: str) -> Iterator[str]:
    origin, choices = get_origin(schema), get_args(schema)
    if is_typeddict(schema):
        yield from _problems_of_object(value, schema, where)
    elif origin is list and isinstance(value, list):
        for index, item in enumerate(value):
            yield from _problems(item, choices[0], f"{where}[{index}]")
    elif origin is dict and isinstance(value, dict):
        for name, item in value.items():
            yield from _problems(item, choices[1], _within(where, name))
    elif origin is Literal and isinstance(value, str) and value not in choices:
        yield unknown(where.rpartition(".")[2], value, map(str, choices))
    elif not _fits(value, schema):
        yield f"{where}{': ' if where else ''}expected {_describe(schema)}. Received: {in_short(value)}."


def _problems_of_object(value: Any, schema: Any, where: str) -> Iterator[str]:
    if not isinstance(value, dict):
        yield f"{where}{': ' if where else ''}expected an object. Received: {in_short(value)}."
        return
    for name, hint in get_type_hints(schema).items():
        if name in value:
            yield from _problems(value[name], hint, _within(where, name))
        elif name in schema.__required_keys__:
            yield f"{_within(where, name)!r} is missing."


def _fits(value: Any, schema: Any) -> bool:
    origin, choices = get_origin(schema), get_args(schema)
    if origin in (Union, UnionType):
        return any(matches(value, choice) for choice in choices)
    if origin is Literal:
        return any(type(value) is type(choice) and value == choice for choice in choices)
    if schema is float:
        return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
    if schema is int:
        return isinstance(value, int) and not isinstance(value, bool)
    if schema is None:
        return value is None
    return schema is Any or (isinstance(schema, type) and isinstance(value, schema))


def _describe(schema: Any) -> str:
    origin, choices = get_origin(schema), get_args(schema)
    if origin in (Union, UnionType):
        return " or ".join(map(_describe, choices))
    if origin is Literal:
        return " or ".join(map(repr, choices))
    if is_typeddict(schema) or origin is dict or schema is dict:
        return "an object"
    return "a list" if origin is list or schema is list else _NAMES.get(schema, str(schema))


def _within(where: str, name: str) -> str:
    return f"{where}.{name}" if where else name
