"""`Search`: what is to be found out, and how."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from kerasclf.errors import KerasclfError, raise_all, unknown
from kerasclf.runs.experiment import Experiment
from kerasclf.search.objective import OBJECTIVES, Objective
from kerasclf.search.spaces.grid import grid_problems
from kerasclf.search.spaces.space import Axis, Space, make_space
from kerasclf.search.spaces.space_file import space_from_dict

# By name what KerasTuner brings, and what Optuna's samplers bring through a KerasTuner oracle.
ORACLES = {
    "random": "random search (KerasTuner)",
    "grid": "every point of a grid (KerasTuner)",
    "bayesian": "Bayesian optimisation with a Gaussian process (KerasTuner)",
    "hyperband": "Hyperband: many short trainings, the best of which go on (KerasTuner)",
    "tpe": "tree-structured Parzen estimator (Optuna)",
    "cmaes": "CMA-ES (Optuna)",
    "qmc": "quasi-Monte Carlo (Optuna)",
    "gp": "Gaussian process with expected improvement (Optuna)",
}
# Their proposals do not depend on results.
BLIND = ("random", "grid")
# They come to an end of their own.
ENDING = ("grid", "hyperband")


@dataclass(frozen=True)
class Search:
    """A search: the experiment, what of it is varied, how trials are proposed and judged.

    Args:
        experiment: What is varied; the gain is measured against it.
        space: Its axes.
        oracle: A name out of `ORACLES`.
        objective: `"val_accuracy"` or `"val_loss"`: of the weights that a run ends with, mean over the runs of a trial.
        seed: Decides the proposals.
        seeds: A run of each trial with each of them.
        folds: Each of them validates once, a run each; 0 takes the experiment's own validation part.
        median: Whether a trial is broken off when it falls behind the median of the earlier ones.
        side_by_side: Number of trials that may be under way when an oracle that learns from results proposes another;
            None takes 1, or the number of the search that is resumed.
        final_seeds: With which the experiment and the best trial are run in the end, and looked at on the test part.
        name: As the command line knows it, where it is a declared one.
        title: As the report's heading.
        notes: Sentences for the report.
        reductions: Phrases that say what was reduced against the declared search.
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
    final_seeds: tuple[int, ...] = (0, 1, 2)
    name: str = ""
    title: str = ""
    notes: tuple[str, ...] = ()
    reductions: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        object.__setattr__(self, "space", make_space(self.space))

    @property
    def goal(self) -> Objective:
        return Objective(self.objective)

    @property
    def runs_a_trial(self) -> int:
        return len(self.seeds) * max(self.folds, 1)

    @property
    def lag(self) -> int | None:
        """How many trials may be under way when another is proposed; None for any number."""
        return None if self.oracle in BLIND and not self.median else self.side_by_side or 1

    def check(self) -> None:
        """Makes sure that it can be begun, as far as that can be said without images.

        Raises:
            KerasclfError: With everything that is wrong.
        """
        problems = []
        if self.oracle not in ORACLES:
            problems.append(unknown("oracle", self.oracle, ORACLES))
        if self.objective not in OBJECTIVES:
            problems.append(unknown("objective", self.objective, OBJECTIVES))
        if self.folds and self.folds < 2:
            problems.append(f"folds: expected 2 or more, or 0 for none. Received: {self.folds}.")
        for what, seeds, least in (("repeats", self.seeds, 1), ("final repeats", self.final_seeds, 0)):
            usable = {seed for seed in seeds if 0 <= seed < 2**32}
            if not least <= len(seeds) == len(usable):
                problems.append(f"{what}: expected different seeds from 0 to 2**32 - 1. Received: {seeds}.")
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
        raise_all("The search cannot be begun", problems)

    def _hyperband_problems(self) -> list[str]:
        found = []
        if "train.epochs" in self.space.axes:
            found.append("train.epochs: Hyperband itself decides how long a trial is trained; take the axis out.")
        if self.median:
            found.append("median: Hyperband breaks trials off by itself.")
        if self.experiment.train.epochs < 3:
            found.append(
                f"train.epochs: Hyperband needs at least 3 to divide. Received: {self.experiment.train.epochs}."
            )
        if self.experiment.earlier_phases:
            found.append("earlier_phases: Hyperband divides the epochs of a single phase.")
        return found

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
        """Makes a search of what `to_dict` returned."""
        lists = {name: tuple(plain[name]) for name in ("seeds", "final_seeds", "notes", "reductions")}
        space: Space | Mapping[str, Axis] = space_from_dict(plain["space"], "search.json")
        return cls(**{**plain, **lists, "experiment": Experiment.from_dict(plain["experiment"]), "space": space})
