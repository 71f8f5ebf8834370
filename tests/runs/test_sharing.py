"""Which runs are one training, and in which order they start."""

from pathlib import Path

import numpy as np
import pytest

from kerasclf import Augmentation, Experiment, TrainConfig
from kerasclf.data.data_flaws import spoil
from kerasclf.runs.job import Job
from kerasclf.runs.sharing import SharedRuns, digests_of, shared_epochs, trajectory_of, watched_by
from kerasclf.studies import declare
from kerasclf.training import EarlyStopping, Schedule
from tests.conftest import train_to

DIGESTS = {"train": "a", "validation": "b", "test": "c"}
OTHER_VALIDATION = {**DIGESTS, "validation": "d"}
BASE = Experiment(augmentation=Augmentation(rescale=1 / 255), train=TrainConfig(epochs=20))


def key(experiment=BASE, digests=DIGESTS, seed=0, **train):
    return trajectory_of(experiment.but(train=experiment.train.but(**train)), seed, digests)


@pytest.mark.parametrize(
    "shared",
    [
        key(epochs=40),
        key(epochs=5, early_stopping=EarlyStopping(patience=2)),
        key(BASE.but(augment_validation=True)),
        key(BASE.but(flaws=("choose_on_test",)), OTHER_VALIDATION),
        key(BASE.but(flaws=("swapped_when_served",)), {**DIGESTS, "test": "d"}),
    ],
)
def test_an_end_and_what_is_watched_do_not_change_the_training(shared):
    assert shared == key()


@pytest.mark.parametrize(
    "other",
    [
        key(seed=1),
        key(learning_rate=0.1),
        key(batch_size=16),
        key(macro_f1=True),
        key(BASE.but(model="mlp")),
        key(BASE.but(augmentation=Augmentation(rescale=1 / 255, horizontal_flip=True))),
        key(BASE.but(flaws=("softmax_twice",))),
        key(BASE.but(flaws=("duplicates",)), {**DIGESTS, "train": "d"}),
        key(digests={**DIGESTS, "validation": ""}),
    ],
)
def test_anything_else_does(other):
    assert other != key()


def rates(schedule, epochs):
    from kerasclf.training.optimizers.schedules import make_schedule

    rate = make_schedule(schedule, 0.1, epochs, steps_per_epoch=7)
    return [rate] * 30 if isinstance(rate, float) else [float(np.asarray(rate(step))) for step in range(30)]


def schedules():
    from kerasclf.training.optimizers.schedules import SCHEDULES

    return [Schedule(name) for name in SCHEDULES] + [Schedule("step", every_epochs=2, warmup_epochs=1)]


@pytest.mark.parametrize("schedule", schedules(), ids=repr)
def test_runs_of_different_lengths_share_what_their_schedule_lets_them(schedule):
    """A schedule over all epochs has other rates from the first step on."""
    same = rates(schedule, 6) == rates(schedule, 9)
    assert same != schedule.spans_phase
    assert (key(schedule=schedule, epochs=6) == key(schedule=schedule, epochs=9)) == same
    # Early stopping does not change the schedule.
    assert key(schedule=schedule) == key(schedule=schedule, early_stopping=EarlyStopping())


def test_a_rate_that_follows_the_validation_set_shares_nothing_with_another_validation_set():
    watched, unwatched = (Schedule("plateau", monitor=monitor) for monitor in ("val_loss", "loss"))
    assert key(schedule=watched) != key(schedule=watched, digests=OTHER_VALIDATION)
    assert key(schedule=watched) != key(BASE.but(augment_validation=True), schedule=watched)
    assert key(schedule=unwatched) == key(schedule=unwatched, digests=OTHER_VALIDATION)
    assert key(ema_momentum=0.9) != key(ema_momentum=0.9, digests=OTHER_VALIDATION)


def test_statistics_of_all_images_depend_on_the_test_set():
    spoilt = BASE.but(
        augmentation=Augmentation(featurewise_center=True, featurewise_std_normalization=True),
        flaws=("statistics_of_all",),
    )
    assert key(spoilt) != key(spoilt, {**DIGESTS, "test": "d"})


