"""`kerasclf search`: find the values with which an experiment is best."""

import shlex
import sys
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import tyro
from rich.console import Console

from kerasclf.commands.running import make_engine, parse_jobs
from kerasclf.commands.words import folder_name, say
from kerasclf.errors import KerasclfError

if TYPE_CHECKING:
    from kerasclf.runs.engines import Engine
    from kerasclf.search.budget import Budget
    from kerasclf.search.distributed.address import Address, Leases
    from kerasclf.search.search import Search
    from kerasclf.search.search_plan import SearchPlan
    from kerasclf.search.search_progress import SearchListener
    from kerasclf.search.search_results import SearchResults


@dataclass(frozen=True)
class SearchCommand:
    """Search for the values with which an experiment is best on its validation images, and report what they bring.

    The same command goes on with a search that was interrupted, however it was.

    Examples:
      kerasclf search --list
      kerasclf search basenet --quick --max-trials 4
      kerasclf search basenet/adam_20 --space space.toml --oracle tpe --max-trials 20 --max-time 2h --jobs 2
      kerasclf search my_experiment.toml --space space.toml --oracle hyperband --repeats 3 --refit
      kerasclf search basenet --out /shared/s --chief --bind 10.0.0.1     and on other machines
      kerasclf search --out /shared/s --worker --bind 10.0.0.1
    """

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
    repeats: int = 1
    """Runs of each trial, with seeds that count on from --seed."""
    final_repeats: int = 3
    """Runs of the experiment and of the best trial on the test images in the end; 0 leaves the test images alone."""
    refit: bool = False
    """In the end train the best once more, on training and validation images together."""
    seed: int = 0
    """Decides proposals and runs."""
    data: str | None = None
    """Another data set; see kerasclf study --help."""
    protocol: str = "sound"
    """With STUDY/EXPERIMENT: sound or published."""
    image_size: str | None = None
    """HEIGHTxWIDTH to resize folders and lists to, or to draw shapes at."""
    train_per_class: int | None = None
    """At most so many images a class to train and validate with."""
    test_per_class: int | None = None
    """At most so many images a class to test with."""
    epochs: int | None = None
    """At most so many epochs in each phase of a training; an axis of epochs is scaled down to end there."""
    weights: str | None = None
    """Where a pretrained network gets its weights: imagenet, a file, or none."""
    reduced: bool = False
    """A declared search's stated form for a CPU; its report says what is less."""
    quick: bool = False
    """The form of seconds: few images, two epochs. Shows the way; its figures mean nothing."""
    out: Path | None = None
    """The search's folder; one below runs/ where it is not given."""
    plan: bool = False
    """Only check everything, and say how long a run of the experiment takes, measured by a few real steps."""
    jobs: str = "auto"
    """Runs side by side, each in a process of its own. auto: one a GPU, or one a core as far as memory reaches."""
    engine: str = "processes"
    """processes: on this machine; ray: on a Ray cluster; inline: in this process, one by one, for debuggers."""
    address: str | None = None
    """With --engine ray: the cluster's address; without it, a local one is started."""

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

    def run(self, console: Console) -> None:
        if self.list_all:
            _list_searches(console)
            return
        self._check_roles()
        if self.worker:
            self._work(console)
            return
        from kerasclf.commands.search_setup import make_budget, make_search
        from kerasclf.locks import check_free
        from kerasclf.quiet import quiet_tensorflow
        from kerasclf.search.search_checks import check_search

        search, budget = make_search(self, lambda line: say(console, line)), make_budget(self)
        out = self.out or Path("runs") / folder_name(
            f"search-{search.name or self._short_name()}",
            search.experiment.data,
            search.oracle,
            self.quick,
            self.reduced,
        )
        engine = make_engine(self.engine, self.jobs, self.address)
        search = replace(search, side_by_side=self._width())
        check_search(search, out, budget)
        if not self.plan:
            check_free(out)
        quiet_tensorflow()  # KerasTuner brings TensorFlow with it, which takes seconds to start
        each = f"{search.runs_a_trial} run{'s' * (search.runs_a_trial > 1)} a trial"
        say(console, f"search: {search.title} ({search.oracle}, {each}) → {out}")
        ready = self._plan(search, budget, out, engine, console)
        if not self.plan:
            self._run(ready, budget, engine, console)

    def _plan(self, search: "Search", budget: "Budget", out: Path, engine: "Engine", console: Console) -> "SearchPlan":
        from kerasclf.search.search_plan import plan_lines
        from kerasclf.search.search_runner import plan_search

        ready = plan_search(
            search,
            out,
            budget,
            engine=engine,
            log=lambda line: say(console, line),
            measure=self.plan or not self.quick,
            keep_width=self.jobs == "auto",
        )
        for line in plan_lines(ready, budget, engine):
            say(console, line)
        return ready

    def _run(self, ready: "SearchPlan", budget: "Budget", engine: "Engine", console: Console) -> None:
        from kerasclf.commands.search_end import end_search
        from kerasclf.search.budget import Clock
        from kerasclf.search.search_plan import most_trials
        from kerasclf.search.search_progress import SearchProgress
        from kerasclf.search.search_runner import run_planned_search

        left = Clock(ready.folder, budget.seconds).left_s
        command = shlex.join(["kerasclf", *sys.argv[1:]])
        with SearchProgress(ready.search, most_trials(ready.search, budget), left, console) as progress:
            if self.chief:
                results = self._lead(ready, budget, progress, command)
            else:
                results = run_planned_search(ready, budget, engine, progress, command)
        if not results.has_value:
            raise KerasclfError(
                "No trial was finished; the same command goes on, with more --max-time where that is over."
            )
        end_search(results, engine, console, refit=self.refit)

    def _check_roles(self) -> None:
        if self.chief and self.worker:
            raise KerasclfError("A process is --chief or --worker; start one of each.")
        if (self.bind or self.port is not None or self.name or self.patience) and not (self.chief or self.worker):
            raise KerasclfError("--bind, --port, --name and --patience go with --chief or --worker.")
        if self.chief or self.worker:
            self._address()
            self._leases()
        if self.worker and self.out is None:
            raise KerasclfError("--worker: give the chief's folder with --out.")

    def _work(self, console: Console) -> None:
        from kerasclf.search.distributed.worker_supervisor import keep_working

        assert self.out is not None
        jobs = parse_jobs(self.jobs)
        runs = 1 if jobs == "auto" else jobs
        patience_s = self._leases().patience_s
        keep_working(self.out, self._address(), runs, lambda line: say(console, line), self.name, patience_s)

    def _lead(self, ready: "SearchPlan", budget: "Budget", listener: "SearchListener", command: str) -> "SearchResults":
        from kerasclf.search.distributed.chief import lead

        return lead(ready, budget, self._address(), self._leases(), listener, command)

    def _address(self) -> "Address":
        from kerasclf.search.distributed.address import find_address

        return find_address(self.bind, self.port)

    def _leases(self) -> "Leases":
        from kerasclf.search.budget import parse_duration
        from kerasclf.search.distributed.address import PATIENCE, Leases

        waits = {"lease": self.lease, "patience": self.patience or PATIENCE["worker" if self.worker else "chief"]}
        seconds = {name: parse_duration(text, f"--{name}") for name, text in waits.items()}
        for name, value in seconds.items():
            if not value > 0:
                raise KerasclfError(f"--{name}: expected more than no time. Received: {waits[name]}.")
        return Leases(seconds["lease"], seconds["patience"])

    def _width(self) -> int:
        """How many trials may be under way when another is proposed: as many as may be run."""
        from kerasclf.machine import usable_cores

        jobs = parse_jobs(self.jobs)
        return usable_cores() if jobs == "auto" else jobs

    def _short_name(self) -> str:
        return (
            Path(self.experiment).stem
            if self.experiment.endswith((".toml", ".json"))
            else self.experiment.replace("/", "-")
        )


def _list_searches(console: Console) -> None:
    from kerasclf.search.search import ORACLES
    from kerasclf.search.search_catalogue import SEARCHES

    for name, declared in SEARCHES.items():
        search = declared.make()
        trials = f"{declared.trials} trials" if declared.trials else "every point"
        say(console, f"{name:12} {search.title} ({search.oracle}, {trials})")
    say(console, "\noracles:")
    for name, what in ORACLES.items():
        say(console, f"{name:12} {what}")
