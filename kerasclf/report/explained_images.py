"""The explained images of the chosen run, for a page: heat maps, and the training images nearest to its errors."""

from collections.abc import Iterator
from dataclasses import dataclass

from kerasclf.report.figures.visualization_figures import heat_overlay
from kerasclf.report.finished_run import Run
from kerasclf.report.misclassifications import Picture, enlarged_thumbnail, jpeg_of
from kerasclf.report.study_results import StudyResults
from kerasclf.studies.explanations import Explanations


@dataclass(frozen=True)
class NearImage:
    """A training image near to an error, with its class and the cosine distance of the features."""

    name: str
    true: str
    distance: float
    jpeg: bytes


@dataclass(frozen=True)
class ExplainedImage:
    """A test image, the image under its heat map, and the training images nearest to it; none for a correct one."""

    picture: Picture
    heat_jpeg: bytes
    nearest: tuple[NearImage, ...]


@dataclass(frozen=True)
class ExplainedImages:
    """The explained images of a run.

    Args:
        layer: Name of the layer whose maps the heat maps weigh.
        cells: Rows and columns of a heat map.
        searched: Which training images were searched, in a sentence.
        errors: The most confident errors, the most confident first.
        correct: Correct predictions.
    """

    layer: str
    cells: str
    searched: str
    errors: tuple[ExplainedImage, ...]
    correct: tuple[ExplainedImage, ...]


def explained_images(results: StudyResults) -> ExplainedImages | None:
    """Returns the explained images of the chosen run; None if there are none, or only those of another run."""
    found, chosen = results.explanations, results.chosen
    run = chosen.runs[0]
    identity = chosen.experiment.on_split(run.seed, results.splits).identity
    if found is None or not found.explains(identity, run.seed, run.description["finished"]):
        return None
    if max(found.indices, default=0) >= len(run.labels) or found.near_labels.max(initial=0) >= len(run.class_names):
        return None
    images = tuple(_images(found, run))
    wrong = [not run.correct[index] for index in found.indices]
    return ExplainedImages(
        layer=found.layer,
        cells="×".join(map(str, found.heat.shape[1:])),
        searched=found.searched,
        errors=tuple(image for image, is_error in zip(images, wrong, strict=True) if is_error),
        correct=tuple(image for image, is_error in zip(images, wrong, strict=True) if not is_error),
    )


def _images(found: Explanations, run: Run) -> Iterator[ExplainedImage]:
    for position, index in enumerate(found.indices.tolist()):
        probabilities, image = run.probabilities[index], found.images[position]
        picture = Picture(
            str(found.names[position]),
            run.class_names[run.labels[index]],
            run.class_names[probabilities.argmax()],
            float(probabilities.max()),
            jpeg_of(image),
        )
        heat = jpeg_of(heat_overlay(enlarged_thumbnail(image), found.heat[position]))
        yield ExplainedImage(picture, heat, tuple(_nearest(found, position, run)))


def _nearest(found: Explanations, position: int, run: Run) -> Iterator[NearImage]:
    if position >= len(found.near_labels):
        return
    for rank, label in enumerate(found.near_labels[position].tolist()):
        yield NearImage(
            str(found.near_names[position, rank]),
            run.class_names[label],
            max(0.0, float(found.near_distances[position, rank])),
            jpeg_of(found.near_images[position, rank]),
        )
