"""The strategy is shared by all trainings on the same devices, and `auto` precision depends on the hardware."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from kerasclf.errors import DeviceMemoryError, TrainingError
from kerasclf.training import devices
from kerasclf.training.devices import (
    describe_devices,
    device_errors,
    make_strategy,
    precision,
    resolve_precision,
    strategy_in_words,
)

CPU = (
    "processor\t: 0\nvendor_id\t: {}\nmodel name\t: Has amx_bf16 in its name\nflags\t\t: fpu {}avx2\nbogomips\t: 5000\n"
)


@pytest.fixture
def cpu_flags(monkeypatch, tmp_path):
    def pretend(flags, vendor="GenuineIntel"):
        path = tmp_path / "cpuinfo"
        path.write_text(CPU.format(vendor, flags))
        monkeypatch.setattr(devices, "_CPU_INFO", path)

    monkeypatch.setattr(tf.config, "list_physical_devices", lambda kind: [])
    return pretend


@pytest.mark.parametrize(
    ("vendor", "flags", "expected"),
    [
        ("GenuineIntel", "avx512_bf16 amx_bf16 ", "mixed_bfloat16"),
        ("GenuineIntel", "avx512_bf16 ", "float32"),  # measured to be slower than float32
        ("AuthenticAMD", "avx512_bf16 ", "mixed_bfloat16"),
        ("AuthenticAMD", "avx512f ", "float32"),
        ("GenuineIntel", "", "float32"),
    ],
)
def test_auto_depends_on_the_cpu(cpu_flags, vendor, flags, expected):
    cpu_flags(flags, vendor)
    assert resolve_precision("auto") == expected
    with precision("auto"):
        assert keras.config.dtype_policy().name == expected
    assert keras.config.dtype_policy().name == "float32"


def test_auto_is_float32_on_an_unknown_cpu(cpu_flags, monkeypatch, tmp_path):
    monkeypatch.setattr(devices, "_CPU_INFO", tmp_path / "none")
    assert resolve_precision("auto") == "float32"


@pytest.mark.parametrize(
    ("gpus", "expected"),
    [
        ([{"compute_capability": (9, 0)}], "mixed_bfloat16"),
        ([{"compute_capability": (8, 0)}, {"compute_capability": (8, 6)}], "mixed_bfloat16"),
        ([{"compute_capability": (7, 5)}], "float32"),
        ([{"compute_capability": (9, 0)}, {"compute_capability": (7, 5)}], "float32"),
        ([{"device_name": "no NVIDIA"}], "float32"),
    ],
)
def test_auto_depends_on_all_gpus_and_not_on_the_cpu(cpu_flags, monkeypatch, gpus, expected):
    cpu_flags("amx_bf16 ")
    monkeypatch.setattr(tf.config, "list_physical_devices", lambda kind: gpus)
    monkeypatch.setattr(tf.config.experimental, "get_device_details", lambda gpu: gpu)
    assert resolve_precision("auto") == expected


@pytest.mark.parametrize("policy", ["float32", "mixed_bfloat16", "mixed_float16"])
def test_a_named_precision_is_unchanged(cpu_flags, policy):
    cpu_flags("amx_bf16 ")
    assert resolve_precision(policy) == policy


def fit_mirrored(units):
    with make_strategy("mirrored").scope():
        model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(units), keras.layers.Dense(1)])
        model.compile(optimizer="adam", loss="mse", jit_compile=False)
        x = np.random.default_rng(0).normal(size=(16, 4)).astype(np.float32)
        return model.fit(x, x[:, :1], batch_size=8, epochs=2, verbose=0).history["loss"]


@pytest.mark.slow
def test_different_networks_train_mirrored_in_one_process():
    """Two strategies would give their sums over devices the same numbers, and TensorFlow would confuse them."""
    for units in (3, 5, 7):
        assert np.isfinite(fit_mirrored(units)).all()


def test_the_same_devices_have_one_strategy():
    assert make_strategy("mirrored") is make_strategy("mirrored")
    assert make_strategy("mirrored").num_replicas_in_sync == len(tf.config.list_logical_devices("CPU")) == 2


@pytest.mark.parametrize("name", ["none", "auto"])
def test_without_gpus_there_is_no_mirroring(name):
    assert not isinstance(make_strategy(name), tf.distribute.MirroredStrategy)


@pytest.fixture
def pretend_gpus(monkeypatch):
    def pretend(count):
        found = {"GPU": [{"compute_capability": (9, 0), "device_name": "NVIDIA H200"}] * count, "CPU": ["CPU"] * 2}
        for kind in ("logical", "physical"):
            monkeypatch.setattr(tf.config, f"list_{kind}_devices", lambda kind: found[kind])
        monkeypatch.setattr(tf.config.experimental, "get_device_details", lambda gpu: gpu)

    return pretend


@pytest.mark.parametrize(
    ("name", "gpus", "words"),
    [
        ("auto", 0, "one device (auto: there is no GPU)"),
        ("auto", 1, "one device (auto: there is 1 GPU)"),
        ("auto", 4, "mirrored over 4 GPUs (auto: there are 4 GPUs)"),
        ("none", 4, "one device (none)"),
        ("mirrored", 0, "mirrored over 2 logical CPU devices (mirrored: there is no GPU)"),
        ("mirrored", 1, "mirrored over 1 GPU (mirrored: there is 1 GPU)"),
    ],
)
def test_the_choice_of_a_strategy_has_a_reason(pretend_gpus, name, gpus, words):
    pretend_gpus(gpus)
    assert strategy_in_words(name) == words


def test_a_study_on_a_gpu_says_what_it_computes_on(pretend_gpus, monkeypatch):
    pretend_gpus(1)
    assert describe_devices(["auto", "auto"], ["auto", "float32"]) == [
        "devices: NVIDIA H200; strategy: one device (auto: there is 1 GPU); batches are divided between the devices",
        "precision: mixed_bfloat16 and float32; results of a repeated run: different in the last digits, as GPUs add "
        "in any order (TF_DETERMINISTIC_OPS=1 makes them equal)",
    ]
    monkeypatch.setattr(devices, "is_op_determinism_enabled", lambda: True)
    assert describe_devices(["auto"], ["auto"])[1].endswith("equal in every digit (TF_DETERMINISTIC_OPS is set)")


def test_a_study_on_a_cpu_says_nothing_about_devices_unless_it_mirrors(pretend_gpus):
    pretend_gpus(0)
    assert describe_devices(["auto", "none"], ["auto"]) == []
    assert "mirrored over 2 logical CPU devices" in describe_devices(["mirrored"], ["auto"])[0]


@pytest.mark.parametrize(
    ("raised", "expected", "message"),
    [
        (tf.errors.ResourceExhaustedError, DeviceMemoryError, "has no memory left. Reduce `batch_size` or `jobs`"),
        (tf.errors.UnimplementedError, TrainingError, "Unset TF_DETERMINISTIC_OPS"),
        (tf.errors.InternalError, TrainingError, "set `jit` to False"),
        (tf.errors.InvalidArgumentError, tf.errors.InvalidArgumentError, "other"),
    ],
)
def test_errors_of_a_device_say_what_to_do(raised, expected, message):
    text = {"Unimpl": "A deterministic GPU implementation is not available", "Intern": "libdevice not found"}
    with pytest.raises(expected, match=message), device_errors():
        raise raised(None, None, text.get(raised.__name__[:6], "other"))
