"""Runs that share a training end like runs alone, to the bit."""

import json

import numpy as np
import pandas as pd
import pytest

from kerasclf import Augmentation, Experiment, Split, Study, TrainConfig, run_study
from kerasclf.errors import RunsFailedError
from kerasclf.files.reading import file_digest
from kerasclf.runs.engines.local_engines import Inline, Processes
from kerasclf.runs.progress import SilentRunListener
from kerasclf.studies.study_runner import plan_study
from kerasclf.training import EarlyStopping

LONG = Experiment(
    data="digits",
    model="mlp",
    model_args={"dropout": 0.3},
    split=Split(train_per_class=10, test_per_class=4, validation=0.3),
    augmentation=Augmentation(rescale=1 / 255, horizontal_flip=True),
    train=TrainConfig(epochs=4, batch_size=32),
)
BEST = EarlyStopping("val_accuracy", patience=4)
# Another end, other validation images, and the best weights on these.
WATCHING = LONG.but(augment_validation=True, train=LONG.train.but(epochs=3, early_stopping=BEST))


class Trained(SilentRunListener):
    """Counts the epochs that were trained, by run, and those that a listener heard of."""

    def __init__(self):
        self.trained, self.heard, self.lines = {}, {}, []

    def log(self, line):
        self.lines.append(line)

    def stepped(self, title, epochs_done, step):
        self.trained.setdefault(title, set()).add(epochs_done + 1)

    def finished_epoch(self, title, row):
        self.heard.setdefault(title, []).append(row["epoch"])


def study_of(**experiments):
    return Study("shared", "Shared", "Are they equal?", experiments)


def run_of(folder, study, name, seed=0):
    return folder.run(name, study.experiments[name].identity, seed)


def check_same(one, other):
    for file in ("predictions.csv", "validation_predictions.csv"):
        assert file_digest(one.path / file) == file_digest(other.path / file), file
    histories = [run.history().drop(columns=["seconds", "images_per_second", "waiting_share"]) for run in (one, other)]
    pd.testing.assert_frame_equal(*histories, check_exact=True)
    assert one.metrics()["best_epoch"] == other.metrics()["best_epoch"]


def check_weights(one, other):
    import keras

    models = (keras.models.load_model(run.path / "model.keras").get_weights() for run in (one, other))
    for first, second in zip(*models, strict=True):
        np.testing.assert_array_equal(first, second)


def test_two_runs_are_one_training(tmp_path):
    study, trained = study_of(watching=WATCHING, long=LONG), Trained()
    shared = run_study(study, tmp_path / "shared", engine=Inline(), listener=trained)
    assert trained.trained == {"long": {1, 2, 3, 4}}
    assert trained.heard == {"long": [1, 2, 3, 4], "watching": [1, 2, 3]}
    long, watching = (run_of(shared, study, name) for name in ("long", "watching"))
    assert f"watching  3 epochs trained by {long.name}" in trained.lines
    alone = run_study(study, tmp_path / "alone", only=("watching",), engine=Inline(), share=False)
    check_same(watching, run_of(alone, study, "watching"))
    check_weights(watching, run_of(alone, study, "watching"))
    # Both folders say what they share, and the seconds what the run alone takes.
    given, taken = (json.loads((run.path / "experiment.json").read_text())["shared"] for run in (long, watching))
    assert given == {"taken": [], "given": {watching.name: 3}}
    (share,) = taken["taken"]
    assert (share["run"], share["epochs"], taken["given"]) == (long.name, 3, {})
    metrics = watching.metrics()
    assert 0 < share["seconds"] < metrics["seconds"]
    assert metrics["seconds_taken"] == pytest.approx(metrics["seconds"] - share["seconds"])
    assert "seconds_taken" not in long.metrics()
    assert "peak_memory_mb" in long.metrics().keys() - metrics.keys()
    assert "shared" not in run_of(alone, study, "watching").description()
    assert sorted(path.name for path in (tmp_path / "shared" / "runs").rglob("*.partial")) == []


