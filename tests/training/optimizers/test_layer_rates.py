"""Learning rates per layer: bit-identical to an optimizer with that rate for all layers."""

import keras
import numpy as np
import pytest

from kerasclf import Augmentation, TrainConfig
from kerasclf.errors import KerasclfError
from kerasclf.models import build
from kerasclf.training import Schedule
from kerasclf.training.config import OPTIMIZERS
from kerasclf.training.optimizers.layer_rates import layer_factors
from kerasclf.training.optimizers.optimizers import make_optimizer
from kerasclf.training.recipe import Recipe
from kerasclf.training.train import train
from kerasclf.training.training_setup import prepare

SCALED = Augmentation(rescale=1 / 255)


def weights_after(optimizer, layers=("low", "high"), steps=3):
    """Trains two layers with equal initial weights on the same gradients."""
    rng = np.random.default_rng(0)
    dense = [keras.layers.Dense(3, name=name, use_bias=False) for name in layers]
    for layer in dense:
        layer.build((None, 4))
        layer.kernel.assign(np.linspace(-1, 1, 12).reshape(4, 3))
    for _ in range(steps):
        gradient = rng.normal(size=(4, 3)).astype(np.float32)
        optimizer.apply([keras.ops.convert_to_tensor(gradient)] * 2, [layer.kernel for layer in dense])
    return [layer.kernel.numpy() for layer in dense]


@pytest.mark.parametrize("name", OPTIMIZERS)
@pytest.mark.parametrize("weight_decay", [None, 0.3])
def test_a_factor_equals_another_rate(name, weight_decay):
    fields = {"optimizer": name, "weight_decay": weight_decay}
    if "momentum" in OPTIMIZERS[name]:
        fields["momentum"] = 0.9
    optimizer = make_optimizer(TrainConfig(learning_rate=0.5, **fields), 1, {"low": 0.25})
    low, high = weights_after(optimizer)
    np.testing.assert_array_equal(high, weights_after(make_optimizer(TrainConfig(learning_rate=0.5, **fields), 1))[1])
    slow = make_optimizer(TrainConfig(learning_rate=0.125, **fields), 1)
    np.testing.assert_array_equal(low, weights_after(slow)[0])
    assert float(optimizer.learning_rate) == 0.5


@pytest.mark.parametrize("name", ["sgd", "adam"])
def test_a_tenth_moves_a_tenth(name):
    start = np.linspace(-1, 1, 12).reshape(4, 3)
    optimizer = make_optimizer(TrainConfig(optimizer=name, learning_rate=0.5), 1, {"low": 0.1})
    low, high = weights_after(optimizer, steps=1)
    np.testing.assert_allclose(low - start, 0.1 * (high - start), rtol=1e-5, atol=1e-7)


def test_the_decay_of_adamw_is_scaled():
    optimizer = make_optimizer(TrainConfig(optimizer="adamw", weight_decay=0.5), 1, {"low": 0.0})
    low, high = weights_after(optimizer, steps=1)
    np.testing.assert_array_equal(low, np.linspace(-1, 1, 12, dtype=np.float32).reshape(4, 3))
    assert np.abs(high - low).min() > 0


def test_a_scaled_optimizer_can_be_copied():
    optimizer = make_optimizer(TrainConfig(optimizer="adamw", beta_1=0.8), 1, {"low": 0.25})
    assert type(optimizer).__name__ == "AdamW"
    copy = type(optimizer).from_config(optimizer.get_config())
    assert (copy.beta_1, copy.factors) == (0.8, {"low": 0.25})
    assert not hasattr(make_optimizer(TrainConfig(), 1), "factors")


