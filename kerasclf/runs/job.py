"""`Job`: one run that is to be made, as it is handed from process to process."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from kerasclf.data.views import View
from kerasclf.runs.experiment import Experiment
from kerasclf.runs.run_folder import RunFolder
from kerasclf.training.halting import Halt


@dataclass(frozen=True)
class Job:
    """One run that is to be made.

    Args:
        title: What a user knows it by.
        name: The experiment's name.
        experiment: What to run.
        seed: With which seed.
        path: The run folder to make.
        manifest: The hash of the images it must see.
        snapshot: A file with these images; where there is none, they are loaded by their spec.
        threads: CPU threads it may use; None for all. A run that was begun keeps to the number it was begun with,
            since sums in another order end in other digits.
        view: Which of these images it sees; None for their three parts as they are.
        halt: When it is broken off before its last epoch; None for never.
        also_cache: The cuts of other runs' phases, run by run, whose frozen activations the same pass may compute.
    """

    title: str
    name: str
    experiment: Experiment
    seed: int
    path: Path
    manifest: str
    snapshot: str | None = None
    threads: int | None = None
    view: View | None = None
    halt: Halt | None = None
    also_cache: tuple[tuple[str, ...], ...] = ()

    @property
    def run(self) -> RunFolder:
        """Its folder, which exists once the run is complete."""
        return RunFolder(self.path)

    def to_dict(self) -> dict[str, Any]:
        """Returns plain JSON types."""
        return {
            **vars(self),
            "experiment": self.experiment.to_dict(),
            "path": str(self.path.absolute()),
            "view": self.view and self.view.to_dict(),
            "halt": self.halt and self.halt.to_dict(),
        }

    @classmethod
    def from_dict(cls, plain: dict[str, Any]) -> "Job":
        """Makes a job of what `to_dict` returned."""
        view, halt = plain.get("view"), plain.get("halt")
        return cls(
            **{
                **plain,
                "experiment": Experiment.from_dict(plain["experiment"]),
                "path": Path(plain["path"]),
                "view": View.from_dict(view) if view else None,
                "halt": Halt.from_dict(halt) if halt else None,
                "also_cache": tuple(map(tuple, plain.get("also_cache", ()))),
            }
        )
