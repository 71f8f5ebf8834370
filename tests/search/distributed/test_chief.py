"""`lead`: a paused, killed or lonely chief, and workers that never return."""

import pytest

from kerasclf.errors import KerasclfError
from kerasclf.search import read_search
from kerasclf.search.distributed import chief
from kerasclf.search.distributed.address import Address
from tests.search.distributed.helpers import LEASES, Processes, free_port, make_oracle, request, worker_process


def test_a_pause_of_the_chief_expires_no_lease(tmp_path, now, monkeypatch):
    oracle, listener = make_oracle(tmp_path, side_by_side=1)
    assert request(oracle, "one") == 1

    def sleep(seconds):  # Ctrl-Z for an hour, and fg
        now[0] += 3600
        oracle.over = True

    monkeypatch.setattr(chief.time, "sleep", sleep)
    monkeypatch.setattr(chief, "_DISMISSAL_S", -1)
    chief._watch(oracle, LEASES, listener)
    oracle.over = False
    assert request(oracle, "two") == "IDLE"
    assert request(oracle, "one") == 1


def test_a_used_address_is_refused(tmp_path):
    oracle, _ = make_oracle(tmp_path)
    address = Address(port=free_port())
    with (
        chief._serving(oracle, address),
        pytest.raises(KerasclfError, match=r"is unavailable; another chief may use it\. Give another `port` or `ip`\."),
        chief._serving(oracle, address),
    ):
        pass


@pytest.mark.slow
def test_the_trial_of_a_lost_worker_goes_to_another(processes):
    leader = processes.chief("--lease", "30s", trials=3)
    lost = processes.worker("lost")
    processes.wait_for_epochs(2)
    worker_process(lost).kill()  # which ends its run
    lost.kill()
    processes.worker("other")
    assert leader.wait(1500) == 0, processes.log("chief")
    assert "no contact with lost for" in processes.log("chief")
    assert [t.status for t in read_search(processes.out).trials] == ["completed"] * 3


@pytest.mark.slow
def test_a_killed_chief_resumes_with_its_workers(processes):
    leader = processes.chief(trials=4)
    processes.worker("one")
    processes.wait_for_epochs(2)
    leader.kill()
    leader.wait()
    again = processes.chief(trials=4)
    assert again.wait(1500) == 0, processes.log("chief")
    assert processes.started[1].wait(300) == 0
    assert [t.status for t in read_search(processes.out).trials] == ["completed"] * 4
    assert processes.log("one").count("one: trial 1\n") == 1, "the worker did not keep its trial"


@pytest.mark.slow
def test_a_chief_ends_when_the_time_is_over_or_no_worker_joins(processes, tmp_path):
    leader = processes.chief("--max-time", "20s", trials=50)
    processes.worker("one")
    assert leader.wait(600) in (0, 2)  # 2 if no trial was finished in this time
    assert "The time is over" in processes.log("chief")
    (tmp_path / "alone").mkdir()
    alone = Processes(tmp_path / "alone")
    assert alone.chief("--patience", "3s").wait(300) == 2
    assert "No contact with any worker for 3 s" in alone.log("chief")
