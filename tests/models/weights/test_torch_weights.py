"""torchvision's weights are loaded completely, or not at all."""

import keras
import numpy as np
import pytest
from safetensors.numpy import save_file

from kerasclf.errors import KerasclfError
from kerasclf.models import build, load_torch_weights
from kerasclf.models.weights.torch_names import family_of
from kerasclf.models.weights.torch_weights import _dense, classes_of, give_torch_weights
from tests.models.weights import golden

GOLDEN = [
    "resnet18",
    pytest.param("resnet34", marks=pytest.mark.slow),
    "squeezenet1_1",
    "resnet50",
    pytest.param("alexnet", marks=pytest.mark.slow),
    pytest.param("convnext_tiny", marks=pytest.mark.slow),
    pytest.param("vgg16", marks=pytest.mark.slow),  # half a gigabyte of random numbers
]


@pytest.mark.parametrize("name", GOLDEN)
def test_logits_are_those_of_torchvision(name, tmp_path):
    network = build(name, (224, 224, 3), 1000, {"preprocess": None, "classifier_activation": None})
    give_torch_weights(network, golden.state_dict(name), tmp_path)
    logits, expected = network.predict(golden.images(), verbose=0), golden.LOGITS[name]
    assert np.abs(logits - expected).max() < 1e-4 * np.abs(expected).max()


def small(classes=1000, **arguments):
    return build("squeezenet1_1", (64, 64, 3), classes, arguments)


def write(tensors, path):
    save_file(tensors, path)
    return path


def test_a_file_gives_every_layer_its_tensors(tensors, tmp_path):
    network = small()
    load_torch_weights(network, write(tensors, tmp_path / "weights.safetensors"))
    kernel, bias = network.get_layer("conv2_fire1_expand3_conv").get_weights()
    np.testing.assert_array_equal(kernel, tensors["features.3.expand3x3.weight"].transpose(2, 3, 1, 0))
    np.testing.assert_array_equal(bias, tensors["features.3.expand3x3.bias"])


def missing(tensors):
    del tensors["features.4.squeeze.bias"]


def extra(tensors):
    tensors["features.13.weight"] = np.zeros((2, 3), np.float32)


def reshaped(tensors):
    tensors["features.0.weight"] = np.zeros((64, 3, 5, 5), np.float32)


def empty(tensors):
    tensors["features.0.weight"] = np.zeros((64, 0, 3, 3), np.float32)


def scalar(tensors):
    tensors["features.0.weight"] = np.zeros((), np.float32)


def retyped(tensors):
    tensors["features.0.bias"] = tensors["features.0.bias"].astype(np.float16)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (missing, r"tensor 'features\.4\.squeeze\.bias' is missing \(conv2_fire2_squeeze_conv/bias \(16,\) needs it"),
        (extra, r"tensor 'features\.13\.weight' \(2, 3\) belongs to no layer of squeezenet1_1"),
        (
            reshaped,
            r"tensor 'features\.0\.weight': expected shape \(3, 3, 3, 64\) for conv1_conv/kernel\. "
            r"Received: \(5, 5, 3, 64\) in Keras' order of axes, \(64, 3, 5, 5\) in the file\.",
        ),
        (empty, r"tensor 'features\.0\.weight': expected shape \(3, 3, 3, 64\)"),
        (scalar, r"tensor 'features\.0\.weight': expected shape \(3, 3, 3, 64\)"),
        (retyped, r"tensor 'features\.0\.bias': expected float32\. Received: float16\."),
    ],
)
def test_a_file_that_does_not_fit_changes_nothing_and_names_the_tensor(tensors, tmp_path, change, message):
    changed = dict(tensors)
    change(changed)
    network = small()
    before = network.get_weights()
    with pytest.raises(KerasclfError, match=message):
        load_torch_weights(network, write(changed, tmp_path / "weights.safetensors"))
    for weight, old in zip(network.get_weights(), before, strict=True):
        np.testing.assert_array_equal(weight, old)


def test_another_network_is_no_network_of_torchvision(tensors, tmp_path):
    with pytest.raises(
        KerasclfError, match=r"Expected a network that torchvision or timm has too: .* Received: basenet\."
    ):
        load_torch_weights(build("basenet", (32, 32, 3), 4), write(tensors, tmp_path / "weights.safetensors"))


def test_a_backbone_takes_the_layers_below_its_new_head(tensors, tmp_path):
    path = write(tensors, tmp_path / "weights.safetensors")
    network = build("squeezenet1_1", (64, 64, 3), 5, {"head": "32-16"}, weights=str(path))
    np.testing.assert_array_equal(network.get_layer("conv1_conv").get_weights()[1], tensors["features.0.bias"])
    assert [layer.units for layer in network.layers if isinstance(layer, keras.layers.Dense)] == [32, 16, 5]


def test_its_own_top_comes_with_the_classes_it_was_learnt_for(tensors, tmp_path):
    path = write(tensors, tmp_path / "weights.safetensors")
    network = build("squeezenet1_1", (64, 64, 3), 1000, weights=str(path))
    np.testing.assert_array_equal(network.get_layer("logits").get_weights()[1], tensors["classifier.1.bias"])
    with pytest.raises(KerasclfError, match=r"first layer that differs is logits: expected .*5"):
        build("squeezenet1_1", (64, 64, 3), 5, weights=str(path))


@pytest.mark.slow
def test_convnext_has_tensors_of_two_axes_and_of_one(tmp_path):
    """timm's layer scale is a vector and its 1×1 convolutions are matrices. torchvision's scale has three axes."""
    model = build("convnext_tiny", (32, 32, 3), 3, {"preprocess": None})
    ours = [layer.name for layer in model.layers]
    namings = family_of(ours).namings
    torchvision = golden.state_dict("convnext_tiny") | {
        "classifier.2.weight": np.ones((3, 768), np.float32), "classifier.2.bias": np.ones(3, np.float32),
    }  # fmt: skip
    give_torch_weights(model, torchvision, tmp_path)
    expected = model.get_weights()
    other = {}
    for layer, name in namings["torchvision"](ours).items():
        for end in ("", ".weight", ".bias"):
            if f"{name}{end}" in torchvision:
                tensor = torchvision[f"{name}{end}"]
                other[f"{namings['timm'](ours)[layer]}{end}"] = tensor.ravel() if end == "" else tensor
    assert len(other) == len(torchvision)
    assert other["stages.0.blocks.0.gamma"].shape == (96,)
    assert other["stages.1.downsample.1.weight"].shape == (192, 96, 2, 2)
    give_torch_weights(model, other, tmp_path)
    for weight, same in zip(model.get_weights(), expected, strict=True):
        np.testing.assert_array_equal(weight, same)


def test_a_dense_layer_on_flat_features_takes_them_in_the_other_order():
    """PyTorch flattens channels first, Keras last. timm stores such layers as convolutions."""
    image = np.random.default_rng(0).random((3, 4, 5))  # height, width, channels
    kernel = np.random.default_rng(1).random((2, 5, 3, 4))
    expected = (kernel * image.transpose(2, 0, 1)).sum((1, 2, 3))
    for form in (kernel, kernel.reshape(2, -1)):
        np.testing.assert_allclose(image.ravel() @ _dense(form, image.shape), expected)


@pytest.mark.parametrize("shape", [(10**12, 0), (0, 5), (100_001, 1)])
def test_a_file_may_not_announce_any_number_of_classes(shape):
    with pytest.raises(KerasclfError, match="Expected weights of 1 to 100,000 classes"):
        classes_of({"fc.weight": np.empty(shape, np.float32)})
