"""The settings of experiments, and the differences between two experiments, field by field."""

import json
from typing import Any

from kerasclf.report.study_results import ExperimentResults, StudyResults
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


def neighbours(results: StudyResults) -> list[tuple[ExperimentResults, ExperimentResults]]:
    """Returns each experiment except the first with its neighbour, the most similar earlier experiment.

    The neighbour differs in the fewest fields; the latest wins a tie, which pairs the steps of a ladder. In a study of
    flaws, each experiment with a flaw is paired with its corrected one, and there are no other pairs.
    """
    if results.lessons:
        by_name = {e.name: e for e in results.experiments}
        names = ((name, lesson.corrected) for name, lesson in results.lessons.items())
        return [(by_name[one], by_name[other]) for one, other in names if one in by_name and other in by_name]
    pairs = []
    for index, experiment in enumerate(results.experiments[1:], start=1):
        earlier = results.experiments[index - 1 :: -1]
        pairs.append(
            (experiment, min(earlier, key=lambda e: len(changes_between(e.experiment, experiment.experiment))))
        )
    return pairs


def changes_of(results: StudyResults) -> list[tuple[str, str, list[Change]]]:
    """Returns (experiment, its neighbour, changes) for each experiment that has a neighbour."""
    return [
        (after.name, before.name, changes_between(before.experiment, after.experiment))
        for after, before in neighbours(results)
    ]


def _text(plain: Any) -> str:
    return f"{plain:.6g}" if isinstance(plain, float) else json.dumps(plain)
