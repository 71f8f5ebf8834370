"""The settings of experiments, and the differences between two experiments, field by field."""

import json
from typing import Any

from kerasclf.values import Value, flatten

# These settings identify an experiment and are shown even at their defaults.
_ALWAYS_SHOWN = (
    "data",
    "model",
    "train.epochs",
    "train.batch_size",
    "train.optimizer",
    "train.learning_rate",
    "train.schedule.name",
    "split.method",
    "split.validation",
)

Change = tuple[str, str, str]


def settings_of(value: Value, prefix: str = "") -> dict[str, str]:
    """Returns the settings that identify an experiment or differ from their defaults, by dotted name."""
    defaults = type(value)()
    settings: dict[str, str] = {}
    for name, plain in value.to_dict().items():
        current, default = getattr(value, name), getattr(defaults, name)
        if isinstance(current, Value):
            if default is None:
                settings[f"{prefix}{name}"] = json.dumps(plain)
            else:
                settings |= settings_of(current, f"{prefix}{name}.")
        elif isinstance(current, tuple) and current and all(isinstance(item, Value) for item in current):
            for number, item in enumerate(current, 1):
                settings |= settings_of(item, f"{prefix}{name}.{number}.")
        elif current != default or f"{prefix}{name}" in _ALWAYS_SHOWN:
            settings[f"{prefix}{name}"] = _text(plain)
    return settings


def changes_between(one: Value, other: Value) -> list[Change]:
    """Returns (dotted name, value in `one`, value in `other`) for every field that differs."""
    before, after = ({name: _text(plain) for name, plain in flatten(v.to_dict()).items()} for v in (one, other))
    names = [*before, *(name for name in after if name not in before)]
    return [
        (name, before.get(name, "–"), after.get(name, "–")) for name in names if before.get(name) != after.get(name)
    ]


def _text(plain: Any) -> str:
    return f"{plain:.6g}" if isinstance(plain, float) else json.dumps(plain)
