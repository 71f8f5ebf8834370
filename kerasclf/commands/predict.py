"""`kerasclf predict`: the classes of new images, by the model of a run."""

import contextlib
import os
import sys
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import tyro
from rich.console import Console

from kerasclf.commands.image_progress import ImageProgress
from kerasclf.commands.output import say
from kerasclf.errors import FolderError, ImagesFailedError, KerasclfError, Problems
from kerasclf.quiet import quiet_tensorflow
from kerasclf.wording import counted

if TYPE_CHECKING:
    from kerasclf.inference.image_files import ImageFiles
    from kerasclf.inference.trained_model import TrainedModel
    from kerasclf.loading import FoundModel

_FORMS = {".csv": "csv", ".jsonl": "jsonl"}


@dataclass(frozen=True)
class PredictCommand:
    """Predict the classes of images with the model of a run. Each image becomes a row: file, class and probability.

    Images are read as in training: turned upright, transparency over white, 16 bits as 8, resized to the model. A
    file that cannot be read is a row with a problem, and the exit code is 1. Memory does not grow with the number of
    images. Progress is written to standard error.

    Examples:
      kerasclf predict runs/train-folder-my-photos-keras_resnet50 new_photos --out predictions.csv
      kerasclf predict model.keras 'holiday/**/*.jpg' --top 3 --sort-into sorted
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
    engine: Literal["auto", "tensorflow", "openvino"] = "auto"
    """What computes the model. auto: OpenVINO if it is installed and there is no GPU, otherwise TensorFlow."""

    def run(self, console: Console) -> None:
        from kerasclf.inference.image_files import ImageFiles

        files = ImageFiles(self.paths)
        found, count = self._check(files)
        console = Console(stderr=True, markup=False, emoji=False)  # predictions go to standard output
        if found.chosen:
            say(console, f"model: {found.chosen}")
        quiet_tensorflow()
        from kerasclf.inference.trained_model import TrainedModel

        trained = TrainedModel.read(found.path, found.run)
        try:
            failed, progress = self._predict(trained, files, ImageProgress(count, console, bar=self._has_own_screen))
        except BrokenPipeError:  # the reader of the output, such as head, has enough
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            sys.exit(1)
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
        self, trained: "TrainedModel", files: Iterable[str], progress: ImageProgress
    ) -> tuple[int, ImageProgress]:
        """Predicts and writes everything. Returns the number of images that could not be read, and the progress."""
        from kerasclf.inference.class_folders import ClassFolders
        from kerasclf.inference.prediction_files import prediction_writer
        from kerasclf.inference.read_ahead import read_batches

        failed, top = 0, min(self.top, len(trained.class_names))
        with contextlib.ExitStack() as stack:
            folders = stack.enter_context(ClassFolders(self.sort_into)) if self.sort_into else None
            write = stack.enter_context(prediction_writer(self.out, self._form, top))
            stack.enter_context(progress)
            predictions = trained.predictions(
                read_batches(files, trained.image_shape),
                top=top,
                engine=self.engine,
                log=lambda line: say(progress.console, line),
            )
            for prediction in predictions:
                write(prediction)
                failed += prediction.problem is not None
                if folders and not prediction.problem:
                    folders.add(prediction.file, prediction.classes[0])
                progress.advance()
        return failed, progress

    def _check(self, files: "ImageFiles") -> "tuple[FoundModel, int | None]":
        """Checks everything that needs no TensorFlow, which takes seconds to start.

        Returns:
            Where the model is, and the number of images if it is known.

        Raises:
            KerasclfError: If something cannot be used; the message lists all problems.
        """
        from kerasclf.inference.class_folders import ClassFolders
        from kerasclf.loading import find_model

        problems, found, count = Problems(), None, None
        with problems.collect():
            found = find_model(self.run_folder)
        with problems.collect():
            count = files.check()
        if self.top < 1:
            problems.add(f"top: expected at least 1. Received: {self.top}.")
        with problems.collect():
            self._check_out()
        if self.sort_into:
            with problems.collect():
                ClassFolders.check(self.sort_into)
        problems.raise_all("kerasclf predict cannot run")
        assert found is not None
        return found, count

    def _check_out(self) -> None:
        if self.out is None:
            return
        if self.out.exists():
            raise FolderError(f"{self.out} already exists and is not overwritten. Give another --out, or delete it.")
        if self.out.suffix.lower() not in _FORMS and self.format is None:
            raise KerasclfError(f"out: expected a file ending in {' or '.join(_FORMS)}. Received: {self.out}.")
