"""The fields of an experiment by dotted name: which there are, what they hold, how they are changed."""

from collections.abc import Mapping
from dataclasses import fields
from typing import Any, get_args, get_type_hints

from kerasclf.errors import unknown
from kerasclf.runs.experiment import Experiment
from kerasclf.values import Value

# Trials that saw other images could not be compared with each other.
_FIXED = ("data", "split", "image_size", "augment_validation")
# These decide how fast a network learns, and not what.
_PACE = ("train.steps_per_execution", "transfer.cache")
_ARGUMENTS = "model."


def check_field(experiment: Experiment, name: str) -> list[str]:
    """Returns what is wrong with the name of an axis; whether a network takes an argument is for its builder to say."""
    if name.split(".")[0] in _FIXED:
        return [f"{name}: trials that see other images cannot be compared; it stays as the experiment has it."]
    if name.startswith(_ARGUMENTS) and name != _ARGUMENTS:
        return []
    if name in _PACE:
        return [f"{name}: the axis changes nothing of what is learnt, only how fast."]
    known = field_names(experiment)
    if name in known:
        return []
    owner, _, rest = name.rpartition(".")
    if owner and rest and _is_absent(experiment, owner):
        return [f"{name}: {owner} is None in the experiment. Give it a value there first."]
    alike = [other for other in known if other.split(".")[0] == name.split(".")[0]]
    return [unknown("field", name, alike or sorted({f"{other.split('.')[0]}.…" for other in known}))]


def field_names(experiment: Experiment) -> list[str]:
    """Returns the dotted names of all fields that a search may vary, and `model.ARGUMENT` for those that are given."""
    found = list(_names(experiment, ""))
    found += [f"earlier_phases.{i}.{n}" for i, p in enumerate(experiment.earlier_phases, 1) for n in _names(p, "")]
    found += [f"model.{name}" for name in dict(experiment.model_args)]
    return [name for name in found if name.split(".")[0] not in (*_FIXED, "model_args", "earlier_phases")] + [
        name for name in found if name.startswith("earlier_phases.")
    ]


def read(experiment: Experiment, name: str) -> Any:
    """Returns what an experiment holds under a dotted name; None where it leaves it to a default."""
    if name.startswith(_ARGUMENTS):
        return dict(experiment.model_args).get(name.removeprefix(_ARGUMENTS))
    held: Any = experiment
    for part in name.split("."):
        held = held[int(part) - 1] if isinstance(held, tuple) else getattr(held, part)
    return held


def change(experiment: Experiment, values: Mapping[str, Any]) -> Experiment:
    """Returns an experiment with other values under dotted names, all of them changed at once.

    Raises:
        KerasclfError: They cannot be used, alone or together.
    """
    plain = experiment.to_dict()
    arguments = dict(experiment.model_args)
    for name, value in values.items():
        if name.startswith(_ARGUMENTS):
            arguments[name.removeprefix(_ARGUMENTS)] = value
            continue
        held: Any = plain
        *owners, last = name.split(".")
        for part in owners:
            held = held[int(part) - 1] if isinstance(held, list) else held[part]
        held[last] = list(value) if isinstance(value, tuple) else value
    plain["model_args"] = [[name, value] for name, value in sorted(arguments.items())]
    return Experiment.from_dict(plain)


def _names(value: Value, prefix: str) -> list[str]:
    found = []
    for field in fields(value):  # type: ignore[arg-type]
        held = getattr(value, field.name)
        if isinstance(held, Value):
            found += _names(held, f"{prefix}{field.name}.")
        else:
            found.append(f"{prefix}{field.name}")
    return found


def _is_absent(experiment: Experiment, owner: str) -> bool:
    """Returns whether a field could hold settings of its own, and holds None."""
    *owners, last = owner.split(".")
    held: Any = experiment
    try:
        for part in owners:
            held = held[int(part) - 1] if isinstance(held, tuple) else getattr(held, part)
        hint = get_type_hints(type(held))[last]
    except (AttributeError, KeyError, IndexError, ValueError):
        return False
    kinds = [kind for kind in get_args(hint) if isinstance(kind, type) and issubclass(kind, Value)]
    return bool(kinds) and getattr(held, last) is None
