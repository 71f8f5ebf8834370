"""What `kerasclf doctor` finds wrong, each with what to do."""

import json
import shutil
import subprocess
from types import SimpleNamespace

import pytest

from kerasclf.cli import main
from kerasclf.machine import diagnosis
from kerasclf.machine.diagnosis import diagnose, gpu_problems, memory_problems, probe_tensorflow
from kerasclf.machine.gpus import Gpu

H200 = Gpu("NVIDIA H200", "570.1", 140_000, 500, "9.0")
PROBE = {
    "tensorflow": "2.21.0", "keras": "3.15.0 on tensorflow", "cuda": "12.5", "cudnn": "9", "gpus": ["NVIDIA H200"],
    "failures": {},
}  # fmt: skip
CPU_BUILD = {**PROBE, "cuda": None, "gpus": []}
BLIND = {**PROBE, "gpus": []}
MESSAGES = (
    "dso_loader.cc:70] Could not load dynamic library 'libcudnn.so.9'; dlerror: no such file\n"
    "dso_loader.cc:70] Could not load dynamic library 'libcublas.so.12'; dlerror: no such file\n"
)


@pytest.fixture(autouse=True)
def machine(monkeypatch):
    """A machine with a GPU whose driver loads."""
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    monkeypatch.setattr(diagnosis, "_driver_loads", lambda: True)
    monkeypatch.setattr(diagnosis, "_DEVICE_FILES", ())


@pytest.mark.parametrize(
    ("gpus", "probe", "messages", "problems"),
    [
        ((), CPU_BUILD, "", []),  # a laptop
        ((H200,), PROBE, "", []),
        ((H200,), CPU_BUILD, "", ["TensorFlow is a build for CPUs only and cannot use the NVIDIA H200."]),
        ((H200,), BLIND, MESSAGES, ["because it cannot load libcublas.so.12, libcudnn.so.9. Install"]),
        ((H200,), BLIND, "", ["because it cannot load some libraries of CUDA."]),
        (
            (H200,),
            {**PROBE, "failures": {"a convolution (cuDNN)": "'no algorithm'"}},
            "",
            ["The GPU fails at a convolution (cuDNN): 'no algorithm'."],
        ),
    ],
)
def test_a_gpu_that_does_not_compute_has_a_reason(gpus, probe, messages, problems):
    found = gpu_problems(gpus, probe, messages)
    assert len(found) == len(problems)
    for sentence, part in zip(found, problems, strict=True):
        assert part in sentence


@pytest.mark.parametrize("hidden", ["", "-1"])
def test_a_hidden_gpu_is_no_broken_one(monkeypatch, hidden):
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", hidden)
    assert gpu_problems((H200,), BLIND, MESSAGES) == [f"CUDA_VISIBLE_DEVICES={hidden!r} hides the GPUs. Unset it."]


def test_a_driver_that_does_not_answer_is_named(monkeypatch, tmp_path):
    monkeypatch.setattr(diagnosis, "_DEVICE_FILES", (tmp_path,))
    assert "its driver does not answer" in gpu_problems((), BLIND, "")[0]
    monkeypatch.setattr(diagnosis, "_driver_loads", lambda: False)
    assert "its driver does not answer" in gpu_problems((H200,), BLIND, "")[0]


def test_programs_that_hold_the_memory_are_named(monkeypatch):
    monkeypatch.setattr(diagnosis, "query_driver", lambda query: ["77, python, 90000"])
    assert memory_problems((H200,)) == []
    full = Gpu("NVIDIA H200", "570.1", 140_000, 90_500, "9.0")
    assert memory_problems((H200, full)) == [
        "Other programs hold 90,500 of 140,000 MB of the NVIDIA H200. Its processes (number, program, MB): 77, python, "
        "90000. End them, or train on another GPU (CUDA_VISIBLE_DEVICES)."
    ]


def pretend(monkeypatch, stdout="", stderr="", code=0):
    done = SimpleNamespace(stdout=stdout, stderr=stderr, returncode=code)
    monkeypatch.setattr(subprocess, "run", lambda *arguments, **options: done)


def test_a_process_that_dies_at_the_first_computation_is_a_failure(monkeypatch):
    pretend(monkeypatch, json.dumps(PROBE) + "\n", code=-6)
    probe, _ = probe_tensorflow()
    assert probe["failures"] == {"the first computation": "the process ended with exit code -6"}


def test_a_tensorflow_that_does_not_start_is_reported(monkeypatch, tmp_path):
    pretend(monkeypatch, stderr="Traceback\nImportError: libtensorflow.so: bad magic\n", code=1)
    found = diagnose(tmp_path)
    assert found.problems == [
        "TensorFlow does not start: 'ImportError: libtensorflow.so: bad magic'. Install it again: pip install "
        "--force-reinstall tensorflow."
    ]
    assert found.facts["python"]


def test_another_backend_and_a_full_disk_are_problems(monkeypatch, tmp_path):
    pretend(monkeypatch, json.dumps({**CPU_BUILD, "keras": "3.15.0 on jax"}))
    monkeypatch.setattr(shutil, "disk_usage", lambda folder: SimpleNamespace(total=10**12, free=10**9))
    disk, backend = diagnose(tmp_path / "new").problems
    assert disk.startswith(f"The disk of {tmp_path / 'new'} has 1.0 GB left.")
    assert backend == "Keras uses another backend: 3.15.0 on jax. Set KERAS_BACKEND=tensorflow."


@pytest.mark.parametrize(("probe", "code"), [(CPU_BUILD, 0), ({**CPU_BUILD, "keras": "3.15.0 on jax"}, 1)])
def test_the_command_prints_one_block(monkeypatch, capsys, probe, code):
    monkeypatch.setenv("XLA_FLAGS", "--some")
    monkeypatch.setattr(diagnosis, "nvidia_gpus", lambda: ())
    pretend(monkeypatch, json.dumps(probe))
    if code:
        with pytest.raises(SystemExit) as ended:
            main(["doctor"])
        assert ended.value.code == 1
    else:
        main(["doctor"])
    out = capsys.readouterr().out
    for expected in ("kerasclf ", "TensorFlow ", "2.21.0, built for CPUs only", "XLA_FLAGS ", "none: it trains on"):
        assert expected in out
    assert ("no problem found" in out) == (code == 0)
    assert ("problem: Keras uses another backend" in out) == (code == 1)


@pytest.mark.slow
def test_the_probe_answers_on_this_machine():
    probe, _ = probe_tensorflow()
    assert probe["keras"].endswith("on tensorflow")
    assert probe["failures"] == {}
