"""Failures around a study: two at once, a full disk, a folder without write permission, a killed worker."""

import os
import shutil
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import psutil
import pytest

from kerasclf import Augmentation, Experiment, Split, Study, TrainConfig, run_study
from kerasclf.errors import FolderError, KerasclfError, RunsFailedError
from kerasclf.files.locks import hold
from kerasclf.runs.engines import forking, local_engines, worker, worker_process
from kerasclf.runs.engines import worker_pool as pool
from kerasclf.runs.engines.forking import CAN_FORK
from kerasclf.runs.engines.local_engines import Inline, Processes
from kerasclf.runs.engines.ray_engine import Ray
from kerasclf.runs.job import Job
from kerasclf.runs.planning.plan import Plan, PlanRequest, make_plan
from kerasclf.runs.progress import SilentRunListener
from kerasclf.studies.study_folder import StudyFolder
from kerasclf.studies.study_runner import plan_study, run_planned_study
from kerasclf.training.resuming.checkpoints import Checkpoint, latest_checkpoint, write_checkpoint

BASE = Experiment(
    data="digits",
    image_size=(32, 32),
    split=Split(train_per_class=20, test_per_class=5, validation=0.25),
    augmentation=Augmentation(rescale=1 / 255),
    train=TrainConfig(epochs=3, batch_size=32),
)
OTHER = BASE.but(train=BASE.train.but(optimizer="sgd"))
STUDY = Study("faulty", "Faulty", "What now?", {"base": BASE, "other": OTHER})


