"""Runs of `kerasclf launch`: their result, the death of a worker, and how they are resumed."""

import os
import shutil
import subprocess
import sys
import time

import numpy as np
import pandas as pd
import psutil
import pytest

from kerasclf.commands.launch import free_addresses
from tests.commands.test_launch import end_of, launch

pytestmark = pytest.mark.slow
METRICS = ["loss", "accuracy", "val_loss", "val_accuracy", "learning_rate"]


@pytest.fixture(autouse=True)
def cache(tmp_path_factory, monkeypatch):
    monkeypatch.setenv("KERASCLF_CACHE", str(tmp_path_factory.mktemp("cache")))


def train(out, epochs):
    words = ["train", "digits", "--backbone", "mlp", "--weights", "none", "--unfreeze", "all", "--image-size", "16x16"]
    words += ["--no-cache", "--head-epochs", "1", "--learning-rate", "1e-4", "--dropout", "0"]
    return [*words, "--epochs", str(epochs), "--out", str(out)]


def alone(out, epochs):
    subprocess.run([sys.executable, "-m", "kerasclf", *train(out, epochs)], check=True, capture_output=True)
    return history(out)


def history(out):
    (found,) = out.glob("runs/*/seed-0/history.csv")
    return pd.read_csv(found)[METRICS]


def wait_for(condition, seconds=120):
    until = time.monotonic() + seconds
    while not (found := condition()):
        assert time.monotonic() < until
        time.sleep(0.05)
    return found


def processes(launched, word):
    found = psutil.Process(launched.pid).children(recursive=True)
    return [process for process in found if word in process.cmdline()]


def test_two_workers_write_the_run_of_one_process(tmp_path):
    code, output = end_of(launch("--local", 2, "--logs", tmp_path, "--", *train(tmp_path / "two", 2)))
    assert code == 0, output + (tmp_path / "worker-1.log").read_text()
    assert "strategy: 2 workers, one device each (auto: started by kerasclf launch)" in output
    # Adam enlarges differences of rounding: it divides small gradients by their size.
    np.testing.assert_allclose(history(tmp_path / "two"), alone(tmp_path / "one", 2), rtol=0.02)


@pytest.mark.parametrize(
    ("victim", "message"),
    [
        ("kerasclf.runs.launch.share_worker", "has failed: The process was killed (SIGKILL)"),
        ("--index", "it has ended"),
    ],
)
def test_a_killed_worker_ends_all_and_the_run_resumes(tmp_path, victim, message):
    out, epochs = tmp_path / "two", 6
    started = launch("--local", 2, "--logs", tmp_path, "--", *train(out, epochs))
    wait_for(lambda: list(out.glob("runs/*/seed-0.partial/checkpoints/phase-2/epoch-*.npz")))
    processes(started, victim)[0].kill()
    killed = time.monotonic()
    code, output = end_of(started, 60)
    assert code == 1 and time.monotonic() - killed < 30
    assert "error: worker 1 (127.0.0.1:" in output and message in output
    assert not list(out.glob("runs/*/seed-0"))
    resumed = alone(out, epochs)
    np.testing.assert_allclose(resumed, alone(tmp_path / "one", epochs), rtol=0.05)


def test_three_workers_resume_what_two_have_begun(tmp_path):
    out, epochs = tmp_path / "run", 6
    started = launch("--local", 2, "--logs", tmp_path, "--", *train(out, epochs))
    wait_for(lambda: list(out.glob("runs/*/seed-0.partial/checkpoints/phase-2/epoch-*.npz")))
    processes(started, "--index")[0].kill()
    assert end_of(started, 60)[0] == 1
    code, output = end_of(launch("--local", 3, "--logs", tmp_path, "--", *train(out, epochs)))
    assert code == 0, output
    assert len(history(out)) == epochs + 1


def activations(cache):
    """Returns the contents of the files of all cached activations."""
    folders = sorted((cache / "activations").iterdir())
    return {
        (folder.name, name): (folder / name).read_bytes() for folder in folders for name in ("keys.txt", "rows.bin")
    }


