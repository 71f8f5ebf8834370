"""`kerasclf course`: the studies of the course one after the other, and their exercises as pages."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, ClassVar

import tyro
from rich.console import Console

from kerasclf.commands.options.run_options import RunOptions
from kerasclf.commands.options.shared_options import SharedOptions
from kerasclf.commands.printing.output import RUNS_RESUME, folder_name, folder_within, say
from kerasclf.commands.report import show_course
from kerasclf.commands.study_execution import run_and_report
from kerasclf.errors import FolderError, Problems, RunsFailedError, WeightsError, unknown

if TYPE_CHECKING:
    from kerasclf.studies.study import Study

_NO_WINE = "needs the file winequality-red.csv: --wine PATH"


@dataclass(frozen=True)
class CourseCommand(RunOptions):
    """Run the twelve exercises of a deep-learning course, a page each.

    Examples:
      kerasclf course --quick
      kerasclf course --data folder:mnist900 --wine winequality-red.csv
      kerasclf course --only perceptron iris cnn
    """

    FLAGS: ClassVar[dict[str, str]] = {"cache": "--no-cache", "backbones": "--backbone"}

    data: str | None = None
    """Images of digits, such as folder:mnist900. Default: MNIST if it is available, otherwise scikit-learn's digits."""
    wine: Path | None = None
    """The file winequality-red.csv. Without it, the exercise on wine is left out."""
    only: tuple[str, ...] = ()
    """Names of the exercises: perceptron, wine, iris, digits, metrics, fitting, batches, folds, cnn, visualization,
    networks, transfer. Default: all."""
    protocol: str = "sound"
    """sound: corrects the flaws of the original course; published: repeats it as its authors ran it."""
    epochs: int | None = None
    """Maximum number of epochs in each phase of a training."""
    backbone: Annotated[tuple[str, ...], tyro.conf.arg(metavar="NAME")] = ()
    """Another pretrained network for the exercise transfer; kerasclf models lists them. Default: resnet18."""
    weights: str | None = None
    """Pretrained weights: imagenet (downloaded once), a file, a folder with a file named after each network, or none
    for random weights. --quick uses none by default."""

    INTERRUPTED: ClassVar[str] = RUNS_RESUME

    def run(self, console: Console) -> None:
        names = self._check()
        data = self.available_data("mnist", console).spec if self.data is None else self.data
        size = "quick" if self.quick else "full"
        out = self.out or Path("runs") / folder_name("course", data, self.protocol, size)
        _check_folder(out, self.protocol, size)
        missing: dict[str, str] = {}
        failures: dict[str, str] = {}
        for name in names:
            spec = self._data_of(name, data)
            if spec is None:
                missing[name] = _NO_WINE
                say(console, f"{name}: {_NO_WINE}")
                continue
            try:
                self._run_one(self._declare(name, spec), out / name, console)
            except RunsFailedError as error:
                failures |= {f"{name}: {title}": message for title, message in error.failures.items()}
            except WeightsError as error:
                if self.weights is not None:
                    raise
                missing[name] = str(error)  # missing weights must not stop the other exercises
                say(console, f"{name}: {error}")
        if not self.plan:
            show_course(out, folder_within(out, "report"), console, missing)
        if failures:
            raise RunsFailedError(failures)

    def check_shared(self, data: str | None, protocol: str = "sound") -> Problems:
        """Returns the problems of the engine, the data and the protocol. The folder holds a study per subfolder."""
        return SharedOptions.check_shared(self, data, protocol)

    def _check(self) -> list[str]:
        """Checks everything that needs neither images nor TensorFlow, and returns the studies to run.

        Raises:
            KerasclfError: If something cannot be used; the message lists all problems.
        """
        from kerasclf.data.specs import check_files
        from kerasclf.runs.planning.early_checks import check_early

        problems, names = self.check_shared(self.data, self.protocol), list[str]()
        with problems.collect():
            names = _studies_of(self.only)
        if self.backbone and names and "course-transfer" not in names:
            problems.add("--backbone is for the exercise transfer, which --only leaves out.")
        if self.wine is not None:
            with problems.collect():
                check_files(f"wine:{self.wine}")
        for name in names:
            spec = self._data_of(name, self.data or "mnist")
            with problems.collect():
                if spec is not None:
                    check_early(self._declare(name, spec).experiments)
        problems.raise_all("kerasclf course cannot run")
        return names

    def _data_of(self, name: str, digits: str) -> str | None:
        """Returns the data of a study of the course; None if the user must give them and did not."""
        from kerasclf.studies.study_catalogue import STUDIES

        own = STUDIES[name]("sound").published_data
        if own == "wine":
            return f"wine:{self.wine}" if self.wine is not None else None
        return digits if own == "mnist" else own

    def _declare(self, name: str, spec: str) -> "Study":
        from kerasclf.studies.study_catalogue import STUDIES, declare

        experiments = STUDIES[name]("sound").experiments.values()
        pretrained = any(experiment.transfer is not None for experiment in experiments)
        resized = any(experiment.image_size is not None for experiment in experiments)
        weights, backbones = (self.weights, self.backbone) if pretrained else (None, ())
        options = self.study_options(spec, self.epochs, weights, backbones=backbones)
        if not resized:
            options = options.but(limits=options.limits.but(image_size=None), fit=None)
        return declare(name, "published" if self.protocol == "published" else "sound", options)

    def _run_one(self, study: "Study", folder: Path, console: Console) -> None:
        from kerasclf.studies.illustrations import illustrate_study
        from kerasclf.studies.study_folder import StudyFolder

        say(console, f"\nstudy: {study.title} ({study.protocol}) → {folder}")
        run_and_report(self, study, folder, console)
        if not self.plan:
            illustrate_study(StudyFolder(folder))


def _check_folder(out: Path, protocol: str, size: str) -> None:
    """Checks that the pages of a folder will not mix protocols or sizes.

    Raises:
        FolderError: If the folder holds exercises with another protocol or in another size.
    """
    from kerasclf.studies.study_folder import STUDY_FILE, StudyFolder

    for path in sorted(out.glob(f"course-*/{STUDY_FILE}")):
        held = StudyFolder(path.parent).read()
        for name, found, given in (("protocol", held["protocol"], protocol), ("size", held["size"], size)):
            if found != given:
                raise FolderError(
                    f"{out} holds exercises with {name} {found!r}, not {given!r}. Give another folder as `out`. "
                    "Nothing was changed."
                )


def _studies_of(only: Sequence[str]) -> list[str]:
    """Returns the studies of the requested exercises; all without a request."""
    from kerasclf.studies.exercises import EXERCISES

    known = {exercise.name: exercise.study for exercise in EXERCISES}
    problems = Problems()
    for name in only:
        if name not in known:
            problems.add(unknown("exercise", name, known))
    problems.raise_all("--only: expected names of exercises")
    return list(dict.fromkeys(study for name, study in known.items() if not only or name in only))
