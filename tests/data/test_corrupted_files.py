"""Corrupted image files: each is named, none crashes or hangs, and all are read within 1 GB."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.data.corrupted_files import write

MEGABYTES = 1024

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="the memory is limited and read as Linux does it")


@pytest.mark.parametrize(("count", "seed"), [(61, 0), pytest.param(500, 1, marks=pytest.mark.slow)])
def test_every_corrupted_file_is_named(tmp_path, count, seed):
    surely, perhaps = write(tmp_path / "photos", count, seed)
    assert len(surely) + len(perhaps) == count
    ended = subprocess.run(
        [sys.executable, "-W", "ignore", "-m", "tests.data.corrupted_files", str(tmp_path / "photos")],
        cwd=Path(__file__).parents[2], capture_output=True, text=True, timeout=300,
    )  # fmt: skip
    assert (ended.returncode, ended.stderr) == (0, "")
    *message, peak = ended.stdout.splitlines()
    named = {Path(path).name for path in re.findall(r"/\S+/\d{3}\.\w+", "\n".join(message))}
    assert surely - named == set()
    refused = int(re.search(r"^(\d+) of \d+ images cannot be read:$", message[1])[1])
    assert refused == len([line for line in message if line.startswith("  - ")])
    assert int(peak.removeprefix("peak ")) < MEGABYTES
    assert not any("whole" in line for line in message)
