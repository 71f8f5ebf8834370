"""Makes one run: from a job to a run folder. Needs TensorFlow; runs in whatever process it is called in."""

import shutil
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from kerasclf.data import ImageDataset
from kerasclf.data.dataset import SETS
from kerasclf.data.snapshot import read_snapshot
from kerasclf.errors import FolderError
from kerasclf.files import read_json, write_json
from kerasclf.locks import hold
from kerasclf.runs.environment import describe_environment
from kerasclf.runs.examples import write_examples
from kerasclf.runs.job import Job
from kerasclf.runs.metrics import metrics_of
from kerasclf.runs.resources import Meter
from kerasclf.runs.run_folder import EXAMPLES, seal, write_predictions
from kerasclf.training.halting import Halted
from kerasclf.training.listener import TrainingListener

if TYPE_CHECKING:
    from kerasclf.training.train import Trained

# A process that was just killed may take a moment to let go of its run.
_PATIENCE_S = 30


def execute(job: Job, listener: TrainingListener) -> dict[str, float]:
    """Makes a run, or goes on with one that was interrupted, and returns its figures.

    One that is broken off (see `Job.halt`) stays incomplete, to be gone on with; its figures say `halted`.

    Raises:
        KerasclfError: It cannot be made; what it has reached so far stays.
    """
    if job.run.complete:
        return job.run.metrics()
    threads_of(job)
    with hold(job.run.partial, _PATIENCE_S):
        dataset = _load(job, listener)
        # Of a run that goes on, the energy of its earlier processes is not known.
        meter = Meter(energy=not job.run.epochs_done())
        try:
            trained = _train(job, dataset, listener)
        except Halted as halted:
            listener.log(f"is broken off {halted}")
            return _halted_metrics(job, halted)
        metrics = _write_result(job, dataset, trained, meter)
    shutil.rmtree(job.run.partial, ignore_errors=True)
    return metrics


def is_passing(error: BaseException) -> bool:
    """Returns whether the machine was at fault and not the run, so that the next start may simply try again."""
    return isinstance(error, OSError | MemoryError | FolderError)


def threads_of(job: Job) -> int | None:
    """Returns the CPU threads of a run: those it was begun with, or else those of the job, which are written down."""
    noted = job.run.partial / "threads.json"
    if noted.exists():
        return read_json(noted)  # type: ignore[no-any-return]
    write_json(noted, job.threads)
    return job.threads


def _load(job: Job, listener: TrainingListener) -> ImageDataset:
    if job.snapshot and Path(job.snapshot).exists():  # another machine may not have it
        dataset = read_snapshot(Path(job.snapshot))
    else:
        dataset = job.experiment.dataset(listener.log)
        if dataset.manifest["hash"] != job.manifest:
            raise FolderError(f"The images of {job.experiment.data} have changed since the study was started.")
    return job.view.of(dataset) if job.view else dataset


def _train(job: Job, dataset: ImageDataset, listener: TrainingListener) -> "Trained":
    import keras

    from kerasclf.training.train import train

    keras.backend.clear_session()  # where one process makes several runs, memory would grow with each
    return train(
        dataset,
        job.experiment.recipe(job.seed),
        listener=listener,
        checkpoints=job.run.checkpoints,
        halt=job.halt,
        also_cache=job.also_cache,
    )


def _write_result(job: Job, dataset: ImageDataset, trained: "Trained", meter: Meter) -> dict[str, float]:
    """Writes the run's files into a folder of their own, which becomes the run folder when all are whole."""
    from kerasclf.training.devices import resolve_precision

    folder = job.run.begin_result()
    probabilities = trained.predict(dataset.test)
    metrics = {**_metrics(trained, dataset, probabilities, _reports_on(job)), **meter.read()}
    trained.model.save(folder / "model.keras")
    trained.history.to_csv(folder / "history.csv", index=False, lineterminator="\n")
    write_predictions(folder / "predictions.csv", dataset.test, probabilities, dataset.class_names)
    if not dataset.is_table:  # a row makes no picture
        write_examples(folder / EXAMPLES, dataset.test, probabilities)
    write_json(folder / "metrics.json", metrics)
    noted = {"threads": threads_of(job), "precision": resolve_precision(job.experiment.train.precision)}
    write_json(folder / "environment.json", {**describe_environment(), **noted})
    seal(folder, _description(job, dataset))
    job.run.take_result()
    return metrics


def _reports_on(job: Job) -> str:
    return job.view.reports_on if job.view else "test"


def _halted_metrics(job: Job, halted: Halted) -> dict[str, float]:
    """Returns the figures of a run that was broken off: its last epoch's, or the best one's where it keeps that."""
    stopping, row = job.experiment.train.early_stopping, halted.rows[-1]
    if stopping is not None and stopping.restore_best:
        best = max if stopping.monitor.endswith("accuracy") else min
        row = best(halted.rows, key=lambda one: one[stopping.monitor])
    return {
        "halted": 1.0,
        "validation_accuracy": row["val_accuracy"],
        "validation_loss": row["val_loss"],
        "epochs": len(halted.rows),
        "best_epoch": row["epoch"],
        "seconds": sum(one["seconds"] for one in halted.rows),
    }


def _metrics(
    trained: "Trained", dataset: ImageDataset, probabilities: NDArray[np.float32], subset: str
) -> dict[str, float]:
    history = trained.history
    best = history.iloc[trained.best_epoch - 1]
    # The first epoch contains the tracing of the graph.
    paces = history["images_per_second"].iloc[1 if len(history) > 1 else 0 :]
    return {
        **metrics_of(dataset.test.labels, probabilities, subset),
        "validation_accuracy": float(best["val_accuracy"]),
        "validation_loss": float(best["val_loss"]),
        "epochs": len(history),
        "best_epoch": trained.best_epoch,
        "images_per_second": float(paces.median()),
        "seconds": trained.seconds,
        "parameters": int(trained.model.count_params()),
    }


def _description(job: Job, dataset: ImageDataset) -> dict[str, Any]:
    return {
        "experiment": job.experiment.to_dict(),
        "seed": job.seed,
        **({"view": job.view.to_dict()} if job.view else {}),
        "data": {
            "title": dataset.title,
            "manifest": job.manifest,
            "images": {subset: len(dataset.subset(subset)) for subset in SETS},
            "image_shape": list(dataset.image_shape),
        },
        "class_names": list(dataset.class_names),
        "finished": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
    }
