"""A worker whose chief dies or never starts."""

import pytest

from kerasclf.search.distributed.address import PATIENCE
from kerasclf.search.search_budget import parse_duration


@pytest.mark.slow
def test_a_worker_whose_chief_dies_reports_it_and_keeps_its_epoch(processes):
    chief = processes.chief()
    one = processes.worker("one")
    processes.wait_for_epochs(1)
    chief.kill()
    assert one.wait(300) == 2
    assert "has not answered for 45 s" in processes.log("one")


@pytest.mark.slow
def test_a_worker_without_a_chief_reports_it_within_a_minute(processes):
    assert parse_duration(PATIENCE["worker"], "patience") < 60
    processes.out.mkdir()
    assert processes.worker("one", "--patience", "1s").wait(90) == 2
    assert "No chief answers at 127.0.0.1:" in processes.log("one")
    assert "Start the chief first, with the same --bind and --port." in processes.log("one")
    assert "Traceback" not in processes.log("one")
