"""How all workers of `kerasclf launch` end: with the command of worker 0, or with another worker."""

import subprocess
import sys
import zipfile

import pytest

from kerasclf import Experiment
from kerasclf.commands.launch import free_addresses
from kerasclf.machine.cluster import Cluster
from kerasclf.runs.job import Job
from kerasclf.runs.launch.connection import Connection, connect
from kerasclf.runs.launch.worker_leader import RESUME, End, Leader, listen_at, versions
from tests.commands.test_launch import end_of, launch

WAITING = "import time; time.sleep(60)"


def start(code):
    return subprocess.Popen([sys.executable, "-c", code])


@pytest.fixture
def pair():
    """Worker 0 of two, and the connection of worker 1 to it."""
    addresses = free_addresses(2)
    leader = Leader(Cluster(addresses, 0), 20)
    other = connect(leader.cluster.leader, 5)
    other.send("hello", index=1, addresses=list(addresses), versions=versions(), problem="")
    leader.gather()
    yield leader, other
    other.close()


@pytest.mark.parametrize(
    ("code", "end"),
    [
        ("import sys; sys.exit(3)", End(3)),
        (
            "import os; os.kill(os.getpid(), 9)",
            End(1, "{} has failed: its command was ended by signal 9."),
        ),
    ],
)
def test_the_end_of_the_command_is_that_of_all_workers(pair, code, end):
    leader, other = pair
    found, told = leader.lead(start(code)), other.receive()
    assert found.code == told["code"] == end.code
    assert found.message.startswith(end.message.format(leader.cluster.name(0)))
    assert found.message.endswith(RESUME if end.message else "")
    assert told["message"] == (
        found.message or f"The command on {leader.cluster.name(0)} has ended with exit code {end.code}."
    )


def test_a_worker_without_the_images_ends_all(pair):
    leader, other = pair
    other.send("refused", message="Expected the images of worker 0 at digits.")
    command = start(WAITING)
    found = leader.lead(command)
    assert found == End(2, f"{leader.cluster.name(1)}: Expected the images of worker 0 at digits.")
    assert command.poll() is not None
    assert {**other.receive(), "size": 0} == {"kind": "end", "code": 2, "message": found.message, "size": 0}


def test_a_worker_that_is_gone_ends_all(pair):
    leader, other = pair
    other.close()
    command = start(WAITING)
    expected = f"{leader.cluster.name(1)} has ended or cannot be reached: it has ended. {RESUME}"
    assert leader.lead(command) == End(1, expected)
    assert command.poll() is not None


@pytest.mark.slow
def test_a_worker_compares_its_images_before_the_first_step(tmp_path):
    addresses = free_addresses(2)
    job = Job("t", "mlp", Experiment(data="digits", model="mlp"), 0, tmp_path / "run", manifest="0" * 64)
    with zipfile.ZipFile(tmp_path / "checkpoints.zip", "w"):
        pass
    with listen_at(Cluster(addresses, 0).leader) as server:
        worker = launch("--hosts", ",".join(addresses), "--index", 1, "--", "train", "digits")
        leader = Connection(server.accept()[0])
        assert leader.receive().kind == "hello"
        leader.send("run", file=tmp_path / "checkpoints.zip", job=job.to_dict())
        answer = leader.receive()
        leader.send("end", code=2, message=answer["message"])
        code, output = end_of(worker)
        leader.close()
    assert (code, answer.kind) == (2, "refused")
    assert "error: Expected the images of worker 0 at digits. Received others: their manifests differ." in output
    assert not (tmp_path / "run").exists()
