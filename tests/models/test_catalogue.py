"""One contract over the whole catalogue, and the published shapes."""

import math

import keras
import numpy as np
import pytest

from kerasclf.errors import KerasclfError
from kerasclf.models import (
    BACKBONES,
    CATALOGUE,
    basenet,
    basenet_deeper,
    build,
    course_cnn,
    default_conv,
    explain,
    least_input_size,
    mlp,
    nin,
    perceptron,
)
from kerasclf.models.heads import FEATURES
from kerasclf.training.devices import make_strategy, precision
from kerasclf.training.faster import faster_layers

# How each network is tested: its arguments, a shape, classes. Wide tops say nothing that a head on the same features
# does not, and cost minutes; those of keras.applications are tested in tests/models/test_backbones.py.
SMALL, HEAD = (32, 32, 3), {"head": (8,)}
QUICK = [
    ("perceptron", {}, SMALL, 2),
    ("mlp", {"hidden": "alternating", "dropout": 0.2}, SMALL, 5),
    ("basenet", {}, SMALL, 5),
    ("basenet_deeper", {}, SMALL, 5),
    ("basenet_deeper", {"batch_norm": "before"}, SMALL, 5),
    ("basenet_deeper", {"batch_norm": "after"}, SMALL, 5),
    ("default_conv", {}, SMALL, 5),
    ("simple_cnn", {"hidden": "quartering"}, SMALL, 5),
    ("course_cnn", {}, SMALL, 5),
    ("squeezenet1_1", {}, SMALL, 5),
    ("resnet_to_convnext", {"step": 7, "depths": (1, 1, 1, 1)}, SMALL, 5),
]
SLOW = [
    ("resnet18", {"stem": "3x3"}, SMALL, 5),
    ("resnet_to_convnext", {"step": 5, "depths": (1, 1, 1, 1)}, SMALL, 5),
    ("nin", {}, SMALL, 5),
    ("alexnet", HEAD, (64, 64, 3), 5),
    ("resnet18", {}, SMALL, 5),
    *(("resnet_to_convnext", {"step": step}, SMALL, 5) for step in range(1, 8)),
    *((name, HEAD, SMALL, 5) for name in CATALOGUE if name.startswith(("vgg", "convnext"))),
    *((name, HEAD, SMALL, 5) for name in ("resnet34", "resnet50", "resnet101", "resnet152")),
]
VARIANTS = [*QUICK, *(pytest.param(*variant, marks=pytest.mark.slow) for variant in SLOW)]


def test_every_network_has_its_turn():
    assert {name for name, *_ in [*QUICK, *SLOW]} == set(CATALOGUE) - set(BACKBONES)


