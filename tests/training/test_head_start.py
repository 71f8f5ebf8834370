"""A head that starts from logistic regression: its weights, its bad input, and a kill before and after it."""

import keras
import numpy as np
import pytest

from kerasclf import Augmentation, TrainConfig
from kerasclf.data import ImageDataset
from kerasclf.errors import KerasclfError
from kerasclf.training import head_start
from kerasclf.training.assembly import build_model
from kerasclf.training.losses import log_shares
from kerasclf.training.recipe import Recipe
from kerasclf.training.rehearsal import rehearse
from kerasclf.training.train import train
from kerasclf.training.training_setup import prepare
from kerasclf.transfer import Transfer
from kerasclf.transfer.linear_head import fit_output_weights
from kerasclf.transfer.samples import Samples
from tests.conftest import make_subset
from tests.training.resuming.test_resume import KillAt, Killed
from tests.transfer.conftest import randomize, small_network

SHAPE = (8, 8, 3)
TRANSFER = Transfer("none", batch_norm="frozen", engine="tensorflow", head="regression")
HEAD = TrainConfig(epochs=3, batch_size=16, unfreeze="head", jit=False)
DATA = ImageDataset(
    "memory", "grey levels", ("dark", "middle", "light"),
    make_subset(48, shape=SHAPE), make_subset(18, shape=SHAPE, seed=1), make_subset(18, shape=SHAPE, seed=2),
)  # fmt: skip
ALL = HEAD.but(unfreeze="all")


@pytest.fixture(autouse=True)
def _own_cache(tmp_path, monkeypatch):
    monkeypatch.setenv("KERASCLF_CACHE", str(tmp_path / "cache"))


class Heard(KillAt):
    """Keeps what a training says of the regression, and may kill it at the end of an epoch."""

    def __init__(self, kill=None):
        super().__init__(kill)
        self.starts = []

    def log(self, line):
        self.starts += [line] if "logistic regression" in line else []


def network(shape, classes):
    return randomize(small_network(shape, classes))


def recipe(*phases, transfer=TRANSFER, network=network, **others):
    return Recipe(network, phases or (HEAD,), 3, transfer=transfer, **others)


def by_hand(data=DATA, class_weight=None):
    """Returns the weights of the regression on the features of the network's pool."""
    whole = network(SHAPE, 3)
    pool = keras.Model(whole.input, whole.get_layer("pool").output)
    features = np.asarray(pool(data.train.images.read(np.arange(len(data.train))), training=False))
    return fit_output_weights(features, data.train.labels, 3, class_weight)


def output_of(model):
    (layer,) = [layer for layer in model._flatten_layers() if layer.name == "logits"]
    return layer.get_weights()


@pytest.mark.parametrize("phase", [HEAD, ALL])
def test_the_output_layer_has_the_weights_of_the_regression(phase):
    lines = []
    kernel, bias = output_of(prepare(DATA, recipe(phase), lines.append).model)
    expected = by_hand()
    assert kernel == pytest.approx(expected.kernel, rel=1e-3, abs=1e-4)
    assert bias == pytest.approx(expected.bias, rel=1e-3, abs=1e-4)
    assert "the output layer starts from logistic regression on the features of 48 images" in lines


def test_a_new_head_has_random_weights():
    lines = []
    kernel, _ = output_of(prepare(DATA, recipe(transfer=TRANSFER.but(head="new")), lines.append).model)
    assert np.array_equal(kernel, output_of(network(SHAPE, 3))[0])
    assert not [line for line in lines if "regression" in line]


def test_the_start_helps_from_the_first_epoch():
    def losses(head):
        return train(DATA, recipe(HEAD.but(learning_rate=1e-4), transfer=TRANSFER.but(head=head))).history.loss

    assert losses("regression").max() < 0.7 * losses("new").min()


def test_features_of_cached_views_are_fitted_too():
    changes = Augmentation(horizontal_flip=True, width_shift_range=0.2)
    lines = []
    prepare(DATA, recipe(transfer=TRANSFER.but(views=2), augmentation=changes), lines.append)
    assert "the output layer starts from logistic regression on the features of 96 images" in lines


def test_images_that_change_in_every_epoch_are_fitted_unchanged():
    changed = prepare(DATA, recipe(augmentation=Augmentation(horizontal_flip=True))).model
    assert output_of(changed)[0] == pytest.approx(by_hand().kernel, rel=1e-3, abs=1e-4)


