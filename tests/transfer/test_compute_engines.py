"""TensorFlow and OpenVINO compute the same as the network."""

import functools
import importlib.util
import subprocess
import sys

import keras
import numpy as np
import pytest
import tensorflow as tf

from kerasclf.errors import KerasclfError
from kerasclf.models import build
from kerasclf.training.devices import precision
from kerasclf.transfer import compute_engines as engines
from kerasclf.transfer.compute_engines import choose_engine, engine_version, openvino_compute, tensorflow_compute
from kerasclf.transfer.cuts import Cuts
from tests.transfer.conftest import random_images, randomize, small_network

HAS_OPENVINO = importlib.util.find_spec("openvino") is not None
needs_openvino = pytest.mark.skipif(not HAS_OPENVINO, reason="openvino is not installed")
ENGINES = ["tensorflow", pytest.param("openvino", marks=needs_openvino)]


def below(policy, every=False):
    """Returns the model from raw images to the activations below the head, or below every cut."""
    with precision(policy):
        core = randomize(small_network())
        cuts = Cuts(core)
    image = keras.Input((8, 8, 3), dtype="uint8")
    positions = (
        [cut for cut in range(1, len(core.operations)) if len(cuts._passing(cut)) == 1]
        if every
        else [cuts.cut_for("head")]
    )
    return keras.Model(image, cuts.lower(positions)(keras.layers.Rescaling(1.0, dtype="float32")(image)))


@functools.cache
def made(engine, policy):
    """Returns the compiled function of an engine. OpenVINO takes seconds to compile one."""
    if engine == "tensorflow":
        return tensorflow_compute(below(policy))
    return openvino_compute(below("float32"), policy, threads=2)


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize(("policy", "close"), [("float32", 1e-4), ("mixed_bfloat16", 3e-2)])
def test_it_computes_the_same_as_the_network(engine, policy, close):
    images = random_images(37)
    expected = np.asarray(below("float32")(images, training=False))
    compute = made(engine, policy)
    # Two batches of one size, one of another size, one of a single image.
    batches = [images[:16], images[16:32], images[32:36], images[36:]]
    found = [rows for (rows,) in compute(iter(batches))]
    assert [len(rows) for rows in found] == [16, 16, 4, 1]
    error = np.abs(np.concatenate(found).astype(np.float32) - expected).max() / np.abs(expected).max()
    assert error < close
    if policy == "float32":
        np.testing.assert_allclose(np.concatenate(found), expected, rtol=close, atol=close * np.abs(expected).max())


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("policy", ["float32", "mixed_bfloat16"])
def test_neighbours_and_position_in_a_batch_change_no_bit(engine, policy):
    """A cache that another run has filled, in another order and with other images, must hold the same values."""
    images, compute = random_images(48), made(engine, policy)

    def rows_in(order):
        found = [rows for (rows,) in compute(iter(images[order].reshape(-1, 16, 8, 8, 3)))]
        return dict(zip(order, np.concatenate(found), strict=True))

    together = rows_in(np.arange(48))
    for order in (np.random.default_rng(1).permutation(48), np.arange(48)[::-1][:16], np.arange(16) * 3):
        for index, row in rows_in(order).items():
            np.testing.assert_array_equal(row, together[index])


@pytest.mark.parametrize("engine", ENGINES)
def test_the_order_of_many_batches_is_kept(engine):
    lower, compute = below("float32"), made(engine, "float32")
    sizes = np.random.default_rng(0).integers(1, 9, 40)
    images = random_images(int(sizes.sum()))
    batches = np.split(images, np.cumsum(sizes)[:-1])
    found = [rows for (rows,) in compute(iter(batches))]
    assert [len(rows) for rows in found] == sizes.tolist()
    np.testing.assert_allclose(np.concatenate(found), lower(images, training=False), rtol=1e-4, atol=1e-4)
    assert list(compute(iter([]))) == []


@needs_openvino
def test_results_of_openvino_are_not_overwritten_by_its_next_batch():
    lower, compute = below("float32"), made("openvino", "float32")
    images = random_images(64)
    (first,), *others = compute(iter([images[:4], *np.split(images[4:], 15)]))
    assert len(others) == 15
    np.testing.assert_allclose(first, lower(images[:4], training=False), rtol=1e-4, atol=1e-4)


