"""Whole searches: with a fake engine, killed and resumed, and with real processes."""

import json
import random
import signal
import subprocess

import pytest

from kerasclf.errors import KerasclfError
from kerasclf.search import Budget, Choice, Float, Int, Search, Space, read_search, run_search
from tests.search import killable
from tests.search.fake import SPACE, TRIALS, FakeEngine, Killed, outcome, search
from tests.studies.kills import kill


@pytest.mark.parametrize(
    ("oracle", "width"),
    [
        *((oracle, 2) for oracle in ("hyperband", "tpe")),
        *(pytest.param(oracle, 1, marks=pytest.mark.slow) for oracle in TRIALS),
        *(pytest.param(oracle, 2, marks=pytest.mark.slow) for oracle in TRIALS if oracle not in ("hyperband", "tpe")),
    ],
)
def test_a_search_killed_ten_times_equals_an_uninterrupted_one(tmp_path, oracle, width):
    trials = TRIALS[oracle]
    budget = Budget(None if trials is None else trials + 3 * (width - 1))
    expected = search(
        tmp_path / "uninterrupted", oracle, budget=budget, engine=FakeEngine(width, seed=1), side_by_side=width
    )
    kills, results = 0, None
    while results is None:
        # The fake engine restarts runs under way from their first epoch, so some calls must reach the end of a trial.
        kill_after = (4 if kills % 2 else 9 * width + 2) if kills < 10 else None
        engine = FakeEngine(width, seed=kills, kill_after=kill_after)
        try:
            results = search(tmp_path / "out", oracle, budget=budget, engine=engine, side_by_side=width)
        except Killed:
            kills += 1
    assert kills == 10, "the search ended before the tenth kill"
    assert results.trials == expected.trials


def test_a_resumed_search_keeps_its_number_of_trials_side_by_side(tmp_path):
    expected = outcome(search(tmp_path / "a", "tpe", engine=FakeEngine(2), side_by_side=2))
    with pytest.raises(Killed):
        search(tmp_path / "b", "tpe", engine=FakeEngine(2, kill_after=40), side_by_side=2)
    assert outcome(search(tmp_path / "b", "tpe", engine=FakeEngine(1))) == expected


@pytest.mark.parametrize("oracle", ["tpe", "random"])
def test_another_number_side_by_side_does_not_change_the_lag_of_a_resumed_search(tmp_path, oracle):
    budgets, path = [Budget(11), Budget(13), Budget(14)], tmp_path / "out" / "search.json"
    for budget, width in zip(budgets, (1, 3, 2), strict=True):
        results = search(tmp_path / "out", oracle, budget=budget, engine=FakeEngine(width), side_by_side=width)
        assert json.loads(path.read_text())["search"]["side_by_side"] == 1
    assert outcome(results) == outcome(search(tmp_path / "at once", oracle, budget=budgets[-1], side_by_side=1))


def test_a_larger_budget_adds_trials(tmp_path):
    eight = search(tmp_path / "out", "tpe", budget=Budget(8))
    engine = FakeEngine()
    twelve = search(tmp_path / "out", "tpe", budget=Budget(12), engine=engine)
    assert outcome(twelve)[:8] == outcome(eight)
    assert len(engine.made) == 4
    assert outcome(twelve) == outcome(search(tmp_path / "at once", "tpe", budget=Budget(12)))


def test_a_failed_trial_is_recorded_and_the_search_continues(tmp_path):
    fails = lambda job: ("The loss is nan.", True) if job.experiment.train.batch_size == 64 else None  # noqa: E731
    results = search(tmp_path / "out", engine=FakeEngine(fails=fails))
    failed = [t for t in results.trials if t.values["train.batch_size"] == 64]
    assert failed
    assert all(t.status == "failed" and "The loss is nan." in t.message and t.value is None for t in failed)
    assert len(results.trials) == 8
    assert results.best.values["train.batch_size"] != 64


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"oracle": "tpee", "budget": Budget(1)}, "Unknown oracle 'tpee'. Did you mean 'tpe'?"),
        ({"objective": "accuracy"}, "Unknown objective 'accuracy'"),
        ({"side_by_side": 0}, "side_by_side: expected at least 1. Received: 0."),
        ({"seeds": ()}, "seeds: expected different seeds from 0 to 2**32 - 1. Received: ()."),
        ({"final_seeds": (1, 1)}, "final_seeds: expected different seeds from 0 to 2**32 - 1. Received: (1, 1)."),
        ({"folds": 1}, "folds: expected 2 or more, or 0 for none. Received: 1."),
        ({"folds": -2}, "folds: expected 2 or more, or 0 for none. Received: -2."),
        ({"folds": 60}, "folds: expected at most 40, the number of images of the smallest class"),
        ({"space": {}}, "space: expected at least one axis"),
        ({"space": {"train.learning_rate": Float(0.1, 0.01)}}, "the bounds are reversed: low is 0.1, high is 0.01"),
        ({"space": {"train.learning_rate": Float(0.1, 0.1)}}, "expected different bounds. Received 0.1 for both."),
        ({"space": {"train.batchsize": Int(1, 9)}}, "Did you mean 'train.batch_size'?"),
        ({"space": {"model.nothing": Choice(1, 2)}}, "axis model.nothing: all its values give the same network."),
        ({"space": {"train.steps_per_execution": Choice(1, 2)}}, "it changes the speed of training"),
        ({"space": {"split.validation": Float(0.1, 0.2)}}, "trials that see different images cannot be compared"),
        ({"oracle": "grid", "space": SPACE}, "axis train.learning_rate: a grid needs single values"),
        ({"oracle": "hyperband", "space": {"train.epochs": Int(1, 9)}}, "Hyperband itself sets the number of epochs"),
    ],
)  # fmt: skip
def test_bad_input_is_refused_before_a_folder_exists(tmp_path, settings, message):
    with pytest.raises(KerasclfError) as caught:
        search(tmp_path / "out", **settings)
    assert message in str(caught.value)
    assert not (tmp_path / "out").exists()


