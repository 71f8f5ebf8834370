"""`Study`: a question, the experiments that answer it, and what was published."""

import re
from dataclasses import dataclass, field
from typing import Any, Literal

from kerasclf.errors import KerasclfError, raise_all, unknown
from kerasclf.runs.experiment import Experiment
from kerasclf.studies.reduction import Reduction
from kerasclf.values import Value

Protocol = Literal["sound", "published"]
PROTOCOLS: tuple[Protocol, ...] = ("sound", "published")
Size = Literal["full", "reduced", "quick"]
SIZES: tuple[Size, ...] = ("full", "reduced", "quick")


@dataclass(frozen=True)
class Published(Value):
    """What a study's authors reported of an experiment.

    Args:
        accuracy: From 0 to 1; of the test part, or what `Study.published_figure` says.
        loss: Test loss.
        wording: The words in which the accuracy was given, where they are not a figure.
    """

    accuracy: float
    loss: float | None = None
    wording: str = ""


@dataclass(frozen=True)
class Lesson(Value):
    """What an experiment teaches that has a flaw, when it stands beside the corrected one.

    Args:
        corrected: The name of the experiment without the flaw.
        wrong: What goes wrong, a sentence.
        symptom: How to see it, a sentence.
        metric: What is reported with the flaw and compared with the corrected experiment's.
        leaks: Whether the images of that figure had a say in the training, so that what is gained is no honest gain.
    """

    corrected: str
    wrong: str
    symptom: str
    metric: Literal["test_accuracy", "validation_accuracy"] = "test_accuracy"
    leaks: bool = False


@dataclass(frozen=True)
class Study:
    """A question as named experiments.

    Args:
        name: As the command line knows it.
        title: As the report's heading.
        question: What it is to find out, a sentence.
        experiments: By name, in the order of the report.
        published: The authors' figures, by the experiment's name.
        published_data: The data set on which those figures were measured.
        published_image_size: Height and width of its images there; None for their own.
        published_metric: What those figures are, and what the protocol `"published"` chooses by: accuracies of the
            test part, or of the validation part, as some authors have none but these.
        protocol: `"sound"`, or `"published"` with the flaws of the original.
        notes: Sentences for the report: what the protocol means here, what was decided where the original is silent.
        seeds: A run of each experiment for each seed; shared, so that experiments compare in pairs.
        size: `"full"`; `"reduced"`, for a CPU; or `"quick"`, which takes seconds and whose metrics mean nothing.
        lessons: By the name of an experiment with a flaw; the report then compares it with the corrected one.
        quick_reduction: The limits of the quick size; None takes the usual ones.
        cpu_reduction: The limits of the reduced size; None if the study declares none.
        reductions: Phrases that say what was reduced. Reduced metrics are not comparable with published figures.
    """

    name: str
    title: str
    question: str
    experiments: dict[str, Experiment]
    published: dict[str, Published] = field(default_factory=dict)
    published_data: str = ""
    published_image_size: tuple[int, int] | None = None
    published_metric: Literal["test_accuracy", "validation_accuracy"] = "test_accuracy"
    protocol: Protocol = "sound"
    notes: tuple[str, ...] = ()
    seeds: tuple[int, ...] = (0,)
    size: Size = "full"
    lessons: dict[str, Lesson] = field(default_factory=dict)
    quick_reduction: Reduction | None = None
    cpu_reduction: Reduction | None = None
    reductions: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        problems = [
            unknown("published experiment", name, self.experiments)
            for name in self.published
            if name not in self.experiments
        ]
        problems += [
            unknown("experiment of a lesson", name, self.experiments)
            for flawed, lesson in self.lessons.items()
            for name in (flawed, lesson.corrected)
            if name not in self.experiments
        ]
        if self.protocol not in PROTOCOLS:
            problems.append(unknown("protocol", self.protocol, PROTOCOLS))
        if not self.experiments:
            problems.append("experiments: expected at least one.")
        problems += [
            f"experiments: expected names of letters, digits, '_', '-' and '.'. Received: {name!r}."
            for name in self.experiments
            if not re.fullmatch(r"\w[\w.-]*", name)
        ]
        if not all(0 <= seed < 2**32 for seed in self.seeds):
            problems.append(f"seeds: expected numbers from 0 to 2**32 - 1. Received: {self.seeds}.")
        if not self.seeds or len(set(self.seeds)) < len(self.seeds):
            problems.append(f"seeds: expected one or more different seeds. Received: {self.seeds}.")
        raise_all(f"Study {self.name!r} cannot be used", problems)

    def only(self, names: tuple[str, ...]) -> dict[str, Experiment]:
        """Returns the experiments of these names, in the study's order; all where there are no names."""
        for name in names:
            if name not in self.experiments:
                raise KerasclfError(unknown("experiment", name, self.experiments))
        return {name: value for name, value in self.experiments.items() if not names or name in names}

    def to_dict(self) -> dict[str, Any]:
        """Returns the study as plain JSON types, as `study.json` keeps it for the report."""
        return {
            "name": self.name,
            "title": self.title,
            "question": self.question,
            "protocol": self.protocol,
            "size": self.size,
            "published_data": self.published_data,
            "published_image_size": self.published_image_size and list(self.published_image_size),
            "published_metric": self.published_metric,
            "reductions": list(self.reductions),
            "notes": list(self.notes),
            "seeds": list(self.seeds),
            "experiments": {name: value.to_dict() for name, value in self.experiments.items()},
            "published": {name: value.to_dict() for name, value in self.published.items()},
            "lessons": {name: value.to_dict() for name, value in self.lessons.items()},
        }
