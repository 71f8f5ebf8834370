"""`supervise_worker`: a worker that is killed, and the names of workers."""

import signal

import pytest

from kerasclf.errors import FolderError
from kerasclf.search import Budget, read_search
from kerasclf.search.distributed.worker_supervisor import _hold_name
from tests.search.distributed.helpers import worker_process
from tests.search.fake import search


def test_workers_hold_different_names_and_may_start_before_the_search(tmp_path):
    with _hold_name(tmp_path / "out", None) as one, _hold_name(tmp_path / "out", None) as other:
        assert one != other
        with (
            pytest.raises(FolderError, match=rf"cannot take the name {other}: .* is in use by process"),
            _hold_name(tmp_path / "out", other),
        ):
            pass
    assert len(search(tmp_path / "out", budget=Budget(1)).trials) == 1


@pytest.mark.slow
def test_a_killed_worker_restarts_and_resumes_its_trial(processes):
    chief = processes.chief("--lease", "15m")  # long enough for a slow machine to restart the worker
    supervisors = {name: processes.worker(name) for name in ("one", "two", "three")}
    processes.wait_for("two", "two: trial")
    processes.wait_for_epochs(3)
    worker_process(supervisors["two"]).send_signal(signal.SIGKILL)
    processes.wait_for("two", "two died (exit code -9); it restarts and resumes its trial")
    assert chief.wait(1500) == 0, processes.log("chief")
    for name, supervisor in supervisors.items():
        assert supervisor.wait(300) == 0, processes.log(name)
        assert f"{name}: the search is over" in processes.log(name)
    found = read_search(processes.out)
    assert [t.status for t in found.trials] == ["completed"] * 6
    assert [t.epochs for t in found.trials] == [12] * 6
    assert found.best.value == max(t.value for t in found.trials)
    # The restarted worker got its trial back.
    had = [line for line in processes.log("two").splitlines() if line.startswith("two: trial")]
    assert had[0] == had[1]
    assert "without authentication" in processes.log("chief")