@pytest.mark.parametrize("disk", ["shared", "own"])
def test_workers_extract_in_shares_what_one_process_extracts(tmp_path, monkeypatch, disk):
    """Training, validation and test images, into the cache that the workers share or into one of each worker."""

    def train_head(out):
        words = ["--backbone", "mlp", "--weights", "none", "--unfreeze", "head", "--image-size", "16x16"]
        return ["train", "digits", *words, "--epochs", "2", "--out", str(tmp_path / out)]

    def with_cache(name):
        return {**os.environ, "KERASCLF_CACHE": str(tmp_path / name)}

    command = [sys.executable, "-m", "kerasclf", *train_head("one")]
    subprocess.run(command, check=True, capture_output=True, env=with_cache("alone"))
    expected = activations(tmp_path / "alone")
    if disk == "shared":
        words = ["--local", 2, "--logs", tmp_path]
        started, caches = [launch(*words, "--", *train_head("run"), env=with_cache("both"))], ["both"]
    else:
        words, caches = ["--hosts", ",".join(free_addresses(2)), "--index"], ["first", "second"]
        started = [
            launch(*words, index, "--", *train_head("run"), env=with_cache(cache)) for index, cache in enumerate(caches)
        ]
    ends = [end_of(process) for process in started]
    assert [code for code, _ in ends] == [0] * len(ends), ends
    assert ends[0][1].count(" by 2 workers, once: ") == 3
    for cache in caches:
        assert activations(tmp_path / cache) == expected
    np.testing.assert_allclose(history(tmp_path / "run"), history(tmp_path / "one"), rtol=0.02)


@pytest.fixture
def two_hosts():
    """Two network namespaces with a link between them: the addresses 10.97.0.1 and 10.97.0.2."""
    if os.geteuid() or not shutil.which("ip") or subprocess.run(["ip", "netns", "add", "kerasclf-a"]).returncode:
        pytest.skip("needs root and network namespaces")
    commands = """
        ip netns add kerasclf-b
        ip link add kc-a netns kerasclf-a type veth peer name kc-b netns kerasclf-b
        ip -n kerasclf-a addr add 10.97.0.1/24 dev kc-a
        ip -n kerasclf-b addr add 10.97.0.2/24 dev kc-b
        ip -n kerasclf-a link set kc-a up
        ip -n kerasclf-b link set kc-b up
        ip -n kerasclf-a link set lo up
        ip -n kerasclf-b link set lo up"""
    try:
        for command in commands.strip().splitlines():
            if subprocess.run(command.split()).returncode:
                pytest.skip(f"no network namespaces here: {command.strip()}")
        yield
    finally:
        for name in "ab":
            subprocess.run(["ip", "netns", "del", f"kerasclf-{name}"])


def test_a_link_that_drops_ends_both_hosts(tmp_path, two_hosts):
    def start(host, index, folder):
        words = [sys.executable, "-m", "kerasclf", "launch", "--hosts", "10.97.0.1:4000,10.97.0.2:4000"]
        words = ["ip", "netns", "exec", f"kerasclf-{host}", *words, "--index", str(index), "--", *train(folder, 60)]
        return subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)

    out = tmp_path / "a"
    started = [start("a", 0, out), start("b", 1, tmp_path / "b")]
    wait_for(lambda: list(out.glob("runs/*/seed-0.partial/checkpoints/phase-2/epoch-*.npz")))
    subprocess.run(["ip", "-n", "kerasclf-a", "link", "set", "kc-a", "down"], check=True)
    dropped = time.monotonic()
    ends = [end_of(process, 60) for process in started]
    assert time.monotonic() - dropped < 45
    for (code, output), other in zip(ends, ("worker 1 (10.97.0.2:4000)", "worker 0 (10.97.0.1:4000)"), strict=True):
        assert code == 1
        assert f"error: {other} has ended or cannot be reached: it has not answered for 20 s." in output
    assert not (tmp_path / "b").exists()  # only worker 0 writes
