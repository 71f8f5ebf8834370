"""`supervise_worker`: a worker that is killed, and the names of workers."""

import signal
import socket

import pytest

from kerasclf.errors import FolderError, KerasclfError
from kerasclf.search import read_search
from kerasclf.search.distributed.address import Address
from kerasclf.search.distributed.worker_supervisor import _hold_name, supervise_worker
from tests.search.distributed.helpers import free_port, worker_process


def test_workers_hold_different_names(tmp_path):
    with _hold_name(tmp_path / "out", None) as one, _hold_name(tmp_path / "out", None) as other:
        assert one != other
        with (
            pytest.raises(FolderError, match=rf"cannot take the name {other}: .* is in use by process"),
            _hold_name(tmp_path / "out", other),
        ):
            pass


def test_a_folder_that_cannot_be_written_is_no_name_in_use(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(FolderError, match=r"^\S+ cannot be written to: "), _hold_name(tmp_path / "file", None):
        pass


def test_a_worker_without_a_chief_writes_nothing(tmp_path):
    address = Address(port=free_port())
    with pytest.raises(KerasclfError, match=f"No chief answers at {address} after 0 s"):
        supervise_worker(tmp_path / "out", address, 1, pytest.fail, None, 0.1)
    with (
        socket.create_server((address.ip, address.port)),
        pytest.raises(FolderError, match=f"The chief at {address} does not work in {tmp_path / 'out'}"),
    ):
        supervise_worker(tmp_path / "out", address, 1, pytest.fail, None, 10)
    assert list(tmp_path.iterdir()) == []


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
