"""`JobSource`: trials that train alike share a training."""

from dataclasses import replace

import pytest

from kerasclf import Experiment, Split, TrainConfig
from kerasclf.pipeline import Augmentation
from kerasclf.runs.engines.local_engines import Inline
from kerasclf.runs.planning.cost import RunCost
from kerasclf.runs.run_folder import RunFolder
from kerasclf.runs.sharing import digests_of
from kerasclf.search import Budget, Choice, Int, Search, Space
from kerasclf.search.search_folder import SearchFolder
from kerasclf.search.search_plan import plan_lines
from kerasclf.search.search_progress import SilentSearchListener
from kerasclf.search.search_runner import plan_search, run_planned_search
from kerasclf.search.trial import Trial
from kerasclf.search.trial_runs import TrialRuns
from tests.conftest import train_to
from tests.search.fake import BASE, SPACE, FakeEngine, outcome, search

GRID = {"train.learning_rate": Choice(0.01, 0.1), "train.epochs": Choice(2, 3, 5)}


class SharingEngine(FakeEngine):
    """Gives followers the checkpoint of their own end, as a real leader does."""

    def _epoch(self, job, rows, listener):
        super()._epoch(job, rows, listener)
        for follower in job.followers:
            if follower.experiment.epochs == len(rows):
                train_to(follower, len(rows))


def run(folder, engine, *, share=True, space=GRID, oracle="grid", **settings):
    experiment = Experiment(train=TrainConfig(epochs=5, learning_rate=0.5))
    planned = plan_search(Search(experiment, Space(space), oracle, **settings), folder, Budget(), engine=engine)
    return run_planned_search(replace(planned, share=share), Budget(), engine, SilentSearchListener())


def made(engine):
    """Returns each run in the order of their ends, with the runs for which it trained."""
    return [(job.title, [follower.title for follower in job.followers]) for job in engine.made]


def test_trials_that_differ_in_their_epochs_follow_the_longest(tmp_path):
    engine, alone = SharingEngine(), SharingEngine()
    shared = run(tmp_path / "shared", engine)
    assert made(engine) == [
        ("trial 3", ["trial 1", "trial 2"]), ("trial 1", []), ("trial 2", []),
        ("trial 6", ["trial 4", "trial 5"]), ("trial 4", []), ("trial 5", []),
    ]  # fmt: skip
    assert outcome(shared) == outcome(run(tmp_path / "alone", alone, share=False))
    assert made(alone) == [(f"trial {number}", []) for number in range(1, 7)]


def test_each_seed_and_fold_has_a_leader(tmp_path):
    engine = SharingEngine()
    space = {"train.epochs": Choice(2, 5)}
    run(tmp_path, engine, space=space, seeds=(0, 1), folds=2)
    leaders = {title: followers for title, followers in made(engine) if followers}
    runs = [f"seed {seed} fold {fold}" for seed in (0, 1) for fold in (1, 2)]
    assert leaders == {f"trial 2 {one}": [f"trial 1 {one}"] for one in runs}


def test_the_epochs_of_a_grid_change_first_wherever_they_stand(tmp_path):
    engine, given = SharingEngine(), SharingEngine()
    run(tmp_path / "moved", engine, space=dict(reversed(GRID.items())))
    run(tmp_path / "given", given)
    assert made(engine) == made(given)
    assert [job.experiment for job in engine.made] == [job.experiment for job in given.made]
    assert list(Search(Experiment(), Space(dict(reversed(GRID.items())))).space.axes) == [
        "train.epochs",
        "train.learning_rate",
    ]


@pytest.mark.parametrize("settings", [{"median": True}, {"oracle": "random"}])
def test_other_trials_share_nothing(tmp_path, settings):
    engine, budget = SharingEngine(), Budget(4)
    search(tmp_path, engine=engine, budget=budget, space=GRID, **{"oracle": "grid", **settings})
    assert [followers for _, followers in made(engine)] == [[]] * 4


def test_the_others_train_alone_when_their_leader_fails(tmp_path):
    fails = lambda job: ("The loss is nan.", True) if job.title == "trial 3" else None  # noqa: E731
    engine = SharingEngine(fails=fails)
    results = run(tmp_path, engine)
    assert [trial.status for trial in results.trials] == ["completed"] * 2 + ["failed"] + ["completed"] * 3
    assert made(engine)[:2] == [("trial 2", ["trial 1"]), ("trial 1", [])]


def test_a_leader_that_the_machine_stopped_leads_again(tmp_path):
    attempts = []

    def fails(job):
        attempts.append(job.title)
        return ("The process was killed.", False) if attempts.count(job.title) < 3 else None

    engine = SharingEngine(fails=fails)
    assert all(trial.status == "completed" for trial in run(tmp_path, engine).trials)
    assert made(engine)[0] == ("trial 3", ["trial 1", "trial 2"])


