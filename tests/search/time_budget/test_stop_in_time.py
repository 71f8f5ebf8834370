"""`StopInTime`: a training ends in time, and what remains is the run of a shorter experiment."""

import pytest

from kerasclf import Experiment, Split, TrainConfig
from kerasclf.runs.progress import SilentRunListener
from kerasclf.runs.run_folder import RunFolder
from kerasclf.search.time_budget.stop_in_time import StopInTime
from kerasclf.search.time_budget.timed_experiments import (
    HEAD,
    STAGE,
    differs_in_length_alone,
    ended_after,
    timed_experiment,
)
from kerasclf.search.time_budget.timed_runs import TimedRuns
from kerasclf.search.time_budget.timed_work import TimedWork
from kerasclf.training.resuming.halting import Halted
from kerasclf.transfer import Transfer

CANDIDATE = Experiment(
    data="digits",
    model="mlp",
    model_args={"head": ()},
    split=Split(train_per_class=20, test_per_class=5, validation=0.25),
    transfer=Transfer("none", cache="off"),
    train=TrainConfig(batch_size=32),
)


def test_an_epoch_that_would_end_too_late_does_not_start():
    left = [100.0]
    stop = StopInTime(lambda: left[0], least=1)
    stop.began(10, 2, [])
    for epoch in range(2):
        stop.stepped(epoch, 1)
        left[0] -= 40
        stop.stepped(epoch, 2)
        stop.finished_epoch({"epoch": epoch + 1})
    with pytest.raises(Halted, match="after epoch 2: its time is over"):
        stop.stepped(2, 1)
    assert stop.rows == [{"epoch": 1}, {"epoch": 2}]


def test_an_epoch_ends_when_the_time_is_over_unless_it_is_one_of_the_least():
    stop = StopInTime(lambda: -1.0, least=1)
    stop.began(10, 2, [])
    stop.stepped(0, 1)
    stop.finished_epoch({"epoch": 1})
    with pytest.raises(Halted):
        stop.stepped(1, 1)


def test_the_phases_and_lengths_of_an_experiment():
    stage = timed_experiment(CANDIDATE, STAGE)
    assert [phase.unfreeze for phase in stage.phases] == ["head", "last_stage"]
    assert ended_after(stage, 5) is None
    assert ended_after(stage, 8).epochs == 8
    assert differs_in_length_alone(stage, ended_after(stage, 8))
    assert not differs_in_length_alone(stage, timed_experiment(CANDIDATE, HEAD))
    # A schedule that depended on the length would make the shorter run another one.
    assert not any(phase.schedule.spans_phase for phase in stage.phases)


class Counting(StopInTime):
    """Stops after a number of epochs, instead of by the clock."""

    def __init__(self, epochs):
        super().__init__(lambda: 1e9)
        self.epochs = epochs

    def stepped(self, epochs_done, step):
        if epochs_done >= self.epochs:
            raise Halted("the time is over", self.rows)


def test_a_run_whose_time_is_over_before_its_first_epoch_has_no_result(tmp_path, monkeypatch):
    monkeypatch.setenv("KERASCLF_CACHE", str(tmp_path / "cache"))
    runs = TimedRuns(tmp_path / "out", 0, 10.0)
    runs.claim([CANDIDATE])
    work = TimedWork(CANDIDATE.dataset(lambda line: None), tmp_path / "out", 0, SilentRunListener())
    assert runs.train(timed_experiment(CANDIDATE, HEAD), work, StopInTime(lambda: -1.0)) == ""
    assert runs.finished == {}


def test_a_stopped_run_is_bit_identical_to_the_run_of_the_shorter_experiment(tmp_path, monkeypatch):
    monkeypatch.setenv("KERASCLF_CACHE", str(tmp_path / "cache"))
    runs = TimedRuns(tmp_path / "out", 0, 10.0)
    runs.claim([CANDIDATE])
    work = TimedWork(CANDIDATE.dataset(lambda line: None), tmp_path / "out", 0, SilentRunListener())
    head = timed_experiment(CANDIDATE, HEAD)
    head = head.but(train=head.train.but(learning_rate=0.05))  # so high that the last epoch is not the best
    assert runs.train(head, work, Counting(4)) == "until its time was over"
    (shorter,) = runs.finished.values()
    assert shorter.epochs == 4
    alone = RunFolder(tmp_path / "alone" / "seed-0")
    work.train(shorter, alone, None)
    stopped = RunFolder(next(tmp_path.glob("out/runs/*/seed-0")))
    assert (stopped.path / "predictions.csv").read_bytes() == (alone.path / "predictions.csv").read_bytes()
    for name in ("validation_accuracy", "best_epoch", "epochs", "test_accuracy"):
        assert stopped.metrics()[name] == alone.metrics()[name]
