"""The options of `kerasclf search`, as a value."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, ClassVar

import tyro

from kerasclf.commands.parsing import parse_jobs
from kerasclf.commands.shared_options import SharedOptions
from kerasclf.errors import KerasclfError

if TYPE_CHECKING:
    from kerasclf.search.distributed.address import Address, Leases


@dataclass(frozen=True)
class SearchOptions(SharedOptions):
    """What to search for, how, and on which machines."""

    FLAGS: ClassVar[dict[str, str]] = {
        "trials": "--max-trials",
        "seconds": "--max-time",
        "failures": "--max-failures",
        "side_by_side": "--jobs",
        "size": "--reduced",
        "final_seeds": "--final-repeats",
        "seeds": "--repeats",
        "ip": "--bind",
    }

    experiment: Annotated[str, tyro.conf.Positional] = ""
    """A declared search (see --list), STUDY/EXPERIMENT such as basenet/adam_20, or a TOML or JSON file of an
    experiment's fields, such as a run's experiment.json."""
    list_all: Annotated[bool, tyro.conf.arg(name="list")] = False
    """List the declared searches and the oracles."""
    space: Path | None = None
    """A TOML file with an axis for each field to vary; see docs/search.md. A declared search has its own."""
    oracle: str | None = None
    """random, grid, bayesian or hyperband (KerasTuner); tpe, cmaes, qmc or gp (Optuna). random if it is not given."""
    objective: str = "val_accuracy"
    """val_accuracy or val_loss, of the weights that a run ends with."""
    max_trials: int | None = None
    """Trials at most."""
    max_time: str | None = None
    """Time at most, over all calls, such as 90s, 20m, 2h or 1h30m; the runs on the test images come after it."""
    max_failures: int = 5
    """After so many failed trials in a row the search stops."""
    median: bool = False
    """Break trials off that fall behind the median of earlier ones."""
    folds: int = 0
    """Divide the images outside the test part into so many folds; each validates once, so many runs a trial."""
    final_repeats: int = 3
    """Runs of the experiment and of the best trial on the test images in the end; 0 leaves the test images alone."""
    refit: bool = False
    """In the end train the best once more, on training and validation images together."""
    data: str | None = None
    """Another data set; see kerasclf study --help."""
    protocol: str = "sound"
    """With STUDY/EXPERIMENT: sound or published."""
    epochs: int | None = None
    """At most so many epochs in each phase of a training; an axis of epochs is scaled down to end there."""
    weights: str | None = None
    """Where a pretrained network gets its weights: imagenet, a file, or none."""
    reduced: bool = False
    """A declared search's stated form for a CPU; its report says what is less."""

    chief: bool = False
    """Lead a search whose trials are run by workers; --jobs says how many are expected."""
    worker: bool = False
    """Run trials for the chief that works in --out. A worker that dies is started again and goes on with its trial."""
    bind: str | None = None
    """The chief's address. Loopback where it is not given: the channel has neither authentication nor encryption, and
    whoever reaches another address can direct the search. Use it in a network that you trust."""
    port: int | None = None
    """The chief's port; 8765 where it is not given."""
    name: str | None = None
    """With --worker: under which the chief knows it; the machine's name and the first free number if not given."""
    lease: str = "60s"
    """With --chief: after so long without a sign of its worker a trial is given to another."""
    patience: str | None = None
    """After so long without a sign of any worker the chief ends (10m); so long a worker waits for its chief (50s)."""

    def check_roles(self) -> None:
        """Checks that the options of chief and worker fit together."""
        if self.chief and self.worker:
            raise KerasclfError("A process is --chief or --worker; start one of each.")
        if (self.bind or self.port is not None or self.name or self.patience) and not (self.chief or self.worker):
            raise KerasclfError("--bind, --port, --name and --patience go with --chief or --worker.")
        if self.chief or self.worker:
            self.chief_address()
            self.leases()
        if self.worker and self.out is None:
            raise KerasclfError("--worker: give the chief's folder with --out.")

    def chief_address(self) -> "Address":
        """Returns the address of the chief."""
        from kerasclf.search.distributed.address import find_address

        return find_address(self.bind, self.port)

    def leases(self) -> "Leases":
        """Returns how long chief and workers wait for each other."""
        from kerasclf.search.budget import parse_duration
        from kerasclf.search.distributed.address import PATIENCE, Leases

        waits = {"lease": self.lease, "patience": self.patience or PATIENCE["worker" if self.worker else "chief"]}
        seconds = {name: parse_duration(text, f"--{name}") for name, text in waits.items()}
        for name, value in seconds.items():
            if not value > 0:
                raise KerasclfError(f"--{name}: expected more than no time. Received: {waits[name]}.")
        return Leases(seconds["lease"], seconds["patience"])

    def width(self) -> int:
        """Returns how many trials may be under way at once."""
        from kerasclf.machine import usable_cores

        jobs = parse_jobs(self.jobs)
        return usable_cores() if jobs == "auto" else jobs

    def short_name(self) -> str:
        """Returns the name of the experiment for a folder."""
        return (
            Path(self.experiment).stem
            if self.experiment.endswith((".toml", ".json"))
            else self.experiment.replace("/", "-")
        )
