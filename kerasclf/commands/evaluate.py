"""`kerasclf evaluate`: trained models on labelled images, with intervals."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal

import tyro
from rich.console import Console
from rich.table import Table

from kerasclf.commands.printing.image_progress import ImageProgress
from kerasclf.commands.printing.output import folder_name, log_to, say, say_wrapped
from kerasclf.errors import ImagesFailedError, KerasclfError, Problems
from kerasclf.escaping import for_console
from kerasclf.files.new_folder import check_new_folder
from kerasclf.quiet import quiet_tensorflow
from kerasclf.wording import counted

if TYPE_CHECKING:
    from kerasclf.inference.labelled_images import LabelledImages
    from kerasclf.inference.labelled_predictions import EvaluationOptions
    from kerasclf.loading import FoundModel
    from kerasclf.report.evaluation.evaluation_results import EvaluationResults


@dataclass(frozen=True)
class EvaluateCommand:
    """Evaluate models on new labelled images, with intervals.

    The report has the accuracy, classes, confusion, probabilities and errors. It says whether these images are harder
    than the test images of the run, and whether the run has seen some of them. Several models are compared on the same
    images. Classes are matched by name.

    Examples:
      kerasclf evaluate runs/train-folder-my-photos-keras_resnet50 folder:new_photos
      kerasclf evaluate RUN OTHER_RUN folder:new_photos --ensemble --tta flip
      kerasclf evaluate model.keras cifar10 --corrupt --out robust
      kerasclf evaluate RUN folder:new_photos --rename Katze=cat Hund=dog
    """

    run_folder: Annotated[Path, tyro.conf.Positional]
    """The folder of a run; of a study or a search, for its final or its best model; or a .keras file."""
    data: Annotated[tuple[str, ...], tyro.conf.Positional]
    """More runs to compare with it, if any, and last the labelled images: folder:PATH with PATH/CLASS/image.jpg,
    cifar10 and others. The test set is used if the data set has one of its own, otherwise all images."""
    out: Annotated[Path | None, tyro.conf.arg(aliases=["-o"])] = None
    """A new folder for the report. Default: runs/evaluate-DATA-RUN."""
    ensemble: bool = False
    """Also average the probabilities of all models."""
    tta: Annotated[str | None, tyro.conf.arg(metavar="flip|N")] = None
    """Also average over views of each image: flip for its mirror image, or a number from 2 to 10. It takes that many
    times as long."""
    corrupt: bool = False
    """Also corrupt the images: noise, blur, JPEG, brightness, contrast and occlusion, five strengths each. It takes 31
    times as long."""
    rename: Annotated[tuple[str, ...], tyro.conf.arg(metavar="THEIRS=OURS")] = ()
    """Classes that the model calls otherwise, as THEIRS=OURS, where OURS is the name in the model."""
    known_only: bool = False
    """Leave out images of classes that the model does not know. Otherwise they are an error."""
    seed: int = 0
    """Seed of the corruptions."""
    engine: Literal["auto", "tensorflow", "openvino"] = "auto"
    """What computes the models. auto: OpenVINO if it is installed and there is no GPU, otherwise TensorFlow."""

    @property
    def _runs(self) -> tuple[Path, ...]:
        return (self.run_folder, *map(Path, self.data[:-1]))

    INTERRUPTED: ClassVar[str] = "The report appears only when it is complete. Repeat the command to start again."

    def run(self, console: Console) -> None:
        found, images, options = self._check()
        for one in found:
            if one.chosen:
                say(console, f"model: {one.chosen}")
        say(console, f"data: {images.title}, {images.which}: {counted(len(images), 'image')}")
        quiet_tensorflow()
        from kerasclf.evaluation import evaluate
        from kerasclf.inference.trained_model import TrainedModel

        models = [TrainedModel.read(one.path, one.run) for one in found]
        total = len(images) * options.passes * len(models)
        with ImageProgress(total, console, bar=True) as progress:
            evaluation = evaluate(
                models,
                images,
                options,
                log=log_to(console),
                advance=progress.advance,
            )
        page = evaluation.write_report(self._out())
        _show(evaluation, console)
        say(console, f"{counted(progress.done, 'prediction')}  {progress.rate}")
        say(console, f"report: {page}")
        if evaluation.unreadable:
            raise ImagesFailedError(
                f"{len(evaluation.unreadable):,} of {counted(len(images), 'image')} could not be read. "
                "unreadable.csv in the report says why. The report covers all others."
            )

    def _check(self) -> "tuple[list[FoundModel], LabelledImages, EvaluationOptions]":
        """Checks everything that needs no TensorFlow, which takes seconds to start.

        Raises:
            KerasclfError: If something cannot be used; the message lists all problems.
        """
        from kerasclf.data.spec_paths import check_outside
        from kerasclf.data.specs import complete_spec
        from kerasclf.evaluation import check_match
        from kerasclf.inference.labelled_images import LabelledImages
        from kerasclf.loading import find_model
        from kerasclf.networks.model_file import read_class_names

        problems, found, images, options = Problems(), [], None, None
        for run in self._runs:
            with problems.collect():
                found.append(find_model(run))
        if len({one.path.resolve() for one in found}) < len(found):
            problems.add("Expected each model once. Received one of them twice.")
        if self.ensemble and len(self._runs) == 1:
            problems.add("ensemble: expected at least two runs. Received one.")
        with problems.collect():
            images = LabelledImages.find(self.data[-1])
        with problems.collect():
            options = self._options()
        with problems.collect():
            check_new_folder(self._out(), "out")
            check_outside(self._out(), complete_spec(self.data[-1]))
        classes = {str(one.path): names for one in found if (names := read_class_names(one.path))}
        if images and options and classes:
            with problems.collect():
                check_match(images, classes, options)
        problems.raise_all("kerasclf evaluate cannot run")
        assert images is not None and options is not None
        return found, images, options

    def _options(self) -> "EvaluationOptions":
        from kerasclf.inference.averaged_views import views_of
        from kerasclf.inference.labelled_predictions import EvaluationOptions

        pairs = [pair.partition("=") for pair in self.rename]
        for pair, (theirs, _, ours) in zip(self.rename, pairs, strict=True):
            if not theirs or not ours:
                raise KerasclfError(f"rename: expected THEIRS=OURS, such as Katze=cat. Received: {pair}.")
        rename = {theirs: ours for theirs, _, ours in pairs}
        if len(rename) < len(pairs):
            raise KerasclfError(f"rename: expected each class once. Received: {' '.join(self.rename)}.")
        views = views_of(self.tta)
        return EvaluationOptions(
            views=views,
            corrupted=self.corrupt,
            ensemble=self.ensemble,
            rename=rename,
            known_only=self.known_only,
            seed=self.seed,
            engine=self.engine,
        )

    def _out(self) -> Path:
        if self.out is not None:
            return self.out
        more = f"-and-{len(self._runs) - 1}-more" if len(self._runs) > 1 else ""
        name = self.run_folder.resolve().name.removesuffix(".keras")
        return Path("runs") / folder_name("evaluate", self.data[-1], f"{name}{more}")


def _show(evaluation: "EvaluationResults", console: Console) -> None:
    """Prints the table of the models and the findings."""
    from kerasclf.report.evaluation.evaluation_findings import evaluation_cautions, evaluation_findings

    table = Table(title=for_console(f"{evaluation.title}, {evaluation.which}"), title_justify="left")
    table.add_column("model")
    for heading, _ in _columns(evaluation):
        table.add_column(heading, justify="right")
    for row in evaluation.table().to_dict("records"):
        table.add_row(for_console(row["model"]), *(_cell(row, metric) for _, metric in _columns(evaluation)))
    console.print()
    console.print(table)
    for caution in evaluation_cautions(evaluation):
        say_wrapped(console, caution, "caution: ", "  ")
    for sentence in evaluation_findings(evaluation):
        say_wrapped(console, sentence, rest="  ")


def _columns(evaluation: "EvaluationResults") -> list[tuple[str, str]]:
    """Returns heading and name of each metric of the table, the leading one first."""
    accuracy, f1 = ("accuracy,\n95 % interval", "accuracy"), ("macro F1", "macro_f1")
    loss, own = ("loss", "loss"), ("own test\naccuracy", "own_test_accuracy")
    if evaluation.imbalance:
        return [("balanced accuracy,\n95 % interval", "balanced_accuracy"), f1, accuracy, loss, own]
    return [accuracy, loss, f1, own]


def _cell(row: Mapping[Any, Any], metric: str) -> str:
    value = row[metric]
    if value != value:
        return "–"
    interval = f" ({row[f'{metric}_low']:.3f}–{row[f'{metric}_high']:.3f})" if f"{metric}_low" in row else ""
    return f"{value:.4f}{interval}"
