"""The catalogue of declared studies."""

from collections.abc import Callable

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


def declare(name: str, protocol: Protocol = "sound", options: StudyOptions | None = None) -> Study:
    """Returns a declared study, with a user's changes.

    Args:
        name: A key of `STUDIES`.
        protocol: `"sound"` or `"published"`.
        options: Other data, repeats, size, limits or weights; None changes nothing.

    Raises:
        KerasclfError: If there is no such study or protocol, or it does not take these options.

    Example:
        >>> from kerasclf.studies import declare
        >>> from kerasclf.studies.study_options import StudyOptions
        >>> list(declare("basenet").experiments)
        ['sgd_20', 'sgd_40', 'adam_20', 'adam_40']
        >>> declare("basenet", options=StudyOptions(repeats=3)).seeds
        (0, 1, 2)
    """
    find_study(name)
    if protocol not in PROTOCOLS:
        raise KerasclfError(unknown("protocol", protocol, PROTOCOLS))
    return apply_options(STUDIES[name](protocol), options or StudyOptions())


def find_study(name: str) -> str:
    """Checks the name of a declared study and returns it.

    Raises:
        KerasclfError: If there is no such study. The message suggests a similar name.
    """
    if name not in STUDIES:
        raise KerasclfError(unknown("study", name, STUDIES))
    return name
