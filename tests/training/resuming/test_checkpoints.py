"""Checkpoints on disk: written whole, never pickled, and replaced by the one before if damaged."""

import json
import zipfile

import numpy as np
import pytest

from kerasclf.errors import TrainingError
from kerasclf.training.resuming import checkpoints
from kerasclf.training.resuming.checkpoints import Checkpoint, latest_checkpoint, write_checkpoint


def some(epoch):
    return Checkpoint(epoch, {"model/0": np.arange(5, dtype=np.float32) * epoch}, {"rows": [epoch]})


def test_the_last_two_stay_on_disk(tmp_path):
    (tmp_path / ".epoch-left-by-a-killed-process").write_text("half")
    for epoch in (1, 2, 3):
        write_checkpoint(tmp_path, some(epoch))
    assert sorted(p.name for p in tmp_path.iterdir()) == ["epoch-00002.npz", "epoch-00003.npz"]
    found = latest_checkpoint(tmp_path, print)
    assert found.epoch == 3
    np.testing.assert_array_equal(found.arrays["model/0"], some(3).arrays["model/0"])


@pytest.mark.parametrize("damage", ["truncated", "empty", "flipped"])
def test_a_damaged_checkpoint_is_named_and_the_one_before_it_used(tmp_path, damage):
    for epoch in (1, 2):
        write_checkpoint(tmp_path, some(epoch))
    path = tmp_path / "epoch-00002.npz"
    raw = bytearray(path.read_bytes())
    if damage == "flipped":
        raw[raw.index(np.float32(6).tobytes())] ^= 1  # inside the weights: only the checksum shows it
    path.write_bytes({"truncated": raw[:200], "empty": b"", "flipped": raw}[damage])
    log = []
    assert latest_checkpoint(tmp_path, log.append).epoch == 1
    assert len(log) == 1
    assert log[0].startswith(f"{path} is damaged (")
    assert log[0].endswith("). Using the checkpoint before it.")


def test_a_checkpoint_of_another_format_is_refused(tmp_path):
    write_checkpoint(tmp_path, some(1))
    path = tmp_path / "epoch-00001.npz"
    with np.load(path) as archive:
        arrays = dict(archive)
    header = {**json.loads(arrays["state.json"].tobytes()), "format": 99}
    np.savez(path, **{**arrays, "state.json": np.frombuffer(json.dumps(header).encode(), np.uint8)})
    with pytest.raises(
        TrainingError, match=r"Expected checkpoint format 1\. Received: format 99 in .* another version"
    ):
        latest_checkpoint(tmp_path, print)


def test_nothing_is_pickled(tmp_path):
    write_checkpoint(tmp_path, some(1))
    with zipfile.ZipFile(tmp_path / "epoch-00001.npz") as archive:
        assert all(b"pickle" not in archive.read(name) for name in archive.namelist())
    np.load(tmp_path / "epoch-00001.npz", allow_pickle=False).close()


def test_an_error_without_a_message_is_named_by_its_type(tmp_path, monkeypatch):
    write_checkpoint(tmp_path, some(1))

    def fail(path):
        raise EOFError

    monkeypatch.setattr(checkpoints, "read_arrays", fail)
    log = []
    assert latest_checkpoint(tmp_path, log.append) is None
    assert "is damaged (EOFError)." in log[0]
