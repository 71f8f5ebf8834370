"""Differences in points, their intervals and p-values as text, rounded so that no number contradicts the verdict."""

import math

from kerasclf.report.statistics.intervals import CONFIDENCE, Interval


def signed(points: float, decimals: int = 1) -> str:
    """Returns a difference in points with its sign, such as "+1.6", "−0.4" or "0.0"."""
    text = f"{points:+.{decimals}f}".replace("-", "−")
    return text if float(text[1:]) else text[1:]


def points_and_ends(difference: Interval, metric: str = "") -> str:
    """Returns a difference with its interval, such as "+1.6 points (−1.4 to +4.6)"; nan leaves the interval out."""
    if math.isnan(difference.low):
        return f"{signed(100 * difference.value)} points{metric}"
    value, *ends = (signed(100 * one, _decimals(difference)) for one in difference[:3])
    return f"{value} points{metric} ({' to '.join(ends)})"


def size(difference: Interval) -> str:
    """Returns the size of a difference in points, whatever its sign, such as "8.1"."""
    return f"{abs(100 * difference.value):.{_decimals(difference)}f}"


def size_interval(difference: Interval) -> str:
    """Returns the interval of a difference's size in points, whatever its sign, such as "95 % interval 6.9 to 9.3"."""
    ends = sorted((100 * end if difference.value > 0 else -100 * end) for end in (difference.low, difference.high))
    return "95 % interval " + " to ".join(signed(end, _decimals(difference)).removeprefix("+") for end in ends)


def p_text(p: float) -> str:
    """Returns a p-value such as "0.29" or "<0.001". Rounding does not make a significant one 0.05."""
    level = round(1 - CONFIDENCE, 9)
    if p < 0.001:
        return "<0.001"
    return f"{p:.2g}" if (float(f"{p:.2g}") < level) == (p < level) else f"{math.floor(1000 * p) / 1000:g}"


def _decimals(difference: Interval) -> int:
    """Returns one decimal for points, or more if rounding would move an end of the interval to 0 or to the other."""
    low, high = 100 * difference.low, 100 * difference.high
    shown = (d for d in (1, 2, 3) if 0 not in (round(low, d), round(high, d)) and round(low, d) != round(high, d))
    return next(shown, 1)
