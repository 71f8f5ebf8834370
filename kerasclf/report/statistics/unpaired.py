"""The difference between accuracies on different images: of one network on two sets. Needs no TensorFlow."""

import math

from scipy.optimize import brentq

from kerasclf.report.statistics.intervals import CONFIDENCE, Flags, Interval, accuracy_interval

# Beyond this confidence, Wilson's intervals do not become wider in floating point.
_HIGHEST = 1 - 1e-12


def unpaired_difference(one: Flags, other: Flags) -> Interval:
    """Returns the accuracy on some images minus that on others, with its 95 % interval and p-value.

    The network is the same, and the images are different: both sets are samples, and nothing is paired. The interval
    is Newcombe's (1998, method 10), which combines the two intervals of Wilson. It holds for accuracies near 0 and 1,
    too. The p-value is 1 minus the confidence at which the interval reaches 0, so that both always agree.

    Args:
        one: Whether the prediction of each image of the first set is correct.
        other: The same of the second set.

    Example:
        >>> import numpy as np
        >>> found = unpaired_difference(np.arange(70) < 56, np.arange(80) < 48)  # 56 of 70 and 48 of 80
        >>> [round(end, 4) for end in found[:3]]
        [0.2, 0.0524, 0.3339]
    """
    low, high = interval_ends(one, other)
    return Interval(float(one.mean() - other.mean()), low, high, _p_value(one, other))


def interval_ends(one: Flags, other: Flags, confidence: float = CONFIDENCE) -> tuple[float, float]:
    """Returns the ends of the interval of `unpaired_difference`."""
    p, low, high, _ = accuracy_interval(one, confidence)
    q, other_low, other_high, _ = accuracy_interval(other, confidence)
    below, above = math.hypot(p - low, other_high - q), math.hypot(high - p, q - other_low)
    return p - q - below, p - q + above


def _p_value(one: Flags, other: Flags) -> float:
    difference = float(one.mean() - other.mean())
    if difference == 0:
        return 1.0
    nearer = 0 if difference > 0 else 1  # the end of the interval that may reach 0

    def distance(confidence: float) -> float:
        return interval_ends(one, other, confidence)[nearer] * math.copysign(1, difference)

    if distance(_HIGHEST) > 0:
        return 1 - _HIGHEST
    return float(1 - brentq(distance, 1e-9, _HIGHEST, xtol=1e-12))
