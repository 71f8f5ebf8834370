"""The strategy is shared by all trainings on the same devices, and `auto` precision depends on the hardware."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from kerasclf.training import devices
from kerasclf.training.devices import make_strategy, precision, resolve_precision

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