@pytest.mark.parametrize(("name", "arguments", "shape", "classes"), VARIANTS)
class TestContract:
    def test_it_is_an_uncompiled_flat_functional_model(self, name, arguments, shape, classes):
        model = build(name, shape, classes, arguments)
        assert not model.compiled
        assert model.input_shape == (None, *shape)
        assert model.output_shape == (None, classes)
        assert model.output.dtype == "float32"
        assert not any(isinstance(layer, keras.Model) for layer in model.layers)

    def test_it_takes_odd_sizes_one_image_and_grey_and_gives_probabilities(self, name, arguments, shape, classes):
        model = build(name, (shape[0] + 1, shape[1] + 15, 1), classes, arguments)
        images = np.random.default_rng(0).normal(size=(1, *model.input_shape[1:])).astype(np.float32)
        np.testing.assert_allclose(np.asarray(model(images)).sum(), 1, atol=1e-5)

    def test_logits_on_request(self, name, arguments, shape, classes):
        model = build(name, shape, classes, {**arguments, "classifier_activation": None})
        values = np.asarray(model(np.random.default_rng(0).normal(size=(4, *shape)).astype(np.float32) * 100))
        assert name == "perceptron" or (abs(values.sum(1) - 1) > 1e-3).any()

    def test_its_features_take_a_head(self, name, arguments, shape, classes):
        below = build(name, shape, classes, {"include_top": False})
        model = build(name, shape, classes, {"head": "7-6", "head_batch_norm": True, "head_dropout": 0.2})
        names = [layer.name for layer in model.layers]
        assert names[: len(below.layers)] == [layer.name for layer in below.layers]
        assert names[len(below.layers)] == FEATURES
        assert [layer.units for layer in model.layers[-12:] if isinstance(layer, keras.layers.Dense)] == [7, 6, classes]

    def test_its_least_size_is_true(self, name, arguments, shape, classes):
        least = least_input_size(name)
        model = build(name, (least, least, 3), 2, arguments)
        assert min(model_sizes(model), default=1) == 1
        if least > 1:
            with pytest.raises(KerasclfError, match=rf"at least {least}x{least}\. Received: {least - 1}x{least - 1}"):
                build(name, (least - 1, least - 1, 3), 2, arguments)

    def test_the_same_seed_gives_the_same_weights(self, name, arguments, shape, classes):
        def weights():
            keras.utils.set_random_seed(7)
            return build(name, shape, classes, arguments).get_weights()

        for one, other in zip(weights(), weights(), strict=True):
            np.testing.assert_array_equal(one, other)

    def test_saving_and_loading_keeps_the_function(self, name, arguments, shape, classes, tmp_path):
        model = build(name, shape, classes, arguments)
        images = np.random.default_rng(0).normal(size=(2, *shape)).astype(np.float32)
        model.save(tmp_path / "model.keras")
        loaded = keras.models.load_model(tmp_path / "model.keras", safe_mode=True)
        np.testing.assert_array_equal(loaded(images), model(images))

    @pytest.mark.parametrize(
        "policy",
        ["float32", *(pytest.param(mixed, marks=pytest.mark.slow) for mixed in ("mixed_bfloat16", "mixed_float16"))],
    )
    def test_a_step_reaches_every_weight_under_every_precision(self, name, arguments, shape, classes, policy):
        with precision(policy):
            model = build(name, shape, classes, arguments)
            model.compile("adam", "sparse_categorical_crossentropy", jit_compile=False)
        before = [np.array(weight) for weight in model.trainable_weights]
        images, labels = batch(shape, classes)
        inner = getattr(model.optimizer, "inner_optimizer", model.optimizer)
        with faster_layers(model):  # as every training of the toolkit
            # In float16 the first steps are for finding a scale of the loss at which no gradient overflows.
            for _ in range(16):
                model.train_on_batch(images, labels)
                if int(inner.iterations) == 2:
                    break
        assert int(inner.iterations) == 2
        for weight, old in zip(model.trainable_weights, before, strict=True):
            assert (np.array(weight) != old).any(), weight.path

    @pytest.mark.slow
    def test_it_trains_on_several_devices(self, name, arguments, shape, classes):
        strategy = make_strategy("mirrored")
        with strategy.scope():
            model = build(name, shape, classes, arguments)
            model.compile("sgd", "sparse_categorical_crossentropy", jit_compile=False)
        images, labels = batch(shape, classes)
        with faster_layers(model):
            history = model.fit(images, labels, batch_size=16, epochs=1, verbose=0)
        assert strategy.num_replicas_in_sync == 2
        assert np.isfinite(history.history["loss"]).all()

    def test_every_layer_has_a_name_of_its_own(self, name, arguments, shape, classes):
        names = [layer.name for layer in build(name, shape, classes, arguments).layers]
        assert names == [layer.name for layer in build(name, shape, classes, arguments).layers]


def batch(shape, classes):
    images = np.random.default_rng(0).normal(size=(16, *shape)).astype(np.float32)
    return images, np.arange(16) % classes


def model_sizes(model):
    return [side for layer in model.layers if len(layer.output.shape) == 4 for side in layer.output.shape[1:3]]


TRAINABLE = {
    "alexnet": 61_100_840,
    "resnet18": 11_689_512,
    "resnet34": 21_797_672,
    "resnet50": 25_557_032,
    "resnet101": 44_549_160,
    "resnet152": 60_192_808,
    "squeezenet1_1": 1_235_496,
    "vgg16": 138_357_544,
    "vgg16_bn": 138_365_992,
}


@pytest.mark.parametrize(("name", "count"), TRAINABLE.items())
def test_as_many_weights_train_as_in_torchvision(name, count):
    # Nothing is allocated: only the shapes are asked for.
    with keras.StatelessScope():
        assert sum(math.prod(weight.shape) for weight in CATALOGUE[name]().trainable_weights) == count


def test_parameter_counts_are_the_published_ones():
    assert basenet().count_params() == 24_197
    assert basenet_deeper().count_params() == 112_793
    assert default_conv().count_params() == 62_006
    assert nin().count_params() == 966_986
    assert course_cnn().count_params() == 416 + 12_832 + 32 * 7 * 7 * 10 + 10


@pytest.mark.parametrize(
    ("rule", "widths"),
    [
        ("halving", (1536, 768, 384, 192, 96, 48, 24, 12)),
        ("quartering", (768, 192, 48, 12)),
        ("alternating", (768, 384, 96, 48, 12)),
    ],
)
def test_dense_layers_narrow_by_rule(rule, widths):
    model = mlp((32, 32, 3), 10, hidden=rule)
    assert tuple(layer.units for layer in model.layers if isinstance(layer, keras.layers.Dense)) == (*widths, 10)


