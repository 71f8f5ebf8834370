"""The catalogue of declared studies."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from kerasclf.errors import KerasclfError, unknown
from kerasclf.studies.declared import cifar10, course_digits, course_rows
from kerasclf.studies.declared.art import art_study
from kerasclf.studies.declared.basenet import basenet_study
from kerasclf.studies.declared.birds import birds_study
from kerasclf.studies.declared.convnext import convnext_study
from kerasclf.studies.declared.ladder import ladder_study
from kerasclf.studies.declared.pitfalls import pitfalls_study
from kerasclf.studies.study import PROTOCOLS, Protocol, Study
from kerasclf.studies.study_options import StudyOptions, apply_options

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


# Studies that stand on a pretrained network, which another one can replace.
ON_BACKBONE: dict[str, Callable[[Protocol, str], Study]] = {
    "birds": birds_study,
    "cifar10-resnet50": cifar10.cifar10_resnet50_study,
    "pitfalls": pitfalls_study,
    "course-transfer": course_digits.transfer_study,
}
# Studies that compare several pretrained networks.
ON_BACKBONES: dict[str, Callable[[Protocol, tuple[str, ...]], Study]] = {"art": art_study}


def declare(name: str, protocol: Protocol = "sound", options: StudyOptions | None = None, **changes: Any) -> Study:
    """Returns a declared study, with a user's changes.

    Args:
        name: A key of `STUDIES`.
        protocol: `"sound"` or `"published"`.
        options: Other data, repeats, size, limits, weights or pretrained networks; None changes nothing.
        **changes: Fields of `StudyOptions`, instead of those of `options`.

    Raises:
        KerasclfError: If there is no such study or protocol, or it does not take these options.

    Example:
        >>> from kerasclf.studies import declare
        >>> from kerasclf.studies.study_options import StudyOptions
        >>> list(declare("basenet").experiments)
        ['sgd_20', 'sgd_40', 'adam_20', 'adam_40']
        >>> declare("basenet", options=StudyOptions(repeats=3)).seeds
        (0, 1, 2)
        >>> declare("basenet", repeats=3) == declare("basenet", options=StudyOptions(repeats=3))
        True
        >>> declare("birds", options=StudyOptions(backbones=("mobilenet_v2",))).own_backbones
        ('keras_resnet50',)
    """
    find_study(name)
    if protocol not in PROTOCOLS:
        raise KerasclfError(unknown("protocol", protocol, PROTOCOLS))
    options, study = (options or StudyOptions()).but(**changes), STUDIES[name](protocol)
    if options.backbones:
        study = _on_backbones(study, options.backbones)
    return apply_options(study, options)


def _on_backbones(own: Study, backbones: tuple[str, ...]) -> Study:
    """Returns a declared study with other pretrained networks.

    Raises:
        KerasclfError: If the study has no pretrained network, or has a single one and several are given.
    """
    if own.name in ON_BACKBONES:
        study = ON_BACKBONES[own.name](own.protocol, backbones)
    elif own.name not in ON_BACKBONE:
        raise KerasclfError(
            f"backbones: the study {own.name} has no pretrained network to replace. Studies with one: "
            f"{', '.join([*ON_BACKBONE, *ON_BACKBONES])}."
        )
    elif len(backbones) > 1:
        raise KerasclfError(
            f"backbones: the study {own.name} has one pretrained network. Expected one name. Received: "
            f"{', '.join(backbones)}. Run the study once for each. Studies that compare networks: "
            f"{', '.join(ON_BACKBONES)}."
        )
    else:
        study = ON_BACKBONE[own.name](own.protocol, backbones[0])
    before, after = _pretrained_in(own), _pretrained_in(study)
    return replace(
        study,
        backbones=() if before == after else backbones,
        own_backbones=() if before == after else before,
        # A smaller size would replace networks that the user has chosen.
        quick_reduction=study.quick_reduction and study.quick_reduction.but(models=()),
        cpu_reduction=study.cpu_reduction and study.cpu_reduction.but(models=()),
    )


def _pretrained_in(study: Study) -> tuple[str, ...]:
    return tuple(dict.fromkeys(e.model for e in study.experiments.values() if e.transfer is not None))


def find_study(name: str) -> str:
    """Checks the name of a declared study and returns it.

    Raises:
        KerasclfError: If there is no such study. The message suggests a similar name.
    """
    if name not in STUDIES:
        raise KerasclfError(unknown("study", name, STUDIES))
    return name
