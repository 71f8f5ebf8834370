"""Workers side by side, without processes."""

import itertools
from types import SimpleNamespace

import pytest

from kerasclf import Experiment
from kerasclf.runs.engines import worker_pool
from kerasclf.runs.engines.worker_pool import WorkerPool
from kerasclf.runs.job import Job


class Answering:
    """A worker without a process, which answers each request with its end."""

    def __init__(self, environment, forks):
        self.environment, self.requests, self.stopped, self.accepts_more = environment, [], False, forks
        self.events = itertools.repeat(["ended", ""])

    def send(self, request):
        self.requests.append(request["job"]["title"])

    def stop(self):
        self.stopped = True


@pytest.fixture
def created(monkeypatch):
    found = []

    def create(environment, forks):
        found.append(Answering(environment, forks))
        return found[-1]

    monkeypatch.setattr(worker_pool, "WorkerProcess", create)
    return found


def job(title, folder):
    return Job(title, title, Experiment(data="digits", model="mlp"), 0, folder / title, "hash")


def test_the_process_of_the_next_run_starts_before_the_run_ends(created, tmp_path):
    """On a GPU there are no forks, and each process imports TensorFlow."""
    pool = WorkerPool(1, 1, [], {"A": "b"})
    pool.start(job("first", tmp_path), more=True)
    assert [worker.requests for worker in created] == [["first"], []]
    assert pool.next_event(lambda: None)[1] == ["ended", ""]
    pool.start(job("second", tmp_path), more=False)
    assert [worker.requests for worker in created] == [["first"], ["second"]]
    assert created[0].environment == created[1].environment
    pool.stop()
    assert created[1].stopped


def test_a_process_that_gets_no_run_is_stopped(created, tmp_path):
    pool = WorkerPool(1, 1, [], {})
    pool.start(job("first", tmp_path), more=True)
    pool.stop()
    assert [worker.stopped for worker in created] == [True, True]


def test_a_process_that_forks_needs_no_successor(created, tmp_path, monkeypatch):
    monkeypatch.setattr(worker_pool, "forking", SimpleNamespace(CAN_FORK=True))
    pool = WorkerPool(1, 0, [], {})
    pool.start(job("first", tmp_path), more=True)
    pool.next_event(lambda: None)
    pool.start(job("second", tmp_path), more=True)
    assert [worker.requests for worker in created] == [["first", "second"]]
    pool.next_event(lambda: None)
    pool.stop()


def test_one_idle_worker_that_forks_waits_for_the_next_request(created, tmp_path, monkeypatch):
    """One is idle, and one is interrupted in its run."""
    monkeypatch.setattr(worker_pool, "forking", SimpleNamespace(CAN_FORK=True))
    pool = WorkerPool(2, 0, [], {})
    for title in ("first", "second"):
        pool.start(job(title, tmp_path))
    title = pool.next_event(lambda: None)[0].title
    left = pool.stop()
    assert left.requests == [title]
    assert [worker.stopped for worker in created] == [worker is not left for worker in created]


def test_no_second_idle_worker_is_left(created, tmp_path, monkeypatch):
    monkeypatch.setattr(worker_pool, "forking", SimpleNamespace(CAN_FORK=True))
    spare = []
    pool = WorkerPool(1, 0, spare, {})
    pool.start(job("first", tmp_path))
    pool.next_event(lambda: None)
    spare.append("another one")
    assert pool.stop() is None
    assert created[0].stopped
