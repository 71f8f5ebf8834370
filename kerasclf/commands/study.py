"""`kerasclf study`: run a declared study, or say what it would cost."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, cast

import tyro
from rich.console import Console

from kerasclf.commands.course import COURSE, QUESTION, run_course
from kerasclf.commands.running import RunOptions, parse_size
from kerasclf.commands.words import folder_name, say
from kerasclf.errors import KerasclfError

if TYPE_CHECKING:
    from kerasclf.data.specs import DatasetChoice
    from kerasclf.studies.study import Protocol, Study


@dataclass(frozen=True)
class StudyCommand(RunOptions):
    """Run a declared study and write its report. What is finished is not run again; what was interrupted goes on.

    Examples:
      kerasclf study --list
      kerasclf study basenet --quick
      kerasclf study ladder --data folder:my_photos --repeats 3 --plan
      kerasclf study ladder --data folder:my_photos --repeats 3 --jobs 2
      kerasclf study birds --data birds:CUB_200 --plan
      kerasclf study cifar10-dense --reduced --repeats 3
      kerasclf study art --data folder:my_photos --only resnet50 last15 last22
      kerasclf study pitfalls --data folder:my_photos --repeats 5 --jobs 2
      kerasclf study course --data folder:mnist900 --wine winequality-red.csv
    """

    name: Annotated[str, tyro.conf.Positional] = ""
    """The study: basenet, ladder, birds, pitfalls, course…; see --list."""
    list_all: Annotated[bool, tyro.conf.arg(name="list")] = False
    """List the declared studies."""
    data: str | None = None
    """cifar100:25, cifar100, cifar10, mnist, folder:PATH, list:ROOT:TRAIN.txt:TEST.txt, birds:PATH or shapes. Without
    it, the study's own data where they can be had, and else the drawn set 'shapes'."""
    protocol: str = "sound"
    """sound: the flaws of the original corrected; published: as its authors ran it."""
    only: tuple[str, ...] = ()
    """Names of the experiments to run; all where empty. Of the course, exercises: perceptron, wine, iris, digits,
    metrics, fitting, batches, folds, cnn, seen, networks, transfer."""
    reduced: bool = False
    """The study's stated form for a CPU: fewer images and epochs, smaller networks; its reports say what is less."""
    wine: Path | None = None
    """For the course: the file winequality-red.csv; without it, the exercise on wine is left out."""
    epochs: int | None = None
    """At most so many epochs in each phase of a training."""
    weights: str | None = None
    """Where pretrained networks get their weights: imagenet (downloaded once), a file, or none to begin at random,
    which is what --quick does."""

    def run(self, console: Console) -> None:
        from kerasclf.studies.study_catalogue import STUDIES

        if self.list_all:
            _list_studies(console)
            return
        if not self.name:
            raise KerasclfError(
                f"Which study? Known: {', '.join([*STUDIES, COURSE])}. For example: kerasclf study basenet --quick"
            )
        if self.name == COURSE:
            run_course(self, console)
            return
        if self.wine is not None:
            raise KerasclfError("--wine is for kerasclf study course; here it is --data wine:PATH.")
        study = self._declare(console)
        study.only(self.only)
        out = self.out or Path("runs") / folder_name(
            study.name, next(iter(study.experiments.values())).data, study.protocol, self.quick, study.small
        )
        runs = f"{len(study.seeds)} run{'s' * (len(study.seeds) > 1)} each"
        say(console, f"study: {study.title} ({study.protocol}, {runs}) → {out}")
        self.carry_out(study, out, console, self.only)

    def _declare(self, console: Console) -> "Study":
        from kerasclf.data.specs import DatasetChoice
        from kerasclf.studies.study_catalogue import declare

        chosen = self._default_data(console) if self.data is None else DatasetChoice(self.data, "")
        return declare(
            self.name,
            cast("Protocol", self.protocol),
            image_size=parse_size(self.image_size) or chosen.image_size,
            train_per_class=self.train_per_class,
            test_per_class=self.test_per_class,
            repeats=self.repeats,
            seed=self.seed,
            quick=self.quick,
            small=self.reduced,
            epochs=self.epochs,
            weights=self.weights,
            cache="off" if self.no_cache else "auto",
            data=chosen.spec,
        )

    def _default_data(self, console: Console) -> "DatasetChoice":
        from kerasclf.data.specs import default_dataset
        from kerasclf.studies.study_catalogue import STUDIES, find_study

        choice = default_dataset(STUDIES[find_study(self.name)]("sound").published_data)
        if choice.notice:
            say(console, choice.notice)
        return choice


def _list_studies(console: Console) -> None:
    from kerasclf.studies.study_catalogue import STUDIES

    width = max(map(len, STUDIES))
    say(console, f"{COURSE:{width}} {QUESTION} (all studies course-…)")
    for name, declaration in STUDIES.items():
        study = declaration("sound")
        many = len(study.experiments)
        say(console, f"{name:{width}} {study.question} ({many} experiment{'s' * (many > 1)})")