def test_the_followers_of_a_dropped_leader_train_alone(tmp_path):
    """The first run of the longest trial fails, so its second run never starts."""
    fails = lambda job: ("The loss is nan.", True) if job.title == "trial 3 seed 0" else None  # noqa: E731
    engine = SharingEngine(fails=fails)
    results = run(tmp_path, engine, seeds=(0, 1))
    assert [trial.status for trial in results.trials[:3]] == ["completed", "completed", "failed"]
    assert ("trial 2 seed 1", ["trial 1 seed 1"]) in made(engine)


def test_the_plan_counts_the_epochs_to_train(tmp_path):
    engine = SharingEngine()
    experiment = Experiment(train=TrainConfig(epochs=5, learning_rate=0.5))

    def lines(**settings):
        planned = plan_search(Search(experiment, Space(GRID), **settings), tmp_path, Budget(4), engine=engine)
        return plan_lines(planned, Budget(4), engine)

    assert lines(oracle="grid") == [
        "4 trials of 1 run",
        "7 of 12 epochs to train: 5 are the same in several trials",
    ]
    assert lines(oracle="grid", seeds=(0, 1))[1].startswith("14 of 24 epochs")
    assert lines(oracle="random") == ["4 trials of 1 run"]


def test_the_plan_of_a_resumed_search_counts_what_is_left(tmp_path):
    search(tmp_path, "grid", budget=Budget(2), space=GRID)
    planned = plan_search(Search(BASE, Space(GRID), "grid"), tmp_path, Budget(6), engine=FakeEngine())
    resuming = "resuming: 2 trials finished, 0 under way"
    assert plan_lines(planned, Budget(4), FakeEngine()) == [resuming, "4 trials of 1 run"]
    same = "10 of 15 epochs to train: 5 are the same in several trials"
    assert plan_lines(planned, Budget(6), FakeEngine()) == [resuming, "6 trials of 1 run", same]


@pytest.mark.parametrize(("oracle", "width"), [("tpe", 2), ("random", 3)])
def test_the_plan_of_a_resumed_search_keeps_its_lag(tmp_path, oracle, width):
    search(tmp_path, oracle, budget=Budget(1), side_by_side=1, seeds=(0, 1))
    searched, engine = Search(BASE, Space(SPACE), oracle, side_by_side=3, seeds=(0, 1)), FakeEngine(3)
    planned = plan_search(searched, tmp_path, Budget(7), engine=engine)
    costs = {"base": RunCost((), disk_mb=1.0, parameters=1, finish_s=60.0)}
    lines = plan_lines(replace(planned, plan=replace(planned.plan, costs=costs)), Budget(7), engine)
    assert lines[-1].startswith(f"7 trials of 2 runs, {width} side by side: about {12 // width} min")


def test_a_plan_of_a_large_grid_counts_no_epochs(tmp_path):
    space = Space({"train.batch_size": Int(1, 600), "train.epochs": Int(1, 5)})
    planned = plan_search(Search(BASE, space, "grid"), tmp_path, Budget(), engine=FakeEngine())
    assert plan_lines(planned, Budget(), FakeEngine()) == ["3,000 trials of 1 run"]


def test_a_complete_run_of_a_trial_leaves_its_others_sharing(tmp_path):
    """As after a kill between the runs of the longest trial."""
    searched, folder = Search(BASE, Space(GRID), "grid", seeds=(0, 1)), SearchFolder(tmp_path)
    plan = plan_search(searched, tmp_path, Budget(), engine=FakeEngine()).plan

    def trial(number, epochs, rate=0.01):
        values = {"train.learning_rate": rate, "train.epochs": epochs}
        return TrialRuns(searched, Trial(number, values, values), folder, plan, digests_of(plan.manifests["abc"]))

    next(iter(trial(3, 5).waiting.values())).path.mkdir(parents=True)
    short, long, other = trial(1, 2), trial(3, 5), trial(6, 5, rate=0.1)
    assert [bool(job.trajectory) for job in long.waiting.values()] == [False, True]
    assert long.trains_as(short)
    assert short.trains_as(long)
    assert not other.trains_as(short)


@pytest.mark.slow
def test_shared_trials_equal_those_alone_to_the_bit(tmp_path):
    experiment = Experiment(
        data="digits", model="mlp", model_args={"dropout": 0.3}, augmentation=Augmentation(rescale=1 / 255),
        split=Split(train_per_class=10, test_per_class=4, validation=0.3), train=TrainConfig(epochs=4, batch_size=32),
    )  # fmt: skip
    searched = Search(experiment, Space({"train.epochs": Choice(2, 4)}), "grid")
    found = {}
    for share in (True, False):
        planned = plan_search(searched, tmp_path / str(share), Budget(), engine=Inline())
        results = run_planned_search(replace(planned, share=share), Budget(), Inline(), SilentSearchListener())
        runs = [RunFolder(planned.folder.path / "runs" / trial.runs[0].folder) for trial in results.trials]
        found[share] = outcome(results), [(run.path / "predictions.csv").read_bytes() for run in runs]
        taken = [sum(one["epochs"] for one in run.description().get("shared", {}).get("taken", [])) for run in runs]
        assert taken == ([2, 0] if share else [0, 0])
    assert found[True] == found[False]
