"""Executes one run, from a job to a run folder, in the process that calls it. Needs TensorFlow."""

import shutil
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from kerasclf.data import ImageDataset
from kerasclf.data.dataset import SETS
from kerasclf.data.earlier_sets import read_earlier_sets
from kerasclf.data.groups import numbered
from kerasclf.data.leaks import leaked_test_images
from kerasclf.errors import DeviceMemoryError, FolderError, KerasclfError
from kerasclf.files.locks import hold
from kerasclf.files.writing import write_json
from kerasclf.log import Log
from kerasclf.machine.meter import Meter
from kerasclf.networks.model_file import CLASSES, MODEL, save_model
from kerasclf.runs.environment import describe_environment
from kerasclf.runs.examples import write_examples
from kerasclf.runs.inputs import RunInputs, inputs_of
from kerasclf.runs.job import Job
from kerasclf.runs.launch.together import together
from kerasclf.runs.leading import held_followers
from kerasclf.runs.metrics import Outcome, accuracy, halted_metrics, run_metrics, training_metrics
from kerasclf.runs.run_data import load_data
from kerasclf.runs.run_folder import EARLIER_PREDICTIONS, EXAMPLES, VALIDATION_PREDICTIONS, seal
from kerasclf.runs.run_tables import write_predictions
from kerasclf.training.listener import TrainingListener
from kerasclf.training.resuming.halting import Halted

if TYPE_CHECKING:
    from kerasclf.training.resuming.followers import Leading
    from kerasclf.training.train import Trained

# A process that was just killed may take a moment to release its run.
_PATIENCE_S = 30


def execute(job: Job, listener: TrainingListener) -> dict[str, float]:
    """Runs a job, or resumes it after an interruption, and returns its metrics.

    A run that `Job.halt` stops stays incomplete and can be resumed. Its metrics have the key `halted`.

    Args:
        job: The run.
        listener: Receives the progress of the training.

    Raises:
        KerasclfError: If the run cannot be completed. Its checkpoints stay.
    """
    if job.run.complete:
        return job.run.metrics()
    inputs = inputs_of(job)
    for note in inputs.notes:
        listener.log(note)
    with hold(job.run.partial, _PATIENCE_S):
        # A process that counted as lost may have completed the run while this one waited.
        metrics = job.run.metrics() if job.run.complete else _execute(job, inputs, listener)
    if job.run.complete:
        shutil.rmtree(job.run.partial, ignore_errors=True)
    return metrics


def is_passing(error: BaseException) -> bool:
    """Returns whether the machine caused an error. The next start then tries the run again."""
    return isinstance(error, OSError | MemoryError | FolderError | DeviceMemoryError)


def reason_of(error: Exception) -> str:
    """Returns why a run failed, for the user."""
    return str(error) if isinstance(error, KerasclfError | OSError) else f"{type(error).__name__}: {error}"


def _execute(job: Job, inputs: RunInputs, listener: TrainingListener) -> dict[str, float]:
    with together(job, listener.log) as job:
        dataset = load_data(job, listener.log)
        # The energy of the earlier processes of a resumed run is unknown.
        meter = Meter(energy=not job.run.epochs_done())
        try:
            with held_followers(job, inputs, listener.log) as leading:
                trained = _train(job, dataset, listener, leading)
        except Halted as halted:
            listener.log(f"stopped early {halted}")
            experiment = job.experiment
            return halted_metrics(halted.rows, experiment.train.early_stopping, len(experiment.phases))
        metrics = _write_result(job, inputs, dataset, trained, meter, listener.log)
        if job.run.partial_profile.exists():
            job.run.partial_profile.replace(job.run.profile)
        return metrics


def _train(job: Job, dataset: ImageDataset, listener: TrainingListener, leading: "Leading") -> "Trained":
    import keras

    from kerasclf.training.profile_steps import ProfileSteps
    from kerasclf.training.train import train

    keras.backend.clear_session()  # Otherwise the memory of a process grows with each of its runs.
    return train(
        dataset,
        job.experiment.recipe(job.seed),
        listener=listener,
        checkpoints=job.run.checkpoints,
        callbacks=[ProfileSteps(job.run.partial_profile, listener.log)] if job.profile else [],
        halt=job.halt,
        also_cache=job.also_cache,
        leading=leading,
    )


