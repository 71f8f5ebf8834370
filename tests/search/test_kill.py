"""A search whose processes are killed at any moment ends, gone on with, with the trials of one that was left alone."""

import os
import random
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from kerasclf.search import read_search
from tests.studies.test_kill import kill

ROOT = Path(__file__).parents[2]


def start(oracle, engine, *folders):
    return subprocess.Popen(
        [sys.executable, "-m", "tests.search.killable", oracle, engine, *map(str, folders)],
        cwd=ROOT, stdout=subprocess.PIPE, text=True, env={**os.environ, "PYTHONUNBUFFERED": "1"},
    )  # fmt: skip


def finish(oracle, engine, folder):
    process = start(oracle, engine, folder)
    log = process.communicate(timeout=900)[0]
    assert process.returncode == 0, log
    return log


def outcome(folder):
    """Returns what must be the same to the bit: values, objective and curve of every trial."""
    return [(t.number, t.values, t.status, t.value, t.curve) for t in read_search(folder).trials]


@pytest.mark.slow
def test_a_killed_search_ends_as_one_left_alone(tmp_path):
    """Killed in the middle of its second trial, which goes on after its last epoch."""
    process = start("tpe", "inline", tmp_path / "undisturbed", tmp_path / "out")
    for line in process.stdout:
        if f"search in {tmp_path / 'out'}" in line:
            break
    while (
        not list((tmp_path / "out").glob("runs/*/*.partial/checkpoints/phase-1/epoch-00002.npz"))
        or not (tmp_path / "out" / "trials" / "00002.json").exists()
    ):
        assert process.poll() is None
    process.send_signal(signal.SIGKILL)
    process.wait()
    process.stdout.close()
    assert [t.status for t in read_search(tmp_path / "out").trials] == ["completed", "running"]
    assert "trial 2  goes on after epoch" in finish("tpe", "inline", tmp_path / "out")
    assert outcome(tmp_path / "out") == outcome(tmp_path / "undisturbed")


@pytest.mark.slow
@pytest.mark.parametrize("oracle", ["tpe", "grid", "hyperband"])
def test_a_search_killed_ten_times_ends_as_one_left_alone(tmp_path, oracle):
    """At random moments, with its runs or leaving them to find out; as many searches as it takes."""
    draw = random.Random(3)
    finish(oracle, "processes", tmp_path / "undisturbed")
    searches, kills = [tmp_path / "search-0"], 0
    while kills < 10:
        process = start(oracle, "processes", searches[-1])
        try:
            process.communicate(timeout=draw.uniform(8, 40))
        except subprocess.TimeoutExpired:
            kill(process, with_workers=kills % 2 == 0)
            kills += 1
        else:  # it was quicker: on to another one
            assert process.returncode == 0
            searches.append(tmp_path / f"search-{len(searches)}")
    finish(oracle, "processes", searches[-1])
    for one in searches:
        assert outcome(one) == outcome(tmp_path / "undisturbed")