@pytest.mark.parametrize(
    "fields",
    [
        {"precision": "mixed_float16", "schedule": Schedule("cosine", final_learning_rate=0.005)},
        pytest.param({"strategy": "mirrored", "weight_decay": 0.1, "ema_momentum": 0.5}, marks=pytest.mark.slow),
    ],
)
@pytest.mark.slow
def test_lower_layers_of_a_nested_network_change_least(dataset, fields):
    def network(shape, classes):
        return build("basenet", shape, classes)

    config = TrainConfig(epochs=1, batch_size=16, learning_rate=0.01, layer_decay=1e-4, jit=False, **fields)
    recipe = Recipe(network, (config,), augmentation=SCALED)
    start = prepare(dataset, recipe).model.trainable_variables
    start = [variable.numpy() for variable in start]
    trained = train(dataset, recipe)
    changes = {
        after.path: np.abs(after.numpy() - before).max()
        for before, after in zip(start, trained.model.trainable_variables, strict=True)
    }
    assert changes["logits/kernel"] > 1e-3
    assert changes["dense1_dense/kernel"] > 1e-3
    assert 0 < changes["conv2_conv/kernel"] < 1e-5
    assert changes["conv1_conv/kernel"] < 1e-7
    assert trained.history["learning_rate"].iloc[0] == pytest.approx(0.005 if "schedule" in fields else 0.01)


def chain(*layers, shape=(16, 16, 3)):
    x = image = keras.Input(shape)
    for layer in layers:
        x = layer(x)
    return keras.Model(image, x)


def conv(name):
    return keras.layers.Conv2D(2, 3, padding="same", name=name)


def dense(name):
    return keras.layers.Dense(2, name=name)


def norm(name):
    return keras.layers.BatchNormalization(name=name)


def test_stages_count_from_the_head_down():
    network = chain(
        conv("stem"), norm("stem_bn"), conv("block1a_conv"), conv("block1b_conv"), norm("block1b_bn"),
        conv("block2a_conv"), conv("top_conv"), norm("top_bn"), keras.layers.GlobalAveragePooling2D(),
        dense("hidden"), norm("hidden_bn"), dense("logits"),
    )  # fmt: skip
    assert layer_factors(chain(keras.layers.Rescaling(1 / 255), network), 0.5) == {
        "stem": 0.125, "stem_bn": 0.125, "block1a_conv": 0.25, "block1b_conv": 0.25, "block1b_bn": 0.25,
        "block2a_conv": 0.5, "top_conv": 0.5, "top_bn": 0.5, "hidden": 1.0, "hidden_bn": 1.0, "logits": 1.0,
    }  # fmt: skip


def test_without_stages_each_layer_with_a_kernel_counts():
    network = chain(conv("a"), norm("a_bn"), conv("b"), keras.layers.Flatten(), dense("logits"))
    assert layer_factors(network, 0.5) == {"a": 0.25, "a_bn": 0.25, "b": 0.5, "logits": 1.0}
    assert layer_factors(chain(conv("a"), conv("b")), 0.5) == {"a": 0.25, "b": 0.5}


def test_in_a_network_of_dense_layers_the_last_is_the_head():
    network = chain(keras.layers.Flatten(), dense("a"), dense("b"), dense("c"))
    assert layer_factors(network, 0.5) == {"a": 0.25, "b": 0.5, "c": 1.0}


def test_layers_inside_a_sequential_have_their_factors():
    stem = keras.Sequential([conv("stem_conv"), norm("stem_bn")], name="stem")
    model = chain(stem, keras.layers.Flatten(), dense("logits"))
    factors = layer_factors(model, 0.0625)
    assert factors == {"stem_conv": 0.0625, "stem_bn": 0.0625, "logits": 1.0}
    assert model.trainable_variables[0].path == "stem/stem_conv/kernel"
    start = [variable.numpy() for variable in model.trainable_variables]
    make_optimizer(TrainConfig(optimizer="sgd", learning_rate=1.0), 1, factors).apply(
        [keras.ops.ones(variable.shape) for variable in model.trainable_variables], model.trainable_variables
    )
    moved = [before - after.numpy() for before, after in zip(start, model.trainable_variables, strict=True)]
    np.testing.assert_allclose(moved[0], 0.0625, rtol=1e-5)
    np.testing.assert_allclose(moved[-1], 1.0, rtol=1e-5)


def test_two_layers_of_one_name_are_refused():
    inner = chain(conv("a"), conv("b"), shape=(16, 16, 2))
    assert layer_factors(chain(conv("c"), inner), 0.5) == {"c": 0.125, "a": 0.25, "b": 0.5}
    with pytest.raises(KerasclfError, match=r"two layers are named 'a'"):
        layer_factors(chain(conv("a"), inner), 0.5)
