"""A `Halt` stops a training after a number of epochs, or when its best metric misses a bound."""

import pytest

from kerasclf.training.resuming.halting import Halt


def rows(**columns):
    return [dict(zip(columns, values, strict=True)) for values in zip(*columns.values(), strict=True)]


def test_it_stops_after_a_number_of_epochs_but_not_after_the_last():
    halt, history = Halt(after=2), rows(val_accuracy=[0.5, 0.6])
    assert halt.reason(history[:1], epochs=3) is None
    assert halt.reason(history, epochs=3) == "after epoch 2, the limit of its bracket"
    assert halt.reason(history, epochs=2) is None
    assert halt.reason([], epochs=3) is None


@pytest.mark.parametrize(
    ("monitor", "values", "bound", "stops"),
    [
        ("val_accuracy", [0.5, 0.4], 0.55, True),
        ("val_accuracy", [0.5, 0.4], 0.45, False),  # the best so far counts
        ("val_loss", [1.0, 1.2], 0.9, True),
        ("val_loss", [1.0, 1.2], 1.1, False),
    ],
)
def test_it_stops_when_the_best_so_far_misses_the_bound(monitor, values, bound, stops):
    reason = Halt(monitor=monitor, bounds=(None, bound)).reason(rows(**{monitor: values}), epochs=9)
    best = max(values) if monitor == "val_accuracy" else min(values)
    expected = f"after epoch 2: {monitor} {best:.4g}, the median of earlier trials was {bound:.4g}"
    assert reason == (expected if stops else None)


def test_epochs_beyond_the_last_bound_have_none():
    assert Halt(bounds=(0.1,)).reason(rows(val_accuracy=[0.2, 0.0]), epochs=9) is None
