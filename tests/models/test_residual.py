"""Stochastic depth and layer scale: probabilities, means, seeds, precision, saving."""

import keras
import numpy as np
import pytest

from kerasclf.models.residual import drop_branch, rates_by_block, rates_by_stage, scale_channels

ONES = np.ones((2000, 2, 3, 4), np.float32)


def dropping(rate, by):
    image = keras.Input((2, 3, 4))
    return keras.Model(image, drop_branch(image, rate, by, "drop"))


def test_by_image_each_branch_is_dropped_whole_with_its_probability():
    kept = np.asarray(dropping(0.3, "image")(ONES, training=True))
    first = kept[:, :1, :1, :1]
    np.testing.assert_array_equal(kept, np.broadcast_to(first, kept.shape))
    np.testing.assert_allclose(np.unique(first), [0, 1 / 0.7], rtol=1e-6)
    # Four standard deviations of 2000 draws.
    assert abs((first == 0).mean() - 0.3) < 4 * np.sqrt(0.3 * 0.7 / 2000)
    assert abs(kept.mean() - 1) < 4 * np.sqrt(0.3 / 0.7 / 2000)


def test_by_batch_all_images_share_a_draw():
    model = dropping(0.3, "batch")
    draws = np.array([np.unique(model(ONES[:5], training=True)) for _ in range(150)])
    assert draws.shape == (150, 1)
    assert abs((draws == 0).mean() - 0.3) < 4 * np.sqrt(0.3 * 0.7 / 150)


@pytest.mark.parametrize("by", ["image", "batch"])
def test_in_inference_nothing_changes(by):
    np.testing.assert_array_equal(dropping(0.9, by)(ONES), ONES)
    np.testing.assert_array_equal(dropping(0.0, by)(ONES, training=True), ONES)


def test_the_seed_decides_and_its_state_is_a_variable_that_resume_keeps():
    def draws():
        keras.utils.set_random_seed(3)
        model = dropping(0.5, "image")
        return model, np.asarray(model(ONES, training=True))

    model, one = draws()
    np.testing.assert_array_equal(one, draws()[1])
    states = [variable for variable in model.variables if "seed" in variable.path]
    assert len(states) == 1
    state = states[0].numpy()
    second = np.asarray(model(ONES, training=True))
    assert (second != one).any()
    states[0].assign(state)
    np.testing.assert_array_equal(model(ONES, training=True), second)


@pytest.mark.parametrize("policy", ["mixed_bfloat16", "mixed_float16"])
def test_dropping_and_scaling_follow_the_precision(policy):
    image = keras.Input((2, 3, 4))
    keras.config.set_dtype_policy(policy)
    try:
        model = keras.Model(image, drop_branch(scale_channels(image, 0.5, "scale"), 0.5, "image", "drop"))
    finally:
        keras.config.set_dtype_policy("float32")
    values = np.asarray(model(ONES, training=True)).astype(np.float32)
    np.testing.assert_array_equal(np.unique(values), [0, 1])
    assert model.output.dtype == policy.removeprefix("mixed_")
    assert model.get_layer("scale").weights[0].dtype == "float32"


def test_each_channel_has_a_factor_of_its_own():
    image = keras.Input((2, 3, 4))
    model = keras.Model(image, scale_channels(image, 1e-6, "scale"))
    np.testing.assert_array_equal(model(ONES), ONES * np.float32(1e-6))
    assert model.count_params() == 4
    model.get_layer("scale").set_weights([np.array([1, 2, 3, 4], np.float32).reshape(1, 1, 4, 1)])
    np.testing.assert_array_equal(np.asarray(model(ONES))[0, 0, 0], [1, 2, 3, 4])


@pytest.mark.parametrize("policy", ["float32", "mixed_float16"])
def test_both_come_back_from_a_file(policy, tmp_path):
    image = keras.Input((2, 3, 4))
    keras.config.set_dtype_policy(policy)
    try:
        model = keras.Model(image, drop_branch(scale_channels(image, 0.1, "scale"), 0.25, "batch", "drop"))
    finally:
        keras.config.set_dtype_policy("float32")
    model.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras", safe_mode=True)
    np.testing.assert_array_equal(loaded(ONES), model(ONES))
    assert loaded.get_layer("drop").get_config() == model.get_layer("drop").get_config()
    assert tuple(loaded.get_layer("drop").noise_shape) == (1, 1, 1, 1)


def test_rates_rise_block_by_block():
    assert rates_by_block((1, 2, 1), 0.3) == [[0.0], pytest.approx([0.1, 0.2]), pytest.approx([0.3])]
    assert rates_by_block((1, 1), 0.0) == [[0.0], [0.0]]


def test_rates_by_stage_take_the_first_ones_alone():
    rates = rates_by_stage((2, 2, 6, 2), 0.11)
    assert rates == [
        pytest.approx([rate] * depth) for rate, depth in zip((0, 0.01, 0.02, 0.03), (2, 2, 6, 2), strict=True)
    ]
