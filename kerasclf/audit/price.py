"""The price of the findings: how much they raise or lower the test accuracy of a head."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from kerasclf.audit.pooled_images import PooledImages
from kerasclf.data.dataset import SETS
from kerasclf.errors import KerasclfError
from kerasclf.transfer.linear_head import fit_head

DRAWS = 4000
_TEST = SETS.index("test")


class Price(NamedTuple):
    """Test accuracies of a head with and without the findings, 0–1.

    Args:
        with_findings: Fitted on all images outside the test set, tested on all test images.
        without_findings: Fitted and tested on the images of the clean list.
        difference: The first minus the second: above 0 the findings flatter the head.
        low: Lower end of the difference's 95 % interval, by a bootstrap of the test images.
        high: Upper end.
        left_out: Numbers of images that the second head lacks in fitting and in testing.
    """

    with_findings: float
    without_findings: float
    difference: float
    low: float
    high: float
    left_out: tuple[int, int]

    @property
    def sentence(self) -> str:
        """The price in words."""
        points = [100 * number for number in (self.difference, self.low, self.high)]
        effect = "raise" if self.low > 0 else "lower" if self.high < 0 else "change"
        clear = "" if self.low > 0 or self.high < 0 else ", which may be chance"
        return (
            f"The findings {effect} the test accuracy of a head: {self.with_findings:.1%} with them, "
            f"{self.without_findings:.1%} without, {points[0]:+.1f} points (95 % interval {points[1]:+.1f} to "
            f"{points[2]:+.1f}){clear}."
        )


def price_of(features: NDArray[np.float32], images: PooledImages, left_out: frozenset[int], seed: int = 0) -> Price:
    """Returns how the findings change the test accuracy of a logistic regression on the features.

    Args:
        features: Features of the images, shape (n, features).
        images: The images.
        left_out: Positions of the images that the clean list leaves out.
        seed: Seed of the bootstrap.

    Raises:
        KerasclfError: If too few images remain.
    """
    kept = np.ones(len(images), bool)
    kept[sorted(left_out)] = False
    test = images.sets == _TEST
    if not (test & kept).any() or len(np.unique(images.labels[~test & kept])) < 2:
        raise KerasclfError("price: expected images of two classes and test images without findings. Received too few.")
    before = _correct(features, images.labels, ~test, test)
    after = _correct(features, images.labels, ~test & kept, test & kept)
    # Each draw takes the same test images for both heads; the second lacks some of them.
    is_kept = kept[test]
    both = np.zeros(len(before))
    both[is_kept] = after
    draws = np.random.default_rng(seed).multinomial(len(before), np.full(len(before), 1 / len(before)), DRAWS)
    differences = draws @ before / len(before) - draws @ both / np.maximum(draws @ is_kept, 1)
    low, high = np.percentile(differences, (2.5, 97.5))
    first, second = float(before.mean()), float(after.mean())
    numbers = int((~test & ~kept).sum()), int((test & ~kept).sum())
    return Price(first, second, first - second, float(low), float(high), numbers)


def _correct(
    features: NDArray[np.float32], labels: NDArray[np.int64], fitted: NDArray[np.bool_], tested: NDArray[np.bool_]
) -> NDArray[np.float64]:
    """Returns 1 for each tested image that a head predicts correctly, otherwise 0."""
    head = fit_head(features[fitted], labels[fitted])
    return (head.predict(features[tested]) == labels[tested]).astype(np.float64)