@pytest.mark.slow
def test_a_longest_run_that_diverges_leaves_the_shorter_ones_finished(tmp_path, monkeypatch):
    """The loss of the longer run is not finite in its last epoch."""
    from kerasclf.training import callbacks

    def diverge(self, epoch, logs=None):
        if epoch == 3:
            logs["loss"] = float("nan")
        return check(self, epoch, logs)

    check = callbacks.StopWhenNotFinite.on_epoch_end
    monkeypatch.setattr(callbacks.StopWhenNotFinite, "on_epoch_end", diverge)
    short = LONG.but(train=LONG.train.but(epochs=2))
    study, trained = study_of(long=LONG, short=short), Trained()
    with pytest.raises(RunsFailedError, match="long: The loss is nan after epoch 4"):
        run_study(study, tmp_path / "out", engine=Inline(), listener=trained)
    assert trained.trained == {"long": {1, 2, 3, 4}}
    finished = plan_study(study, tmp_path / "out", engine=Inline(), measure=False)
    assert finished.finished == ("short",)
    assert list(finished.failed) == ["long"]


@pytest.mark.slow
@pytest.mark.parametrize("engine", [Inline(), Processes(1), Processes(2)], ids=["inline", "one", "two"])
def test_a_whole_group_equals_its_runs_alone(tmp_path, engine):
    stops = LONG.but(train=LONG.train.but(epochs=9, early_stopping=EarlyStopping("loss", patience=1)))
    again = LONG.but(augmentation=LONG.augmentation.but(horizontal_flip=False))
    study = study_of(
        short=LONG.but(train=LONG.train.but(epochs=2)),
        stops=stops,
        watching=WATCHING,
        half=LONG.but(flaws=("choose_on_half",), train=LONG.train.but(early_stopping=BEST)),
        served=again.but(train=again.train.but(epochs=2)),
        long=LONG,
        again=again,
    )
    shared = run_study(study, tmp_path / "shared", engine=engine)
    alone = run_study(study, tmp_path / "alone", engine=engine, share=False)
    for name in study.experiments:
        one, other = run_of(shared, study, name), run_of(alone, study, name)
        assert file_digest(one.path / "predictions.csv") == file_digest(other.path / "predictions.csv"), name
        check_weights(one, other)
    assert sum("taken" in str(run_of(shared, study, name).description().get("shared")) for name in study.experiments)


@pytest.mark.slow
def test_phases_are_shared_too(tmp_path):
    def phases(epochs):
        return LONG.but(
            earlier_phases=(LONG.train.but(epochs=2, learning_rate=0.01),), train=LONG.train.but(epochs=epochs)
        )

    study, trained = study_of(short=phases(1), long=phases(3)), Trained()
    shared = run_study(study, tmp_path / "shared", engine=Inline(), listener=trained)
    assert trained.trained == {"long": {1, 2, 3, 4, 5}}
    assert trained.heard == {"long": [1, 2, 3, 4, 5], "short": [1, 2, 3]}
    alone = run_study(study, tmp_path / "alone", engine=Inline(), share=False)
    for name in study.experiments:
        check_same(run_of(shared, study, name), run_of(alone, study, name))
        check_weights(run_of(shared, study, name), run_of(alone, study, name))


@pytest.mark.slow
def test_an_experiment_that_is_declared_twice_trains_twice(tmp_path):
    """Sharing would make both runs equal, and a study that repeats one asks whether they are."""
    study, trained = study_of(plain=LONG, again=LONG, watching=WATCHING), Trained()
    shared = run_study(study, tmp_path / "out", engine=Inline(), listener=trained)
    assert trained.trained == {"plain": {1, 2, 3, 4}, "again": {1, 2, 3, 4}}
    check_same(run_of(shared, study, "plain"), run_of(shared, study, "again"))
