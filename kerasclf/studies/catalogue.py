"""The declared studies by name, and the changes that the command line makes to them."""

from collections.abc import Callable
from dataclasses import replace

from kerasclf.errors import KerasclfError, unknown
from kerasclf.studies.basenet import basenet_study
from kerasclf.studies.experiment import Experiment
from kerasclf.studies.ladder import ladder_study
from kerasclf.studies.study import PROTOCOLS, Protocol, Study

STUDIES: dict[str, Callable[[Protocol], Study]] = {
    "basenet": basenet_study,
    "ladder": ladder_study,
}

# The form of seconds: so many images a class, so many epochs.
_QUICK_TRAIN_PER_CLASS, _QUICK_TEST_PER_CLASS, _QUICK_EPOCHS = 40, 10, 2


def declare(
    name: str,
    protocol: Protocol = "sound",
    *,
    data: str | None = None,
    image_size: tuple[int, int] | None = None,
    train_per_class: int | None = None,
    test_per_class: int | None = None,
    repeats: int = 1,
    seed: int = 0,
    quick: bool = False,
) -> Study:
    """Returns a declared study, on other data or in another form where asked for.

    Args:
        name: A key of `STUDIES`.
        protocol: `"sound"` or `"published"`.
        data: A data set's spec in place of the study's own.
        image_size: Height and width for folders, lists and shapes.
        train_per_class: At most so many images a class to train and validate with.
        test_per_class: At most so many images a class to test with.
        repeats: Runs of each experiment.
        seed: The first run's seed; the others count on from it.
        quick: The form of seconds: few images, two epochs.

    Raises:
        KerasclfError: There is no such study or protocol, or no repeat is asked for.
    """
    if name not in STUDIES:
        raise KerasclfError(unknown("study", name, STUDIES))
    if protocol not in PROTOCOLS:
        raise KerasclfError(unknown("protocol", protocol, PROTOCOLS))
    if repeats < 1 or seed < 0:
        raise KerasclfError(f"Expected at least 1 repeat and a seed of at least 0. Received: {repeats} and {seed}.")
    if quick:
        train_per_class = _QUICK_TRAIN_PER_CLASS if train_per_class is None else train_per_class
        test_per_class = _QUICK_TEST_PER_CLASS if test_per_class is None else test_per_class

    def adapt(experiment: Experiment) -> Experiment:
        split = experiment.split.but(train_per_class=train_per_class, test_per_class=test_per_class)
        train = experiment.train.but(epochs=_QUICK_EPOCHS) if quick else experiment.train
        return experiment.but(data=data or experiment.data, split=split, train=train, image_size=image_size)

    study = STUDIES[name](protocol)
    return replace(
        study,
        experiments={key: adapt(experiment) for key, experiment in study.experiments.items()},
        seeds=tuple(range(seed, seed + repeats)),
        quick=quick,
    )
