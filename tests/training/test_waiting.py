"""The share of time spent waiting for data: exact on a clock of its own, measured with every kind of call."""

import functools
from types import SimpleNamespace

import numpy as np
import pytest
import tensorflow as tf

from kerasclf import Augmentation, TrainConfig
from kerasclf.models import build
from kerasclf.training import waiting
from kerasclf.training.recipe import Recipe
from kerasclf.training.train import train
from kerasclf.training.waiting import MeasureWaiting, waited


@pytest.mark.parametrize(
    ("requested", "delivered", "end", "expected"),
    [
        ([0.0], [0.0], 2.0, 0.0),
        ([0.5], [1.5], 2.0, 1.0),  # the call compiled for half a second
        ([-2.0], [-1.0], 2.0, 0.0),  # fetched before the call
        ([0.0] * 4, [0.0, 0.1, 0.2, 0.3], 4.0, 0.0),  # fetched ahead of the steps
        ([0.0, 0.0, 1.0, 2.0], [0.0, 0.9, 1.9, 2.9], 4.0, 0.0),  # each is fetched during the step before
        ([0.0, 1.0, 2.0], [1.0, 2.0, 3.0], 3.5, 2.0),  # each step computes for half a second and waits for as long
        ([0.0] * 4, [1.0] * 4, 5.0, 1.0),  # the batches of one chunk
        ([0.0, 1.0, 1.0, 2.0], [1.0, 1.0, 4.0, 4.0], 6.0, 2.0),  # two chunks
        ([0.0, 0.0, 3.0], [0.0, 0.0, 3.0], 4.0, 0.0),  # a slow step, after which nothing was waited for
        ([0.0], [5.0], 2.0, 2.0),  # never more than all the time
    ],
)
def test_waiting_follows_from_the_deliveries(requested, delivered, end, expected):
    assert waited(0.0, requested, delivered, end) == pytest.approx(expected)


@pytest.mark.parametrize("per_call", [1, 2, 3])
def test_the_share_of_an_epoch_leaves_out_the_first_call(monkeypatch, per_call):
    clock = SimpleNamespace(now=100.0)
    monkeypatch.setattr(waiting, "time", SimpleNamespace(time=lambda: clock.now))
    monkeypatch.setattr(waiting, "_now", lambda: tf.numpy_function(lambda: clock.now, [], tf.float64))
    measure = MeasureWaiting(6)

    def produce(number):
        clock.now += 3.0
        return number

    slow = tf.data.Dataset.range(6).map(lambda number: tf.numpy_function(produce, [number], tf.int64))
    batches = iter(measure.watch(slow))
    measure.on_train_begin()
    measure.on_epoch_begin(0)
    for first in range(0, 6, per_call):
        measure.on_train_batch_begin(first)
        for _ in range(per_call):
            next(batches)
            clock.now += 1.0  # the network computes a step
        measure.on_train_batch_end(first + per_call - 1)
    assert measure.share == pytest.approx(0.75)
    measure.on_epoch_begin(1)
    assert measure.share == 0.0


@pytest.mark.parametrize(
    ("times", "share"),
    [
        # When each batch was requested and delivered, and its step ended, relative to the start of its call.
        ([(0.0, 1.0, 2.0), (0.0, -3599.0, -3598.0)], 0.5),  # set back: the second call is left out
        ([(0.0, 0.0, 1.0), (3.0, 1.0, 4.0)], 0.0),  # set back by two seconds during the second request
    ],
)
def test_the_share_survives_a_clock_that_is_set_back(monkeypatch, times, share):
    clock = SimpleNamespace(now=0.0)
    monkeypatch.setattr(waiting, "time", SimpleNamespace(time=lambda: clock.now))
    measure = MeasureWaiting(1 + len(times))
    measure.on_train_begin()
    measure.on_epoch_begin(0)
    moments = np.full((2, 1 + len(times)), 0.0)
    for number, (requested, delivered, end) in enumerate([(0.0, 0.0, 0.0), *times]):
        start = clock.now
        measure.on_train_batch_begin(number)
        moments[:, number] = start + requested, start + delivered
        clock.now = start + end
        measure.on_train_batch_end(number)
    measure._moments.assign(moments)
    assert measure.share == pytest.approx(share)


def test_watching_changes_no_batch():
    batches = tf.data.Dataset.from_tensor_slices((np.arange(10, dtype=np.uint8), np.arange(10.0))).batch(4)
    watched = MeasureWaiting(3).watch(batches)
    assert watched.element_spec == batches.element_spec
    assert int(watched.cardinality()) == 3
    for (a, b), (c, d) in zip(batches, watched, strict=True):
        assert a.numpy().tobytes() == c.numpy().tobytes()
        assert b.numpy().tobytes() == d.numpy().tobytes()


@pytest.mark.parametrize(
    "fields",
    [
        {"steps_per_execution": 1},
        {"steps_per_execution": 2},
        pytest.param({"strategy": "mirrored"}, marks=pytest.mark.slow),
    ],
)
def test_a_training_measures_it_with_every_kind_of_call(dataset, monkeypatch, fields):
    # If all steps wait all the time, the share of a measured epoch is 1, and that of an unmeasured one 0.
    monkeypatch.setattr(waiting, "waited", lambda start, requested, delivered, end: end - start)
    config = TrainConfig(epochs=2, batch_size=16, **fields)
    recipe = Recipe(functools.partial(build, "mlp"), (config,), augmentation=Augmentation(rescale=1 / 255))
    history = train(dataset, recipe).history
    assert list(history["waiting_share"]) == [1.0, 1.0]
