"""`kerasclf calibrate`: a copy of a run's model that computes calibrated probabilities itself."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, ClassVar

import tyro
from rich.console import Console

from kerasclf.commands.printing.output import check_new_file, say
from kerasclf.errors import KerasclfError, Problems
from kerasclf.quiet import quiet_tensorflow

if TYPE_CHECKING:
    from kerasclf.inference.calibration.model_calibration import ModelCalibration
    from kerasclf.loading import FoundModel


@dataclass(frozen=True)
class CalibrateCommand:
    """Write a copy of a run's model with calibrated probabilities.

    The temperature is fitted on the validation images of the run. It stands in the metadata of the file, with what
    kerasclf predict --abstain-at and --sets need. The run stays as it is: kerasclf predict calibrates its model anyway.

    Example:
      kerasclf calibrate runs/train-folder-my-photos-keras_resnet50 --out birds.keras
    """

    run_folder: Annotated[Path, tyro.conf.Positional]
    """The folder of a run; of a study or a search, for its final or its best model."""
    out: Annotated[Path, tyro.conf.arg(aliases=["-o"])]
    """A new file, ending in .keras."""

    INTERRUPTED: ClassVar[str] = "The model appears only when it is complete. Repeat the command to start again."

    def run(self, console: Console) -> None:
        found, calibration = self._check()
        if found.chosen:
            say(console, f"model: {found.chosen}")
        say(console, calibration.sentence)
        for rule in calibration.usual_promises:
            say(console, rule.sentence)
        quiet_tensorflow()
        from kerasclf.inference.calibration.calibrated_model import write_calibrated
        from kerasclf.inference.trained_model import TrainedModel

        write_calibrated(TrainedModel.read(found.path, found.run, calibration), calibration, self.out)
        say(console, f"→ {self.out}")

    def _check(self) -> "tuple[FoundModel, ModelCalibration]":
        """Checks everything that needs no TensorFlow, which takes seconds to start.

        Raises:
            KerasclfError: If something cannot be used; the message lists all problems.
        """
        from kerasclf.inference.calibration.model_calibration import checked
        from kerasclf.loading import find_model

        problems, found, calibration = Problems(), None, None
        with problems.collect():
            found = find_model(self.run_folder)
            calibration = checked(found.calibration(), found.path, found.run)
            if calibration.inside:
                raise KerasclfError(
                    f"Expected a model as trained. Received: {found.path}, which is calibrated already."
                )
        with problems.collect():
            self._check_out()
        problems.raise_all("kerasclf calibrate cannot run")
        assert found is not None and calibration is not None
        return found, calibration

    def _check_out(self) -> None:
        if self.out.suffix != ".keras":
            raise KerasclfError(f"out: expected a file ending in .keras. Received: {self.out}.")
        check_new_file(self.out)