def _write_result(
    job: Job, inputs: RunInputs, dataset: ImageDataset, trained: "Trained", meter: Meter, log: Log
) -> dict[str, float]:
    """Writes the files of a run into a temporary folder, which becomes the run folder when all are complete."""
    folder = job.run.begin_result()
    saved_s, parameters = trained.shared.seconds, int(trained.model.count_params())
    outcome = Outcome(trained.history, trained.best_epoch, trained.seconds, parameters, saved_s)
    if len(dataset.test):
        trained.extract_together(dataset.test)  # The other workers do so, too: runs/launch/share_worker.py.
        probabilities = trained.predict(dataset.test)
        set_name = job.view.reports_on if job.view else "test"
        metrics = run_metrics(outcome, dataset.test.labels, probabilities, set_name, meter.read())
        write_predictions(folder / "predictions.csv", dataset.test, probabilities, dataset.class_names)
        if _keeps_head(job):
            before = _predict_before(job, dataset, log)
            metrics[f"earlier_{set_name}_accuracy"] = accuracy(dataset.test.labels, before)
            write_predictions(folder / EARLIER_PREDICTIONS, dataset.test, before, dataset.class_names)
        if not dataset.is_table:  # A row of a table is no picture.
            write_examples(folder / EXAMPLES, dataset.test, probabilities)
        metrics |= _flaw_metrics(job, dataset)
    else:  # The run has trained on all images.
        metrics = training_metrics(outcome, meter.read())
    if trained.shared.epochs == len(trained.history):  # the memory of the training is that of another process
        del metrics["peak_memory_mb"]
    if _has_unseen_validation(job, dataset):
        probabilities = trained.predict(dataset.validation)
        write_predictions(folder / VALIDATION_PREDICTIONS, dataset.validation, probabilities, dataset.class_names)
    save_model(trained.model, folder / MODEL, dataset.class_names, fit=job.experiment.fit)
    write_json(folder / CLASSES, list(dataset.class_names))  # in the order of the model's outputs
    trained.history.to_csv(folder / "history.csv", index=False, lineterminator="\n")
    write_json(folder / "metrics.json", metrics)
    settings = {"threads": inputs.threads, "precision": inputs.precision, "engine": inputs.engine}
    settings["strategy"] = _strategy(job)
    notes = {"resumed": list(inputs.notes)} if inputs.notes else {}
    write_json(folder / "environment.json", {**describe_environment(), **settings, **notes})
    shared = {"shared": trained.shared.to_dict()} if trained.shared else {}
    seal(folder, {**_description(job, inputs, dataset), **shared})
    job.run.take_result()
    return metrics


def _strategy(job: Job) -> str:
    from kerasclf.training.devices import strategy_in_words

    return strategy_in_words(job.experiment.train.strategy)


def _has_unseen_validation(job: Job, dataset: ImageDataset) -> bool:
    """Returns whether there are validation images that are neither trained nor reported on."""
    view = job.view
    return len(dataset.validation) > 0 and (view is None or (view.reports_on == "test" and not view.joined))


def _keeps_head(job: Job) -> bool:
    """Returns whether the run continues the training of a whole model, which the result is compared with."""
    return job.experiment.transfer is not None and job.experiment.transfer.head == "kept"


def _predict_before(job: Job, dataset: ImageDataset, log: Log) -> NDArray[np.float32]:
    from kerasclf.training.train import predict_before

    return predict_before(dataset, job.experiment.recipe(job.seed), log)


def _flaw_metrics(job: Job, dataset: ImageDataset) -> dict[str, float]:
    """Returns what a flaw changes besides the metrics of every run."""
    from kerasclf.training.training_flaws import statistics_shifts

    return statistics_shifts(dataset) if "statistics_of_all" in job.experiment.flaws else {}


def _leaked_test_images(job: Job, dataset: ImageDataset) -> list[int]:
    """Returns the indices of the test images that a flaw leaks; empty without such a flaw."""
    if job.view is not None:  # The run reports on other images.
        return []
    experiment = job.experiment
    leaked = leaked_test_images(dataset.test.labels, experiment.flaws, experiment.split.seed)
    return [int(index) for index in np.flatnonzero(leaked)]


def _new_images(job: Job, dataset: ImageDataset) -> dict[str, int]:
    """Returns the number of images in each set that the continued run did not have; empty if the run continues none."""
    if job.experiment.split.earlier is None:
        return {}
    earlier = read_earlier_sets(Path(job.experiment.split.earlier))
    return {name: earlier.new_images(dataset.subset(name)) for name in SETS}


def _description(job: Job, inputs: RunInputs, dataset: ImageDataset) -> dict[str, Any]:
    return {
        "experiment": job.experiment.to_dict(),
        "seed": job.seed,
        **({"view": job.view.to_dict()} if job.view else {}),
        "data": {
            "title": dataset.title,
            "known_as": dataset.known_as,
            "manifest": job.manifest,
            "images": {subset: len(dataset.subset(subset)) for subset in SETS},
            "image_shape": list(dataset.image_shape),
            **({"new_images": new} if (new := _new_images(job, dataset)) else {}),
            **({"test_groups": numbered(dataset.test.groups)} if dataset.test.groups else {}),
            **({"validation_groups": numbered(dataset.validation.groups)} if dataset.validation.groups else {}),
            **({"leaked_test_images": leaked} if (leaked := _leaked_test_images(job, dataset)) else {}),
        },
        "weights": inputs.weights,
        "class_names": list(dataset.class_names),
        "finished": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
    }
