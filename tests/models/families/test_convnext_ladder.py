"""The seven steps from ResNet to ConvNeXt: the study's counts, and the differences of the published form."""

import functools
import json

import keras
import numpy as np
import pytest
import tensorflow as tf

from kerasclf.errors import KerasclfError
from kerasclf.models.families.convnext_ladder import STEPS, resnet_to_convnext
from kerasclf.models.stages import stages_of
from kerasclf.training.devices import precision
from kerasclf.training.faster import faster_layers

PUBLISHED = {1: 1_485_258, 2: 1_678_666, 3: 1_677_130, 4: 878_362, 5: 11_837_194, 6: 11_256_970, 7: 8_531_978}
SHALLOW = (1, 1, 1, 1)


def slow(step):
    return pytest.param(step, marks=pytest.mark.slow)


@pytest.fixture(scope="module")
def shallow():
    """Returns the network of a step with one block per stage, which no test changes."""
    return functools.cache(lambda step: resnet_to_convnext(step=step, depths=SHALLOW))


def trainable(model):
    return sum(int(np.prod(weight.shape)) for weight in model.trainable_weights)


def names(model):
    return [layer.name for layer in model.layers]


# The blocks of 2 and 3 are those of 1.
@pytest.mark.parametrize("step", [slow(step) if step in (2, 3) else step for step in STEPS])
def test_the_published_parameters(step):
    model = resnet_to_convnext(step=step, published=True)
    assert trainable(model) == PUBLISHED[step]
    assert model.output_shape == (None, 10)


@pytest.mark.parametrize("step", STEPS)
def test_batch_norm_keeps_its_statistics_as_pytorchs(shallow, step):
    """With Keras' default of 0.99, a short training would be validated with outdated statistics."""
    norms = [one for one in shallow(step).layers if isinstance(one, keras.layers.BatchNormalization)]
    assert {norm.momentum for norm in norms} == {0.9}


@pytest.mark.slow
def test_in_its_sound_form_the_last_step_keeps_its_blocks():
    assert trainable(resnet_to_convnext()) == 12_449_738
    assert trainable(resnet_to_convnext(depths=(2, 2, 6, 2))) == PUBLISHED[7]
    assert trainable(resnet_to_convnext(step=6, depths=(2, 2, 6, 2))) < PUBLISHED[6]


@pytest.mark.parametrize("step", [1, 6])
def test_the_published_shortcut_has_a_relu(shallow, step):
    sound, published = shallow(step), resnet_to_convnext(step=step, depths=SHALLOW, published=True)
    assert set(names(published)) - set(names(sound)) == {f"conv{stage}_block1_0_relu" for stage in (3, 4, 5)}
    assert trainable(sound) == trainable(published)


@pytest.mark.parametrize(
    ("published", "expected"),
    [(False, [0, 0.1, 0.2, 0.3, 0.4]), (True, [0, 0.1, 0.2, 0.2, 0.3])],
)
def test_stochastic_depth_rises_by_block_or_as_published_by_stage(published, expected):
    model = resnet_to_convnext(depths=(1, 1, 2, 1), published=published, stochastic_depth=0.4)
    rates = [layer.rate for layer in model.layers if isinstance(layer, keras.layers.Dropout)]
    assert rates == pytest.approx(expected)


def test_a_block_is_left_out_for_an_image_or_for_a_batch():
    for drop_by, shape in (("image", (None, 1, 1, 1)), ("batch", (1, 1, 1, 1))):
        layer = resnet_to_convnext(depths=SHALLOW, drop_by=drop_by).get_layer("conv5_block1_drop")
        assert tuple(layer.noise_shape) == shape


