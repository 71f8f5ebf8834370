"""The declared searches by name, and their smaller versions."""

from collections.abc import Callable
from dataclasses import dataclass, replace

from kerasclf.runs.experiment import Experiment
from kerasclf.search.declared.basenet import basenet_search
from kerasclf.search.declared.s2_tpe import s2_reduced_search, s2_search
from kerasclf.search.declared.s4_grid import s4_search
from kerasclf.search.search import Search
from kerasclf.search.spaces.space import Axis, Choice, Float, Int, Space
from kerasclf.studies.reduction import Reduction, describe_reduction


@dataclass(frozen=True)
class DeclaredSearch:
    """A declared search.

    Args:
        make: Returns it.
        trials: Trials at most; None for as many as the oracle has.
        make_reduced: Returns its form for a CPU; None where there is none.
    """

    make: Callable[[], Search]
    trials: int | None
    make_reduced: Callable[[], Search] | None = None


SEARCHES: dict[str, DeclaredSearch] = {
    "basenet": DeclaredSearch(basenet_search, 30),
    "s2": DeclaredSearch(s2_search, 10, s2_reduced_search),
    "s4": DeclaredSearch(s4_search, None),
}

_EPOCHS = "train.epochs"


def reduce_search(search: Search, limits: Reduction, declared: Experiment | None = None) -> Search:
    """Returns a search with fewer images or shorter trainings. An axis of epochs is scaled down too.

    Args:
        search: The search.
        limits: The maximum numbers of images and epochs.
        declared: The experiment that the report compares with, to say what was reduced; None takes the search's own.

    Raises:
        KerasclfError: If no epoch is left.
    """
    experiment = limits.apply(search.experiment)
    axes = dict(search.space.axes)
    if limits.epochs is not None and _EPOCHS in axes:
        axes[_EPOCHS] = _scaled(axes[_EPOCHS], limits.epochs)
    phrases = describe_reduction(declared or search.experiment, experiment)
    return replace(search, experiment=experiment, space=Space(axes), reductions=(*phrases, *search.reductions))


def _scaled(axis: Axis, most: int) -> Axis:
    """Returns an axis of epochs that ends at `most`, in the proportions that it had."""
    if isinstance(axis, Choice):
        factor = min(1.0, most / max(axis.values))
        return Choice(*dict.fromkeys(max(1, round(factor * value)) for value in axis.values))
    if isinstance(axis, Int | Float) and axis.high > most:
        low = max(1, round(axis.low * most / axis.high))
        step = max(1, round((axis.step or 1) * most / axis.high))
        return Int(min(low, most - 1) or 1, most, axis.log, None if axis.log else step)
    return axis
