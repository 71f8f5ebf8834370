"""`Value`: frozen settings with comparison, hash, checks and conversion to JSON."""

import hashlib
import json
import math
from collections.abc import Mapping
from dataclasses import MISSING, Field, fields, is_dataclass, replace
from types import UnionType
from typing import Any, Literal, Self, Union, get_args, get_origin, get_type_hints

from kerasclf.errors import KerasclfError, in_short, raise_all, unknown

# Metadata of a field that was added later. `to_dict` leaves it out at its default, to keep the hashes of older values.
LATER: Mapping[str, Any] = {"later": True}
# Digits of a number that fits into 64 bits in any case.
_MOST_DIGITS = 18


class Value:
    """Base of the frozen dataclasses that describe an experiment.

    A subclass lists the faults of its fields in `problems`. Creating a value raises all of them in one error. The
    representation of a value names the fields that differ from their defaults, and evaluates to an equal value.
    """

    def __init_subclass__(cls) -> None:
        # Otherwise `dataclass` gives each subclass a representation with all fields.
        if "__repr__" not in cls.__dict__:
            cls.__repr__ = Value.__repr__  # type: ignore[method-assign]

    def __new__(cls, *args: Any, **kwargs: Any) -> Self:
        cls._check_names(kwargs)
        return super().__new__(cls)

    def __post_init__(self) -> None:
        for name in self.__dataclass_fields__:  # type: ignore[attr-defined]
            if isinstance(getattr(self, name), list):
                object.__setattr__(self, name, tuple(getattr(self, name)))
        # Wrong types come first: the other checks would fail on them with misleading messages.
        found = self._type_problems() or self.problems() or self._infinite_problems()
        raise_all(f"{type(self).__name__} cannot be used", found)

    def __repr__(self) -> str:
        changed = (f for f in fields(self) if getattr(self, f.name) != _default_of(f))  # type: ignore[arg-type]
        return f"{type(self).__name__}({', '.join(f'{f.name}={getattr(self, f.name)!r}' for f in changed)})"

    def _type_problems(self) -> list[str]:
        return [
            f"{name}: expected {_describe_expected(hint, value)}. Received: {in_short(value)}."
            for name, hint in get_type_hints(type(self)).items()
            if not _fits(hint, value := getattr(self, name))
        ]

    def _infinite_problems(self) -> list[str]:
        return [
            f"{name}: expected a finite number. Received: {value}."
            for name in self.__dataclass_fields__  # type: ignore[attr-defined]
            if not _is_finite(value := getattr(self, name))
        ]

    def problems(self) -> list[str]:
        """Returns one message for each field that cannot be used."""
        return []

    def but(self, **changes: Any) -> Self:
        """Returns a copy with some fields changed."""
        self._check_names(changes)
        return replace(self, **changes)  # type: ignore[type-var]

    def to_dict(self) -> dict[str, Any]:
        """Returns the fields as plain JSON types."""
        return {
            f.name: _plain(getattr(self, f.name))
            for f in fields(self)  # type: ignore[arg-type]
            if not (f.metadata.get("later") and getattr(self, f.name) == f.default)
        }

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Self:
        """Creates a value from the output of `to_dict`.

        Raises:
            KerasclfError: If a field is unknown or cannot be used.
        """
        if not isinstance(values, Mapping):
            raise KerasclfError(f"{cls.__name__}: expected its fields by name. Received: {in_short(values)}.")
        cls._check_names(values)
        missing = [f.name for f in fields(cls) if _default_of(f) is MISSING and f.name not in values]  # type: ignore[arg-type]
        raise_all(f"{cls.__name__} cannot be used", [f"{name}: expected a value. Received none." for name in missing])
        hints = get_type_hints(cls)
        return cls(**{name: _typed(hints[name], value) for name, value in values.items()})

    def digest(self) -> str:
        """Returns the SHA-256 of the value, as hexadecimal digits."""
        return digest_of(self.to_dict())

    @classmethod
    def _check_names(cls, given: Mapping[str, Any]) -> None:
        known = list(cls.__dataclass_fields__)  # type: ignore[attr-defined]
        for name in given:
            if name not in known:
                raise KerasclfError(unknown(f"{cls.__name__} field", name, known))