def test_a_search_stores_its_command_and_versions_of_the_first_call(tmp_path):
    search(tmp_path / "out", budget=Budget(1))
    about = json.loads((tmp_path / "out" / "search.json").read_text())
    assert {"kerasclf", "keras-tuner", "tensorflow"} <= set(about["versions"])
    (tmp_path / "out" / "search.json").write_text(json.dumps({**about, "versions": {"kerasclf": "0"}}))
    search(tmp_path / "out", budget=Budget(2))
    assert json.loads((tmp_path / "out" / "search.json").read_text())["versions"] == {"kerasclf": "0"}


class WithCheckpoints(FakeEngine):
    def _epoch(self, job, rows, listener):
        (job.run.partial / "checkpoints").mkdir(parents=True, exist_ok=True)
        super()._epoch(job, rows, listener)


@pytest.mark.parametrize(
    ("oracle", "budget", "kept"),
    [
        ("hyperband", Budget(), False),
        ("hyperband", Budget(3), True),
        ("hyperband", Budget(seconds=1e-9), True),
        ("random", Budget(12), False),
    ],
)
def test_checkpoints_that_no_trial_can_resume_are_removed_at_the_end(tmp_path, oracle, budget, kept):
    for each in (Budget(3), budget):
        search(tmp_path, oracle, engine=WithCheckpoints(), budget=each, median=oracle == "random")
    assert list(tmp_path.glob("runs/*/*.partial"))
    assert bool(list(tmp_path.glob("runs/*/*.partial/checkpoints"))) == kept


def saved_outcome(folder):
    """Returns everything that must be bit-identical: values, objective and curve of every trial."""
    return [(t.number, t.values, t.status, t.value, t.curve) for t in read_search(folder).trials]


@pytest.mark.slow
def test_a_killed_process_resumes_its_trial_after_the_last_epoch(tmp_path):
    process = killable.start("tpe", "inline", tmp_path / "uninterrupted", tmp_path / "out")
    for line in process.stdout:
        if f"search in {tmp_path / 'out'}" in line:
            break
    while (
        not list((tmp_path / "out").glob("runs/*/*.partial/checkpoints/phase-1/epoch-00002.npz"))
        or not (tmp_path / "out" / "trials" / "00002.json").exists()
    ):
        assert process.poll() is None
    process.send_signal(signal.SIGKILL)
    process.wait()
    process.stdout.close()
    assert [t.status for t in read_search(tmp_path / "out").trials] == ["completed", "running"]
    assert "trial 2  resumes after epoch" in killable.finish("tpe", "inline", tmp_path / "out")
    assert saved_outcome(tmp_path / "out") == saved_outcome(tmp_path / "uninterrupted")


@pytest.mark.slow
@pytest.mark.parametrize("oracle", ["tpe", "grid", "hyperband"])
def test_processes_killed_ten_times_at_random_give_the_results_of_uninterrupted_ones(tmp_path, oracle):
    """Kills the search with or without its runs. A search that ends before its next kill is followed by another."""
    draw = random.Random(3)
    killable.finish(oracle, "processes", tmp_path / "uninterrupted")
    folders, kills = [tmp_path / "search-0"], 0
    while kills < 10:
        process = killable.start(oracle, "processes", folders[-1])
        try:
            process.communicate(timeout=draw.uniform(8, 40))
        except subprocess.TimeoutExpired:
            kill(process, with_workers=kills % 2 == 0)
            kills += 1
        else:
            assert process.returncode == 0
            folders.append(tmp_path / f"search-{len(folders)}")
    killable.finish(oracle, "processes", folders[-1])
    for folder in folders:
        assert saved_outcome(folder) == saved_outcome(tmp_path / "uninterrupted")


# Ray's own threads and sockets cause these warnings.
@pytest.mark.slow
@pytest.mark.filterwarnings("ignore::ResourceWarning")
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
@pytest.mark.filterwarnings("ignore::FutureWarning")
@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_trials_run_and_are_promoted_on_a_ray_cluster(tmp_path):
    ray = pytest.importorskip("ray", reason="Ray is not installed (extra 'ray')")
    from kerasclf.runs.engines.ray_engine import Ray

    hyperband = Search(killable.BASE, Space(killable.SPACES["tpe"]), "hyperband")
    try:
        results = run_search(hyperband, tmp_path / "out", Budget(5), engine=Ray())
    finally:
        ray.shutdown()
    assert [t.status for t in read_search(tmp_path / "out").trials] == ["completed"] * 5
    assert all(t.epochs == t.halt.after for t in results.trials)