@pytest.mark.parametrize(("step", "shape"), [(1, (8, 8, 3)), (5, (33, 47, 1)), (6, (33, 47, 1)), (7, (33, 47, 1))])
def test_it_takes_odd_sizes_and_grey_images(step, shape):
    model = resnet_to_convnext(shape, 3, step=step, depths=SHALLOW)
    probabilities = model(np.random.default_rng(0).normal(size=(1, *shape)).astype(np.float32))
    np.testing.assert_allclose(np.sum(probabilities), 1, atol=1e-5)
    last = model.get_layer("pool").input.shape
    rounded = (lambda side: side // 8) if step == 7 else (lambda side: -(-side // 8))
    assert last == (None, rounded(shape[0]), rounded(shape[1]), 512)


def test_without_top_it_ends_at_the_feature_map():
    assert resnet_to_convnext((24, 40, 3), step=3, depths=SHALLOW, include_top=False).output_shape == (None, 3, 5, 512)


# The blocks of 2 and 3 are those of 1; 7 has all that 5 and 6 change.
@pytest.mark.parametrize("step", [1, 4, slow(5), slow(6), 7])
def test_gradients_reach_every_weight(step):
    model = resnet_to_convnext((16, 16, 3), 4, None, step=step, depths=SHALLOW, stochastic_depth=0)
    rng = np.random.default_rng(0)
    images, labels = rng.normal(size=(8, 16, 16, 3)).astype(np.float32), np.arange(8) % 4
    with faster_layers(model), tf.GradientTape() as tape:
        loss = keras.losses.sparse_categorical_crossentropy(labels, model(images, training=True), from_logits=True)
    for weight, gradient in zip(model.trainable_weights, tape.gradient(loss, model.trainable_weights), strict=True):
        largest = np.abs(gradient).max()
        if _is_normalised_away(weight, step):
            assert largest < 1e-4, weight.path  # only rounding: batch norm subtracts whatever a bias adds
        else:
            # Within a branch of ConvNeXt all gradients carry its layer scale of 1e-6.
            assert largest > (1e-9 if step == 7 else 1e-5), weight.path


def _is_normalised_away(weight, step):
    return weight.path in ("conv1_conv/bias", *(f"conv{s}_block1_2_conv/bias" for s in (2, 3, 4, 5) if step == 6))


@pytest.mark.slow
@pytest.mark.parametrize("policy", ["mixed_bfloat16", "mixed_float16"])
def test_a_step_in_mixed_precision_reaches_every_weight(policy):
    with precision(policy):
        model = resnet_to_convnext((8, 8, 3), 4, depths=SHALLOW, stochastic_depth=0)
        model.compile("adam", "sparse_categorical_crossentropy")
    assert model.output.dtype == "float32"
    before = [np.array(weight) for weight in model.trainable_weights]
    images = np.random.default_rng(0).normal(size=(4, 8, 8, 3)).astype(np.float32)
    for _ in range(3):
        model.train_on_batch(images, np.arange(4))
    for weight, old in zip(model.trainable_weights, before, strict=True):
        assert (np.array(weight) != old).any(), weight.path


def test_layer_scale_starts_at_a_millionth(shallow):
    model = shallow(7)
    scales = [layer.get_weights() for layer in model.layers if layer.name.endswith("_scale")]
    assert len(scales) == 4
    assert all((kernel == np.float32(1e-6)).all() for (kernel,) in scales)


def test_a_strided_kernel_lies_on_the_pixels_that_the_shortcut_takes():
    model = resnet_to_convnext((16, 16, 3), step=6, depths=SHALLOW)
    layer = model.get_layer("conv3_block1_1_conv")
    kernel = np.zeros(layer.kernel.shape, np.float32)
    kernel[3, 3] = 1
    layer.set_weights([kernel])
    before = model.get_layer("conv2_block1_out").output
    block = keras.Model(model.input, [before, layer.output])
    values, strided = block(np.random.default_rng(0).normal(size=(1, 16, 16, 3)).astype(np.float32))
    np.testing.assert_array_equal(strided, values[:, ::2, ::2])


def test_names_are_the_same_each_time_and_tell_the_stage(shallow):
    one, other = shallow(5), resnet_to_convnext(step=5, depths=SHALLOW)
    assert [step.name for step in one.operations] == [step.name for step in other.operations]
    assert set(stages_of(names(one)).values()) == {1, 2, 3, 4, 5}
    assert stages_of(names(shallow(7)))["conv3_down_conv"] == 3


@pytest.mark.parametrize("step", [slow(5), 7])
def test_saving_and_loading_needs_keras_alone(step, tmp_path):
    model = resnet_to_convnext((16, 16, 3), 5, step=step, depths=SHALLOW)
    model.save(tmp_path / "model.keras")
    modules = {layer["module"] for layer in json.loads(model.to_json())["config"]["layers"]}
    assert all(module.split(".")[0] == "keras" for module in modules)
    images = np.random.default_rng(0).normal(size=(2, 16, 16, 3)).astype(np.float32)
    loaded = keras.models.load_model(tmp_path / "model.keras", safe_mode=True)
    np.testing.assert_array_equal(loaded(images), model(images))


def test_all_that_cannot_be_built_is_named():
    with pytest.raises(KerasclfError, match=r"(?s)at least 8x8\. Received: 7x9.*step: expected one of 1, 2, .*: 8\."):
        resnet_to_convnext((7, 9, 3), step=8)
    with pytest.raises(KerasclfError, match=r"drop_by: expected one of 'image', 'batch'\. Received: 'row'"):
        resnet_to_convnext(drop_by="row")
    with pytest.raises(KerasclfError, match=r"depths: expected 4 numbers of at least 1\. Received: \(1, 2, 0, 1\)"):
        resnet_to_convnext(depths=(1, 2, 0, 1))
    with pytest.raises(KerasclfError, match="stochastic_depth: expected a share"):
        resnet_to_convnext(stochastic_depth=-1)