def test_tensorflow_computes_several_cuts_bit_identically_to_single_ones():
    images = random_images(16)
    together = below("float32", every=True)
    found = next(tensorflow_compute(together)(iter([images])))
    assert len(found) == 9
    for output, rows in zip(together.outputs, found, strict=True):
        alone = keras.Model(together.input, [output])
        np.testing.assert_array_equal(rows, next(tensorflow_compute(alone)(iter([images])))[0])


@needs_openvino
def test_openvino_computes_several_cuts():
    images, together = random_images(16), below("float32", every=True)
    found = next(openvino_compute(together, "float32", threads=2)(iter([images])))
    for rows, expected in zip(found, together(images, training=False), strict=True):
        np.testing.assert_allclose(rows, expected, rtol=1e-4, atol=1e-4 * np.abs(expected).max())


def test_batch_normalisation_is_in_inference_mode():
    compute, images = made("tensorflow", "float32"), random_images(16)
    (together,) = next(compute(iter([images])))
    alone = np.concatenate([rows for (rows,) in compute(image[None] for image in images)])
    np.testing.assert_allclose(together, alone, rtol=1e-5, atol=1e-5)


def test_without_openvino_tensorflow_is_chosen(monkeypatch):
    monkeypatch.setattr(engines.util, "find_spec", lambda name: None)
    assert choose_engine("tensorflow") == "tensorflow"
    assert choose_engine("auto") == "tensorflow"
    with pytest.raises(KerasclfError) as caught:
        choose_engine("openvino")
    assert str(caught.value) == 'engine: OpenVINO is not installed. Install it: pip install "kerasclf[openvino]".'


def test_openvino_is_chosen_without_a_gpu(monkeypatch):
    monkeypatch.setattr(engines.util, "find_spec", lambda name: object())
    devices = []
    monkeypatch.setattr(tf.config, "list_physical_devices", lambda kind=None: devices)
    assert choose_engine("auto") == "openvino"
    devices.append("GPU:0")
    assert choose_engine("auto") == "tensorflow"
    assert choose_engine("openvino") == "openvino"


@pytest.mark.parametrize("engine", ENGINES)
def test_the_version_of_an_engine_has_its_name(engine):
    name, version = engine_version(engine).split(" ")
    assert name == engine
    assert version[0].isdigit()


@needs_openvino
@pytest.mark.slow
def test_openvino_reports_to_nobody():
    """Its reporting processes would outlive this one and keep the pipe of a worker open, and a study would wait."""
    code = (
        "import sys; from kerasclf.transfer.compute_engines import import_openvino; import_openvino().convert_model\n"
        "sys.exit(sys.modules.get('openvino_telemetry') is not None)"
    )
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0


@functools.cache
def lite_below(policy, side=64):
    """Returns EfficientNet-Lite0 from raw images to its features, with every weight at random."""
    keras.utils.set_random_seed(0)
    with precision(policy):
        cuts = Cuts(calm(build("efficientnet_lite0", (side, side, 3), 2)))
    image = keras.Input((side, side, 3), dtype="uint8")
    pixels = keras.layers.Rescaling(1.0, dtype="float32")(image)
    return keras.Model(image, cuts.lower([cuts.cut_for("head")])(pixels))


def calm(network, seed=0):
    """Changes the moving statistics of batch normalisation, which random weights leave at 0 and 1."""
    rng = np.random.default_rng(seed)
    for weight in network.weights:
        if weight.name in ("gamma", "moving_variance"):
            weight.assign(rng.uniform(0.8, 1.2, weight.shape))
        elif weight.name in ("beta", "moving_mean"):
            weight.assign(rng.uniform(-0.1, 0.1, weight.shape))
    return network


@pytest.mark.slow
@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize(("policy", "close"), [("float32", 1e-4), ("mixed_bfloat16", 6e-2)])
def test_efficientnet_lite_is_computed_as_by_keras(engine, policy, close):
    """ReLU6, strided "same" depthwise convolutions and its own preprocessing, through both engines."""
    images = random_images(20, (64, 64, 3))
    expected = np.asarray(lite_below("float32")(images, training=False))
    assert expected.std(0).mean() > 0.01  # the images differ
    lower = lite_below(policy if engine == "tensorflow" else "float32")
    compute = tensorflow_compute(lower) if engine == "tensorflow" else openvino_compute(lower, policy, threads=1)
    found = np.concatenate([rows for (rows,) in compute(iter([images[:16], images[16:]]))]).astype(np.float32)
    assert found.shape == (20, 1280)
    assert np.abs(found - expected).max() < close * np.abs(expected).max()
