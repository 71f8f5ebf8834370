"""The options of a command, read from the fields of its dataclass and the texts below them."""

import ast
import dataclasses
import functools
import inspect
import textwrap
from collections.abc import Mapping
from pathlib import Path
from types import UnionType
from typing import Any, Literal, NamedTuple, Union, get_args, get_origin, get_type_hints

import tyro

_WORDS = {int: "N", float: "X", Path: "PATH"}
_EXPECTED = {int: "a whole number", float: "a number", Path: "a path", str: "a text"}


class Option(NamedTuple):
    """An option of a command, or an argument that is given by its position.

    Args:
        field: Name of the field.
        typed: The flag, such as `--batch-size`, or the name of the argument in capitals.
        aliases: Other flags, such as `-o`.
        positional: Whether its position identifies it.
        kind: Type of a value; bool for an option without a value.
        choices: The allowed values; empty for any.
        many: Whether it takes several values.
        default: Its default; `dataclasses.MISSING` if it must be given.
        metavar: Word for its value in the help.
        text: Its description.
    """

    field: str
    typed: str
    aliases: tuple[str, ...]
    positional: bool
    kind: type
    choices: tuple[str, ...]
    many: bool
    default: Any
    metavar: str
    text: str

    @property
    def required(self) -> bool:
        return self.default is dataclasses.MISSING

    @property
    def expected(self) -> str:
        """The values that the option takes, for an error message."""
        return " or ".join(self.choices) if self.choices else _EXPECTED.get(self.kind, "a value")

    def accepts(self, value: str) -> bool:
        """Returns whether the text of a value has the option's type."""
        if self.choices:
            return value in self.choices
        if self.kind in (int, float):
            try:
                self.kind(value)
            except ValueError:
                return False
        return self.kind is not Path or bool(value)  # an empty path would be the current folder


@functools.cache
def options_of(command: type) -> tuple[Option, ...]:
    """Returns the options of a command, in the order of its fields."""
    hints = get_type_hints(command, include_extras=True)
    texts = _texts(command)
    return tuple(_option(field, hints[field.name], texts.get(field.name, "")) for field in dataclasses.fields(command))


def flags_of(command: type) -> dict[str, str]:
    """Returns what a user types for each field of a command: its flag, or its name if it is positional."""
    return {option.field: option.typed for option in options_of(command)}


def _option(field: "dataclasses.Field[Any]", hint: Any, text: str) -> Option:
    extras = getattr(hint, "__metadata__", ())
    settings = {
        name: value
        for extra in extras
        for name in ("name", "metavar", "aliases")
        if (value := getattr(extra, name, None))
    }
    positional = tyro.conf.Positional in extras
    named = settings.get("name", field.name)
    kind, choices, many = _kind_of(hint)
    usual = "|".join(choices) or _WORDS.get(kind, named.rpartition("_")[2].upper())
    return Option(
        field=field.name,
        typed=field.name.upper() if positional else f"--{named.replace('_', '-')}",
        aliases=tuple(settings.get("aliases") or ()),
        positional=positional,
        kind=kind,
        choices=choices,
        many=many,
        default=field.default,
        metavar=settings.get("metavar", usual),
        text=text,
    )


def _kind_of(hint: Any) -> tuple[type, tuple[str, ...], bool]:
    """Returns the type of a value, the allowed values, and whether an option takes several."""
    origin, choices = get_origin(hint), get_args(hint)
    if hasattr(hint, "__metadata__"):
        return _kind_of(choices[0])
    if origin in (Union, UnionType):
        return _kind_of(next(choice for choice in choices if choice is not type(None)))
    if origin is tuple:
        kind, allowed, _ = _kind_of(choices[0])
        return kind, allowed, True
    if origin is Literal:
        return str, tuple(map(str, choices)), False
    return hint, (), False


def _texts(command: type) -> Mapping[str, str]:
    """Returns the text below each field, by name. Those of a base class come first."""
    found: dict[str, str] = {}
    for base in reversed(command.__mro__):
        if dataclasses.is_dataclass(base):
            (definition,) = ast.parse(textwrap.dedent(inspect.getsource(base))).body
            assert isinstance(definition, ast.ClassDef)
            found |= _texts_in(definition)
    return found


def _texts_in(definition: ast.ClassDef) -> dict[str, str]:
    found = {}
    for field, below in zip(definition.body, definition.body[1:], strict=False):
        if isinstance(field, ast.AnnAssign) and isinstance(field.target, ast.Name) and isinstance(below, ast.Expr):
            text = ast.literal_eval(below.value) if isinstance(below.value, ast.Constant) else ""
            found[field.target.id] = " ".join(str(text).split())
    return found
