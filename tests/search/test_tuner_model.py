"""`hypermodel` with KerasTuner's own tuners."""

import warnings

import pytest

from kerasclf import Augmentation, Experiment, Split, TrainConfig
from kerasclf.errors import KerasclfError
from kerasclf.search import Choice, Float, hypermodel

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
