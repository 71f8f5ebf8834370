"""`kerasclf launch`: runs of several workers, their end, and what is refused."""

import json
import socket
import subprocess
import sys
import time

import pytest

from kerasclf.cli import main
from kerasclf.commands.launch import free_addresses
from kerasclf.runs.launch.worker_leader import versions

TRAIN = ["study", "basenet", "--data", "digits"]


def launch(*words, **options):
    command = [sys.executable, "-m", "kerasclf", "launch", *map(str, words)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, **options)


def end_of(process, timeout=200):
    """Returns the exit code and the output."""
    try:
        output, _ = process.communicate(timeout=timeout)
    finally:
        process.kill()
    return process.returncode, output


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ([], "Expected a command after --"),
        (
            ["--local", "2", "--", "predict", "x"],
            "Expected train, study or course after --, as workers share only trainings. Received: 'predict'. Start "
            "other commands without kerasclf launch, as each worker would only repeat their work.",
        ),
        (["--local", "2", "--", "trian", "x"], "Received: 'trian'. Did you mean 'train'?"),
        (
            ["--hosts", "a:1,b:1", "--index", "1", "--", "search", "basenet"],
            "Received: 'search'. Trials exchange nothing: start kerasclf search without kerasclf launch, with --jobs "
            "on one machine, or with --chief and --worker on several.",
        ),
        (["--local", "0", "--", "train", "x"], "--local: expected at least 1. Received: 0."),
        (["--local", "2", "--index", "1", "--", "train", "x"], "--local: expected no --hosts and no --index with it."),
        (["--local", "2", "--", "train", "x", "--engine", "ray"], "--engine: expected no Ray with kerasclf launch"),
        (["--local", "2", "--", "train", "x", "--engine=ray"], "--engine: expected no Ray with kerasclf launch"),
        (["--local", "0", "--", "train", "ray"], "error: --local: expected at least 1. Received: 0."),
        (["--hosts", "a:1", "--", "train", "x"], "--hosts: expected --hosts and --index together."),
        (["--hosts", "a:1,a:1", "--index", "0", "--", "train", "x"], "--hosts: expected each address once."),
        (["--hosts", "a:1,b:1", "--index", "2", "--", "train", "x"], "--index: expected the number of a worker"),
        (["--", "train", "x"], "Expected workers. Received none"),
        (["train", "x", "--epochs", "3"], "kerasclf launch has no option --epochs."),
    ],
)
def test_wrong_options_are_refused(words, message, capsys, monkeypatch):
    monkeypatch.delenv("TF_CONFIG", raising=False)
    with pytest.raises(SystemExit) as ended:
        main(["launch", *words])
    assert ended.value.code == 2
    assert message in capsys.readouterr().err


def test_a_tf_config_that_is_no_json_is_refused(capsys, monkeypatch):
    monkeypatch.setenv("TF_CONFIG", "{cluster")
    with pytest.raises(SystemExit) as ended:
        main(["launch", "--", "train", "x"])
    assert ended.value.code == 2
    assert "TF_CONFIG: expected JSON" in capsys.readouterr().err


def test_workers_without_launch_are_refused(capsys):
    with pytest.raises(SystemExit) as ended:
        main([*TRAIN, "--strategy", "multiworker"])
    assert ended.value.code == 2
    assert "--strategy: expected workers for 'multiworker'. Received none." in capsys.readouterr().err


@pytest.mark.slow
def test_a_worker_that_does_not_start_is_named():
    hosts = ",".join(free_addresses(3))
    _, second, third = hosts.split(",")
    words = ["--hosts", hosts, "--timeout", 4, "--index"]
    started = [launch(*words, index, "--", *TRAIN) for index in (0, 1)]
    for code, output in map(end_of, started):
        assert code == 2
        assert f"worker 2 ({third}) has not joined within 4 s." in output
        assert second not in output.partition("error: ")[2]


def test_without_worker_0_the_others_say_so():
    addresses = free_addresses(2)
    code, output = end_of(launch("--hosts", ",".join(addresses), "--timeout", 0.5, "--index", 1, "--", *TRAIN))
    assert code == 2
    assert f"error: worker 0 ({addresses[0]}) has not started, or has ended: nobody answers" in output
    assert "Start kerasclf launch on all hosts at about the same time, as a worker cannot join later." in output


def test_a_port_in_use_is_named_on_every_worker():
    addresses = free_addresses(2)
    host, port = addresses[1].split(":")
    with socket.create_server((host, int(port))):
        words = ["--hosts", ",".join(addresses), "--timeout", 20, "--index"]
        for code, output in map(end_of, [launch(*words, index, "--", *TRAIN) for index in (0, 1)]):
            assert code == 2
            assert f"worker 1 ({addresses[1]}): Expected a free port of this machine." in output


@pytest.mark.parametrize("offset", [0, 1])
def test_a_port_of_worker_0_in_use_is_named(offset):
    """Its own port, and the next one, at which it leads the others."""
    host, _, port = free_addresses(1)[0].partition(":")
    with socket.create_server((host, int(port) + offset)):
        words = ["--hosts", f"{host}:{port},{host}:{free_addresses(1)[0].partition(':')[2]}", "--index", 0]
        code, output = end_of(launch(*words, "--", *TRAIN))
    assert code == 2
    assert f"error: Expected a free port of this machine. Received: {host}:{int(port) + offset} (" in output


@pytest.mark.slow
def test_a_training_that_workers_cannot_share_ends_all_of_them(tmp_path):
    """Its strategy needs one machine, and its batches are smaller than the number of workers."""
    addresses, out = free_addresses(2), tmp_path / "out"
    words = ["train", "digits", "--backbone", "mlp", "--weights", "none", "--batch-size", 1, "--strategy", "mirrored"]
    hosts = ["--hosts", ",".join(addresses), "--timeout", 20, "--index"]
    first, second = map(end_of, [launch(*hosts, index, "--", *words, "--out", out) for index in (0, 1)])
    assert first[0] == second[0] == 2
    assert "--strategy: expected 'auto' or 'multiworker' with 2 workers of kerasclf launch." in first[1]
    assert "--batch-size: expected at least one image for each of 2 workers. Received: 1." in first[1]
    assert f"error: The command on worker 0 ({addresses[0]}) has ended with exit code 2." in second[1]
    assert not out.exists()


def test_other_versions_are_named():
    addresses = free_addresses(2)
    leader = launch("--hosts", ",".join(addresses), "--timeout", 20, "--index", 0, "--", *TRAIN)
    host, port = addresses[0].split(":")
    hello = {"kind": "hello", "size": 0, "index": 1, "addresses": addresses, "versions": versions() | {"keras": "2.0"}}
    until = time.monotonic() + 20
    while True:
        try:
            worker = socket.create_connection((host, int(port) + 1))
            break
        except OSError:
            assert time.monotonic() < until
            time.sleep(0.1)
    with worker, worker.makefile() as answers:
        worker.sendall(json.dumps(hello).encode() + b"\n")
        answer = json.loads(answers.readline())
    code, output = end_of(leader)
    expected = f"worker 1 ({addresses[1]}): expected the versions of worker 0. Received: keras 2.0, not "
    assert code == answer["code"] == 2
    assert expected in output and expected in answer["message"]
