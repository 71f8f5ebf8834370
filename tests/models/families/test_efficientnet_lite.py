"""EfficientNet-Lite's five sizes: published counts, shapes, stages, preprocessing, stochastic depth."""

import keras
import numpy as np
import pytest

from kerasclf.errors import KerasclfError
from kerasclf.models import default_sizes
from kerasclf.models.families.efficientnet_lite import _SIZES, _STAGES, _depths, _width, efficientnet_lite0
from kerasclf.models.stages import stages_of
from kerasclf.transfer.cuts import Cuts

# Blocks and channels of each stage, from timm. tests/models/weights has the numbers of parameters.
PUBLISHED = {
    "efficientnet_lite0": ((1, 2, 2, 3, 3, 4, 1), (16, 24, 40, 80, 112, 192, 320)),
    "efficientnet_lite1": ((1, 3, 3, 4, 4, 5, 1), (16, 24, 40, 80, 112, 192, 320)),
    "efficientnet_lite2": ((1, 3, 3, 4, 4, 5, 1), (16, 24, 48, 88, 120, 208, 352)),
    "efficientnet_lite3": ((1, 3, 3, 5, 5, 6, 1), (24, 32, 48, 96, 136, 232, 384)),
    "efficientnet_lite4": ((1, 4, 4, 6, 6, 8, 1), (24, 32, 56, 112, 160, 272, 448)),
}


@pytest.fixture
def few_stages(monkeypatch):
    """Narrow networks of four blocks, for tests that are independent of the size."""
    first, second, *_ = _STAGES
    stages = (first, second, type(first)(5, 1, 32, 6, 2))
    monkeypatch.setattr("kerasclf.models.families.efficientnet_lite._STAGES", stages)


@pytest.mark.parametrize("name", PUBLISHED)
def test_the_table_gives_the_published_blocks_and_widths(name):
    size = _SIZES[name]
    assert (tuple(_depths(size)), tuple(_width(stage, size) for stage in _STAGES)) == PUBLISHED[name]


def test_every_size_has_its_own_resolution_and_dropout():
    sides = [default_sizes(name)[0] for name in PUBLISHED]
    assert sides == [(side, side, 3) for side in (224, 240, 260, 280, 300)]
    assert [_SIZES[name].dropout for name in PUBLISHED] == [0.2, 0.2, 0.3, 0.3, 0.3]


def test_without_top_it_ends_at_the_feature_map(few_stages):
    assert efficientnet_lite0(input_shape=(64, 96, 3), include_top=False).output_shape == (None, 8, 12, 1280)
    assert efficientnet_lite0(input_shape=(33, 47, 3), include_top=False).output_shape == (None, 5, 6, 1280)


def test_its_stages_and_cuts_are_found_by_name(few_stages):
    model = efficientnet_lite0(input_shape=(32, 32, 3), num_classes=3)
    stages = stages_of([layer.name for layer in model.layers])
    assert set(stages.values()) == {1, 2, 3, 4, 5}
    assert "pool" not in stages
    cuts = Cuts(model)
    expected = {
        "head": "pool",
        "last1": "conv4_block1_project_bn",  # the last convolution, of 1×1
        "last3": "conv4_block1_expand_relu",
        "stage4": "conv3_block2_add",
        "from:conv3_block2_depthwise_conv": "conv3_block1_project_bn",  # two tensors pass inside the block
        "stage1": None,
        "all": None,
    }
    for unfreeze, below in expected.items():
        cut = cuts.cut_for(unfreeze)
        assert (None if cut is None else cuts.name(cut)) == below, unfreeze


def test_pixels_are_normalised_as_tensorflows(few_stages):
    model = efficientnet_lite0(input_shape=(32, 32, 3))
    front = keras.Model(model.input, model.get_layer("preprocess").output)
    pixels = np.array([0, 127, 255], np.float32)[None, :, None, None] * np.ones((1, 3, 32, 3), np.float32)
    pixels = np.repeat(pixels, 11, axis=1)[:, :32]
    found = np.asarray(front(pixels))
    np.testing.assert_allclose(found, (pixels - 127) / 128, atol=1e-7)
    assert found.min() == -127 / 128
    assert found.max() == 1
    names = [layer.name for layer in efficientnet_lite0(input_shape=(32, 32, 4), preprocess=None).layers]
    assert "preprocess" not in names


def test_grey_images_become_color(few_stages):
    grey = np.random.default_rng(0).uniform(0, 255, (2, 32, 32, 1)).astype(np.float32)
    keras.utils.set_random_seed(1)
    one = efficientnet_lite0(input_shape=(32, 32, 1), num_classes=3)(grey)
    keras.utils.set_random_seed(1)
    np.testing.assert_array_equal(
        one, efficientnet_lite0(input_shape=(32, 32, 3), num_classes=3)(np.repeat(grey, 3, -1))
    )


def test_the_rate_of_a_block_is_its_share_of_the_blocks_below_it(few_stages):
    model = efficientnet_lite0(input_shape=(32, 32, 3))
    drops = {layer.name: layer.rate for layer in model.layers if isinstance(layer, keras.layers.Dropout)}
    # Four blocks, of which only the third adds its input.
    assert drops == {"conv3_block2_drop": pytest.approx(0.2 * 2 / 4), "logits_dropout": 0.2}


def test_all_that_cannot_be_built_is_named():
    with pytest.raises(KerasclfError) as caught:
        efficientnet_lite0(
            input_shape=(32, 32, 4), num_classes=1, preprocess="imagenet", dropout=1.0, stochastic_depth=-0.1
        )
    log = str(caught.value)
    assert log.startswith("efficientnet_lite0 cannot be built")
    for problem in (
        "num_classes: expected at least 2. Received: 1.",
        "preprocess: expected one of 'symmetric', None. Received: 'imagenet'.",
        "channels: expected one of 1, 3. Received: 4.",
        "dropout: expected a share from 0 to below 1. Received: 1.0.",
        "stochastic_depth: expected a share from 0 to below 1. Received: -0.1.",
    ):
        assert problem in log
