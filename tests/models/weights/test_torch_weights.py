"""Weights of torchvision's networks arrive whole, or not at all."""

import hashlib
import json
import re
import struct
import sys

import keras
import numpy as np
import pytest
from safetensors.numpy import save_file

from kerasclf.cli import main
from kerasclf.errors import KerasclfError
from kerasclf.models import build, find_pretrained, load_torch_weights, photograph_layers
from kerasclf.models.weights import published, torch_files
from kerasclf.models.weights.published import PublishedWeights
from kerasclf.models.weights.torch_names import family_of
from kerasclf.models.weights.torch_weights import _dense, give_torch_weights
from tests.models.weights import golden

GOLDEN = [
    "resnet18",
    pytest.param("resnet34", marks=pytest.mark.slow),
    "resnet50",
    "squeezenet1_1",
    "alexnet",
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


@pytest.fixture(scope="module")
def tensors():
    return golden.state_dict("squeezenet1_1")


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


def retyped(tensors):
    tensors["features.0.bias"] = tensors["features.0.bias"].astype(np.float16)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (missing, r"tensor 'features\.4\.squeeze\.bias' is missing \(conv2_fire2_squeeze_conv/bias \(16,\) needs it"),
        (extra, r"tensor 'features\.13\.weight' \(2, 3\) belongs to no layer of squeezenet1_1"),
        (
            reshaped,
            r"'features\.0\.weight' has shape \(64, 3, 5, 5\), in Keras' order of axes \(5, 5, 3, 64\); "
            r"conv1_conv/kernel expects \(3, 3, 3, 64\)",
        ),
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


@pytest.mark.parametrize("keep", [0.5, 0.9])
def test_a_truncated_file_names_the_tensor_that_is_cut_off(tensors, tmp_path, keep):
    path = write(tensors, tmp_path / "weights.safetensors")
    content = path.read_bytes()
    path.write_bytes(content[: int(len(content) * keep)])
    with pytest.raises(
        KerasclfError, match=r"cut off in tensor '[\w.]+', which ends at byte [\d,]+ of [\d,]+"
    ) as caught:
        load_torch_weights(small(), path)
    name = re.search(r"'([\w.]+)', which", str(caught.value))[1]
    length = struct.unpack("<Q", content[:8])[0]
    begin, end = json.loads(content[8 : 8 + length])[name]["data_offsets"]
    assert begin <= int(len(content) * keep) - 8 - length < end


def test_a_file_cut_off_in_its_header_says_so(tensors, tmp_path):
    path = write(tensors, tmp_path / "weights.safetensors")
    path.write_bytes(path.read_bytes()[:100])
    with pytest.raises(KerasclfError, match="cut off in its header, before the first tensor"):
        load_torch_weights(small(), path)


@pytest.mark.parametrize(
    ("name", "message"), [("none.safetensors", "does not exist"), ("weights.bin", r"expected a file \.safetensors")]
)
def test_files_it_cannot_read_are_named(tmp_path, name, message):
    (tmp_path / "weights.bin").write_bytes(b"x")
    with pytest.raises(KerasclfError, match=message):
        load_torch_weights(small(), tmp_path / name)


def test_another_network_is_no_network_of_torchvision(tensors, tmp_path):
    with pytest.raises(KerasclfError, match="basenet is no network that torchvision or timm have too"):
        load_torch_weights(build("basenet", (32, 32, 3), 4), write(tensors, tmp_path / "weights.safetensors"))


def test_without_pytorch_a_pth_says_what_to_do(tmp_path, monkeypatch):
    (tmp_path / "resnet18.pth").write_bytes(b"x")
    monkeypatch.setitem(sys.modules, "torch", None)
    with pytest.raises(KerasclfError, match="only PyTorch reads: pip install torch"):
        torch_files.read_torch_file(tmp_path / "resnet18.pth")


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


def test_torchvision_and_timm_name_the_same_layers_otherwise():
    layers = [
        "conv1_1_conv",
        "conv1_1_relu",
        "conv1_pool",
        "conv2_1_conv",
        "pool",
        "dense1_dense",
        "dense2_dense",
        "logits",
    ]
    namings = family_of(layers).namings
    assert namings["torchvision"](layers) == {
        "conv1_1_conv": "features.0", "conv1_1_relu": "features.1", "conv1_pool": "features.2",
        "conv2_1_conv": "features.3",
        "dense1_dense": "classifier.0", "dense2_dense": "classifier.3", "logits": "classifier.6",
    }  # fmt: skip
    timm = namings["timm"](layers)
    assert [timm[name] for name in layers[-3:]] == ["pre_logits.fc1", "pre_logits.fc2", "head.fc"]


def test_a_dense_layer_on_flat_features_takes_them_in_the_other_order():
    """torch flattens channels first, Keras last; timm keeps such layers as convolutions."""
    image = np.random.default_rng(0).random((3, 4, 5))  # height, width, channels
    kernel = np.random.default_rng(1).random((2, 5, 3, 4))
    expected = (kernel * image.transpose(2, 0, 1)).sum((1, 2, 3))
    for form in (kernel, kernel.reshape(2, -1)):
        np.testing.assert_allclose(image.ravel() @ _dense(form, image.shape), expected)


class TestPublished:
    """ImageNet weights are fetched once, by their hash, and kept in a form that needs no PyTorch."""

    @pytest.fixture
    def home(self, tmp_path, monkeypatch, tensors):
        content = b"as if from torch"
        digits = hashlib.sha256(content).hexdigest()[:8]
        monkeypatch.setenv("KERAS_HOME", str(tmp_path))
        monkeypatch.setitem(published.PUBLISHED, "squeezenet1_1", PublishedWeights(f"squeezenet-{digits}.pth"))
        monkeypatch.setattr(published, "find_spec", lambda name: name)
        monkeypatch.setattr(published, "read_torch_file", lambda path: tensors)
        return tmp_path / "models"

    def serve(self, monkeypatch, home, *contents):
        """Answers each download with the next content."""
        coming, asked = list(contents), []

        def get_file(name, origin, cache_subdir):
            asked.append(origin)
            (home / name).parent.mkdir(exist_ok=True)
            (home / name).write_bytes(coming.pop(0))
            return str(home / name)

        monkeypatch.setattr(keras.utils, "get_file", get_file)
        return asked

    def test_they_are_fetched_once_and_kept_as_safetensors(self, monkeypatch, home, tensors):
        asked = self.serve(monkeypatch, home, b"as if from torch")
        found = [find_pretrained("squeezenet1_1", "imagenet") for _ in range(2)]
        assert len(asked) == 1
        assert asked[0].startswith("https://download.pytorch.org/models/squeezenet-")
        assert [path.suffix for path in home.iterdir()] == [".safetensors"]
        for one in found:
            np.testing.assert_array_equal(one["conv1_conv"][1], tensors["features.0.bias"])

    def test_half_a_download_is_fetched_anew(self, monkeypatch, home):
        asked = self.serve(monkeypatch, home, b"as if", b"as if from torch")
        find_pretrained("squeezenet1_1", "imagenet")
        assert len(asked) == 2

    def test_another_content_is_refused_and_not_kept(self, monkeypatch, home):
        self.serve(monkeypatch, home, b"other", b"other")
        with pytest.raises(KerasclfError, match=r"another content, twice: expected a SHA-256 that begins with"):
            find_pretrained("squeezenet1_1", "imagenet")
        assert not list(home.iterdir())

    def test_without_a_network_it_says_what_to_do(self, monkeypatch, home):
        def get_file(name, origin, cache_subdir):
            raise Exception(f"URL fetch failure on {origin}")

        monkeypatch.setattr(keras.utils, "get_file", get_file)
        with pytest.raises(KerasclfError, match=r"could not be downloaded .* kerasclf weights convert"):
            find_pretrained("squeezenet1_1", "imagenet")

    def test_without_pytorch_nothing_is_downloaded(self, monkeypatch, home):
        asked = self.serve(monkeypatch, home)
        monkeypatch.setattr(published, "find_spec", lambda name: None)
        with pytest.raises(KerasclfError, match=r"which only PyTorch reads\. Install it once \(pip install torch\)"):
            find_pretrained("squeezenet1_1", "imagenet")
        assert not asked


def test_a_photograph_is_cut_as_for_the_published_accuracy():
    image = np.zeros((1, 300, 400, 3), np.float32)
    image[:, :, 50:350] = 255  # the largest square in the middle
    cut = np.asarray(photograph_layers("resnet18")(image))
    assert cut.shape == (1, 224, 224, 3)
    np.testing.assert_allclose(cut, 255, rtol=1e-6)


class TestConvert:
    def test_every_form_it_writes_gives_the_same_network(self, tensors, tmp_path, capsys):
        source = write(tensors, tmp_path / "source.safetensors")
        for name in ("out.keras", "out.safetensors"):
            main(["weights", "convert", str(source), "squeezenet1_1", "-o", str(tmp_path / name)])
            assert "1,235,496 parameters, every tensor in its place" in capsys.readouterr().out
            found = find_pretrained("squeezenet1_1", str(tmp_path / name))
            np.testing.assert_array_equal(found["conv1_conv"][1], tensors["features.0.bias"])
        assert sorted(path.name for path in tmp_path.iterdir()) == [
            "out.keras",
            "out.safetensors",
            "source.safetensors",
        ]

    @pytest.mark.parametrize(
        ("model", "out", "message"),
        [
            ("squeezenet", "out.keras", "Unknown model 'squeezenet'. Did you mean 'squeezenet1_1'?"),
            ("squeezenet1_1", "out.bin", "-o: expected a file .keras, .weights.h5, .safetensors."),
            ("squeezenet1_1", "source.safetensors", "exists already; nothing is overwritten"),
        ],
    )
    def test_what_it_cannot_do_it_says_first(self, tensors, tmp_path, capsys, model, out, message):
        source = write(tensors, tmp_path / "source.safetensors")
        with pytest.raises(SystemExit, match="2"):
            main(["weights", "convert", str(source), model, "-o", str(tmp_path / out)])
        assert message in capsys.readouterr().err
