"""A user's own networks: imported by name, called with sizes, and checked against the contract."""

import sys

import keras
import numpy as np
import pytest
from keras import layers

from kerasclf.errors import KerasclfError
from kerasclf.models import build, default_sizes, description
from kerasclf.models.contract import accepted
from kerasclf.models.heads import FEATURES
from kerasclf.networks.network_source import source_digest
from kerasclf.training.devices import precision
from kerasclf.transfer.cuts import Cuts
from tests.own_networks import MY_NET

SHAPE = (8, 8, 1)


@pytest.fixture
def my_net(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "my_net.py").write_text(MY_NET)
    yield tmp_path / "my_net.py"
    sys.modules.pop("my_net", None)


def names(model):
    return [layer.name for layer in model.layers]


def softmax(x, **settings):
    return layers.Dense(3, activation="softmax", **{"dtype": "float32", **settings})(layers.Flatten()(x))


def test_a_function_of_a_file_in_the_current_folder_is_built(my_net):
    before = list(sys.path)
    model = build("my_net:build", SHAPE, 3, {"units": 5})
    assert (model.name, model.input_shape, model.output_shape) == ("my_net-build", (None, *SHAPE), (None, 3))
    assert model.layers[-2].units == 5
    assert sys.path == before
    assert description("my_net:build") == "Builds a convolution and a hidden layer."
    assert default_sizes("my_net:build") == ((32, 32, 3), 10)
    assert default_sizes("my_net:with_top") == ((16, 16, 1), 3)


def test_the_version_that_runs_is_the_one_that_was_hashed(my_net):
    source = source_digest("my_net:build")
    assert build("my_net:build", SHAPE, 3, source=source).layers[-2].units == 8
    my_net.write_text(MY_NET.replace("units=8", "units=9"))  # same size, perhaps in the same second
    with pytest.raises(KerasclfError, match=rf"^{my_net} has changed since the experiment was made"):
        build("my_net:build", SHAPE, 3, source=source)
    assert build("my_net:build", SHAPE, 3).layers[-2].units == 9


def test_a_head_replaces_what_is_above_the_last_feature_map(my_net):
    model = build("my_net:build", SHAPE, 3, {"head": (7,)})
    assert [type(layer).__name__ for layer in model.layers[:2]] == ["InputLayer", "Conv2D"]
    assert names(model)[2:] == [FEATURES, "head1_dense", "head1_activation", "logits", "predictions"]
    assert names(build("my_net:with_top", SHAPE, 3, {"head": ()}))[-3:] == [FEATURES, "logits", "predictions"]


@pytest.mark.parametrize(
    ("model", "arguments", "message"),
    [
        ("my_net:bild", {}, r"Received: 'bild', which is missing\. Did you mean 'build'\?"),
        ("my_net:Path.name", {}, r"which is no function"),
        ("my_net:build", {"unit": 5}, r"Unknown argument of my_net:build 'unit'\. Did you mean 'units'\?"),
        ("my_net:build", {"units": 0}, r"my_net:build failed with input_shape=.*units=0: ValueError: .*py, line 19\)"),
        ("my_net:thirds", {}, r"ZeroDivisionError: division by zero \(.*my_net\.py, line 37\)"),
        (
            "my_net:sizeless",
            {},
            r"expected a function of input_shape and num_classes\. Received: .*, which takes size\.",
        ),
    ],
)
def test_a_function_that_cannot_be_used_is_named(my_net, model, arguments, message):
    with pytest.raises(KerasclfError, match=message):
        build(model, SHAPE, 3, arguments)


def test_a_file_that_cannot_be_imported_is_named_with_the_line(my_net):
    my_net.write_text("import keras\n\nimport nothing_of_this_name\n")
    with pytest.raises(KerasclfError, match=r"my_net\.py cannot be imported\. ModuleNotFoundError: .*py, line 3\)"):
        build("my_net:build", SHAPE, 3)
    my_net.write_text("def build(:\n")
    with pytest.raises(KerasclfError, match=r"my_net\.py cannot be imported\. SyntaxError: .*line 1"):
        build("my_net:build", SHAPE, 3)


def violation(network, shape=SHAPE, classes=3):
    with pytest.raises(KerasclfError) as caught:
        accepted(network, "my_net:build", shape, classes)
    return str(caught.value)


