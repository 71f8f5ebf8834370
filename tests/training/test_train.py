"""Training: bit-identical when repeated, equal on one device and on two, stopped when the loss is not finite."""

import functools
import re
from dataclasses import replace

import keras
import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

from kerasclf import Augmentation, TrainConfig
from kerasclf.data import FileImages
from kerasclf.errors import DataError, TrainingError
from kerasclf.models import build
from kerasclf.training import EarlyStopping, Schedule
from kerasclf.training.recipe import Recipe
from kerasclf.training.train import predict, train

SCALED = Augmentation(rescale=1 / 255)
BUSY = Augmentation(
    featurewise_center=True, featurewise_std_normalization=True, zoom_range=0.2, rotation_range=10, horizontal_flip=True
)


def small_network(shape, classes):
    """Compiles in a moment."""
    image = keras.Input(shape)
    x = keras.layers.Conv2D(4, 3, strides=4, activation="relu")(image)
    x = keras.layers.Dense(classes)(keras.layers.Flatten()(x))
    return keras.Model(image, keras.layers.Softmax(dtype="float32")(x), name="small")


def run(dataset, augmentation=SCALED, network=small_network, seed=0, **fields):
    config = TrainConfig(**{"epochs": 2, "batch_size": 16, **fields})
    return train(dataset, Recipe(network, (config,), seed, augmentation))


def catalogued(name, **arguments):
    return functools.partial(build, name, arguments=arguments)


def test_it_learns_and_gives_an_uncompiled_model(dataset):
    trained = run(dataset, network=catalogued("basenet"), epochs=16)
    assert not trained.model.compiled
    assert list(trained.history["epoch"]) == list(range(1, 17))
    assert trained.history["loss"].iloc[-1] < 0.8 * trained.history["loss"].iloc[0]
    probabilities = predict(trained.model, dataset.test, 3)
    assert (probabilities.argmax(axis=1) == dataset.test.labels).mean() > 0.8


@pytest.mark.parametrize(
    "settings",
    [
        {"augmentation": BUSY, "network": catalogued("basenet")},
        pytest.param(
            {"augmentation": BUSY, "network": catalogued("basenet_deeper", batch_norm="before")},
            marks=pytest.mark.slow,
        ),
        pytest.param(
            {"augmentation": SCALED.but(mix_up=0.2, cut_mix=1.0, random_erasing=0.3), "ema_momentum": 0.9},
            marks=pytest.mark.slow,
        ),
    ],
)
def test_the_same_seed_gives_bit_identical_weights(dataset, settings):
    first, second = run(dataset, **settings), run(dataset, **settings)
    for one, other in zip(first.model.get_weights(), second.model.get_weights(), strict=True):
        assert one.tobytes() == other.tobytes()
    timings = ["seconds", "images_per_second", "waiting_share"]
    assert first.history.drop(columns=timings).equals(second.history.drop(columns=timings))


@pytest.mark.slow
def test_another_seed_gives_other_weights(dataset):
    first, second = (run(dataset, network=catalogued("basenet"), epochs=1, seed=seed) for seed in (0, 1))
    assert first.model.get_weights()[-1].tobytes() != second.model.get_weights()[-1].tobytes()


@pytest.mark.slow
@pytest.mark.parametrize("optimizer", ["sgd", "adam"])
def test_two_devices_give_the_result_of_one(dataset, optimizer):
    assert len(tf.config.list_logical_devices("CPU")) == 2
    fields = {"network": catalogued("basenet"), "optimizer": optimizer, "learning_rate": 0.01}
    one, two = (run(dataset, strategy=strategy, **fields) for strategy in ("none", "mirrored"))
    # Sums in another order differ by about 1e-5 after twelve steps.
    for a, b in zip(one.model.get_weights(), two.model.get_weights(), strict=True):
        np.testing.assert_allclose(a, b, atol=2e-5)
    np.testing.assert_allclose(
        one.history[["loss", "accuracy", "val_loss"]], two.history[["loss", "accuracy", "val_loss"]], atol=1e-4
    )
    np.testing.assert_allclose(predict(one.model, dataset.test, 3), predict(two.model, dataset.test, 3), atol=1e-4)


@pytest.mark.slow
def test_steps_per_execution_do_not_change_the_weights(dataset):
    flipped = SCALED.but(horizontal_flip=True)
    fields = {"augmentation": flipped, "network": catalogued("basenet")}
    reference = run(dataset, **fields).model.get_weights()
    for steps in (1, 4, 100):
        other = run(dataset, **fields, steps_per_execution=steps).model.get_weights()
        for a, b in zip(reference, other, strict=True):
            assert a.tobytes() == b.tobytes(), f"{steps} steps"


def test_weights_that_the_last_step_breaks_are_noticed_at_the_end_of_the_epoch(dataset):
    """The loss of a step precedes its update: with one step per epoch it is still finite."""
    with pytest.raises(TrainingError, match=r"The val_loss is nan after epoch 1\. .*learning rate below 3e\+38"):
        run(dataset, epochs=2, batch_size=96, optimizer="sgd", learning_rate=3e38)


