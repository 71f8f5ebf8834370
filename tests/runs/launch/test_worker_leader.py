"""Worker 0 of `kerasclf launch`, with other workers and runs that are connections of the test."""

import subprocess
import sys
import threading
import zipfile
from dataclasses import replace

import pytest

from kerasclf.commands.launch import free_addresses
from kerasclf.machine.cluster import Cluster
from kerasclf.runs.launch.connection import connect
from kerasclf.runs.launch.worker_leader import End, Leader, versions
from kerasclf.runs.launch.worker_member import follow


@pytest.fixture
def cluster():
    return Cluster(free_addresses(2), 0)


@pytest.fixture
def member(cluster):
    """The connection of worker 1 to worker 0, which leads a command that sleeps."""
    leader = Leader(cluster, 20)
    gathering = threading.Thread(target=leader.gather)
    gathering.start()
    member = connect(cluster.leader, 20)
    member.send("hello", index=1, addresses=list(cluster.addresses), versions=versions(), problem="")
    gathering.join()
    command = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
    leading = threading.Thread(target=leader.lead, args=(command,))
    leading.start()
    yield member
    command.kill()
    leading.join()
    member.close()


def start_run(cluster, folder):
    packed = folder / "sent.zip"
    zipfile.ZipFile(packed, "w").close()
    run = connect(cluster.leader, 20)
    run.send("run", file=packed, job={"title": "a run"})
    return run


@pytest.mark.parametrize("running", [False, True])
def test_a_worker_that_joins_late_ends_at_once_and_the_others_go_on(cluster, member, tmp_path, running):
    run = start_run(cluster, tmp_path) if running else None
    if running:
        assert member.receive(tmp_path / "received.zip")["job"] == {"title": "a run"}
    assert follow(replace(cluster, index=1), 20) == End(
        2,
        f"The workers of worker 0 ({cluster.addresses[0]}) have started, and go on without this process: a worker "
        "cannot join later. End all of them and start all anew.",
    )
    if run is None:
        run = start_run(cluster, tmp_path)
        assert member.receive(tmp_path / "received.zip").kind == "run"
    assert zipfile.is_zipfile(tmp_path / "received.zip")
    member.send("ready")
    assert member.receive().kind == run.receive().kind == "go"
    run.close()


def test_a_late_worker_with_other_addresses_is_told_the_right_ones(cluster, member):
    other = Cluster((*cluster.addresses, "127.0.0.1:1"), 2)
    code, message = follow(other, 20)
    assert code == 2
    assert message == (
        f"worker 0 ({cluster.addresses[0]}): expected these addresses on every worker, and each of them once: "
        f"{', '.join(cluster.addresses)}."
    )
