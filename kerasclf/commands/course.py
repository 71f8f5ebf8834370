"""`kerasclf study course`: the studies of the course one after the other, and their exercises as pages."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, cast

from rich.console import Console

from kerasclf.commands.report import show_course
from kerasclf.commands.running import parse_size
from kerasclf.commands.words import folder_name, say
from kerasclf.errors import KerasclfError, RunsFailedError, unknown

if TYPE_CHECKING:
    from kerasclf.commands.study import StudyCommand
    from kerasclf.studies.study import Protocol, Study

COURSE = "course"
QUESTION = "A course in deep learning: what do its twelve exercises show?"
_NO_WINE = "needs the file: --wine winequality-red.csv"


def run_course(command: "StudyCommand", console: Console) -> None:
    """Runs the studies of the course that can be run, illustrates them and writes the pages.

    Raises:
        RunsFailedError: Some runs failed; all else is finished.
        KerasclfError: Something cannot be used.
    """
    from kerasclf.studies.study_catalogue import STUDIES

    names = _chosen(command.only)
    data = command.data or _digits(console)
    out = command.out or Path("runs") / folder_name(COURSE, data, command.protocol, command.quick)
    missing: dict[str, str] = {}
    failures: dict[str, str] = {}
    for name in names:
        own = STUDIES[name]("sound").published_data
        spec = data if own == "mnist" else f"wine:{command.wine}" if own == "wine" and command.wine else own
        if spec == "wine":
            missing[name] = _NO_WINE
            say(console, f"{name}: {_NO_WINE}")
            continue
        try:
            _run_one(command, _declare(command, name, spec), out / name, console)
        except RunsFailedError as error:
            failures |= {f"{name}: {title}": message for title, message in error.failures.items()}
        except KerasclfError as error:
            if name != "course-transfer" or command.weights is not None:
                raise
            missing[name] = str(error)  # weights that this machine has not are no reason to do without all the rest
            say(console, f"{name}: {error}")
    if not command.plan:
        show_course(out, out / "report", console, missing)
    if failures:
        raise RunsFailedError(failures)


def _chosen(only: Sequence[str]) -> list[str]:
    """Returns the studies of the exercises asked for, by their own names or those of the exercises."""
    from kerasclf.studies.exercises import EXERCISES

    known = {exercise.name: exercise.study for exercise in EXERCISES}
    for name in only:
        if name not in known:
            raise KerasclfError(unknown("exercise", name, known))
    return list(dict.fromkeys(study for name, study in known.items() if not only or name in only))


def _digits(console: Console) -> str:
    from kerasclf.data.specs import default_dataset

    choice = default_dataset("mnist")
    if choice.notice:
        say(console, choice.notice)
    return choice.spec


def _declare(command: "StudyCommand", name: str, spec: str) -> "Study":
    from kerasclf.studies.study_catalogue import STUDIES, declare

    experiments = STUDIES[name]("sound").experiments.values()
    pretrained = any(experiment.transfer is not None for experiment in experiments)
    enlarged = any(experiment.image_size is not None for experiment in experiments)
    return declare(
        name,
        cast("Protocol", command.protocol),
        data=spec,
        image_size=parse_size(command.image_size) if enlarged else None,
        train_per_class=command.train_per_class,
        test_per_class=command.test_per_class,
        repeats=command.repeats,
        seed=command.seed,
        quick=command.quick,
        epochs=command.epochs,
        weights=command.weights if pretrained else None,
        cache="off" if command.no_cache else "auto",
    )


def _run_one(command: "StudyCommand", study: "Study", folder: Path, console: Console) -> None:
    from kerasclf.studies.illustrations import ILLUSTRATIONS
    from kerasclf.studies.study_folder import StudyFolder

    say(console, f"\nstudy: {study.title} ({study.protocol}) → {folder}")
    command.carry_out(study, folder, console)
    if study.name in ILLUSTRATIONS and not command.plan:
        from kerasclf.quiet import quiet_tensorflow

        quiet_tensorflow()
        _, experiment, illustrate = ILLUSTRATIONS[study.name]
        run = StudyFolder(folder).run(experiment, study.experiments[experiment].identity, study.seeds[0])
        illustrate(run, folder)
