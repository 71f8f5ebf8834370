"""`Search`: an experiment, its search space, and how trials are proposed and judged."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, NotRequired, TypedDict

from kerasclf.errors import KerasclfError, raise_all, unknown
from kerasclf.runs.experiment import Experiment
from kerasclf.search.objective import OBJECTIVES, Objective
from kerasclf.search.spaces.grid import grid_problems
from kerasclf.search.spaces.space import Axis, Space, make_space
from kerasclf.search.spaces.space_file import space_from_dict

ORACLES = {
    "random": "random search (KerasTuner)",
    "grid": "every point of a grid (KerasTuner)",
    "bayesian": "Bayesian optimisation with a Gaussian process (KerasTuner)",
    "hyperband": "Hyperband: many short trainings, the best of which continue (KerasTuner)",
    "tpe": "tree-structured Parzen estimator (Optuna)",
    "cmaes": "CMA-ES (Optuna)",
    "qmc": "quasi-Monte Carlo (Optuna)",
    "gp": "Gaussian process with expected improvement (Optuna)",
}
# Oracles whose proposals are independent of results.
NON_ADAPTIVE = ("random", "grid")
# Final runs take seeds from here on, which no trial has.
FIRST_FINAL_SEED = 1000
# Oracles with a limited number of trials.
FINITE = ("grid", "hyperband")


class SearchContents(TypedDict):
    """The output of `Search.to_dict`."""

    experiment: dict[str, Any]
    space: dict[str, Any]
    oracle: str
    objective: str
    seed: int
    seeds: list[int]
    folds: int
    median: bool
    side_by_side: int | None
    final_seeds: list[int]
    name: str
    title: str
    notes: list[str]
    reductions: list[str]
    own_backbone: NotRequired[str]


@dataclass(frozen=True)
class Search:
    """A hyperparameter search: the experiment, its search space, and how trials are proposed and judged.

    Args:
        experiment: The base experiment, which the search varies. The gain is measured against it.
        space: The search space. In a grid, `train.epochs` becomes the last axis, so that trials can share a training.
        oracle: A name in `ORACLES`.
        objective: `"val_accuracy"` or `"val_loss"` of the final weights of a run, averaged over the runs of a trial.
        seed: Seed of the proposals.
        seeds: Seeds of the runs of each trial, one run per seed.
        folds: Number of cross-validation folds, one run per fold; 0 takes the experiment's own validation set.
        median: Whether a trial stops early when it falls behind the median of earlier trials.
        side_by_side: Number of trials that may be under way when an adaptive oracle proposes another; None takes 1.
            A search that is resumed keeps the number that it started with.
        final_seeds: Seeds of the final runs of the experiment and the best trial, which are evaluated on the test set.
            No trial may have them: the best trial was chosen for its luck with those of the trials, too.
        name: Name on the command line, if it is a declared search.
        title: Heading of the report.
        notes: Sentences for the report.
        reductions: Phrases that say what was reduced compared with the declared search.
        own_backbone: The pretrained network that another one replaces; empty if the search has its own.
    """

    experiment: Experiment
    space: Space
    oracle: str = "random"
    objective: str = "val_accuracy"
    seed: int = 0
    seeds: tuple[int, ...] = (0,)
    folds: int = 0
    median: bool = False
    side_by_side: int | None = None
    final_seeds: tuple[int, ...] = (FIRST_FINAL_SEED, FIRST_FINAL_SEED + 1, FIRST_FINAL_SEED + 2)
    name: str = ""
    title: str = ""
    notes: tuple[str, ...] = ()
    reductions: tuple[str, ...] = ()
    own_backbone: str = ""

    def __post_init__(self) -> None:
        space = make_space(self.space)
        # A grid changes its last axis first. Trials in a row that differ in their epochs alone are one training.
        object.__setattr__(self, "space", space.with_last("train.epochs") if self.proposes_alike else space)

    @property
    def goal(self) -> Objective:
        return Objective(self.objective)

    @property
    def runs_per_trial(self) -> int:
        return len(self.seeds) * max(self.folds, 1)

    @property
    def proposes_alike(self) -> bool:
        """Whether trials in a row may train alike, and can start before others have ended."""
        return self.oracle == "grid" and not self.median

    @property
    def lag(self) -> int | None:
        """Number of trials that may be under way when another is proposed; None for any number."""
        if self.oracle in NON_ADAPTIVE and not self.median:
            return None
        return 1 if self.side_by_side is None else self.side_by_side

    def resuming(self, existing: "Search | None") -> "Search":
        """Returns this search with the lag of the one that it resumes, because the proposals depend on it.

        Args:
            existing: The search that it resumes; None for a new search.
        """
        return replace(self, side_by_side=(existing or self).side_by_side or 1)

    def check(self) -> None:
        """Checks everything that can be checked without images.

        Raises:
            KerasclfError: If something cannot be used; the message lists all problems.
        """
        problems = []
        if self.oracle not in ORACLES:
            problems.append(unknown("oracle", self.oracle, ORACLES))
        if self.objective not in OBJECTIVES:
            problems.append(unknown("objective", self.objective, OBJECTIVES))
        if self.folds < 0 or self.folds == 1:
            problems.append(f"folds: expected 2 or more, or 0 for none. Received: {self.folds}.")
        problems += _seed_problems("seeds", self.seeds, minimum=1)
        problems += _seed_problems("final_seeds", self.final_seeds, minimum=0)
        if common := set(self.seeds) & set(self.final_seeds):
            problems.append(f"final_seeds: expected seeds that no trial has. Received: {min(common)}, also in seeds.")
        if not 0 <= self.seed < 2**32 - 1:
            problems.append(f"seed: expected 0 to 2**32 - 2. Received: {self.seed}.")
        if self.side_by_side is not None and self.side_by_side < 1:
            problems.append(f"side_by_side: expected at least 1. Received: {self.side_by_side}.")
        if self.oracle == "grid":
            problems += grid_problems(self.space)
        if self.oracle == "hyperband":
            problems += self._hyperband_problems()
        try:
            self.space.check(self.experiment)
        except KerasclfError as error:
            problems += [line.removeprefix("  - ") for line in str(error).splitlines()[1:]] or [str(error)]
        raise_all("The search cannot start", problems)

    def _hyperband_problems(self) -> list[str]:
        problems = []
        if "train.epochs" in self.space.axes:
            problems.append("axis train.epochs: Hyperband itself sets the number of epochs. Remove the axis.")
        if self.median:
            problems.append("median: Hyperband itself stops trials early. Leave it out.")
        if self.experiment.train.epochs < 3:
            problems.append(
                f"train.epochs: Hyperband needs at least 3 epochs. Received: {self.experiment.train.epochs}."
            )
        if self.experiment.earlier_phases:
            problems.append("earlier_phases: Hyperband divides the epochs of one phase. Expected no earlier phases.")
        return problems

    def to_dict(self) -> dict[str, Any]:
        """Returns plain JSON types."""
        return {
            **vars(self),
            "experiment": self.experiment.to_dict(),
            "space": self.space.to_dict(),
            "seeds": list(self.seeds),
            "final_seeds": list(self.final_seeds),
            "notes": list(self.notes),
            "reductions": list(self.reductions),
        }

    @classmethod
    def from_dict(cls, plain: Mapping[str, Any]) -> "Search":
        """Returns the search that `to_dict` described."""
        plain = {"own_backbone": "", **plain}
        plain = {name: plain[name] for name in SearchContents.__annotations__}
        lists = {name: tuple(plain[name]) for name in ("seeds", "final_seeds", "notes", "reductions")}
        space: Space | Mapping[str, Axis] = space_from_dict(plain["space"], "search.json")
        return cls(**{**plain, **lists, "experiment": Experiment.from_dict(plain["experiment"]), "space": space})


def _seed_problems(name: str, seeds: tuple[int, ...], minimum: int) -> list[str]:
    valid = {seed for seed in seeds if 0 <= seed < 2**32}
    if minimum <= len(seeds) == len(valid):
        return []
    return [f"{name}: expected different seeds from 0 to 2**32 - 1. Received: {seeds}."]
