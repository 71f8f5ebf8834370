"""`kerasclf predict`: the classes of new images, by the model of a run."""

import contextlib
import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, ClassVar, Literal

import tyro
from rich.console import Console

from kerasclf.commands.printing.image_progress import ImageProgress
from kerasclf.commands.printing.output import check_new_file, end_without_reader, say
from kerasclf.errors import ImagesFailedError, KerasclfError, Problems
from kerasclf.files.new_folder import check_new_folder
from kerasclf.quiet import quiet_tensorflow
from kerasclf.wording import counted

if TYPE_CHECKING:
    from kerasclf.inference.calibration.model_calibration import ModelCalibration
    from kerasclf.inference.image_files import ImageFiles
    from kerasclf.inference.predictions import Promises
    from kerasclf.inference.trained_model import TrainedModel
    from kerasclf.loading import FoundModel

_FORMS = {".csv": "csv", ".jsonl": "jsonl"}


@dataclass(frozen=True)
class PredictCommand:
    """Predict the classes of images with the model of a run. Each image becomes a row: file, class and probability.

    Images are read as in training: turned upright, transparency over white, 16 bits as 8, resized to the model. A
    file that cannot be read is a row with a problem, and the exit code is 1. Memory does not grow with the number of
    images. Probabilities are calibrated on the validation images of the run. Progress is written to standard error.

    Examples:
      kerasclf predict runs/train-folder-my-photos-keras_resnet50 new_photos --out predictions.csv
      kerasclf predict model.keras 'holiday/**/*.jpg' --top 3 --sort-into sorted
      kerasclf predict RUN new_photos --abstain-at 0.95 --sets 0.9
      kerasclf predict RUN photos.csv:path --format jsonl
      find photos -newer yesterday -name '*.jpg' | kerasclf predict RUN -
    """

    run_folder: Annotated[Path, tyro.conf.Positional]
    """The folder of a run; of a study or a search, for its final or its best model; or a .keras file."""
    paths: Annotated[tuple[str, ...], tyro.conf.Positional]
    """Images, folders (with all below them), globs in quotes, FILE.csv:COLUMN, or - for paths from standard input.
    Paths in a CSV file are relative to its folder."""
    out: Annotated[Path | None, tyro.conf.arg(aliases=["-o"])] = None
    """A new file for the predictions, ending in .csv or .jsonl. Default: standard output."""
    format: Literal["csv", "jsonl"] | None = None
    """csv, or jsonl for one JSON object a line. Default: that of --out, or else csv."""
    top: int = 1
    """Number of classes per image, the most probable first."""
    sort_into: Path | None = None
    """A new folder; each image is copied into the folder of its class there. The images stay where they are."""
    abstain_at: float | None = None
    """Leave the least confident images unanswered, so that at least this share of answers is correct, such as 0.95. It
    adds the column abstained."""
    sets: float | None = None
    """Give each image a set of classes that contains the true one for this share of images, such as 0.9. It adds the
    column set."""
    sets_by_class: bool = False
    """Keep the promise of --sets for the images of each class, not only for all images together."""
    raw: bool = False
    """Give the probabilities of the network as trained, without calibration."""
    engine: Literal["auto", "tensorflow", "openvino"] = "auto"
    """What computes the model. auto: OpenVINO if it is installed and there is no GPU, otherwise TensorFlow."""

    # Arguments of the library that have other names here.
    FLAGS: ClassVar[Mapping[str, str]] = {"accuracy": "--abstain-at", "coverage": "--sets"}

    INTERRUPTED: ClassVar[str] = (
        "The files of --out and --sort-into appear only when they are complete. Repeat the command to start again."
    )

    def run(self, console: Console) -> None:
        from kerasclf.inference.image_files import ImageFiles

        files = ImageFiles(self.paths)
        checked = self._check(files)
        found, promises = checked.found, checked.promises
        console = Console(stderr=True, markup=False, emoji=False)  # predictions go to standard output
        if found.chosen:
            say(console, f"model: {found.chosen}")
        for line in self._about_probabilities(checked):
            say(console, line)
        quiet_tensorflow()
        from kerasclf.inference.trained_model import TrainedModel

        trained = TrainedModel.read(found.path, found.run, checked.calibration, self.raw)
        progress = ImageProgress(checked.count, console, bar=self._has_own_screen)
        try:
            failed = self._predict(trained, promises, files, progress)
        except BrokenPipeError:
            end_without_reader()
        for place in filter(None, (self.out, self.sort_into)):
            say(console, f"→ {place}")
        say(console, f"{counted(progress.done, 'image')}  {progress.rate}")
        if failed:
            raise ImagesFailedError(
                f"{failed:,} of {counted(progress.done, 'image')} could not be read. The column problem says why. All "
                "others have their predictions."
            )

    @property
    def _has_own_screen(self) -> bool:
        """Whether the predictions are written elsewhere than the progress."""
        return self.out is not None or not sys.stdout.isatty()

    @property
    def _form(self) -> Literal["csv", "jsonl"]:
        suffix = self.out.suffix.lower() if self.out else ""
        return self.format or ("jsonl" if suffix == ".jsonl" else "csv")

    def _predict(
        self, trained: "TrainedModel", promises: "Promises", files: Iterable[str], progress: ImageProgress
    ) -> int:
        """Predicts and writes everything. Returns the number of images that could not be read."""
        from kerasclf.inference.class_folders import ClassFolders
        from kerasclf.inference.prediction_files import prediction_writer

        failed, top = 0, min(self.top, len(trained.class_names))
        with contextlib.ExitStack() as stack:
            folders = stack.enter_context(ClassFolders(self.sort_into)) if self.sort_into else None
            write = stack.enter_context(prediction_writer(self.out, self._form, top, promises))
            stack.enter_context(progress)
            predictions = trained.predictions(
                trained.read_files(files),
                top=top,
                promises=promises,
                engine=self.engine,
                log=lambda line: say(progress.console, line),
            )
            for prediction in predictions:
                write(prediction)
                failed += prediction.problem is not None
                # An image that stays unanswered belongs to no class.
                if folders and not prediction.problem and not prediction.abstained:
                    folders.add(prediction.file, prediction.classes[0])
                progress.advance()
        return failed

    def _about_probabilities(self, checked: "_Checked") -> list[str]:
        """Returns how the probabilities are calibrated, and what is promised, in lines."""
        calibration, promises = checked.calibration, checked.promises
        if self.raw:
            return []
        if calibration is None:
            from kerasclf.inference.calibration.model_calibration import why_uncalibrated

            return [why_uncalibrated(checked.found.run)]
        rules = [rule for rule in (promises.abstention, promises.sets) if rule is not None]
        return [calibration.sentence, *(rule.sentence for rule in rules)]

    def _check(self, files: "ImageFiles") -> "_Checked":
        """Checks everything that needs no TensorFlow, which takes seconds to start.

        Raises:
            KerasclfError: If something cannot be used; the message lists all problems.
        """
        from kerasclf.inference.predictions import NO_PROMISES
        from kerasclf.loading import find_model

        problems, found, calibration, count, promises = Problems(), None, None, None, NO_PROMISES
        with problems.collect():
            found = find_model(self.run_folder)
            calibration = found.calibration(self.raw)
        with problems.collect():
            count = files.check()
        if self.top < 1:
            problems.add(f"top: expected at least 1. Received: {self.top}.")
        if found:
            with problems.collect():
                promises = self._promises(found, calibration)
        with problems.collect():
            self._check_out()
        if self.sort_into:
            with problems.collect():
                check_new_folder(self.sort_into, "sort_into")
                self._check_places()
        problems.raise_all("kerasclf predict cannot run")
        assert found is not None
        return _Checked(found, calibration, promises, count)

    def _promises(self, found: "FoundModel", calibration: "ModelCalibration | None") -> "Promises":
        from kerasclf.inference.calibration.model_calibration import checked
        from kerasclf.inference.predictions import NO_PROMISES

        if self.sets_by_class and self.sets is None:
            raise KerasclfError("sets_by_class: expected `sets` with a share, such as 0.9. Received none.")
        if self.abstain_at is None and self.sets is None:
            return NO_PROMISES
        calibration = checked(calibration, found.path, found.run, self.raw)
        return calibration.promises(self.abstain_at, self.sets, self.sets_by_class)

    def _check_places(self) -> None:
        """Checks that --out does not lie in the folder of --sort-into, which appears at the end."""
        if self.out and self.sort_into and self.out.resolve().is_relative_to(self.sort_into.resolve()):
            raise KerasclfError(f"out: expected a file outside the folder of `sort_into`. Received: {self.out}.")

    def _check_out(self) -> None:
        if self.out is None:
            return
        check_new_file(self.out)
        if self.out.suffix.lower() not in _FORMS and self.format is None:
            raise KerasclfError(f"out: expected a file ending in {' or '.join(_FORMS)}. Received: {self.out}.")


@dataclass(frozen=True)
class _Checked:
    """What is known before TensorFlow starts; `count` is None for an unknown number of images."""

    found: "FoundModel"
    calibration: "ModelCalibration | None"
    promises: "Promises"
    count: int | None
