"""What experiments are made of, and what changed from one to the next, field by field."""

import json
from typing import Any

from kerasclf.report.study_results import ExperimentResults, StudyResults
from kerasclf.values import Value, flatten

# An experiment is known by these, whatever their defaults are.
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
    """Returns the settings that say what an experiment is, or differ from their defaults, by dotted name."""
    unchanged = type(value)()
    found: dict[str, str] = {}
    for name, plain in value.to_dict().items():
        mine, default = getattr(value, name), getattr(unchanged, name)
        if isinstance(mine, Value):
            if default is None:
                found[f"{prefix}{name}"] = json.dumps(plain)
            else:
                found |= settings_of(mine, f"{prefix}{name}.")
        elif isinstance(mine, tuple) and mine and all(isinstance(item, Value) for item in mine):
            for number, item in enumerate(mine, 1):
                found |= settings_of(item, f"{prefix}{name}.{number}.")
        elif mine != default or f"{prefix}{name}" in _ALWAYS_SHOWN:
            found[f"{prefix}{name}"] = _shown(plain)
    return found


def changes_between(one: Value, other: Value) -> list[Change]:
    """Returns (field, value in the one, value in the other) for every field that differs, by dotted name."""
    before, after = ({name: _shown(plain) for name, plain in flatten(v.to_dict()).items()} for v in (one, other))
    names = [*before, *(name for name in after if name not in before)]
    return [
        (name, before.get(name, "–"), after.get(name, "–")) for name in names if before.get(name) != after.get(name)
    ]


def neighbours(results: StudyResults) -> list[tuple[ExperimentResults, ExperimentResults]]:
    """Returns each experiment but the first with its neighbour: the earlier one that differs from it in fewest fields.

    Among equals the latest, so that the rungs of a ladder stand in pairs. In a study of flaws each experiment that
    has one stands beside the corrected one, and no others do.
    """
    if results.lessons:
        by_name = {e.name: e for e in results.experiments}
        pairs = ((name, lesson.corrected) for name, lesson in results.lessons.items())
        return [(by_name[one], by_name[other]) for one, other in pairs if one in by_name and other in by_name]
    found = []
    for place, experiment in enumerate(results.experiments[1:], start=1):
        earlier = results.experiments[place - 1 :: -1]
        found.append(
            (experiment, min(earlier, key=lambda e: len(changes_between(e.experiment, experiment.experiment))))
        )
    return found


def changes_of(results: StudyResults) -> list[tuple[str, str, list[Change]]]:
    """Returns (experiment, its neighbour, what changed) for all but the first."""
    return [
        (after.name, before.name, changes_between(before.experiment, after.experiment))
        for after, before in neighbours(results)
    ]


def _shown(plain: Any) -> str:
    return f"{plain:.6g}" if isinstance(plain, float) else json.dumps(plain)
