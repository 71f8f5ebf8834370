"""Measures several models side by side on the same images."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from kerasclf.data.dataset import Subset
from kerasclf.data.names import composed
from kerasclf.errors import KerasclfError
from kerasclf.inference.export.artifact_runtimes import Artifact, read_in_batches
from kerasclf.inference.export.latency import Latency, measure_latency, measure_throughput
from kerasclf.inference.export.parity import Parity, compare


@dataclass(frozen=True)
class Measured:
    """The measurements of one model.

    Args:
        latency: Milliseconds per image, one at a time.
        images_per_second: Speed in batches.
        parity: Its predictions, compared with those of the first model.
    """

    latency: Latency
    images_per_second: float
    parity: Parity


def check_comparable(artifacts: Sequence[Artifact]) -> None:
    """Checks that models have the same classes, in the same order, and take images of the same shape.

    Raises:
        KerasclfError: If one differs from the first one.
    """
    first = artifacts[0]
    for other in artifacts[1:]:
        if other.image_shape != first.image_shape:
            shapes = ["x".join(map(str, one.image_shape)) for one in (first, other)]
            raise KerasclfError(
                f"Expected models of images of {shapes[0]}, as {first.file.path}. Received: {other.file.path}, of "
                f"{shapes[1]}."
            )
        if other.image_fit != first.image_fit:
            raise KerasclfError(
                f"Expected models of images fitted by {first.image_fit}, as {first.file.path}. Received: "
                f"{other.file.path}, by {other.image_fit}."
            )
        if [*map(composed, other.class_names)] != [*map(composed, first.class_names)]:
            raise KerasclfError(f"Expected models of the classes of {first.file.path}. {other.file.path} has others.")


def measure(artifacts: Sequence[Artifact], images: Subset) -> list[Measured]:
    """Measures models on all images of a set.

    Args:
        artifacts: The models.
        images: The images, with labels.
    """
    batches = list(read_in_batches(images))
    predicted = [np.concatenate([one.predict(batch) for batch in batches]) for one in artifacts]
    models = [one.predict for one in artifacts]
    latencies = measure_latency(models, np.concatenate(batches))
    rates = measure_throughput(models, batches[0])
    parities = [compare(images.labels, predicted[0], rows) for rows in predicted]
    return [Measured(*values) for values in zip(latencies, rates, parities, strict=True)]