@pytest.mark.parametrize("remedy", ["class_weight", "oversampling"])
def test_unequal_classes_are_corrected_as_in_the_training(remedy):
    few = np.flatnonzero((DATA.train.labels != 2) | (np.arange(48) % 4 == 0))
    data = ImageDataset("memory", "few light", DATA.class_names, DATA.train.take(few), DATA.validation, DATA.test)
    kernel, _ = output_of(prepare(data, recipe(HEAD.but(**{remedy: "balanced"}))).model)
    assert kernel == pytest.approx(by_hand(data, "balanced").kernel, rel=1e-3, abs=1e-4)
    _, bias = output_of(prepare(data, recipe(HEAD.but(logit_adjustment=0.5))).model)
    shares = log_shares(np.bincount(data.train.labels))
    assert bias == pytest.approx(by_hand(data).bias - 0.5 * shares, rel=1e-3, abs=1e-3)


def test_a_large_set_is_sampled(monkeypatch):
    monkeypatch.setattr("kerasclf.training.head_start._MAX_VALUES", 4 * 24)
    lines = []
    prepare(DATA, recipe(), lines.append)
    assert "the output layer starts from logistic regression on the features of 24 images" in lines


def test_images_of_one_class_leave_the_head_as_it_is():
    one = DATA.train.take(np.flatnonzero(DATA.train.labels == 1))
    data = ImageDataset("memory", "one class", DATA.class_names, one, DATA.validation, DATA.test)
    assert np.array_equal(output_of(prepare(data, recipe()).model)[0], output_of(network(SHAPE, 3))[0])


def with_hidden_layer(shape, classes):
    small = small_network(shape, classes)
    x = keras.layers.Dense(8, activation="relu", name="head1_dense")(small.get_layer("pool").output)
    x = keras.layers.Dense(classes, activation="softmax", name="logits")(x)
    return keras.Model(small.input, x, name="hidden")


def without_weights_below(shape, classes):
    image = keras.Input(shape, name="image")
    x = keras.layers.GlobalAveragePooling2D(name="pool")(image)
    return keras.Model(image, keras.layers.Dense(classes, activation="softmax", name="logits")(x), name="flat")


@pytest.mark.parametrize(
    ("network", "message"),
    [
        (with_hidden_layer, "hidden has head1_dense, logits"),
        (without_weights_below, "flat has no weights below its head"),
    ],
)
def test_a_network_without_features_right_below_its_output_is_refused(network, message):
    with pytest.raises(KerasclfError, match=message):
        train(DATA, recipe(network=network))


def test_features_without_a_cache_are_refused():
    with pytest.raises(KerasclfError, match="head: expected the cache with 'regression'"):
        Transfer(head="regression", cache="off")


@pytest.mark.parametrize("kill", [pytest.param(2, marks=pytest.mark.slow), 4])
def test_a_killed_training_fits_again_only_before_its_first_checkpoint(kill, tmp_path):
    phases = (HEAD.but(epochs=2), HEAD.but(unfreeze="stage2"))
    whole = train(DATA, recipe(*phases))
    steps, again, later = tmp_path / "steps", Heard(kill), Heard()
    for listener in (KillAt(1), again):
        with pytest.raises(Killed):
            train(DATA, recipe(*phases), checkpoints=steps, listener=listener)
    resumed = train(DATA, recipe(*phases), checkpoints=steps, listener=later)
    assert (len(again.starts), len(later.starts)) == (1, 0)
    for expected, found in zip(whole.model.get_weights(), resumed.model.get_weights(), strict=True):
        assert np.array_equal(expected, found)


@pytest.mark.parametrize(("images", "share"), [(48, 2), (96, 4), (1000, 4)])
def test_the_regression_is_measured_on_some_images_and_counts_for_all(monkeypatch, images, share):
    monkeypatch.setattr(head_start, "_MAX_VALUES", 5 * 96)
    monkeypatch.setattr(head_start, "_MEASURED_VALUES", 5 * 24)
    clock, shapes = [0.0], []

    def fit(rows, labels, num_classes):
        shapes.append((rows.shape, len(labels), num_classes))
        clock[0] += 1.5 if len(shapes) == 1 else 2.0

    monkeypatch.setattr(head_start, "fit_output_weights", fit)
    monkeypatch.setattr(head_start.time, "perf_counter", lambda: clock[0])
    assert head_start.measure_regression(images, 5, DATA.train.labels, 3) == 1.5 + share * 2.0
    assert shapes[1:] == [((24, 5), 24, 3)]


def test_a_plan_counts_the_features_that_are_not_cached_yet(monkeypatch):
    monkeypatch.setattr(head_start, "measure_regression", lambda images, *_: 100.0 * images)
    built = build_model(DATA, recipe())
    features_s, regression_s = head_start.measure_head_start(built, DATA, Samples())
    assert features_s > 0
    assert regression_s == 4800
    head_start.start_head(built, DATA, lambda line: None)
    assert head_start.measure_head_start(built, DATA, Samples()) == (0, 4800)
    found = rehearse(DATA, recipe(ALL), Samples())
    assert (found.cache, found.extraction_s, found.regression_s) == ("", 0, 4800)
