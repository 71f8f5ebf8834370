"""The fields of an experiment by dotted name, such as `train.learning_rate`: their names, values and changes."""

from collections.abc import Mapping
from dataclasses import fields
from typing import Any, get_args, get_type_hints

from kerasclf.errors import KerasclfError, unknown
from kerasclf.networks.network_source import is_own
from kerasclf.runs.experiment import Experiment
from kerasclf.values import Value

# Trials that see different images cannot be compared.
_FIXED = ("data", "split", "image_size", "fit", "skip_broken", "augment_validation")
# These change the speed of training, but not the result.
_SPEED = ("train.steps_per_execution", "transfer.cache")
_ARGUMENTS = "model."


def check_field(experiment: Experiment, name: str) -> list[str]:
    """Returns the problems of an axis name. The builder checks the arguments of the model itself."""
    if name.split(".")[0] in _FIXED:
        return [f"axis {name}: trials that see different images cannot be compared. Set it in the experiment instead."]
    if name.startswith(_ARGUMENTS) and name != _ARGUMENTS:
        return []
    if name in _SPEED:
        return [f"axis {name}: it changes the speed of training but not the result. Remove the axis."]
    names = field_names(experiment)
    if name in names:
        return []
    owner, _, field = name.rpartition(".")
    if owner and field and _is_absent(experiment, owner):
        return [f"axis {name}: {owner} is None in the experiment. Give it a value there first."]
    similar = [other for other in names if other.split(".")[0] == name.split(".")[0]]
    return [unknown("field", name, similar or sorted({f"{other.split('.')[0]}.…" for other in names}))]


def field_names(experiment: Experiment) -> list[str]:
    """Returns the dotted names of all fields that a search may vary, with `model.ARGUMENT` for given arguments."""
    names = list(_names(experiment, ""))
    names += [f"earlier_phases.{i}.{n}" for i, p in enumerate(experiment.earlier_phases, 1) for n in _names(p, "")]
    names += [f"model.{name}" for name in dict(experiment.model_args)]
    return [
        name for name in names if name.split(".")[0] not in (*_FIXED, "model_args", "model_source", "earlier_phases")
    ] + [name for name in names if name.startswith("earlier_phases.")]


def read(experiment: Experiment, name: str) -> Any:
    """Returns the value of an experiment's field by dotted name; None for a model argument that is not given."""
    if name.startswith(_ARGUMENTS):
        return dict(experiment.model_args).get(name.removeprefix(_ARGUMENTS))
    value: Any = experiment
    for part in name.split("."):
        value = value[int(part) - 1] if isinstance(value, tuple) else getattr(value, part)
    return value


def change(experiment: Experiment, values: Mapping[str, Any]) -> Experiment:
    """Returns the experiment with new values by dotted name, all changed at once.

    Raises:
        KerasclfError: If a value or a combination of values cannot be used.
    """
    plain = experiment.to_dict()
    arguments = dict(experiment.model_args)
    for name, value in values.items():
        if name.startswith(_ARGUMENTS):
            arguments[name.removeprefix(_ARGUMENTS)] = value
            continue
        owner: Any = plain
        *path, last = name.split(".")
        for part in path:
            owner = owner[int(part) - 1] if isinstance(owner, list) else owner[part]
        owner[last] = list(value) if isinstance(value, tuple) else value
    if plain["model"] != experiment.model:
        if is_own(str(plain["model"])):
            raise KerasclfError(
                f"axis model: expected networks of the catalogue. Received: {plain['model']!r}. Compare networks of "
                "your own in a study, or give your function an argument and search that."
            )
        plain.pop("model_source", None)
    plain["model_args"] = [[name, value] for name, value in sorted(arguments.items())]
    return Experiment.from_dict(plain)


def _names(value: Value, prefix: str) -> list[str]:
    names = []
    for field in fields(value):  # type: ignore[arg-type]
        content = getattr(value, field.name)
        if isinstance(content, Value):
            names += _names(content, f"{prefix}{field.name}.")
        else:
            names.append(f"{prefix}{field.name}")
    return names


def _is_absent(experiment: Experiment, owner: str) -> bool:
    """Returns whether a field that may hold a value with fields of its own is None."""
    *path, last = owner.split(".")
    value: Any = experiment
    try:
        for part in path:
            value = value[int(part) - 1] if isinstance(value, tuple) else getattr(value, part)
        hint = get_type_hints(type(value))[last]
    except (AttributeError, KeyError, IndexError, ValueError):
        return False
    kinds = [kind for kind in get_args(hint) if isinstance(kind, type) and issubclass(kind, Value)]
    return bool(kinds) and getattr(value, last) is None