def test_a_loss_that_is_not_finite_stops_the_run(dataset):
    with pytest.raises(
        TrainingError, match=r"The loss is nan in epoch \d, step \d of 6\. .*learning rate below 1e\+30"
    ):
        run(dataset, Augmentation(), optimizer="sgd", learning_rate=1e30, steps_per_execution=1, epochs=3)
    with pytest.raises(TrainingError, match=r"steps 1 to 6 of 6.*clip_norm=1\.0 or pixels that are normalised"):
        run(dataset, Augmentation(), optimizer="sgd", learning_rate=1e30, epochs=3)


def test_early_stopping_restores_the_best_epoch(dataset):
    stopping = EarlyStopping("val_loss", patience=2)
    # The rate is so high that the loss rises after the first epochs.
    trained = run(dataset, epochs=12, learning_rate=0.03, early_stopping=stopping)
    values = trained.history["val_loss"]
    assert len(values) < 12
    assert trained.best_epoch == values.argmin() + 1 == len(values) - 2
    loss = keras.losses.SparseCategoricalCrossentropy()(
        dataset.validation.labels, predict(trained.model, dataset.validation, 3)
    )
    assert float(loss) == pytest.approx(values.min(), rel=1e-4)


def test_plateau_lowers_the_rate(dataset):
    schedule = Schedule("plateau", factor=0.5, patience=1, monitor="val_accuracy")
    trained = run(dataset, Augmentation(rescale=1e-6), epochs=5, schedule=schedule)
    rates = trained.history["learning_rate"].to_numpy()
    assert rates[-1] < rates[0]
    np.testing.assert_allclose(np.log2(rates[0] / rates), np.round(np.log2(rates[0] / rates)), atol=1e-5)


def test_the_history_has_the_rates_of_a_schedule(dataset):
    trained = run(dataset, epochs=3, learning_rate=0.01, schedule=Schedule("step", every_epochs=1, factor=0.1))
    np.testing.assert_allclose(trained.history["learning_rate"], [1e-3, 1e-4, 1e-5], rtol=1e-4)


def test_the_averaged_weights_are_saved(dataset):
    plain, averaged = run(dataset, epochs=3), run(dataset, epochs=3, ema_momentum=0.5)
    distances = [
        np.abs(a - b).max() for a, b in zip(plain.model.get_weights(), averaged.model.get_weights(), strict=True)
    ]
    assert 0 < max(distances) < 0.05
    loss = keras.losses.SparseCategoricalCrossentropy()(
        dataset.validation.labels, predict(averaged.model, dataset.validation, 3)
    )
    assert float(loss) == pytest.approx(averaged.history["val_loss"].iloc[-1], rel=1e-4)


@pytest.mark.parametrize("precision", ["mixed_bfloat16", pytest.param("mixed_float16", marks=pytest.mark.slow)])
def test_mixed_precision_trains_and_restores_the_policy(dataset, precision):
    trained = run(dataset, epochs=4, precision=precision)
    assert trained.history["loss"].iloc[-1] < trained.history["loss"].iloc[0]
    assert keras.config.dtype_policy().name == "float32"
    assert trained.model.output.dtype == "float32"


def test_validation_images_are_augmented_only_on_request(dataset):
    def validation_loss(augment_validation):
        config = TrainConfig(epochs=1, batch_size=16)
        strong = SCALED.but(brightness_range=(0.1, 0.2))
        recipe = Recipe(small_network, (config,), augmentation=strong, augment_validation=augment_validation)
        return train(dataset, recipe)

    clean, changed = validation_loss(False), validation_loss(True)
    np.testing.assert_array_equal(clean.model.get_weights()[0], changed.model.get_weights()[0])
    assert clean.history["loss"].equals(changed.history["loss"])
    assert clean.history["val_loss"].iloc[0] != changed.history["val_loss"].iloc[0]


@pytest.mark.slow
def test_an_image_that_vanishes_during_training_is_named_without_a_traceback_of_tensorflow(dataset, tmp_path):
    paths = tuple(tmp_path / f"{i}.png" for i in range(len(dataset.validation)))
    for path, image in zip(paths, dataset.validation.images.array, strict=True):
        Image.fromarray(image).save(path)
    validation = replace(dataset.validation, images=FileImages(paths, (32, 32), 3))
    files = replace(dataset, validation=validation)
    run(files, epochs=1)
    paths[7].unlink()
    with pytest.raises(DataError, match=rf"^{re.escape(str(paths[7]))} does not exist\.$"):
        run(files, epochs=1)
    with pytest.raises(DataError, match=rf"^{re.escape(str(paths[7]))} does not exist\.$"):
        predict(keras.Sequential([keras.layers.Rescaling(1.0), keras.layers.Flatten()]), validation, 3)