def _is_finite(value: Any) -> bool:
    if isinstance(value, tuple):
        return all(map(_is_finite, value))
    return not isinstance(value, float) or math.isfinite(value)


def digest_of(plain: Any) -> str:
    """Returns the SHA-256 of plain JSON types, independent of the order of keys."""
    return hashlib.sha256(json.dumps(plain, sort_keys=True).encode()).hexdigest()


def flatten(plain: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """Returns nested settings, in the form of `to_dict`, as plain values by dotted name."""
    flat: dict[str, Any] = {}
    for name, value in plain.items():
        if isinstance(value, Mapping):
            flat |= flatten(value, f"{prefix}{name}.")
        elif isinstance(value, list) and value and all(isinstance(item, Mapping) for item in value):
            flat |= flatten({str(number): item for number, item in enumerate(value, 1)}, f"{prefix}{name}.")
        else:
            flat[f"{prefix}{name}"] = value
    return flat


def _default_of(field: Field[Any]) -> Any:
    """Returns the default of a field, or `MISSING`, which differs from every value."""
    return field.default if field.default_factory is MISSING else field.default_factory()


def _fits(hint: Any, value: Any) -> bool:
    """Returns whether a value has a field's type. An int also counts as float; a bool is not a number.

    Integers fit into 64 bits, and text can be written as UTF-8.
    """
    origin, choices = get_origin(hint), get_args(hint)
    if hint is Any:
        return True
    if hint is None or hint is type(None):
        return value is None
    if origin is Literal:
        return any(value is choice or (type(value) is type(choice) and value == choice) for choice in choices)
    if origin in (Union, UnionType):
        return any(_fits(choice, value) for choice in choices)
    if origin is tuple:
        if not isinstance(value, tuple):
            return False
        hints = choices[:1] * len(value) if choices[-1:] == (...,) else choices
        return len(hints) == len(value) and all(map(_fits, hints, value))
    if hint is float:
        return isinstance(value, float) or _fits(int, value)
    if hint is int:
        return isinstance(value, int) and not isinstance(value, bool) and abs(value) < 2**63
    if hint is str:
        return isinstance(value, str) and is_utf8(value)
    return isinstance(value, origin or hint)


def whole_number(text: str) -> int | None:
    """Returns the number that a text of digits stands for; None for other texts, and for more than 18 digits.

    Python refuses to convert thousands of digits, and no setting has as many.
    """
    return int(text) if text.isdecimal() and len(text) <= _MOST_DIGITS else None


def seed_problems(seed: int) -> list[str]:
    """Returns why NumPy cannot take a seed; an empty list if it can."""
    return [] if 0 <= seed < 2**32 else [f"seed: expected 0 to 2**32 - 1. Received: {seed}."]


def is_utf8(text: str) -> bool:
    """Returns whether UTF-8 can represent a text. Python reads other bytes of a file name as lone surrogates."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def _describe_expected(hint: Any, value: Any) -> str:
    """Describes a field's type, or the limit that a value of this type exceeds."""
    if isinstance(value, str) and not is_utf8(value):
        return "text that UTF-8 can represent"
    if isinstance(value, int) and abs(value) >= 2**63:
        return "less than 2**63"
    return _describe_type(hint)


def _describe_type(hint: Any) -> str:
    origin, choices = get_origin(hint), get_args(hint)
    if origin is Literal:
        return " or ".join(repr(choice) for choice in choices)
    if origin in (Union, UnionType):
        return " or ".join(_describe_type(choice) for choice in choices)
    if hint is type(None):
        return "None"
    return str(hint) if origin else hint.__name__


def _plain(value: Any) -> Any:
    if isinstance(value, Value):
        return value.to_dict()
    if isinstance(value, Mapping):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, tuple | list):
        return [_plain(item) for item in value]
    return value


def _typed(hint: Any, value: Any) -> Any:
    """Restores nested values and tuples from plain JSON types."""
    if isinstance(value, Mapping):
        nested = [choice for choice in (hint, *get_args(hint)) if is_dataclass(choice)]
        return nested[0].from_dict(value) if nested else value  # type: ignore[union-attr]
    if isinstance(value, list):
        return tuple(_typed(next(iter(get_args(hint)), None), item) for item in value)
    return value
