"""ConvNeXt's four sizes: published counts, shapes, weights, saving."""

import json
from itertools import pairwise

import keras
import numpy as np
import pytest

from kerasclf.errors import KerasclfError
from kerasclf.models.families.convnext import _SIZES, convnext_base, convnext_large, convnext_small, convnext_tiny
from kerasclf.models.stages import stages_of


def trainable(model):
    return sum(int(np.prod(weight.shape)) for weight in model.trainable_weights)


@pytest.fixture
def small_size(monkeypatch):
    """ConvNeXt-T with narrow stages of 1, 1, 2 and 1 blocks, for tests that are independent of its size."""
    small = type(_SIZES["convnext_tiny"])((1, 1, 2, 1), (8, 16, 24, 32), 0.1)
    monkeypatch.setitem(_SIZES, "convnext_tiny", small)


def test_tiny_has_the_published_parameters():
    model = convnext_tiny()
    assert trainable(model) == model.count_params() == 28_589_128
    assert model.output_shape == (None, 1000)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("builder", "published"),
    [(convnext_small, 50_223_688), (convnext_base, 88_591_464), (convnext_large, 197_767_336)],
)
def test_the_larger_ones_have_the_published_parameters(builder, published):
    assert trainable(builder()) == published


@pytest.mark.parametrize("size", _SIZES)
def test_the_table_gives_the_published_parameters(size):
    """Counts by hand from the table, which is quick; the slow test counts the networks' weights."""
    depths, widths = _SIZES[size].depths, _SIZES[size].widths
    blocks = sum(d * (8 * w * w + (49 + 1 + 2 + 4 + 1 + 1) * w) for d, w in zip(depths, widths, strict=True))
    between = sum(2 * a + (4 * a + 1) * b for a, b in pairwise(widths))
    ends = (48 + 1 + 2) * widths[0] + 2 * widths[-1] + (widths[-1] + 1) * 1000
    published = {"tiny": 28_589_128, "small": 50_223_688, "base": 88_591_464, "large": 197_767_336}
    assert blocks + between + ends == published[size.removeprefix("convnext_")]


def test_without_top_it_ends_at_the_feature_map(small_size):
    assert convnext_tiny((64, 96, 3), include_top=False).output_shape == (None, 2, 3, 32)
    assert convnext_tiny((33, 47, 3), include_top=False).output_shape == (None, 1, 1, 32)


def test_its_stages_are_found_by_name(small_size):
    names = [layer.name for layer in convnext_tiny().layers]
    stages = stages_of(names)
    assert stages["conv1_conv"] == 1
    assert stages["conv3_down_conv"] == stages["conv3_block1_dwconv"] == 3
    assert set(stages.values()) == {1, 2, 3, 4, 5}
    assert "norm" not in stages


def test_pixels_are_normalised_as_imagenets(small_size):
    model = convnext_tiny((32, 32, 3))
    front = keras.Model(model.input, model.get_layer("preprocess").output)
    white = np.full((1, 32, 32, 3), 255, np.float32)
    expected = [(1 - 0.485) / 0.229, (1 - 0.456) / 0.224, (1 - 0.406) / 0.225]
    np.testing.assert_allclose(np.asarray(front(white))[0, 0, 0], expected, rtol=1e-6)
    assert "preprocess" not in [layer.name for layer in convnext_tiny((32, 32, 3), preprocess=None).layers]


def test_grey_images_become_color_where_weights_expect_it(small_size):
    assert convnext_tiny((32, 32, 1)).get_layer("conv1_conv").kernel.shape == (4, 4, 3, 8)
    assert convnext_tiny((32, 32, 1), preprocess=None).get_layer("conv1_conv").kernel.shape == (4, 4, 1, 8)
    grey = np.random.default_rng(0).uniform(0, 255, (2, 32, 32, 1)).astype(np.float32)
    keras.utils.set_random_seed(1)
    one = convnext_tiny((32, 32, 1), 3)(grey)
    keras.utils.set_random_seed(1)
    np.testing.assert_array_equal(one, convnext_tiny((32, 32, 3), 3)(np.repeat(grey, 3, -1)))


def test_the_seed_decides_the_weights_and_no_two_layers_share_theirs(small_size):
    def weights(seed):
        keras.utils.set_random_seed(seed)
        return convnext_tiny(num_classes=5).get_weights()

    assert all((a == b).all() for a, b in zip(weights(1), weights(1), strict=True))
    expand, project = (
        np.asarray(convnext_tiny().get_layer(f"conv2_block1_{part}").kernel).ravel() for part in ("expand", "project")
    )
    assert abs(np.corrcoef(expand, project)[0, 1]) < 0.3


def test_saving_and_loading_needs_keras_alone(small_size, tmp_path):
    model = convnext_tiny((33, 47, 3), 5)
    model.save(tmp_path / "model.keras")
    kinds = {layer["module"] for layer in json.loads(model.to_json())["config"]["layers"]}
    assert kinds == {"keras.layers"}
    images = np.random.default_rng(0).uniform(0, 255, (2, 33, 47, 3)).astype(np.float32)
    loaded = keras.models.load_model(tmp_path / "model.keras", safe_mode=True)
    np.testing.assert_array_equal(loaded(images), model(images))
    assert [layer.get_config() for layer in loaded.layers] == [layer.get_config() for layer in model.layers]


def test_all_that_cannot_be_built_is_named():
    convnext_tiny((32, 32, 1), include_top=False)
    with pytest.raises(KerasclfError, match=r"(?s)at least 32x32\. Received: 31x40.*preprocess: .*channels: .* 1, 3\."):
        convnext_tiny((31, 40, 4), preprocess="torch")
    with pytest.raises(KerasclfError, match=r"stochastic_depth: expected a share from 0 to below 1\. Rec.*: 1"):
        convnext_tiny(stochastic_depth=1)
