"""`Study`: a question, the experiments that answer it, and what was published."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Literal

from kerasclf.errors import Problems, in_short, raise_all, unknown
from kerasclf.runs.experiment import Experiment
from kerasclf.studies.pairs import Pairs
from kerasclf.studies.reduction import Reduction
from kerasclf.values import Value

Protocol = Literal["sound", "published"]
PROTOCOLS: tuple[Protocol, ...] = ("sound", "published")
Size = Literal["full", "reduced", "quick"]
SIZES: tuple[Size, ...] = ("full", "reduced", "quick")


_MAX_NAMED_EXPERIMENTS = 8  # in the representation of a study
_NAME = re.compile(r"\w[\w.-]*")
# File systems allow 255 bytes, and the names of files add to it.
_MAX_NAME_BYTES = 200
# Windows takes these for devices, whatever follows a dot.
_DEVICES = {"con", "prn", "aux", "nul", *(f"{name}{i}" for name in ("com", "lpt") for i in range(10))}


def _name_problem(name: str) -> str | None:
    """Returns what is wrong with the name of an experiment, which becomes the name of folders and files; or None."""
    if not _NAME.fullmatch(name):
        return f"experiments: expected names of letters, digits, '_', '-' and '.'. Received: {in_short(name)}."
    if len(name.encode()) > _MAX_NAME_BYTES:
        return f"experiments: expected names of at most {_MAX_NAME_BYTES} bytes. Received: {in_short(name)}."
    if name.partition(".")[0].lower() in _DEVICES:
        return f"experiments: expected names that are no devices of Windows. Received: {name!r}."
    return None


def _compare_problems(compare: Pairs) -> list[str]:
    problems = [
        f"compare: expected two different experiments. Received: {pair!r}."
        for pair in compare
        if len(pair) != 2 or pair[0] == pair[1]
    ]
    pairs = [set(pair) for pair in compare]
    return problems + [
        f"compare: expected each pair once, in one order. Received: {pair!r} again."
        for index, pair in enumerate(compare)
        if set(pair) in pairs[:index]
    ]


def _looks_problems(looks: tuple[int, ...], seeds: tuple[int, ...]) -> list[str]:
    """Returns what is wrong with the numbers of runs after which a study looks at its results."""
    if not looks:
        return []
    if looks[0] < 2 or list(looks) != sorted(set(looks)):
        return [f"looks: expected rising numbers of runs from 2 on, such as (3, 5, 10). Received: {in_short(looks)}."]
    if len(seeds) > looks[-1]:
        return [f"looks: expected at most {looks[-1]} seeds, the last number of runs. Received: {len(seeds)}."]
    return []


def _splits_problems(study: "Study") -> list[str]:
    """Returns why a study cannot repeat the split of its images."""
    splits = study.splits
    if splits == 1:
        return []
    if splits < 1:
        return [f"splits: expected at least 1. Received: {splits}."]
    found = []
    if {seed % splits for seed in study.seeds} != set(range(splits)):
        found.append(
            f"seeds: expected some for each of {splits} splits. The run of a seed has the split with the number seed "
            f"modulo {splits}. Received: {in_short(study.seeds)}."
        )
    if study.looks:
        found.append(f"looks: expected none with {splits} splits. Received: {in_short(study.looks)}.")
    if study.lessons:
        found.append(
            f"splits: expected 1 for a study of flaws, which compares single runs in pairs. Received: {splits}."
        )
    for name, experiment in study.experiments.items():
        if experiment.split.earlier is not None:
            found.append(f"splits: expected 1, as {name} continues another run and keeps its sets. Received: {splits}.")
        elif experiment.split.method == "first":
            found.append(f"splits: expected 1, as {name} takes the images in their order. Received: {splits}.")
    return found


@dataclass(frozen=True)
class Published(Value):
    """The published figures of an experiment.

    Args:
        accuracy: Accuracy from 0 to 1, on the set that `Study.published_metric` names.
        loss: Test loss; None if none was published.
        wording: The original wording of an accuracy that was published in words, such as "about 55 %".
    """

    accuracy: float
    loss: float | None = None
    wording: str = ""

    def problems(self) -> list[str]:
        if 0 <= self.accuracy <= 1:
            return []
        return [f"accuracy: expected a share from 0 to 1. Received: {self.accuracy}."]


@dataclass(frozen=True)
class Lesson(Value):
    """The lesson of an experiment with a flaw, which the report compares with the corrected experiment.

    Args:
        corrected: Name of the experiment without the flaw.
        wrong: What goes wrong, in one or two sentences.
        symptom: How to notice it, in one or two sentences.
        metric: The metric that the author of a flawed study reports. `"test_accuracy"` and `"validation_accuracy"` are
            compared with those of the corrected run of the same seed. Three more are compared inside each run:

            * `"leaked_accuracy"`: accuracy on the test images that leaked into the training, with that on the others;
            * `"choosing_accuracy"`: accuracy on the test images that chose the epoch, with that on the others;
            * `"best_validation_accuracy"`: the highest over all epochs, with the test accuracy. The runs are those of
              the corrected experiment: only the report has the flaw.
        leaks: Whether the images of that metric influenced the training. A gain is then no real improvement.
    """

    corrected: str
    wrong: str
    symptom: str
    metric: Literal[
        "test_accuracy", "validation_accuracy", "leaked_accuracy", "choosing_accuracy", "best_validation_accuracy"
    ] = "test_accuracy"
    leaks: bool = False

    @property
    def is_of_report(self) -> bool:
        """Whether the flaw lies in the report of the corrected experiment, so that it needs no experiment."""
        return self.metric == "best_validation_accuracy"


@dataclass(frozen=True)
class Study:
    """A question and the named experiments that answer it.

    Args:
        name: Name on the command line.
        title: Heading of the report.
        question: The question, a sentence.
        experiments: The experiments by name, in the order of the report.
        published: The published figures, by the name of the experiment.
        published_data: Spec of the data set of the published figures.
        published_image_size: Height and width of its images in the original study; None for their own size.
        published_metric: The metric of the published figures, by which the protocol `"published"` chooses. Some
            authors report only the validation accuracy.
        protocol: `"sound"`, or `"published"` with the flaws of the original.
        notes: Sentences for the report on the protocol, and on choices that the original leaves open.
        seeds: Seeds of the runs of each experiment.
        splits: Number of splits of the images into training, validation and test set. Seeds take the splits in turn: a
            run has split number seed modulo `splits`, counted from 0. The number is added to the experiment's
            `Split.seed`. Data with their own test set keep it. Each split needs at least one seed.
        size: `"full"`; `"reduced"`, for a CPU; or `"quick"`, which takes seconds and whose metrics mean nothing.
        lessons: The lessons, by the name of the experiment with a flaw, or of the flaw of a report.
        compare: Pairs of experiments that the report compares with a verdict, (experiment, its base). None chooses
            them by the structure of the experiments (see `kerasclf.report.contrasts`).
        margin: The largest difference in accuracy that counts as none.
        looks: Numbers of runs of each experiment after which the study looks at its results, such as (3, 5, 10). It
            stops at the first look at which every comparison is decided (better, worse or equal). Empty runs all seeds.
        quick_reduction: The limits of the quick size; None takes the usual ones.
        cpu_reduction: The limits of the reduced size; None if the study declares none.
        reductions: Phrases that say what was reduced. Reduced metrics are not comparable with published figures.
        backbones: Pretrained networks that replace those of the declared study. Their metrics are not comparable with
            published figures. Empty if none is replaced.
        own_backbones: The networks that they replace.

    Example:
        >>> from kerasclf import Experiment, Study, TrainConfig
        >>> base = Experiment(data="digits", model="mlp", train=TrainConfig(epochs=10))
        >>> narrow, wide = (base.but(model_args={"hidden": (units,)}) for units in (10, 100))
        >>> study = Study("width", "Width", "Do more units help?", {"narrow": narrow, "wide": wide}, seeds=(0, 1, 2))
        >>> list(study.only(("wide",)))
        ['wide']
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
    splits: int = 1
    size: Size = "full"
    lessons: dict[str, Lesson] = field(default_factory=dict)
    compare: Pairs | None = None
    margin: float = 0.02
    looks: tuple[int, ...] = ()
    quick_reduction: Reduction | None = None
    cpu_reduction: Reduction | None = None
    reductions: tuple[str, ...] = ()
    backbones: tuple[str, ...] = ()
    own_backbones: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        problems = [
            unknown(what, name, self.experiments) for what, name in self._named() if name not in self.experiments
        ]
        problems += _compare_problems(self.compare or ())
        if not 0 < self.margin < 1:
            problems.append(f"margin: expected a difference between 0 and 1. Received: {self.margin}.")
        if self.protocol not in PROTOCOLS:
            problems.append(unknown("protocol", self.protocol, PROTOCOLS))
        if not self.experiments:
            problems.append("experiments: expected at least one. Received none.")
        problems += [problem for name in self.experiments if (problem := _name_problem(name))]
        if not all(0 <= seed < 2**32 for seed in self.seeds):
            problems.append(f"seeds: expected numbers from 0 to 2**32 - 1. Received: {in_short(self.seeds)}.")
        if not self.seeds or len(set(self.seeds)) < len(self.seeds):
            problems.append(f"seeds: expected one or more different seeds. Received: {in_short(self.seeds)}.")
        problems += _looks_problems(self.looks, self.seeds) + _splits_problems(self)
        raise_all(f"Study {in_short(self.name)} cannot be used", problems)

    def _named(self) -> Iterator[tuple[str, str]]:
        """Yields the experiments that other fields name, each with words for its role."""
        yield from (("published experiment", name) for name in self.published)
        for flawed, lesson in self.lessons.items():
            names = (lesson.corrected,) if lesson.is_of_report else (flawed, lesson.corrected)
            yield from (("experiment of a lesson", name) for name in names)
        yield from (("experiment of a comparison", name) for pair in self.compare or () for name in pair)

    def __repr__(self) -> str:
        names = list(self.experiments)
        more = len(names) - _MAX_NAMED_EXPERIMENTS
        parts = [", ".join(names[:_MAX_NAMED_EXPERIMENTS]) + (f" and {more} more" if more > 0 else "")]
        parts.append(f"seed{'s' * (len(self.seeds) > 1)} {', '.join(map(str, self.seeds))}")
        parts += [f"{self.splits} splits"] * (self.splits > 1)
        for name, usual in (("protocol", "sound"), ("size", "full")):
            if getattr(self, name) != usual:
                parts.append(f"{name} {getattr(self, name)}")
        return f"<Study {self.name!r}: {'; '.join(parts)}>"

    def only(self, names: tuple[str, ...]) -> dict[str, Experiment]:
        """Returns the experiments with these names, in the study's order; all if there are no names.

        Raises:
            KerasclfError: If a name is unknown.
        """
        problems = Problems()
        for name in names:
            if name not in self.experiments:
                problems.add(unknown("experiment", name, self.experiments))
        problems.raise_all("only: expected names of experiments")
        return {name: value for name, value in self.experiments.items() if not names or name in names}

    def to_dict(self) -> dict[str, Any]:
        """Returns the study as plain JSON types, the contents of study.json."""
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
            "backbones": list(self.backbones),
            "own_backbones": list(self.own_backbones),
            "notes": list(self.notes),
            "seeds": list(self.seeds),
            "splits": self.splits,
            "experiments": {name: value.to_dict() for name, value in self.experiments.items()},
            "published": {name: value.to_dict() for name, value in self.published.items()},
            "lessons": {name: value.to_dict() for name, value in self.lessons.items()},
            "compare": None if self.compare is None else [list(pair) for pair in self.compare],
            "margin": self.margin,
            "looks": list(self.looks),
        }
