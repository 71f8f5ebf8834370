"""Frozen settings that compare, hash, print and travel as JSON."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import fields, is_dataclass, replace
from typing import Any, Self, get_args, get_type_hints

from kerasclf.errors import KerasclfError, raise_all, unknown


class Value:
    """Base of the frozen dataclasses that describe an experiment.

    A subclass reports what is wrong with its fields in `problems`; all of it is raised at once, when the
    value is made.
    """

    def __new__(cls, *args: Any, **kwargs: Any) -> Self:
        cls._check_names(kwargs)
        return super().__new__(cls)

    def __post_init__(self) -> None:
        raise_all(f"{type(self).__name__} cannot be used", self.problems())

    def problems(self) -> list[str]:
        """Returns a line for each field that cannot be used."""
        return []

    def but(self, **changes: Any) -> Self:
        """Returns a copy with some fields changed."""
        self._check_names(changes)
        return replace(self, **changes)  # type: ignore[type-var]

    def to_dict(self) -> dict[str, Any]:
        """Returns the fields as plain JSON types."""
        return {f.name: _plain(getattr(self, f.name)) for f in fields(self)}  # type: ignore[arg-type]

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Self:
        """Makes the value that `to_dict` described."""
        cls._check_names(values)
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


def digest_of(plain: Any) -> str:
    """Returns the SHA-256 of plain JSON types, independent of the order of their keys."""
    return hashlib.sha256(json.dumps(plain, sort_keys=True).encode()).hexdigest()


def _plain(value: Any) -> Any:
    if isinstance(value, Value):
        return value.to_dict()
    if isinstance(value, Mapping):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, tuple | list):
        return [_plain(item) for item in value]
    return value


def _typed(hint: Any, value: Any) -> Any:
    """Gives back what JSON flattened: nested values and tuples."""
    if isinstance(value, Mapping):
        nested = [choice for choice in (hint, *get_args(hint)) if is_dataclass(choice)]
        return nested[0].from_dict(value) if nested else value  # type: ignore[union-attr]
    if isinstance(value, list):
        return tuple(_typed(None, item) for item in value)
    return value
