"""The options that `train`, `study`, `course` and `search` share."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from rich.console import Console

from kerasclf.commands.options.parsing import parse_jobs, parse_size
from kerasclf.commands.printing.output import say, with_flags
from kerasclf.errors import KerasclfError, Problems, unknown

if TYPE_CHECKING:
    from kerasclf.data.default_data import DatasetChoice
    from kerasclf.runs.engines.engine import Engine
    from kerasclf.studies.reduction import Reduction
    from kerasclf.studies.study import Size

ENGINES = ("processes", "inline", "ray")


@dataclass(frozen=True, kw_only=True)
class SharedOptions:
    """Which images, how many runs, and where they take place."""

    seed: int = 0
    """Seed of the first run."""
    quick: bool = False
    """Run in seconds, with few images and at most two epochs. This shows the workflow; the metrics mean nothing."""
    image_size: str | None = None
    """HEIGHTxWIDTH in pixels. Resizes the images of folders and lists, and sets the size of synthetic shapes."""
    fit: Literal["squash", "crop", "pad"] | None = None
    """How an image of another shape fills the size: squash stretches it, crop keeps its middle, pad adds black borders.
    The model reads new images in the same way. Default: squash."""
    train_per_class: int | None = None
    """Maximum number of images per class for training and validation together."""
    test_per_class: int | None = None
    """Maximum number of test images per class."""
    group_by: str | None = None
    r"""A pattern (regular expression) that finds the group of each image file in its name, such as 'patient_(\d+)'.
    Images of one group stay in one set."""
    skip_broken: bool = False
    """Leave out image files that cannot be read, and say which, instead of stopping."""
    out: Path | None = None
    """Folder for the runs and their report. Default: a folder in runs/."""
    plan: bool = False
    """Check everything, measure a few real training steps, report the time, memory and disk of the runs, and stop."""
    no_share: bool = False
    """Train every run from its first epoch. By default, runs that train alike up to the end of the shorter one are one
    training with several results."""
    jobs: str = "auto"
    """Number of runs side by side, each in its own process. auto: one per GPU, or one per core if memory allows."""
    engine: str = "processes"
    """processes: on this machine; ray: on a Ray cluster; inline: in this process, one by one, for debugging."""
    address: str | None = None
    """With --engine ray: the address of the cluster. Default: start one on this machine."""

    def make_engine(self) -> "Engine":
        """Returns the engine that --engine, --jobs and --address select.

        Raises:
            KerasclfError: If they do not fit together, or there is no such engine.
        """
        from kerasclf.runs.engines.local_engines import Inline, Processes

        if self.engine not in ENGINES:
            raise KerasclfError(unknown("engine", self.engine, ENGINES))
        if self.address and self.engine != "ray":
            raise KerasclfError(f"--address needs --engine ray. Received: --engine {self.engine}.")
        jobs = parse_jobs(self.jobs)
        if self.engine == "inline":
            if jobs not in ("auto", 1):
                raise KerasclfError(
                    f"--engine inline executes the runs one by one. Leave out --jobs. Received: --jobs {jobs}."
                )
            return Inline()
        if self.engine == "processes":
            return Processes(jobs)
        from kerasclf.runs.engines.ray_engine import Ray

        return Ray(self.address, jobs)

    def check_shared(self, data: str | None, protocol: str = "sound") -> Problems:
        """Returns the problems of the engine, the output folder, the data and the protocol, without reading images.

        Args:
            data: Spec of the data set that the user names, if any.
            protocol: The protocol that the user names.
        """
        from kerasclf.data.spec_paths import check_outside
        from kerasclf.data.specs import check_files
        from kerasclf.studies.study import PROTOCOLS

        problems = Problems()
        with problems.collect():
            self.make_engine()
        if protocol not in PROTOCOLS:
            problems.add(unknown("protocol", protocol, PROTOCOLS))
        if data is not None:
            with problems.collect():
                check_files(data, self.group_by, self.skip_broken)
            if self.out is not None:
                with problems.collect():
                    check_outside(self.out, data)
        return problems

    def limits(self, epochs: int | None = None) -> "Reduction":
        """Returns the limits that the options set."""
        from kerasclf.studies.reduction import Reduction

        return Reduction(self.train_per_class, self.test_per_class, epochs, parse_size(self.image_size))

    def size(self, *, reduced: bool) -> "Size":
        """Returns the size that --quick and --reduced request.

        Raises:
            KerasclfError: If both are given.
        """
        if self.quick and reduced:
            raise KerasclfError("Expected --quick or --reduced. Received both.")
        return "quick" if self.quick else "reduced" if reduced else "full"

    def available_data(self, preferred: str, console: Console) -> "DatasetChoice":
        """Returns the preferred data set if it is available, otherwise its replacement, and says so."""
        from kerasclf.data.default_data import default_dataset

        choice = default_dataset(preferred)
        if choice.notice:
            say(console, with_flags(choice.notice, self))
        return choice
