"""`hypermodel`: an experiment with a search space, for KerasTuner's own tuners. Needs KerasTuner.

tuner = keras_tuner.Hyperband(kerasclf.search.hypermodel(experiment, space), objective="val_accuracy", max_epochs=30)
tuner.search()
"""

from collections import Counter
from collections.abc import Mapping
from typing import Any

import keras
import keras_tuner

from kerasclf.data import ImageDataset
from kerasclf.errors import KerasclfError
from kerasclf.runs.experiment import Experiment
from kerasclf.search.spaces.hyperparameters import declare
from kerasclf.search.spaces.space import Axis, Space, Values, make_space
from kerasclf.training.fitting import fit, phase_callbacks
from kerasclf.training.training_setup import TrainingSetup, prepare


class ExperimentHyperModel(keras_tuner.HyperModel):
    """Builds and trains the experiments that a tuner requests. It loads the experiment's own images once.

    The first training with the same values uses seed 0, the next one (`executions_per_trial`) seed 1, and so on.

    Args:
        experiment: The experiment to vary; it must train in one phase.
        space: The search space.

    Raises:
        KerasclfError: If the space does not fit the experiment.
    """

    def __init__(self, experiment: Experiment, space: Space) -> None:
        super().__init__(name=experiment.model)
        space.check(experiment)
        if experiment.earlier_phases:
            raise KerasclfError("KerasTuner trains a model in one phase. Use run_search for several phases.")
        self.experiment, self.space = experiment, space
        self._dataset: ImageDataset | None = None
        self._built: tuple[keras.Model, Experiment, TrainingSetup] | None = None
        self._executions: Counter[Experiment] = Counter()

    def build(self, hp: keras_tuner.HyperParameters) -> keras.Model:
        """Returns the compiled model for the values of `hp`."""
        experiment = self.experiment_of(hp)
        dataset = self._load()
        setup = prepare(dataset, experiment.recipe(self._executions[experiment]))
        self._built = setup.model, experiment, setup
        return setup.model

    def fit(self, hp: keras_tuner.HyperParameters, model: keras.Model, *args: Any, **kwargs: Any) -> Any:
        """Trains the model that `build` returned. Takes KerasTuner's callbacks, epochs and initial_epoch, but no data.

        Raises:
            KerasclfError: If data are given.
        """
        if args or {"x", "y", "validation_data"} & set(kwargs):
            raise KerasclfError("The experiment loads its own images. Call tuner.search() without data.")
        assert self._built is not None
        built, experiment, setup = self._built
        assert built is model, "KerasTuner builds a model, then trains it"
        self._executions[experiment] += 1
        config = experiment.train
        callbacks = [*phase_callbacks(setup, config), *kwargs.pop("callbacks", [])]
        options = {"epochs": config.epochs, **kwargs, "callbacks": callbacks}
        return fit(model, setup.batches, setup, validation_data=setup.validation, **options)

    def experiment_of(self, hp: keras_tuner.HyperParameters) -> Experiment:
        """Returns the experiment with the values of `hp`."""
        values: Values = {name: declare(hp, name, axis) for name, axis in self.space.axes.items()}
        return self.space.apply(self.experiment, values)

    def _load(self) -> ImageDataset:
        if self._dataset is None:
            self._dataset = self.experiment.dataset(lambda line: None)
        return self._dataset


def hypermodel(experiment: Experiment, space: Space | Mapping[str, Axis]) -> ExperimentHyperModel:
    """Returns an experiment with a search space as a `HyperModel` for any KerasTuner tuner.

    Args:
        experiment: The experiment to vary; it must train in one phase.
        space: The search space.

    Raises:
        KerasclfError: If the space does not fit the experiment.
    """
    return ExperimentHyperModel(experiment, make_space(space))
