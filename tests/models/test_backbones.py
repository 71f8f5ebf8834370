"""Networks of keras.applications with their own preprocessing and a new head."""

import keras
import numpy as np
import pytest

from kerasclf.errors import KerasclfError
from kerasclf.models import BACKBONES, build
from kerasclf.models.backbones import _preprocess
from kerasclf.models.heads import FEATURES
from kerasclf.models.preprocessing import in_color
from kerasclf.training.devices import precision

PIXELS = np.random.default_rng(0).integers(0, 256, (2, 5, 4, 3)).astype(np.float32)
CHOSEN = ["mobilenet_v2", pytest.param("keras_resnet50", marks=pytest.mark.slow)]


def preprocessing(name, channels=3):
    image = keras.Input((5, 4, channels))
    return keras.Model(image, keras.layers.Identity()(_preprocess(in_color(image), BACKBONES[name])))


@pytest.mark.parametrize("name", BACKBONES)
def test_pixels_become_what_its_own_preprocess_input_makes_of_them(name):
    expected = np.asarray(BACKBONES[name].preprocess(PIXELS.copy()))
    np.testing.assert_allclose(preprocessing(name)(PIXELS), expected, rtol=1e-6, atol=2e-5)


def test_preprocessing_is_not_the_same_for_all():
    made = {np.asarray(preprocessing(name)(PIXELS)).round(2).tobytes() for name in BACKBONES}
    # Unchanged; scaled to -1…1; minus ImageNet's mean with red and blue swapped; by ImageNet's mean and deviation.
    assert len(made) == 4


@pytest.mark.parametrize("name", ["mobilenet_v2", "keras_resnet50", "densenet121"])
def test_grey_images_are_repeated(name):
    grey = PIXELS[..., :1]
    expected = BACKBONES[name].preprocess(np.repeat(grey, 3, axis=-1))
    np.testing.assert_allclose(preprocessing(name, channels=1)(grey), expected, rtol=1e-6, atol=2e-5)


def test_preprocessing_is_saved_with_the_model(tmp_path):
    model = preprocessing("keras_resnet50")
    model.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras", safe_mode=True)
    np.testing.assert_array_equal(loaded(PIXELS), model(PIXELS))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"input_shape": (32, 32, 4)}, r"channels: expected one of 1, 3\. Received: 4\."),
        ({"input_shape": (31, 32, 3)}, r"expected images of at least 32x32\. Received: 31x32\."),
        ({"num_classes": 1}, r"num_classes: expected at least 2\. Received: 1\."),
    ],
)
def test_sizes_it_cannot_take_are_refused_before_it_is_built(arguments, message):
    with pytest.raises(KerasclfError, match=f"(?s)^mobilenet_v2 cannot be built.*{message}"):
        build("mobilenet_v2", **{"input_shape": (32, 32, 3), "num_classes": 2, **arguments})


@pytest.mark.parametrize(("name", "least"), [("inception_v3", 75), ("xception", 71)])
def test_some_need_larger_images(name, least):
    with pytest.raises(KerasclfError, match=rf"at least {least}x{least}\. Received: 32x32"):
        build(name, (32, 32, 3), 2)


@pytest.fixture(scope="module", params=CHOSEN)
def built(request):
    with precision("mixed_bfloat16"):
        return build(request.param, (32, 32, 3), 5, {"head": (7, 6), "head_dropout": 0.2})


def test_its_head_has_the_given_layers(built):
    names = [layer.name for layer in built.layers]
    head = names[names.index(FEATURES) + 1 :]
    assert head == [
        "head1_dropout", "head1_dense", "head1_activation", "head2_dropout", "head2_dense", "head2_activation",
        "logits_dropout", "logits", "predictions",
    ]  # fmt: skip
    assert [built.get_layer(name).units for name in ("head1_dense", "head2_dense", "logits")] == [7, 6, 5]
    assert {built.get_layer(name).rate for name in head if name.endswith("dropout")} == {0.2}
    assert not built.compiled
    assert not any(isinstance(layer, keras.Model) for layer in built.layers)


def test_it_gives_float32_under_mixed_precision_and_the_same_once_saved(built, tmp_path):
    assert built.output_shape == (None, 5)
    assert (built.output.dtype, built.get_layer(FEATURES).compute_dtype) == ("float32", "float32")
    assert next(layer for layer in built.layers if layer.weights).compute_dtype == "bfloat16"
    images = np.random.default_rng(1).integers(0, 256, (2, 32, 32, 3)).astype(np.float32)
    probabilities = np.asarray(built(images))
    np.testing.assert_allclose(probabilities.sum(1), 1, atol=1e-5)
    built.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras", safe_mode=True)
    np.testing.assert_array_equal(loaded(images), probabilities)