def test_a_second_process_names_the_first_one(tmp_path):
    code = f"""
import sys
from pathlib import Path
from kerasclf.files.locks import hold
with hold(Path({str(tmp_path / "out")!r})):
    print("held", flush=True)
    sys.stdin.read()
"""
    with subprocess.Popen(
        [sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as first:
        assert first.stdout.readline() == "held\n"
        with pytest.raises(FolderError, match=rf"is in use by process {first.pid} on .* since"):
            run_study(STUDY, tmp_path / "out", engine=Inline())
        first.kill()
        first.wait()
        with hold(tmp_path / "out"):  # the system has released it
            pass


@pytest.mark.skipif(not Path("/proc").is_dir(), reason="needs a folder in which not even root may write")
def test_a_folder_that_cannot_be_written_to_is_named():
    with pytest.raises(FolderError, match="/proc/kerasclf cannot be written to"):
        run_study(STUDY, "/proc/kerasclf", engine=Inline())


def test_a_folder_without_permission_is_refused_before_the_plan(tmp_path, started, monkeypatch):
    monkeypatch.setattr(os, "access", lambda path, mode: False)
    with pytest.raises(FolderError, match="you have no permission to write to"):
        run_study(STUDY, tmp_path / "out", engine=Processes(1))
    assert started == []


@pytest.fixture
def small_disk(tmp_path):
    """A file system of 2 MB."""
    disk = tmp_path / "disk"
    disk.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=2m", "tmpfs", str(disk)]
    if shutil.which("mount") is None or subprocess.run(mount, capture_output=True).returncode:
        pytest.skip("mounting a small tmpfs is not permitted here")
    yield disk
    subprocess.run(["umount", str(disk)], check=True)


def some(epoch, kilobytes):
    return Checkpoint(epoch, {"model/0": np.full(kilobytes * 256, epoch, np.float32)}, {"rows": []})


def test_a_full_disk_during_a_checkpoint_leaves_the_previous_one(small_disk):
    write_checkpoint(small_disk / "run", some(1, kilobytes=500))
    with pytest.raises(OSError, match="No space left"):
        write_checkpoint(small_disk / "run", some(2, kilobytes=1800))
    assert [p.name for p in (small_disk / "run").iterdir()] == ["epoch-00001.npz"]
    found = latest_checkpoint(small_disk / "run", pytest.fail)
    np.testing.assert_array_equal(found.arrays["model/0"], some(1, 500).arrays["model/0"])


@pytest.mark.slow
def test_a_study_on_a_full_disk_resumes_when_there_is_room(small_disk):
    out = small_disk / "out"
    filler = small_disk / "filler"
    filler.write_bytes(bytes(1_500_000))  # one run's checkpoints still fit, not its second
    with pytest.raises(RunsFailedError, match="No space left"):
        run_study(STUDY, out, engine=Inline(), only=("base",))
    run = StudyFolder(out).run("base", BASE.identity, 0)
    assert not run.complete
    assert run.epochs_done() >= 1
    filler.unlink()
    run_study(STUDY, out, engine=Inline(), only=("base",))  # without retry: the disk was at fault, not the run
    run.check(BASE, 0)
    assert list(run.history()["epoch"]) == [1, 2, 3]


class KillWorker(SilentRunListener):
    """Kills the process of one run with SIGKILL, as the system does when memory runs out."""

    def finished_epoch(self, title, row):
        if title == "base" and row["epoch"] == 3:
            for child in psutil.Process().children(recursive=True):
                if "kerasclf.runs.engines.worker" in " ".join(child.cmdline()):
                    child.kill()


@pytest.mark.slow
def test_a_worker_killed_for_memory_is_named_and_its_run_resumes_next_time(tmp_path):
    slow = BASE.but(train=BASE.train.but(epochs=30))
    study = Study("faulty", "Faulty", "What now?", {"base": slow, "other": OTHER})
    with pytest.raises(
        RunsFailedError, match=r"base: The process was killed \(SIGKILL\).*lack of memory\. Reduce `jobs`"
    ):
        run_study(study, tmp_path / "out", engine=Processes(1), listener=KillWorker())
    folder = StudyFolder(tmp_path / "out")
    assert folder.run("other", OTHER.identity, 0).complete
    assert folder.run("base", slow.identity, 0).epochs_done() >= 1
    assert [job.title for job in plan_study(study, tmp_path / "out", engine=Inline()).jobs] == ["base"]


@pytest.fixture
def started(monkeypatch):
    """The worker processes that were started."""
    found = []

    class Recorded(worker_process.WorkerProcess):
        def __init__(self, *arguments, **named):
            super().__init__(*arguments, **named)
            found.append(self)

    for module in (pool, local_engines):
        monkeypatch.setattr(module, "WorkerProcess", Recorded)
    return found


@pytest.mark.slow
def test_a_failed_run_in_a_process_of_its_own_is_reported_with_its_log(tmp_path, started):
    wild = BASE.but(
        split=Split(train_per_class=10, test_per_class=4, validation=0.3),
        augmentation=Augmentation(),
        train=TrainConfig(epochs=2, batch_size=64, optimizer="sgd", learning_rate=1e38),
    )
    study = Study("wild", "Wild", "Why?", {"wild": wild})
    with pytest.raises(RunsFailedError, match=r"wild: The loss is nan in epoch 1.*The log is .*log\.txt"):
        run_study(study, tmp_path / "out", engine=Processes(1))
    log = StudyFolder(tmp_path / "out").run("wild", wild.identity, 0).log_file
    assert "TrainingError" in log.read_text()
    assert len(started) == (1 if CAN_FORK else 2), "the process of the plan executes the first run"


@pytest.mark.slow
def test_a_process_of_its_own_computes_what_a_fork_computes(tmp_path, started, monkeypatch):
    """Windows, macOS and machines with a GPU have no forks."""
    one = Study("one", "One", "?", {"base": BASE})
    found = []
    for forks in {CAN_FORK, False}:
        monkeypatch.setattr(forking, "CAN_FORK", forks)
        run_study(one, tmp_path / str(forks), engine=Processes(1))
        found.append(
            (StudyFolder(tmp_path / str(forks)).run("base", BASE.identity, 0).path / "predictions.csv").read_text()
        )
    assert len(started) == (3 if CAN_FORK else 2)  # the plan and the run share a process that forks
    assert len(set(found)) == 1


@pytest.mark.parametrize(("value", "forks"), [("0", False), ("1", CAN_FORK)])
def test_a_variable_turns_forks_off(value, forks):
    done = subprocess.run(
        [sys.executable, "-c", "from kerasclf.runs.engines.forking import CAN_FORK; print(CAN_FORK)"],
        env={**os.environ, "KERASCLF_FORK": value}, capture_output=True, text=True,
    )  # fmt: skip
    assert done.stdout == f"{forks}\n"


@pytest.mark.slow
@pytest.mark.skipif(not CAN_FORK, reason="elsewhere each process answers once")
def test_a_process_that_was_killed_after_the_plan_is_not_used(tmp_path, started):
    engine = Processes(1)
    study_plan = plan_study(STUDY, tmp_path / "out", only=("other",), engine=engine)
    started[0].process.kill()
    started[0].process.wait()
    assert run_planned_study(study_plan, engine, SilentRunListener()).run("other", OTHER.identity, 0).complete
    assert len(started) == 2


def test_bad_input_is_reported_by_the_process_that_makes_the_plan(tmp_path):
    with pytest.raises(KerasclfError, match="Did you mean 'dropout'"):
        run_study(
            Study("s", "S", "?", {"bad": BASE.but(model_args={"dropuot": 0.5})}), tmp_path / "out", engine=Processes(1)
        )
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("jobs", [0, -1, "two"])
@pytest.mark.parametrize("engine", [Processes, lambda jobs: Ray(jobs=jobs)], ids=["processes", "ray"])
def test_a_wrong_number_of_jobs_is_refused(engine, jobs):
    with pytest.raises(KerasclfError, match=f"jobs: expected at least 1, or 'auto'. Received: {jobs!r}."):
        engine(jobs)


def test_ray_needs_a_thread():
    with pytest.raises(KerasclfError, match=r"threads: expected at least 1\. Received: 0\."):
        Ray(threads=0)


def test_a_plan_measures_with_the_requested_threads(monkeypatch):
    """None divides the cores between the runs, however few they are; any number is taken as it is."""
    requests = []
    monkeypatch.setattr(local_engines, "_answer", lambda *rest: Plan({}, {}).to_dict())
    monkeypatch.setattr(local_engines, "usable_cores", lambda: 8)
    idle = SimpleNamespace(accepts_more=True, stop=lambda: None, send=requests.append)
    monkeypatch.setattr(Processes, "_start_worker", lambda self: idle)
    for jobs, threads, runs in ((2, None, None), (2, 3, 1), (2, None, 1), ("auto", None, 2), ("auto", None, 0)):
        Processes(jobs).plan(PlanRequest({}, threads=threads, runs=runs), pytest.fail)
    assert [request["plan"]["threads"] for request in requests] == [4, 3, 8, 4, 8]


@pytest.mark.slow
@pytest.mark.parametrize("forks", {CAN_FORK, False})
def test_a_prepared_worker_makes_the_plan(started, monkeypatch, forks):
    monkeypatch.setattr(forking, "CAN_FORK", forks)
    engine = Processes(1)
    engine.prepare()
    engine.prepare()
    with pytest.raises(KerasclfError, match="Did you mean 'dropout'"):
        engine.plan(PlanRequest({"bad": BASE.but(model_args={"dropuot": 0.5})}), pytest.fail)
    assert len(started) == 1


@pytest.mark.parametrize(
    ("jobs", "runs", "forks", "workers"),
    [
        (1, 4, True, 1),
        (2, 4, True, 2),
        (2, 1, True, 1),
        (2, None, True, 2),
        ("auto", 9, True, 4),
        ("auto", 9, False, 1),
    ],
)
def test_other_workers_start_while_the_first_plans(monkeypatch, jobs, runs, forks, workers):
    """Eight cores."""
    started, before = [], []
    idle = SimpleNamespace(accepts_more=True, stop=lambda: None, send=lambda request: None)
    monkeypatch.setattr(Processes, "_start_worker", lambda self: started.append(1) or idle)
    monkeypatch.setattr(local_engines, "_answer", lambda *rest: before.append(len(started)) or Plan({}, {}).to_dict())
    monkeypatch.setattr(local_engines, "usable_cores", lambda: 8)
    monkeypatch.setattr(forking, "CAN_FORK", forks)
    engine = Processes(jobs)
    engine.prepare()
    assert len(started) == 1
    for _ in range(2):
        engine.plan(PlanRequest({}, runs=runs), pytest.fail)
    assert before == [workers, workers]
    assert len(started) == workers


@pytest.mark.parametrize(
    ("peak_mb", "gpus", "jobs"),
    [(None, 0, 8), (1000, 0, 8), (3000, 0, 2), (20_000, 0, 1), (0, 0, 8), (1000, 2, 2), (None, 2, 2)],
)
def test_automatic_jobs(monkeypatch, peak_mb, gpus, jobs):
    """Eight cores and 10 GB of free memory."""
    monkeypatch.setattr(local_engines, "usable_cores", lambda: 8)
    monkeypatch.setattr(local_engines, "free_memory_mb", lambda: 10_000.0)
    assert local_engines.automatic_jobs(peak_mb, gpus) == jobs


@pytest.mark.parametrize(
    ("width", "gpus", "sent", "environment"),
    [(2, 0, 1, {}), (3, 1, 3, {}), (2, 2, 1, {"CUDA_VISIBLE_DEVICES": "0"}), (1, 2, 1, {})],
)
def test_runs_side_by_side_divide_the_gpus(tmp_path, monkeypatch, width, gpus, sent, environment):
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    requests, made = [], []

    def make(environment, forks):
        made.append((environment, forks))
        return SimpleNamespace(send=requests.append, events=(), accepts_more=True, stop=lambda: None)

    monkeypatch.setattr(pool, "WorkerProcess", make)
    pool.WorkerPool(width, gpus, [], {"A": "b"}).start(Job("one", "one", BASE, 0, tmp_path / "run", "hash"))
    assert requests[0]["runs_per_gpu"] == sent
    assert made == [({"A": "b", **environment}, CAN_FORK and not gpus)]


@pytest.mark.parametrize(("runs", "memory_mb", "limits"), [(1, 80_000, []), (4, 80_000, [17_000]), (4, None, [])])
def test_runs_on_one_gpu_have_a_limit_of_memory(monkeypatch, runs, memory_mb, limits):
    import tensorflow as tf

    found = []
    monkeypatch.setattr(worker, "smallest_memory_mb", lambda: memory_mb)
    monkeypatch.setattr(tf.config, "list_physical_devices", lambda kind=None: ["GPU"])
    monkeypatch.setattr(
        tf.config, "set_logical_device_configuration", lambda gpu, made: found.append(made[0].memory_limit)
    )
    worker.limit_gpu_memory(runs)
    assert found == limits


def test_a_killed_process_is_named_by_its_purpose(monkeypatch):
    killed = SimpleNamespace(
        accepts_more=False, stop=lambda: None, send=lambda request: None, events=[["ended", "It was killed."]]
    )
    monkeypatch.setattr(Processes, "_start_worker", lambda self: killed)
    with pytest.raises(KerasclfError, match=r"^The process that makes the plan failed\. It was killed\."):
        Processes(1).plan(PlanRequest({}), pytest.fail)
    with pytest.raises(KerasclfError, match=r"^The process that computes make_plan failed\. It was killed\."):
        Processes(1).start(make_plan)()
