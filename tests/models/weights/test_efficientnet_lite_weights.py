"""timm's weights of EfficientNet-Lite: golden logits, every name, and files of another size."""

from pathlib import Path

import keras
import numpy as np
import pytest
from safetensors import safe_open

from kerasclf.errors import KerasclfError
from kerasclf.models import CATALOGUE, build
from kerasclf.models.weights.torch_weights import classes_of, match_torch
from tests.models.weights import golden

LITE = [f"efficientnet_lite{size}" for size in range(5)]
# timm's definition of the stages: blocks, kernel, channels. Its factors of width and depth by network.
STAGES = ((1, 3, 16), (2, 3, 24), (2, 5, 40), (3, 3, 80), (3, 5, 112), (4, 5, 192), (1, 3, 320))
FACTORS = dict(zip(LITE, ((1.0, 1.0), (1.0, 1.1), (1.1, 1.2), (1.2, 1.4), (1.4, 1.8)), strict=True))
# Without its running averages and numbers of batches.
TRAINABLE = dict(zip(LITE, (4_652_008, 5_416_680, 6_092_072, 8_197_096, 13_006_568), strict=True))


def shapes(name, classes=1000):
    """Returns the keys and shapes of timm's state dict, in the order of its modules."""
    width, depth = FACTORS[name]
    found = {"conv_stem.weight": (32, 3, 3, 3), **norm("bn1", 32)}
    before = 32
    for stage, (blocks, kernel, channels) in enumerate(STAGES):
        after = rounded(channels * width)
        fixed = stage in (0, len(STAGES) - 1)
        for block in range(blocks if fixed else int(np.ceil(blocks * depth))):
            prefix = f"blocks.{stage}.{block}."
            middle = before if stage == 0 else 6 * before
            depthwise = {f"{prefix}conv_dw.weight": (middle, 1, kernel, kernel)}
            if stage == 0:
                found |= depthwise | norm(f"{prefix}bn1", middle)
                found |= {f"{prefix}conv_pw.weight": (after, middle, 1, 1)} | norm(f"{prefix}bn2", after)
            else:
                found |= {f"{prefix}conv_pw.weight": (middle, before, 1, 1)} | norm(f"{prefix}bn1", middle)
                found |= depthwise | norm(f"{prefix}bn2", middle)
                found |= {f"{prefix}conv_pwl.weight": (after, middle, 1, 1)} | norm(f"{prefix}bn3", after)
            before = after
    found |= {"conv_head.weight": (1280, before, 1, 1), **norm("bn2", 1280)}
    return found | {"classifier.weight": (classes, 1280), "classifier.bias": (classes,)}


def norm(prefix, width):
    return {f"{prefix}.{end}": (width,) for end in ("weight", "bias", "running_mean", "running_var")}


def rounded(channels):
    nearest = int(channels + 4) // 8 * 8
    return nearest + 8 if nearest < 0.9 * channels else nearest


def state_dict(name, classes=1000):
    return {key: golden.fill(key, shape) for key, shape in shapes(name, classes).items()}


def layers_only(name, classes=1000):
    """Returns a network whose weights have shapes and no values, which is quick."""
    with keras.StatelessScope():
        return CATALOGUE[name](input_shape=(32, 32, 3), num_classes=classes)


@pytest.fixture(scope="module")
def lite0():
    return layers_only("efficientnet_lite0")


@pytest.fixture(scope="module")
def real_weights(real_data):
    path = real_data / "weights" / "efficientnet_lite0.safetensors"
    if not path.is_file():
        pytest.skip(f"the weights of EfficientNet-Lite0 are not at {path}")
    return path


def test_logits_are_those_of_timm(real_weights):
    arguments = {"preprocess": None, "classifier_activation": None}
    network = build("efficientnet_lite0", (224, 224, 3), 1000, arguments, weights=str(real_weights))
    images = np.random.default_rng(0).uniform(-1, 1, (2, 3, 224, 224)).astype(np.float32).transpose(0, 2, 3, 1)
    logits = network.predict(images, verbose=0)
    expected = np.load(Path(__file__).with_name("efficientnet_lite0_logits.npz"))["logits"]
    assert np.abs(logits - expected).max() < 1e-4 * np.abs(expected).max()


