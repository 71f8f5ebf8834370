"""The declared searches by name, and the changes that the command line makes to them."""

from collections.abc import Callable
from dataclasses import dataclass, replace

from kerasclf.runs.experiment import Experiment
from kerasclf.search.declared.basenet import basenet_search
from kerasclf.search.declared.s2_tpe import s2_reduced_search, s2_search
from kerasclf.search.declared.s4_grid import s4_search
from kerasclf.search.search import Search
from kerasclf.search.spaces.space import Axis, Choice, Float, Int, Space
from kerasclf.studies.reduction import Form, shortcomings
from kerasclf.studies.study_options import QUICK


@dataclass(frozen=True)
class Declared:
    """A declared search.

    Args:
        make: Returns it.
        trials: Trials at most; None for as many as the oracle has.
        make_small: Returns its form for a CPU; None where there is none.
    """

    make: Callable[[], Search]
    trials: int | None
    make_small: Callable[[], Search] | None = None


SEARCHES: dict[str, Declared] = {
    "basenet": Declared(basenet_search, 30),
    "s2": Declared(s2_search, 10, s2_reduced_search),
    "s4": Declared(s4_search, None),
}

_EPOCHS = "train.epochs"


def shortened(
    search: Search,
    *,
    quick: bool = False,
    train_per_class: int | None = None,
    test_per_class: int | None = None,
    epochs: int | None = None,
    declared: Experiment | None = None,
) -> Search:
    """Returns a search on fewer images or with shorter trainings; an axis of epochs is scaled down with them.

    Args:
        search: The search.
        quick: The form of seconds, where nothing else is asked for.
        train_per_class: At most so many images a class to train and validate with.
        test_per_class: At most so many images a class to test with.
        epochs: At most so many epochs in each phase of a training.
        declared: What the report compares it with, to say what is less; the search's own experiment where None.

    Raises:
        KerasclfError: No epoch is asked for.
    """
    asked = Form(train_per_class, test_per_class, epochs)
    if quick:
        asked = asked.over(QUICK)
    experiment = asked.of(search.experiment)
    axes = dict(search.space.axes)
    if asked.epochs is not None and _EPOCHS in axes:
        axes[_EPOCHS] = _scaled(axes[_EPOCHS], asked.epochs)
    less = shortcomings(declared or search.experiment, experiment)
    return replace(search, experiment=experiment, space=Space(axes), reduced=(*less, *search.reduced))


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
