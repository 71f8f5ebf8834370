"""One contract over the whole catalogue, and the published shapes."""

import keras
import numpy as np
import pytest

from kerasclf.errors import KerasclfError
from kerasclf.models import BACKBONES, CATALOGUE, basenet, basenet_deeper, build, explain, least_input_size
from kerasclf.training.devices import precision

# Those of keras.applications take color images alone and are large: tests/models/test_backbones.py.
# Too large for this at 32×32 and 64 images: tests/models/test_convnext.py and test_convnext_ladder.py.
APART = ("convnext_tiny", "convnext_small", "convnext_base", "convnext_large", "resnet_to_convnext")
VARIANTS = [(name, {}) for name in CATALOGUE if name not in BACKBONES and name not in APART] + [
    ("basenet_deeper", {"batch_norm": "before"}),
    ("basenet_deeper", {"batch_norm": "after"}),
]


@pytest.mark.parametrize(("name", "arguments"), VARIANTS)
class TestContract:
    def test_it_is_an_uncompiled_functional_model(self, name, arguments):
        model = build(name, (32, 32, 3), 25, arguments)
        assert isinstance(model, keras.Model)
        assert not model.compiled
        assert model.input_shape == (None, 32, 32, 3)
        assert model.output_shape == (None, 25)

    @pytest.mark.parametrize("shape", [(33, 47, 1), (64, 40, 4)])
    def test_it_takes_other_sizes_and_gives_probabilities(self, name, arguments, shape):
        model = build(name, shape, 3, arguments)
        probabilities = model.predict(np.random.default_rng(0).normal(size=(1, *shape)), verbose=0)
        np.testing.assert_allclose(probabilities.sum(), 1, atol=1e-5)

    def test_logits_on_request(self, name, arguments):
        model = build(name, (32, 32, 3), 3, {**arguments, "classifier_activation": None})
        values = model.predict(np.random.default_rng(0).normal(size=(4, 32, 32, 3)) * 10, verbose=0)
        assert (values < 0).any()

    def test_its_least_size_is_true(self, name, arguments):
        least = least_input_size(name)
        build(name, (least, least, 3), 2, arguments)
        with pytest.raises(KerasclfError, match=rf"at least {least}x{least}\. Received: {least - 1}x{least - 1}"):
            build(name, (least - 1, least - 1, 3), 2, arguments)
        assert min(model_sizes(build(name, (least, least, 3), 2, arguments))) == 1

    def test_the_same_seed_gives_the_same_weights(self, name, arguments):
        def weights():
            keras.utils.set_random_seed(7)
            return build(name, (32, 32, 3), 5, arguments).get_weights()

        for one, other in zip(weights(), weights(), strict=True):
            np.testing.assert_array_equal(one, other)

    def test_saving_and_loading_keeps_the_function(self, name, arguments, tmp_path):
        model = build(name, (32, 32, 3), 5, arguments)
        images = np.random.default_rng(0).normal(size=(2, 32, 32, 3)).astype(np.float32)
        model.save(tmp_path / "model.keras")
        loaded = keras.models.load_model(tmp_path / "model.keras", safe_mode=True)
        np.testing.assert_array_equal(loaded(images), model(images))

    @pytest.mark.parametrize("policy", ["float32", "mixed_bfloat16", "mixed_float16"])
    def test_a_step_reaches_every_weight_under_every_precision(self, name, arguments, policy):
        with precision(policy):
            model = build(name, (32, 32, 3), 4, arguments)
            model.compile("adam", "sparse_categorical_crossentropy")
        assert model.output.dtype == "float32"
        before = [np.array(weight) for weight in model.trainable_weights]
        rng = np.random.default_rng(0)
        images = rng.normal(size=(64, 32, 32, 3)).astype(np.float32)
        for _ in range(3):
            model.train_on_batch(images, np.arange(64) % 4)
        for weight, old in zip(model.trainable_weights, before, strict=True):
            assert (np.array(weight) != old).any(), weight.path

    def test_every_layer_has_a_name_of_its_own(self, name, arguments):
        names = [layer.name for layer in build(name, (32, 32, 3), 4, arguments).layers]
        assert names == [layer.name for layer in build(name, (32, 32, 3), 4, arguments).layers]


def model_sizes(model):
    return [side for layer in model.layers if len(layer.output.shape) == 4 for side in layer.output.shape[1:3]]


def test_parameter_counts_are_the_published_ones():
    assert basenet().count_params() == 24_197
    assert basenet_deeper().count_params() == 112_793


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
