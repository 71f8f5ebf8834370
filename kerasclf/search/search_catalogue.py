"""The declared searches by name, and their reduced versions."""

from collections.abc import Callable
from dataclasses import dataclass, replace

from kerasclf.runs.experiment import Experiment
from kerasclf.search.declared.basenet import basenet_search
from kerasclf.search.declared.s2_tpe import s2_reduced_search, s2_search
from kerasclf.search.declared.s4_grid import s4_search
from kerasclf.search.search import Search
from kerasclf.search.spaces.space import Axis, Choice, Int, Space
from kerasclf.studies.reduction import Reduction, describe_reduction


@dataclass(frozen=True)
class DeclaredSearch:
    """A declared search.

    Args:
        make: Returns the search.
        trials: Maximum number of trials; None for all that the oracle proposes.
        make_reduced: Returns its reduced version for a CPU; None if it has none.
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


def _scaled(axis: Axis, max_epochs: int) -> Axis:
    """Returns an axis of epochs with all its values in proportion and none above `max_epochs`.

    An axis that cannot be used stays as it is, for `Search.check` to report.
    """
    if axis.problems() or not all(isinstance(value, int) and value > 0 for value in axis.corners()):
        return axis
    if isinstance(axis, Choice):
        factor = min(1.0, max_epochs / max(axis.values))
        return Choice(*dict.fromkeys(max(1, round(factor * value)) for value in axis.values))
    if isinstance(axis, Int) and axis.high > max_epochs:
        factor = max_epochs / axis.high
        low = max(1, min(round(factor * axis.low), max_epochs - 1))
        # The step of a logarithmic axis is a factor, which stays.
        step = axis.step if axis.step is None or axis.log else max(1, round(factor * axis.step))
        return Int(low, max_epochs, axis.log, step)
    return axis