def jobs_of(study, dataset, folder=Path("out"), seeds=(0,)):
    found = []
    for seed in seeds:
        for name, experiment in study.experiments.items():
            digests = digests_of(spoil(dataset, experiment.flaws).manifest)
            trajectory, watched = trajectory_of(experiment, seed, digests), watched_by(experiment, digests)
            path = folder / f"{name}-{experiment.identity}" / f"seed-{seed}"
            title = f"{name} seed {seed}"
            found.append(Job(title, name, experiment, seed, path, "", trajectory=trajectory, watched=watched))
    return found


@pytest.mark.parametrize(
    ("name", "trained", "total", "shared"),
    [
        ("basenet", 80, 120, {"sgd_20": 20, "adam_20": 20}),
        # At most: early_stopping counts its 40 epochs.
        ("ladder", 190, 241, {"bn_before": 30, "stop_by_eye": 21}),
        ("pitfalls", 180, 230, {"augment_validation": 20, "choose_on_test": 20, "swapped_when_served": 10}),
    ],
)
def test_the_epochs_that_the_declared_studies_share(dataset, name, trained, total, shared):
    jobs = jobs_of(declare(name), dataset, seeds=(0, 1))
    found = shared_epochs(jobs)
    assert found == {f"{title} seed {seed}": epochs for seed in (0, 1) for title, epochs in shared.items()}
    assert sum(job.experiment.epochs for job in jobs) == 2 * total
    assert sum(job.experiment.epochs for job in jobs) - sum(found.values()) == 2 * trained


def ladder(dataset, folder):
    jobs = [job for job in jobs_of(declare("ladder"), dataset, folder) if job.name in LADDER]
    return SharedRuns(jobs), {job.name: job for job in jobs}


LADDER = ("bn_before", "bn_after", "stop_by_eye", "early_stopping")


def names(jobs):
    return [job and job.name for job in jobs]


def test_followers_wait_for_their_leader_while_other_runs_start(dataset, tmp_path):
    runs, jobs = ladder(dataset, tmp_path)
    assert len(runs) == 4
    started = iter(runs)
    first, second = next(started), next(started)
    assert names([first, second, next(started), next(started)]) == ["early_stopping", "bn_after", None, None]
    assert names(first.followers) == ["bn_before", "stop_by_eye"]
    assert names(second.followers) == []
    train_to(jobs["bn_before"], 30)
    train_to(jobs["stop_by_eye"], 21)
    runs.finished_run(jobs["bn_after"].title, {})
    assert next(started) is None
    runs.finished_run(jobs["early_stopping"].title, {})
    both = [next(started), next(started)]
    assert names(both) == ["bn_before", "stop_by_eye"]
    assert [job.followers for job in both] == [(), ()]
    assert list(started) == []


def test_the_rest_gets_a_new_leader_when_a_leader_stops_early(dataset, tmp_path):
    runs, jobs = ladder(dataset, tmp_path)
    started = iter(runs)
    next(started)
    for name in ("bn_before", "stop_by_eye"):
        train_to(jobs[name], 13)
    runs.finished_run(jobs["early_stopping"].title, {})
    leader = next(started)
    assert (leader.name, names(leader.followers)) == ("bn_before", ["stop_by_eye"])
    runs.failed_run("bn_before seed 0", "It diverges.")
    assert names(started) == ["stop_by_eye", "bn_after"]


def test_a_run_that_has_ended_waits_for_no_other(dataset, tmp_path):
    """As after a kill of the study between two runs."""
    _, jobs = ladder(dataset, tmp_path)
    train_to(jobs["stop_by_eye"], 21)
    train_to(jobs["early_stopping"], 13, stopped=True)
    runs, _ = ladder(dataset, tmp_path)
    assert names(runs) == ["stop_by_eye", "early_stopping", "bn_before", "bn_after"]


def test_a_job_travels_with_its_followers(dataset, tmp_path):
    leader = next(iter(ladder(dataset, tmp_path)[0]))
    assert Job.from_dict(leader.to_dict()) == leader
