"""The memory of costs on disk."""

import json
import os
from dataclasses import replace

import pytest

from kerasclf.runs.planning import remembered_costs
from kerasclf.runs.planning.remembered_costs import RememberedCosts, remembered_files
from kerasclf.values import digest_of
from tests.runs.planning.test_measuring import MACHINE, REHEARSAL

SETTINGS = {"model": "mlp"}


@pytest.fixture
def memory(tmp_path, monkeypatch):
    """A memory with one measurement."""
    monkeypatch.setenv("KERASCLF_CACHE", str(tmp_path))
    found = RememberedCosts(MACHINE)
    found.keep(SETTINGS, REHEARSAL)
    return found


def test_it_finds_what_it_kept(memory):
    assert memory.find(SETTINGS) == REHEARSAL
    assert memory.find({"model": "perceptron"}) is None
    assert RememberedCosts({**MACHINE, "threads": 2}).find(SETTINGS) is None


def test_what_a_killed_process_left_of_a_file_is_no_measurement(memory):
    (path,) = remembered_files()
    path.with_name(f".partial-abcdefgh-{path.name}").write_text("{")
    assert remembered_files() == [path]


def changed(path, **fields):
    held = json.loads(path.read_text())
    held["measured"] |= fields
    path.write_text(json.dumps({**held, "hash": digest_of([held["about"], held["measured"]])}))


@pytest.mark.parametrize(
    "damage",
    [
        lambda path: path.write_bytes(b""),
        lambda path: path.write_bytes(path.read_bytes()[:-20]),
        lambda path: path.write_text("[]"),
        lambda path: path.write_text(path.read_text().replace("0.08", "8.08")),
        lambda path: path.write_bytes(b"\xff" * 100),
        lambda path: changed(path, step_s="fast"),
        lambda path: changed(path, unknown=1),
        lambda path: (path.unlink(), path.mkdir()),
    ],
)
def test_a_damaged_file_is_unknown_and_written_anew(memory, damage):
    (path,) = remembered_files()
    damage(path)
    assert memory.find(SETTINGS) is None
    if path.is_file():
        memory.keep(SETTINGS, REHEARSAL)
        assert memory.find(SETTINGS) == REHEARSAL


def test_a_folder_that_cannot_be_written_to_is_no_error(tmp_path, monkeypatch):
    (tmp_path / "file").touch()
    monkeypatch.setenv("KERASCLF_CACHE", str(tmp_path / "file"))
    memory = RememberedCosts(MACHINE)
    memory.keep(SETTINGS, REHEARSAL)
    assert memory.find(SETTINGS) is None


def test_the_measurement_used_longest_ago_is_removed_first(memory, monkeypatch):
    monkeypatch.setattr(remembered_costs, "_MOST", 3)
    for number in range(3):
        os.utime(remembered_files()[0], (number, number))
        memory.keep({"model": str(number)}, replace(REHEARSAL, steps=number))
    assert memory.find(SETTINGS) is None
    assert [memory.find({"model": str(number)}).steps for number in range(3)] == [0, 1, 2]
    os.utime(remembered_files()[-1], (0, 0))
    oldest = remembered_files()[-1]
    held = json.loads(oldest.read_text())["about"]["settings"]
    assert memory.find(held) is not None  # now it is the last one used
    assert remembered_files()[0] == oldest
