"""`Job`: one run to be executed, in a form that travels between processes."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from kerasclf.data.views import View
from kerasclf.runs.experiment import Experiment
from kerasclf.runs.run_folder import RunFolder
from kerasclf.training.resuming.halting import Halt


@dataclass(frozen=True)
class Job:
    """One run to be executed.

    Args:
        title: Title shown to the user.
        name: Name of the experiment.
        experiment: The experiment to run.
        seed: Seed of the run.
        path: Run folder to write.
        manifest: Hash of the images that the run must use.
        snapshot: File with these images; without it, they are loaded by their spec.
        threads: Number of CPU threads; None for all. A resumed run keeps the number it started with, because sums in
            another order round differently.
        view: Which of the images the run uses; None for the three sets as they are.
        halt: When to stop before the last epoch; None for never.
        also_cache: The `unfreeze` settings of other runs, run by run. One pass of the images may compute the frozen
            activations of all of them.
        profile: Whether to profile some training steps, to `RunFolder.profile`.
        trajectory: Equal for runs that train alike up to the end of the shorter one; empty for a run that shares
            nothing. See `kerasclf.runs.sharing`.
        watched: Equal for runs whose epochs are evaluated on the same validation images.
        followers: Runs of the same trajectory for which this one trains.
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
    profile: bool = False
    trajectory: str = ""
    watched: str = ""
    followers: tuple["Job", ...] = ()

    @property
    def run(self) -> RunFolder:
        """The run folder, which exists when the run is complete."""
        return RunFolder(self.path)

    def to_dict(self) -> dict[str, Any]:
        """Returns plain JSON types."""
        return {
            **vars(self),
            "experiment": self.experiment.to_dict(),
            "path": str(self.path.absolute()),
            "view": self.view and self.view.to_dict(),
            "halt": self.halt and self.halt.to_dict(),
            "followers": [follower.to_dict() for follower in self.followers],
        }

    @classmethod
    def from_dict(cls, plain: dict[str, Any]) -> "Job":
        """Makes the job that `to_dict` described."""
        view, halt = plain.get("view"), plain.get("halt")
        return cls(
            **{
                **plain,
                "experiment": Experiment.from_dict(plain["experiment"]),
                "path": Path(plain["path"]),
                "view": View.from_dict(view) if view else None,
                "halt": Halt.from_dict(halt) if halt else None,
                "also_cache": tuple(map(tuple, plain.get("also_cache", ()))),
                "followers": tuple(map(cls.from_dict, plain.get("followers", ()))),
            }
        )