class Subclassed(keras.Model):
    pass


def test_another_object_than_a_functional_model_is_refused():
    for other, kind in ((None, "NoneType"), (Subclassed(), "Subclassed"), (keras.Sequential(), "Sequential")):
        assert violation(other) == (
            "my_net:build: expected a functional keras.Model, made from its inputs and outputs, or a keras.Sequential "
            f"that begins with keras.Input. Received: {kind}."
        )


def test_all_violations_are_listed():
    image = keras.Input(batch_shape=(4, *SHAPE))
    network = keras.Model(image, layers.Dense(2)(layers.Lambda(lambda x: x[:, 0, 0])(image)))
    network.compile("sgd", "mse")
    assert violation(network).splitlines() == [
        "my_net:build cannot be used:",
        "  - Expected an uncompiled network: kerasclf compiles it as the TrainConfig says.",
        "  - Expected one input of shape (None, 8, 8, 1). Received: (4, 8, 8, 1).",
        "  - Expected one output of shape (None, 3), a probability for each class. Received: (4, 2).",
        "  - Expected no Lambda layer, which a saved model cannot load in safe mode. Received: 'lambda'. Use the "
        "functions of keras.ops instead.",
    ]


def test_two_inputs_and_two_outputs_are_refused():
    one, two = keras.Input(SHAPE), keras.Input(SHAPE)
    found = violation(keras.Model([one, two], [softmax(one), softmax(two)]))
    assert "Received: (None, 8, 8, 1), (None, 8, 8, 1)." in found
    assert "Received: (None, 3), (None, 3)." in found


def test_logits_are_refused():
    image = keras.Input(SHAPE)
    found = violation(keras.Model(image, layers.Dense(3)(layers.Flatten()(image))))
    assert "Expected probabilities that add up to 1 for each image, such as those of a last layer with" in found


def test_an_output_in_half_precision_is_refused():
    image = keras.Input(SHAPE)
    with precision("mixed_bfloat16"):
        found = violation(keras.Model(image, softmax(image, dtype=None)))
    assert "Received: bfloat16. Give the last layer dtype='float32'." in found


def test_a_normalization_without_statistics_is_refused():
    image = keras.Input(SHAPE)
    unknown, known = layers.Normalization(), layers.Normalization(mean=3.0, variance=2.0)
    assert "a Normalization without mean and variance" in violation(keras.Model(image, softmax(unknown(image))))
    accepted(keras.Model(image, softmax(known(image))), "my_net:build", SHAPE, 3)


def test_a_layer_that_is_used_twice_is_refused():
    image, relu = keras.Input(SHAPE), layers.ReLU()
    x = layers.Conv2D(2, 3)(relu(image))
    assert "Expected each layer to be used once" in violation(keras.Model(image, softmax(relu(x))))


def nested():
    """A frozen network called in inference mode, the usual form of transfer learning in Keras."""
    inner = keras.Input(SHAPE)
    base = keras.Model(inner, layers.Dropout(0.5)(layers.BatchNormalization()(layers.Conv2D(2, 3)(inner))))
    base.trainable = False
    image = keras.Input(SHAPE)
    return keras.Model(image, softmax(layers.ReLU()(base(image / 255, training=False))))


def sequential():
    inner = keras.Sequential([keras.Input(SHAPE), layers.Conv2D(2, 3), layers.ReLU()])
    return keras.Sequential([keras.Input(SHAPE), inner, layers.Flatten(), layers.Dense(3, activation="softmax")])


@pytest.mark.parametrize("make", [nested, sequential])
def test_networks_in_a_network_become_its_own_layers(make):
    network, images = make(), np.random.default_rng(0).uniform(0, 255, (4, *SHAPE)).astype(np.float32)
    flat = accepted(network, "my_net:build", SHAPE, 3)
    assert not any(isinstance(layer, keras.Model) for layer in flat.layers)
    np.testing.assert_array_equal(flat(images), network(images))


def test_what_was_frozen_inside_stays_so():
    flat = accepted(nested(), "my_net:build", SHAPE, 3)
    Cuts(flat).freeze("all", False)
    assert [layer.name for layer in flat.layers if layer.trainable and layer.weights] == [flat.layers[-1].name]
