"""`hypermodel` with KerasTuner's own tuners."""

import re
import warnings
from dataclasses import replace

import numpy as np
import pytest

from kerasclf import Augmentation, Experiment, Split, TrainConfig
from kerasclf.data import FileImages
from kerasclf.errors import DataError, KerasclfError
from kerasclf.search import Choice, Float, hypermodel
from tests.photos import write_photo

keras_tuner = pytest.importorskip("keras_tuner")

BASE = Experiment(
    data="shapes", split=Split(train_per_class=4, test_per_class=2, validation=0.5), model="mlp",
    model_args={"hidden": (8,)}, augmentation=Augmentation(rescale=1 / 255), image_size=(16, 16),
    train=TrainConfig(epochs=1, batch_size=25),
)  # fmt: skip
SPACE = {"train.learning_rate": Float(1e-3, 1e-1, log=True), "model.hidden": Choice((8,), (4, 4))}


def tuners():
    common = {"objective": "val_accuracy", "seed": 1}
    return {
        "RandomSearch": {"max_trials": 1, **common},
        "GridSearch": {"max_trials": 2, **common},
        "BayesianOptimization": {"max_trials": 2, **common},
        "Hyperband": {"max_epochs": 3, "factor": 3, **common},
    }


@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=() if name == "RandomSearch" else pytest.mark.slow) for name in tuners()]
)
def test_it_works_with_every_tuner_of_kerastuner(name, tmp_path):
    with warnings.catch_warnings(action="ignore"):
        tuner = getattr(keras_tuner, name)(
            hypermodel(BASE, SPACE), directory=tmp_path, project_name="mine", **tuners()[name]
        )
        tuner.search(verbose=0)
        best = tuner.oracle.get_best_trials()[0]
        model = tuner.get_best_models()[0]
    assert 0 <= best.score <= 1
    assert {"train.learning_rate", "model.hidden"} <= set(best.hyperparameters.values)
    widths = [layer.units for layer in model._flatten_layers() if type(layer).__name__ == "Dense"]
    assert sorted(widths) == [*{"[8]": (8,), "[4, 4]": (4, 4)}[best.hyperparameters.values["model.hidden"]], 25]
    assert model(BASE.dataset(print).test.images.read([0])).shape == (1, 25)


@pytest.mark.slow
def test_each_execution_has_its_own_seed():
    made = hypermodel(BASE, SPACE)
    hp = keras_tuner.HyperParameters()
    weights = []
    for _ in range(2):
        model = made.build(hp)
        weights.append(model.get_weights()[0])
        made.fit(hp, model)
    assert (weights[0] != weights[1]).any()


def test_data_earlier_phases_and_a_bad_space_are_refused():
    made = hypermodel(BASE, SPACE)
    hp = keras_tuner.HyperParameters()
    model = made.build(hp)
    with pytest.raises(KerasclfError, match=r"Call tuner\.search\(\) without data"):
        made.fit(hp, model, [1], [2])
    with pytest.raises(KerasclfError, match="one phase"):
        hypermodel(BASE.but(earlier_phases=(TrainConfig(epochs=1),)), SPACE)
    with pytest.raises(KerasclfError, match=r"Did you mean 'train\.learning_rate'"):
        hypermodel(BASE, {"train.learningrate": Float(0.1, 1.0)})


def test_an_image_that_vanishes_is_named_without_a_traceback_of_tensorflow(tmp_path):
    paths = [tmp_path / f"{number}.png" for number in range(50)]
    for path in paths:
        write_photo(path)
    made = hypermodel(BASE, SPACE)
    dataset = BASE.dataset(lambda line: None)
    validation = replace(dataset.validation, images=FileImages(tuple(paths), (16, 16), 3))
    made._dataset = replace(dataset, validation=validation)
    hp = keras_tuner.HyperParameters()
    model = made.build(hp)
    paths[7].unlink()
    with pytest.raises(DataError, match=rf"^{re.escape(str(paths[7]))} does not exist\.$"):
        made.fit(hp, model)


@pytest.mark.slow
def test_statistics_are_averaged_over_several_devices():
    mirrored = BASE.train.but(strategy="mirrored")
    experiment = BASE.but(model="basenet_deeper", model_args={"batch_norm": "before"}, train=mirrored)
    made, hp = (
        hypermodel(experiment, {"train.learning_rate": SPACE["train.learning_rate"]}),
        keras_tuner.HyperParameters(),
    )
    model = made.build(hp)
    made.fit(hp, model)
    statistics = [variable.value for variable in model.variables if "moving" in variable.path]
    assert statistics
    for first, second in (variable.values for variable in statistics):
        np.testing.assert_array_equal(first.numpy(), second.numpy())
