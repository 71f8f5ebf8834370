"""`kerasclf search`: searches for the hyperparameters with which an experiment is best."""

import shlex
import sys
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from rich.console import Console

from kerasclf.commands.options.parsing import parse_jobs
from kerasclf.commands.options.search_options import SearchOptions
from kerasclf.commands.printing.output import RUNS_RESUME, folder_name, log_to, say
from kerasclf.errors import KerasclfError
from kerasclf.wording import counted

if TYPE_CHECKING:
    from kerasclf.runs.engines.engine import Engine
    from kerasclf.search.search import Search
    from kerasclf.search.search_budget import Budget
    from kerasclf.search.search_plan import SearchPlan
    from kerasclf.search.search_progress import SearchListener
    from kerasclf.search.search_results import SearchResults


@dataclass(frozen=True)
class SearchCommand(SearchOptions):
    """Search for good hyperparameters, and report what they gain.

    Repeat the command to resume an interrupted search.

    Examples:
      kerasclf search --list
      kerasclf search basenet --quick --max-trials 4
      kerasclf search basenet/adam_20 --space space.toml --oracle tpe --max-trials 20 --max-time 2h --jobs 2
      kerasclf search my_experiment.toml --space space.toml --oracle hyperband --repeats 3 --refit
      kerasclf search basenet --out /shared/s --chief --bind 10.0.0.1     and on other machines
      kerasclf search --out /shared/s --worker --bind 10.0.0.1
    """

    INTERRUPTED: ClassVar[str] = RUNS_RESUME

    def run(self, console: Console) -> None:
        if self.list_all:
            _list_searches(console)
            return
        if self.worker:
            self.check_roles()
            self._work(console)
            return
        from kerasclf.commands.options.search_setup import check_options, choose_data
        from kerasclf.files.locks import check_free
        from kerasclf.quiet import quiet_tensorflow
        from kerasclf.search.search_checks import check_search

        search, budget = check_options(self)
        search = choose_data(self, search, log_to(console))
        out = self.out or Path("runs") / folder_name(
            f"search-{search.name or self.short_name()}",
            search.experiment.data,
            search.oracle,
            "quick" if self.quick else "reduced" if self.reduced else "full",
        )
        engine = self.make_engine()
        if self.refit:
            from kerasclf.studies.refit import check_refit

            check_refit("the experiment", search.experiment)
        search = replace(search, side_by_side=self.width())
        check_search(search, out, budget)
        if not self.plan:
            check_free(out)
        quiet_tensorflow()  # KerasTuner imports TensorFlow, which takes seconds
        runs = f"{counted(search.runs_per_trial, 'run')} per trial"
        say(console, f"search: {search.title} ({search.oracle}, {runs}) → {out}")
        if search.own_backbone:
            say(console, f"network: {search.experiment.model} instead of {search.own_backbone}")
        planned = self._plan(search, budget, out, engine, console)
        if not self.plan:
            self._run(planned, budget, engine, console)

    def _plan(self, search: "Search", budget: "Budget", out: Path, engine: "Engine", console: Console) -> "SearchPlan":
        from kerasclf.search.search_plan import plan_lines
        from kerasclf.search.search_runner import plan_search

        planned = plan_search(
            search,
            out,
            budget,
            engine=engine,
            log=log_to(console),
            measure=self.plan or not self.quick,
        )
        planned = replace(planned, share=not (self.no_share or self.chief))
        for line in plan_lines(planned, budget, engine):
            say(console, line)
        return planned

    def _run(self, planned: "SearchPlan", budget: "Budget", engine: "Engine", console: Console) -> None:
        from kerasclf.commands.search_end import end_search
        from kerasclf.search.search_budget import Clock
        from kerasclf.search.search_plan import trial_limit
        from kerasclf.search.search_progress import SearchProgress
        from kerasclf.search.search_runner import run_planned_search

        left_s = Clock(planned.folder, budget.seconds).left_s
        command = shlex.join(["kerasclf", *sys.argv[1:]])
        with SearchProgress(planned.search, trial_limit(planned.search, budget), left_s, console) as progress:
            if self.chief:
                results = self._lead(planned, budget, progress, command)
            else:
                results = run_planned_search(planned, budget, engine, progress, command)
        if not results.has_value:
            raise KerasclfError(
                "No trial was finished. Repeat the command to resume, with a longer --max-time if the time is over."
            )
        end_search(results, engine, console, refit=self.refit)

    def _work(self, console: Console) -> None:
        from kerasclf.search.distributed.worker_supervisor import supervise_worker

        assert self.out is not None
        jobs = parse_jobs(self.jobs)
        runs = 1 if jobs == "auto" else jobs
        patience_s = self.leases().patience_s
        supervise_worker(self.out, self.chief_address(), runs, log_to(console), self.name, patience_s)

    def _lead(
        self, planned: "SearchPlan", budget: "Budget", listener: "SearchListener", command: str
    ) -> "SearchResults":
        from kerasclf.search.distributed.chief import ChiefSettings, lead

        return lead(planned, budget, ChiefSettings(self.chief_address(), self.leases(), command), listener)


def _list_searches(console: Console) -> None:
    from kerasclf.search.search import ORACLES
    from kerasclf.search.search_catalogue import SEARCHES

    for name, declared in SEARCHES.items():
        search = declared.make()
        trials = "every point" if declared.trials is None else counted(declared.trials, "trial")
        say(console, f"{name:12} {search.title} ({search.oracle}, {trials})")
    say(console, "\noracles:")
    for name, description in ORACLES.items():
        say(console, f"{name:12} {description}")
