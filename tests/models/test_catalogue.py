"""One contract for the whole catalogue, and the published numbers of parameters."""

import functools
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
    least_input_size,
    nin,
)
from kerasclf.models.heads import FEATURES
from kerasclf.training.devices import make_strategy, precision
from kerasclf.training.faster import faster_layers

# Arguments, input shape and number of classes of each tested network. A small head replaces wide tops, which cost
# minutes. tests/models/test_backbones.py tests the networks of keras.applications.
SMALL, HEAD = (32, 32, 3), {"head": (8,)}
QUICK = [
    ("perceptron", {}, SMALL, 2),
    ("mlp", {"hidden": "alternating", "dropout": 0.2}, SMALL, 5),
    ("basenet", {}, SMALL, 5),
    ("basenet_deeper", {}, SMALL, 5),
    ("basenet_deeper", {"batch_norm": "before"}, SMALL, 5),
    ("default_conv", {}, SMALL, 5),
    ("simple_cnn", {"hidden": "quartering"}, SMALL, 5),
    ("course_cnn", {}, SMALL, 5),
]
# Fast tests: of resnet_to_convnext in families/test_convnext_ladder.py, of squeezenet1_1 in weights/.
SLOW = [
    ("squeezenet1_1", {}, SMALL, 5),
    ("basenet_deeper", {"batch_norm": "after"}, SMALL, 5),
    ("resnet_to_convnext", {"step": 7, "depths": (1, 1, 1, 1)}, SMALL, 5),
    ("resnet18", {"stem": "3x3"}, SMALL, 5),
    ("resnet_to_convnext", {"step": 5, "depths": (1, 1, 1, 1)}, SMALL, 5),
    ("nin", {}, SMALL, 5),
    ("alexnet", HEAD, (64, 64, 3), 5),
    ("resnet18", {}, SMALL, 5),
    *(("resnet_to_convnext", {"step": step}, SMALL, 5) for step in range(1, 8)),
    *((name, HEAD, SMALL, 5) for name in CATALOGUE if name.startswith(("vgg", "convnext"))),
    *((name, HEAD, SMALL, 5) for name in CATALOGUE if name.startswith("efficientnet_lite")),
    *((name, HEAD, SMALL, 5) for name in ("resnet34", "resnet50", "resnet101", "resnet152")),
]
VARIANTS = [*QUICK, *(pytest.param(*variant, marks=pytest.mark.slow) for variant in SLOW)]


@pytest.fixture(scope="module")
def built():
    """Returns networks that tests share. A test may change their weights, and nothing else."""
    kept = functools.lru_cache(len(QUICK))(lambda name, shape, classes, pairs: build(name, shape, classes, dict(pairs)))
    return lambda name, shape, classes, arguments: kept(name, shape, classes, tuple(arguments.items()))


def test_every_network_has_its_turn():
    assert {name for name, *_ in [*QUICK, *SLOW]} == set(CATALOGUE) - set(BACKBONES)


@pytest.mark.parametrize(("name", "arguments", "shape", "classes"), VARIANTS)
class TestContract:
    def test_it_is_an_uncompiled_flat_functional_model(self, built, name, arguments, shape, classes):
        model = built(name, shape, classes, arguments)
        assert not model.compiled
        assert model.input_shape == (None, *shape)
        assert model.output_shape == (None, classes)
        assert model.output.dtype == "float32"
        assert not any(isinstance(layer, keras.Model) for layer in model.layers)

    def test_it_takes_odd_sizes_one_image_and_grey_and_gives_probabilities(self, name, arguments, shape, classes):
        model = build(name, (shape[0] + 1, shape[1] + 15, 1), classes, arguments)
        images = np.random.default_rng(0).normal(size=(1, *model.input_shape[1:])).astype(np.float32)
        np.testing.assert_allclose(np.asarray(model(images)).sum(), 1, atol=1e-5)

    def test_logits_on_request(self, built, name, arguments, shape, classes):
        model = built(name, shape, classes, arguments)
        raw = build(name, shape, classes, {**arguments, "classifier_activation": None})
        rng = np.random.default_rng(0)
        # Noise on the weights: a perceptron's are 0 at first, and its logits with them.
        raw.set_weights([weight + 0.01 * rng.normal(size=weight.shape) for weight in raw.get_weights()])
        model.set_weights(raw.get_weights())
        images = rng.normal(size=(4, *shape)).astype(np.float32)
        logits = np.asarray(raw(images), np.float64)
        assert (abs(logits.sum(1) - 1) > 1e-3).any()
        powers = np.exp(logits - logits.max(1, keepdims=True))
        np.testing.assert_allclose(model(images), powers / powers.sum(1, keepdims=True), atol=1e-5)

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

    def test_saving_and_loading_keeps_the_function(self, built, name, arguments, shape, classes, tmp_path):
        model = built(name, shape, classes, arguments)
        images = np.random.default_rng(0).normal(size=(2, *shape)).astype(np.float32)
        model.save(tmp_path / "model.keras")
        loaded = keras.models.load_model(tmp_path / "model.keras", safe_mode=True)
        np.testing.assert_array_equal(loaded(images), model(images))

    @pytest.mark.slow
    @pytest.mark.parametrize("policy", ["float32", "mixed_bfloat16", "mixed_float16"])
    def test_a_step_reaches_every_weight_under_every_precision(self, name, arguments, shape, classes, policy):
        with precision(policy):
            model = build(name, shape, classes, arguments)
            model.compile("adam", "sparse_categorical_crossentropy", jit_compile=False)
        before = [np.array(weight) for weight in model.trainable_weights]
        images, labels = batch(shape, classes)
        inner = getattr(model.optimizer, "inner_optimizer", model.optimizer)
        with faster_layers(model):  # as in every training of the toolkit
            # In float16 the first steps search for a scale of the loss at which no gradient overflows.
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


@pytest.mark.parametrize(
    ("name", "count"),
    [pytest.param(*pair, marks=[pytest.mark.slow] * (pair[1] > 30_000_000)) for pair in TRAINABLE.items()],
)
def test_as_many_weights_train_as_in_torchvision(name, count):
    # Only shapes are computed; no memory is allocated.
    with keras.StatelessScope():
        assert sum(math.prod(weight.shape) for weight in CATALOGUE[name]().trainable_weights) == count


def test_parameter_counts_are_the_published_ones():
    assert basenet().count_params() == 24_197
    assert basenet_deeper().count_params() == 112_793
    assert default_conv().count_params() == 62_006
    assert nin().count_params() == 966_986
    assert course_cnn().count_params() == 416 + 12_832 + 32 * 7 * 7 * 10 + 10
