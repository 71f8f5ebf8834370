"""`--profile` profiles some steps of the first run, once, and never stops a training."""

import tensorflow as tf

from kerasclf.training.profile_steps import ProfileSteps


def calls(callback, epochs, per_epoch):
    for epoch in range(epochs):
        for batch in range(per_epoch):
            callback.on_train_batch_begin(batch)
            callback.on_train_batch_end(batch)
        callback.on_epoch_end(epoch)
    callback.on_train_end()


def profiled(monkeypatch, tmp_path, epochs, per_epoch, fails=False):
    """Returns the calls of the profiler, each after how many calls of the training function."""
    events, lines = [], []
    callback = ProfileSteps(tmp_path / "profile", lines.append)

    def start(folder):
        if fails:
            raise tf.errors.AlreadyExistsError(None, None, "another profiler runs")
        events.append(("start", callback._calls))

    monkeypatch.setattr(tf.profiler.experimental, "start", start)
    monkeypatch.setattr(tf.profiler.experimental, "stop", lambda: events.append(("stop", callback._calls)))
    calls(callback, epochs, per_epoch)
    return events, lines


def test_it_skips_the_calls_that_compile_and_stops_after_ten(monkeypatch, tmp_path):
    assert profiled(monkeypatch, tmp_path, 2, 30) == ([("start", 2), ("stop", 12)], [])


def test_it_stops_with_a_short_epoch(monkeypatch, tmp_path):
    assert profiled(monkeypatch, tmp_path, 3, 4)[0] == [("start", 2), ("stop", 4)]


def test_a_training_of_two_calls_has_no_profile(monkeypatch, tmp_path):
    assert profiled(monkeypatch, tmp_path, 1, 2) == ([], [])


def test_a_profiler_that_fails_is_reported_and_the_training_goes_on(monkeypatch, tmp_path):
    assert profiled(monkeypatch, tmp_path, 1, 5, fails=True) == ([], ["no profile: another profiler runs"])
