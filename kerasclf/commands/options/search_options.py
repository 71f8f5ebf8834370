"""The options of `kerasclf search`."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, ClassVar

import tyro

from kerasclf.commands.options.imbalance_options import ImbalanceOptions
from kerasclf.commands.options.parsing import parse_jobs
from kerasclf.commands.options.shared_options import SharedOptions
from kerasclf.errors import KerasclfError

if TYPE_CHECKING:
    from kerasclf.search.distributed.address import Address, Leases


@dataclass(frozen=True)
class SearchOptions(SharedOptions, ImbalanceOptions):
    """The experiment, its search space, the method, and the machines."""

    FLAGS: ClassVar[dict[str, str]] = {
        "trials": "--max-trials",
        "seconds": "--max-time",
        "failures": "--max-failures",
        "side_by_side": "--jobs",
        "final_seeds": "--final-repeats",
        "seeds": "--repeats",
        "ip": "--bind",
        "backbones": "--backbone",
    }

    experiment: Annotated[str, tyro.conf.Positional] = ""
    """A declared search (see --list), STUDY/EXPERIMENT such as basenet/adam_20, or a TOML or JSON file with the fields
    of an experiment, such as a run's experiment.json."""
    list_all: Annotated[bool, tyro.conf.arg(name="list")] = False
    """List the declared searches and the oracles."""
    space: Path | None = None
    """TOML file with the values of each setting to vary; see docs/search.md. Default: the space of the declared
    search."""
    oracle: str | None = None
    """Method that proposes trials: random, grid, bayesian or hyperband (KerasTuner); tpe, cmaes, qmc or gp (Optuna).
    Default: that of the declared search, otherwise random."""
    objective: str = "val_accuracy"
    """val_accuracy or val_loss, measured with the final weights of a run."""
    max_trials: int | None = None
    """Maximum number of trials. A trial is one combination of settings."""
    max_time: str | None = None
    """Maximum time over all calls, such as 90s, 20m, 2h or 1h30m. It excludes the final runs on the test set."""
    max_failures: int = 5
    """Number of failed trials in a row after which the search stops."""
    median: bool = False
    """Stop a trial early when it falls behind the median of earlier trials."""
    folds: int = 0
    """Number of cross-validation folds of all images outside the test set; 0 for none. A trial has one run per fold."""
    repeats: int | None = None
    """Number of runs of each trial. Their seeds count up from --seed. Default: 1."""
    final_repeats: int = 3
    """Number of final runs, on the test set, of the base experiment and of the best trial. 0 leaves the test set
    unused."""
    refit: bool = False
    """At the end, train the best trial once more on the training and validation sets together."""
    data: str | None = None
    """Another data set; see kerasclf study --help."""
    protocol: str = "sound"
    """With STUDY/EXPERIMENT: the protocol of the study, sound or published."""
    epochs: int | None = None
    """Maximum number of epochs in each phase of a training. If the search varies the epochs, it scales them down."""
    backbone: str | None = None
    """With a declared search or STUDY/EXPERIMENT: another pretrained network instead of its own; kerasclf models lists
    them."""
    weights: str | None = None
    """Weights of a pretrained network: imagenet, a file, a folder with a file named after the network, or none."""
    reduced: bool = False
    """Run the declared search's reduced size, for a CPU. The report lists the reductions."""

    chief: bool = False
    """Serve the search to workers, which run its trials. --jobs gives the expected number of workers."""
    worker: bool = False
    """Run trials for the chief that works in the folder --out. A worker that dies restarts and resumes its trial."""
    bind: str | None = None
    """IP address of the chief. Default: loopback. The channel has no authentication and no encryption, and whoever
    reaches the address can direct the search. Use other addresses only in a network that you trust."""
    port: int | None = None
    """Port of the chief. Default: 8765."""
    name: str | None = None
    """With --worker: its name. Default: the machine's name with the first free number."""
    lease: str | None = None
    """With --chief: time without contact after which a worker's trial goes to another worker. Default: 60s."""
    patience: str | None = None
    """With --chief: time without any worker after which the chief ends (10m). With --worker: maximum time to wait for
    the chief (50s)."""

    def check_roles(self) -> None:
        """Checks that the options of chief and worker fit together.

        Raises:
            KerasclfError: If they do not.
        """
        if self.chief and self.worker:
            raise KerasclfError("Expected --chief or --worker. Received both. Start a process for each.")
        network_options = (self.bind, self.port, self.name, self.patience)
        if any(option is not None for option in network_options) and not (self.chief or self.worker):
            raise KerasclfError("--bind, --port, --name and --patience need --chief or --worker.")
        if self.lease is not None and not self.chief:
            raise KerasclfError("--lease needs --chief, which hands out the trials.")
        if self.name is not None and not self.worker:
            raise KerasclfError("--name needs --worker. The chief has no name.")
        if self.chief or self.worker:
            self.chief_address()
            self.leases()
        if self.worker and self.out is None:
            raise KerasclfError("--worker needs --out, the folder of the chief.")

    def chief_address(self) -> "Address":
        """Returns the address of the chief."""
        from kerasclf.search.distributed.address import find_address

        return find_address(self.bind, self.port)

    def leases(self) -> "Leases":
        """Returns how long chief and workers wait for each other.

        Raises:
            KerasclfError: If a duration is invalid.
        """
        from kerasclf.search.distributed.address import LEASE, PATIENCE, Leases
        from kerasclf.search.search_budget import parse_duration

        patience = PATIENCE["worker" if self.worker else "chief"] if self.patience is None else self.patience
        durations = {"lease": LEASE if self.lease is None else self.lease, "patience": patience}
        seconds = {name: parse_duration(text, f"--{name}") for name, text in durations.items()}
        for name, value in seconds.items():
            if not value > 0:
                raise KerasclfError(f"--{name}: expected more than 0 s. Received: {durations[name]}.")
        return Leases(seconds["lease"], seconds["patience"])

    def width(self) -> int:
        """Returns the number of trials that may be under way at once."""
        from kerasclf.machine.resources import usable_cores

        jobs = parse_jobs(self.jobs)
        return usable_cores() if jobs == "auto" else jobs

    def short_name(self) -> str:
        """Returns the name of the experiment for a folder name."""
        return (
            Path(self.experiment).stem
            if self.experiment.endswith((".toml", ".json"))
            else self.experiment.replace("/", "-")
        )
