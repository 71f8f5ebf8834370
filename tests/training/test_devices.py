"""The strategy is shared by all trainings on the same devices, and `auto` precision depends on the hardware."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from kerasclf.errors import DeviceMemoryError, KerasclfError, TrainingError
from kerasclf.machine.cluster import Cluster, launch_environment
from kerasclf.training import TrainConfig, devices
from kerasclf.training.devices import (
    check_settings,
    count_devices,
    describe_devices,
    device_errors,
    ignored_settings,
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


@pytest.mark.parametrize(
    ("name", "gpus", "devices"),
    [("auto", 0, 1), ("auto", 1, 1), ("auto", 4, 4), ("none", 4, 1), ("mirrored", 0, 2), ("mirrored", 1, 1)],
)
def test_devices_are_counted_before_there_is_a_strategy(pretend_gpus, name, gpus, devices):
    pretend_gpus(gpus)
    assert count_devices(name) == devices


@pytest.mark.parametrize("gpus", [0, 1])
def test_launched_workers_are_devices(pretend_gpus, monkeypatch, gpus):
    pretend_gpus(gpus)
    for variable, value in launch_environment(Cluster(("a:1", "b:1", "c:1"), 0)).items():
        monkeypatch.setenv(variable, value)
    assert [count_devices(name) for name in ("auto", "multiworker", "none")] == [3, 3, 1]
    if gpus:
        check_settings(TrainConfig(jit=True))
    else:
        with pytest.raises(
            KerasclfError, match=r"3 devices \(strategy 'auto'\).*XLA compiles no exchange between CPUs"
        ):
            check_settings(TrainConfig(jit=True))


def test_xla_for_several_devices_is_refused(pretend_gpus):
    pretend_gpus(4)
    with pytest.raises(KerasclfError) as refused:
        check_settings(TrainConfig(jit=True))
    assert str(refused.value) == (
        "jit: expected False or 'auto' for a training on 4 devices (strategy 'auto'). Received: True. XLA compiles a "
        "step for one device."
    )
    for config in (TrainConfig(), TrainConfig(jit=False), TrainConfig(jit=True, strategy="none")):
        check_settings(config)


def test_steps_per_execution_that_several_devices_ignore_are_named(pretend_gpus):
    pretend_gpus(2)
    ignored = ["steps_per_execution: 2 devices take 1 step per call, not 4. The results are the same."]
    assert ignored_settings(TrainConfig(steps_per_execution=4)) == ignored
    for config in (
        TrainConfig(),
        TrainConfig(steps_per_execution=1),
        TrainConfig(steps_per_execution=4, strategy="none"),
    ):
        assert ignored_settings(config) == []


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