def test_the_names_of_this_test_are_those_of_the_file(real_weights):
    with safe_open(real_weights, framework="np") as file:
        assert {key: tuple(file.get_slice(key).get_shape()) for key in file.keys()} == shapes("efficientnet_lite0")  # noqa: SIM118


@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=() if name.endswith(("0", "4")) else pytest.mark.slow) for name in LITE]
)
def test_every_tensor_has_its_layer_and_every_layer_its_tensors(name, tmp_path):
    expected = shapes(name)
    assert sum(int(np.prod(shape)) for key, shape in expected.items() if "running" not in key) == TRAINABLE[name]
    # Each tensor has one value of its own, which tells where it went.
    tensors = {key: np.full(shape, number, np.float32) for number, (key, shape) in enumerate(expected.items())}
    assert classes_of(tensors) == 1000
    network = layers_only(name)
    found = match_torch(network, tensors, tmp_path)
    # In timm's order of modules, which is the order of our layers.
    order = [array.ravel()[0] for layer in network.layers for array in found.get(layer.name, ())]
    assert order == list(range(len(tensors)))


def test_a_depthwise_kernel_keeps_its_channels(lite0, tmp_path):
    tensors = state_dict("efficientnet_lite0")
    found = match_torch(lite0, tensors, tmp_path)
    (kernel,) = found["conv4_block1_depthwise_conv"]
    assert kernel.shape == (5, 5, 144, 1)
    np.testing.assert_array_equal(kernel[:, :, 17, 0], tensors["blocks.2.0.conv_dw.weight"][17, 0])


def remove(tensors):
    del tensors["blocks.3.1.conv_dw.weight"]


def rename(tensors):
    tensors["blocks.3.1.conv_dwise.weight"] = tensors.pop("blocks.3.1.conv_dw.weight")


def add(tensors):
    tensors["blocks.3.1.se.conv_reduce.weight"] = np.zeros((20, 480, 1, 1), np.float32)


def other_kernel(tensors):
    tensors["blocks.3.1.conv_dw.weight"] = np.zeros((480, 1, 5, 5), np.float32)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (remove, r"tensor 'blocks\.3\.1\.conv_dw\.weight' is missing \(conv5_block2_depthwise_conv/kernel "),
        (rename, r"'blocks\.3\.1\.conv_dw\.weight' is missing .*Did you mean 'blocks\.3\.1\.conv_dwise\.weight'\?"),
        (add, r"tensor 'blocks\.3\.1\.se\.conv_reduce\.weight' \(20, 480, 1, 1\) belongs to no layer of"),
        (
            other_kernel,
            r"'blocks\.3\.1\.conv_dw\.weight': expected shape \(3, 3, 480, 1\) for .* Received: \(5, 5, 480",
        ),
    ],
)
def test_a_file_that_does_not_fit_names_its_first_tensor(lite0, change, message, tmp_path):
    tensors = state_dict("efficientnet_lite0")
    change(tensors)
    with pytest.raises(KerasclfError, match=message):
        match_torch(lite0, tensors, tmp_path)


@pytest.mark.parametrize(
    ("of", "message"),
    [
        (
            "efficientnet_lite1",
            r"tensor 'blocks\.1\.2\.conv_pw\.weight' \(144, 24, 1, 1\) belongs to no layer of .*lite0",
        ),
        ("efficientnet_lite2", r"tensor 'blocks\.2\.0\.conv_pwl\.weight': expected shape \(1, 1, 144, 40\) for conv4_"),
        ("efficientnet_lite4", r"tensor 'blocks\.0\.0\.conv_pw\.weight': expected shape \(1, 1, 32, 16\) for conv2_"),
    ],
)
def test_a_file_of_another_size_names_its_first_tensor(lite0, of, message, tmp_path):
    tensors = {key: np.zeros(shape, np.float32) for key, shape in shapes(of).items()}
    with pytest.raises(KerasclfError, match=message):
        match_torch(lite0, tensors, tmp_path)


def test_a_file_of_a_smaller_size_lacks_tensors(tmp_path):
    tensors = {key: np.zeros(shape, np.float32) for key, shape in shapes("efficientnet_lite0").items()}
    with pytest.raises(KerasclfError, match=r"tensor 'blocks\.1\.2\.conv_pw\.weight' is missing"):
        match_torch(layers_only("efficientnet_lite1"), tensors, tmp_path)
