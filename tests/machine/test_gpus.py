"""The GPUs that nvidia-smi shows, and how runs divide them."""

import pytest

from kerasclf.machine import gpus
from kerasclf.machine.gpus import Gpu, memory_limit_mb, nvidia_gpus, runs_per_gpu, smallest_memory_mb, visible_to

ANSWER = "NVIDIA H200, 570.1, 143771, 512, 9.0\nNVIDIA A100, 570.1, 81920, 0, 8.0\nUnknown, 570.1, [N/A], 0, 8.0\n"


@pytest.fixture
def driver(tmp_path, monkeypatch):
    """A program nvidia-smi that answers with a text and an exit code."""

    def answer(text, code=0):
        (tmp_path / "text").write_text(text)
        program = tmp_path / "nvidia-smi"
        program.write_text(f"#!/bin/sh\n/bin/cat {tmp_path / 'text'}\nexit {code}\n")
        program.chmod(0o755)
        monkeypatch.setenv("PATH", str(tmp_path))

    return answer


def test_the_driver_names_the_gpus(driver):
    driver(ANSWER)
    first, second = nvidia_gpus()
    assert first == Gpu("NVIDIA H200", "570.1", 143771, 512, "9.0")
    assert second.name == "NVIDIA A100"
    assert smallest_memory_mb() == 81920


@pytest.mark.parametrize(("text", "code"), [("NVIDIA-SMI has failed", 9), ("no csv", 0), ("", 0)])
def test_a_driver_that_fails_has_no_gpus(driver, text, code):
    driver(text, code)
    assert nvidia_gpus() == ()
    assert smallest_memory_mb() is None


def test_without_a_driver_there_are_no_gpus(tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    assert nvidia_gpus() == ()


def test_a_driver_that_hangs_has_no_gpus(driver, tmp_path, monkeypatch):
    driver("")
    (tmp_path / "nvidia-smi").write_text("#!/bin/sh\nexec /bin/sleep 20\n")
    monkeypatch.setattr(gpus, "_TIMEOUT_S", 0.1)
    assert nvidia_gpus() == ()


@pytest.mark.parametrize(
    ("given", "width", "count", "expected"),
    [
        (None, 1, 4, [None]),  # one run may use all
        (None, 2, 1, [None, None]),  # both share the only one
        (None, 2, 2, ["0", "1"]),
        (None, 2, 3, ["0,2", "1"]),
        (None, 4, 2, ["0", "1", "0", "1"]),
        ("3,5", 2, 2, ["3", "5"]),
        ("GPU-a, GPU-b", 2, 2, ["GPU-a", "GPU-b"]),
    ],
)
def test_runs_divide_the_visible_gpus(monkeypatch, given, width, count, expected):
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    if given is not None:
        monkeypatch.setenv("CUDA_VISIBLE_DEVICES", given)
    assert [visible_to(slot, width, count) for slot in range(width)] == expected


@pytest.mark.parametrize(("width", "count", "expected"), [(1, 0, 1), (8, 0, 1), (2, 2, 1), (3, 2, 2), (4, 1, 4)])
def test_runs_per_gpu(width, count, expected):
    assert runs_per_gpu(width, count) == expected


def test_runs_on_one_gpu_leave_room_for_the_libraries():
    assert memory_limit_mb(80_000, 4) == 17_000
