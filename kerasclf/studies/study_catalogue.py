"""The declared studies by name, and the changes that the command line makes to them."""

from collections.abc import Callable
from dataclasses import replace
from typing import Literal

from kerasclf.data.splits import Split
from kerasclf.errors import KerasclfError, unknown
from kerasclf.runs.experiment import Experiment
from kerasclf.studies.declared import cifar10, course_digits, course_rows
from kerasclf.studies.declared.art import art_study
from kerasclf.studies.declared.basenet import basenet_study
from kerasclf.studies.declared.birds import birds_study
from kerasclf.studies.declared.convnext import convnext_study
from kerasclf.studies.declared.ladder import ladder_study
from kerasclf.studies.declared.pitfalls import pitfalls_study
from kerasclf.studies.reduction import Form
from kerasclf.studies.study import PROTOCOLS, Protocol, Study
from kerasclf.studies.study_options import reduced
from kerasclf.transfer import Transfer

STUDIES: dict[str, Callable[[Protocol], Study]] = {
    "basenet": basenet_study,
    "ladder": ladder_study,
    "birds": birds_study,
    "cifar10-dense": cifar10.cifar10_dense_study,
    "cifar10-conv": cifar10.cifar10_conv_study,
    "cifar10-resnet50": cifar10.cifar10_resnet50_study,
    "cifar10-side": cifar10.cifar10_side_study,
    "art": art_study,
    "convnext": convnext_study,
    "pitfalls": pitfalls_study,
    "course-perceptron": course_rows.perceptron_study,
    "course-wine": course_rows.wine_study,
    "course-iris": course_rows.iris_study,
    "course-digits": course_digits.digits_study,
    "course-fitting": course_digits.fitting_study,
    "course-batches": course_digits.batches_study,
    "course-folds": course_digits.folds_study,
    "course-cnn": course_digits.cnn_study,
    "course-networks": course_digits.networks_study,
    "course-transfer": course_digits.transfer_study,
}


def declare(
    name: str,
    protocol: Protocol = "sound",
    *,
    data: str | None = None,
    image_size: tuple[int, int] | None = None,
    train_per_class: int | None = None,
    test_per_class: int | None = None,
    repeats: int | None = None,
    seed: int = 0,
    quick: bool = False,
    small: bool = False,
    epochs: int | None = None,
    weights: str | None = None,
    cache: Literal["auto", "off"] = "auto",
) -> Study:
    """Returns a declared study, on other data or in another form where asked for.

    Args:
        name: A key of `STUDIES`.
        protocol: `"sound"` or `"published"`.
        data: A data set's spec in place of the study's own.
        image_size: Height and width for folders, lists and shapes.
        train_per_class: At most so many images a class to train and validate with.
        test_per_class: At most so many images a class to test with.
        repeats: Runs of each experiment; the study's own number where None, one in the quick form.
        seed: The first run's seed; the others count on from it.
        quick: The form of seconds: few images, two epochs, random weights where no others are asked for.
        small: The study's stated form for a CPU, where nothing else is asked for.
        epochs: At most so many epochs in each phase of a training.
        weights: Where pretrained networks get their weights in place of the study's own choice.
        cache: Whether what lies below a frozen cut is kept, see `Transfer`.

    Raises:
        KerasclfError: There is no such study or protocol, no repeat is asked for, weights are given to a study
            without a pretrained network, or it states no form for a CPU.
    """
    find_study(name)
    if protocol not in PROTOCOLS:
        raise KerasclfError(unknown("protocol", protocol, PROTOCOLS))
    study = STUDIES[name](protocol)
    if weights is not None:
        _check_pretrained(study)
    elif quick:
        weights = "none"
    other_data = None if data == study.published_data else data

    def adapt(experiment: Experiment) -> Experiment:
        changed = experiment
        if other_data:
            changed = changed.but(data=other_data, split=_without_limits(experiment))
        if experiment.transfer is None:
            return changed
        return changed.but(transfer=_transfer(experiment.transfer, weights, cache))

    return reduced(
        replace(study, experiments={key: adapt(experiment) for key, experiment in study.experiments.items()}),
        repeats=repeats,
        seed=seed,
        quick=quick,
        small=small,
        form=Form(train_per_class, test_per_class, epochs, image_size),
    )


def find_study(name: str) -> str:
    """Returns the name of a declared study.

    Raises:
        KerasclfError: There is none of this name; the message says which was meant.
    """
    if name not in STUDIES:
        raise KerasclfError(unknown("study", name, [*STUDIES, "course"]))
    return name


def _without_limits(experiment: Experiment) -> Split:
    """Returns the split without the limits that were made for the study's own data."""
    return experiment.split.but(train_per_class=None, test_per_class=None)


def _check_pretrained(study: Study) -> None:
    if all(experiment.transfer is None for experiment in study.experiments.values()):
        model = next(iter(study.experiments.values())).model
        raise KerasclfError(f"weights: the study trains {model}, which has no pretrained weights.")


def _transfer(transfer: Transfer, weights: str | None, cache: Literal["auto", "off"]) -> Transfer:
    return transfer.but(weights=weights or transfer.weights, cache=cache)
