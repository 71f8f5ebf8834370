"""`kerasclf study`: run a declared study, or say what it would cost."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, ClassVar, cast

import tyro
from rich.console import Console

from kerasclf.commands.options.imbalance_options import ImbalanceOptions
from kerasclf.commands.options.run_options import RunOptions
from kerasclf.commands.printing.output import RUNS_RESUME, folder_name, say
from kerasclf.commands.study_execution import run_and_report
from kerasclf.errors import KerasclfError
from kerasclf.networks.network_source import label_of
from kerasclf.wording import counted, in_words

if TYPE_CHECKING:
    from kerasclf.studies.study import Protocol, Study
    from kerasclf.studies.study_options import StudyOptions


@dataclass(frozen=True)
class StudyCommand(RunOptions, ImbalanceOptions):
    """Run a declared study and write its report. Finished runs are not repeated; interrupted runs resume.

    Examples:
      kerasclf study --list
      kerasclf study basenet --quick
      kerasclf study ladder --data folder:my_photos --repeats 3 --plan
      kerasclf study ladder --data folder:my_photos --repeats 3 --jobs 2
      kerasclf study birds --data birds:CUB_200 --plan
      kerasclf study birds --data birds:CUB_200 --backbone mobilenet_v2
      kerasclf study cifar10-dense --reduced --repeats 3
      kerasclf study art --data folder:my_photos --only resnet50 last15 last22
      kerasclf study pitfalls --data folder:my_photos --repeats 5 --jobs 2
    """

    FLAGS: ClassVar[dict[str, str]] = {
        "size": "--reduced",
        "cache": "--no-cache",
        "input_shape": "--image-size",
        "backbones": "--backbone",
    }

    name: Annotated[str, tyro.conf.Positional] = ""
    """The study: basenet, ladder, birds, pitfalls, ...; see --list."""
    list_all: Annotated[bool, tyro.conf.arg(name="list")] = False
    """List the declared studies."""
    data: str | None = None
    """Images (folder:PATH, csv:FILE, npz:FILE, list:ROOT:TRAIN:TEST, birds:PATH, cifar100:25,
    cifar100, cifar10, mnist, digits, shapes) or rows of numbers (iris, wine:PATH, points). Default: the study's own
    data if available, otherwise the synthetic shapes."""
    protocol: str = "sound"
    """sound: corrects the flaws of the original; published: repeats it, flaws included."""
    only: tuple[str, ...] = ()
    """Names of the experiments to run. Default: all."""
    reduced: bool = False
    """Run the study's reduced size, for a CPU: fewer images and epochs, smaller networks. The report lists the
    reductions."""
    epochs: int | None = None
    """Maximum number of epochs in each phase of a training."""
    backbone: Annotated[tuple[str, ...], tyro.conf.arg(metavar="NAME")] = ()
    """Another pretrained network; kerasclf models lists them. art compares several, the first in the part of ResNet50.
    Default: the study's own."""
    weights: str | None = None
    """Pretrained weights: imagenet (downloaded once), a file, a folder with a file named after each network, or none
    for random weights. --quick uses none by default."""

    INTERRUPTED: ClassVar[str] = RUNS_RESUME

    def run(self, console: Console) -> None:
        from kerasclf.studies.study_catalogue import STUDIES

        if self.list_all:
            _list_studies(console)
            return
        if not self.name:
            raise KerasclfError(
                f"Which study? Known: {', '.join(STUDIES)}. For example: kerasclf study basenet --quick"
            )
        if self.name == "course":
            raise KerasclfError("The course is a command of its own: kerasclf course")
        self._check()
        study = self._declare(console)
        data = next(iter(study.experiments.values())).data
        name = "-".join([study.name, *map(label_of, self.backbone)])
        out = self.out or Path("runs") / folder_name(name, data, study.protocol, study.size)
        runs = f"{f'{study.looks[0]} to ' if study.looks else ''}{counted(len(study.seeds), 'run')} each"
        runs += f" on {study.splits} splits" if study.splits > 1 else ""
        say(console, f"study: {study.title} ({study.protocol}, {runs}) → {out}")
        if study.backbones:
            say(console, f"networks: {in_words(study.backbones)} instead of {in_words(study.own_backbones)}")
        if study.reductions:
            say(console, f"reduced: {'; '.join(study.reductions)}")
        run_and_report(self, study, out, console, self.only)

    def _check(self) -> None:
        """Checks everything that needs neither images nor TensorFlow.

        Raises:
            KerasclfError: If something cannot be used; the message lists all problems.
        """
        from kerasclf.runs.planning.early_checks import check_early
        from kerasclf.studies.study_catalogue import declare

        problems = self.check_shared(self.data, self.protocol)
        options = None
        with problems.collect():
            options = self._options()
        with problems.collect():
            protocol: Protocol = "published" if self.protocol == "published" else "sound"
            study = declare(self.name, protocol, options)
            check_early(study.only(self.only))
        problems.raise_all("kerasclf study cannot run")

    def _options(self) -> "StudyOptions":
        options = self.study_options(
            self.data, self.epochs, self.weights, reduced=self.reduced, backbones=self.backbone
        )
        return options.but(training=tuple(self.training_changes().items()))

    def _declare(self, console: Console) -> "Study":
        from kerasclf.studies.study_catalogue import STUDIES, declare

        options = self._options()
        if self.data is None:
            available = self.available_data(STUDIES[self.name]("sound").published_data, console)
            size = options.limits.image_size or available.image_size
            options = options.but(data=available.spec, limits=options.limits.but(image_size=size))
        return declare(self.name, cast("Protocol", self.protocol), options)


def _list_studies(console: Console) -> None:
    from kerasclf.studies.study_catalogue import STUDIES

    width = max(map(len, STUDIES))
    for name, declaration in STUDIES.items():
        study = declaration("sound")
        many = len(study.experiments)
        say(console, f"{name:{width}} {study.question} ({counted(many, 'experiment')})")
    say(console, "\nThe studies course-... are exercises of a course: kerasclf course runs them all.")