def test_a_perceptron_begins_undecided_and_is_a_sigmoid():
    model = perceptron()
    np.testing.assert_array_equal(model(np.ones((1, 2))), [[0.5, 0.5]])
    model.get_layer("unit").set_weights([np.array([[1.0], [2.0]]), np.array([-1.0])])
    np.testing.assert_allclose(model(np.array([[0.5, 0.75]]))[0, 1], 1 / (1 + np.exp(-1.0)), rtol=1e-6)


@pytest.mark.parametrize(
    ("name", "arguments", "message"),
    [
        ("perceptron", {"num_classes": 3}, r"expected 2, which one line divides\. Received: 3"),
        ("mlp", {"hidden": "halfing"}, r"hidden: expected widths or one of 'halving', .* Received: 'halfing'"),
        ("mlp", {"hidden": (10, 0)}, r"hidden: expected widths of at least 1\. Received: \(10, 0\)"),
        (
            "mlp",
            {"activation": "rellu"},
            r"activation: expected the name of an activation of Keras\. Received: 'rellu'",
        ),
        ("simple_cnn", {"dropout": 1.0}, r"dropout: expected a share from 0 to below 1\. Received: 1\.0"),
        ("resnet18", {"stem": "5x5"}, r"stem: expected one of '7x7', '3x3'\. Received: '5x5'"),
        ("resnet18", {"input_shape": (32, 32, 4)}, r"channels: expected one of 1, 3\. Received: 4"),
        ("vgg16", {"preprocess": "keras"}, r"preprocess: expected one of 'imagenet', None\. Received: 'keras'"),
        ("basenet", {"head": "12-x"}, r"head: expected widths .*Received: '12-x'"),
        ("basenet", {"pooling": "mean"}, r"pooling: expected one of 'avg', 'max', 'flatten'\. Received: 'mean'"),
        ("basenet", {"head_dropout": 1}, r"head_dropout: expected a share"),
        ("basenet", {"head_activation": "x"}, r"head_activation: expected the name of an activation"),
    ],
)
def test_what_a_network_cannot_be_built_with_is_named(name, arguments, message):
    given = {"input_shape": (32, 32, 3), "num_classes": 5, **arguments}
    with pytest.raises(KerasclfError, match=message):
        build(name, given.pop("input_shape"), given.pop("num_classes"), given)


def test_pixels_become_what_networks_were_trained_on():
    below = keras.Model(
        *(lambda model: (model.input, model.get_layer("preprocess").output))(build("resnet18", (8, 8, 3), 2))
    )
    pixels = np.full((1, 8, 8, 3), 255.0)
    np.testing.assert_allclose(
        below(pixels)[0, 0, 0], [(1 - 0.485) / 0.229, (1 - 0.456) / 0.224, (1 - 0.406) / 0.225], rtol=1e-5
    )
    names = [layer.name for layer in build("resnet18", (8, 8, 4), 2, {"preprocess": None}).layers]
    assert "preprocess" not in names


def test_batch_norm_goes_with_every_hidden_layer():
    before, after = (
        [type(layer).__name__ for layer in basenet_deeper(batch_norm=place).layers] for place in ("before", "after")
    )
    for kinds, step in ((before, -1), (after, 1)):
        relus = [i for i, kind in enumerate(kinds) if kind == "ReLU"]
        assert len(relus) == 7
        assert all(kinds[i + step] == "BatchNormalization" for i in relus)


def test_unknown_names_suggest_known_ones():
    with pytest.raises(KerasclfError, match=r"Unknown model 'basent'\. Did you mean 'basenet'\?"):
        build("basent", (32, 32, 3), 2)
    with pytest.raises(KerasclfError, match=r"argument of basenet_deeper 'batchnorm'\. Did you mean 'batch_norm'\?"):
        build("basenet_deeper", (32, 32, 3), 2, {"batchnorm": "before"})
    with pytest.raises(KerasclfError, match="batch_norm: expected one of None, 'before', 'after'"):
        build("basenet_deeper", (32, 32, 3), 2, {"batch_norm": "between"})


def test_all_bad_sizes_are_named_together():
    with pytest.raises(KerasclfError, match=r"(?s)at least 16x16.*num_classes: expected at least 2"):
        basenet((8, 8, 3), 1)


def test_explain_shows_the_arithmetic():
    rows = {row.name: row for row in explain(basenet())}
    assert rows["conv1_conv"].output_shape == (28, 28, 6)
    assert rows["conv1_conv"].arithmetic == "(32 − 5 + 2·0)/1 + 1 = 28"
    assert rows["pool2"].arithmetic == "(10 − 2 + 2·0)/2 + 1 = 5"
    assert sum(row.parameters for row in rows.values()) == 24_197


def test_explain_rounds_down_where_a_window_does_not_fit():
    rows = {row.name: row for row in explain(basenet((33, 33, 3)))}
    assert rows["pool1"].arithmetic == "⌊(29 − 2 + 2·0)/2⌋ + 1 = 14"
