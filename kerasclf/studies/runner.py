"""Runs a study: every experiment with every seed, each into a run folder, what is finished once only."""

import time
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from kerasclf.data import ImageDataset, load_dataset
from kerasclf.data.dataset import PARTS
from kerasclf.data.splits import Split
from kerasclf.errors import FolderError, KerasclfError
from kerasclf.files import new_folder, write_json
from kerasclf.studies.environment import describe_environment
from kerasclf.studies.experiment import Experiment
from kerasclf.studies.metrics import accuracy, cross_entropy, macro_f1
from kerasclf.studies.run_folder import RunFolder, StudyFolder, write_predictions
from kerasclf.studies.study import Study
from kerasclf.training.progress import Listener, Silence

if TYPE_CHECKING:
    from kerasclf.training.train import Trained

DataKey = tuple[str, Split, tuple[int, int] | None]


def run_study(
    study: Study, out: Path | str, *, only: tuple[str, ...] = (), listener: Listener | None = None
) -> StudyFolder:
    """Runs what a study's folder does not yet hold.

    Data, experiments and the folder are checked before the first training. A run that is interrupted leaves
    nothing; finished ones stay, and are not run again.

    Args:
        study: What to run.
        out: The study's folder; made where needed.
        only: Names of the experiments to run; all where empty.
        listener: Who is told of the progress.

    Returns:
        The folder, for the report.

    Raises:
        KerasclfError: Something cannot be used, or a training failed; finished runs stay.
    """
    listener = listener or Silence()
    experiments = study.only(only)
    folder = StudyFolder(Path(out))
    folder.check(study)
    for name, experiment in experiments.items():
        _check_settings(name, experiment)
    datasets = _load_datasets(experiments, listener)
    for experiment in experiments.values():
        _check_sizes(experiment, datasets[_key(experiment)])
    _check_finished(folder, study, experiments, datasets)
    folder.claim(study)
    for dataset in datasets.values():
        write_json(folder.path / f"data-{dataset.manifest['hash'][:8]}.json", dataset.manifest)
    for name, experiment, seed in _runs(experiments, study.seeds):
        run = folder.run(name, experiment.identity, seed)
        title = name if len(study.seeds) == 1 else f"{name} seed {seed}"
        if run.complete:
            listener.said(f"{title}  is finished already: {run.path}")
            continue
        _run(title, experiment, seed, datasets[_key(experiment)], run, listener)
    return folder


def total_epochs(study: Study, only: tuple[str, ...], out: Path) -> int:
    """Returns how many epochs `run_study` has still before it, at most."""
    experiments = study.only(only)
    return sum(
        experiment.train.epochs
        for name, experiment, seed in _runs(experiments, study.seeds)
        if not StudyFolder(out).run(name, experiment.identity, seed).complete
    )


def _runs(experiments: dict[str, Experiment], seeds: tuple[int, ...]) -> Iterator[tuple[str, Experiment, int]]:
    for seed in seeds:
        for name, experiment in experiments.items():
            yield name, experiment, seed


def _key(experiment: Experiment) -> DataKey:
    return experiment.data, experiment.split, experiment.image_size


def _load_datasets(experiments: dict[str, Experiment], listener: Listener) -> dict[DataKey, ImageDataset]:
    """Loads each data set once for all experiments that use it."""
    datasets: dict[DataKey, ImageDataset] = {}
    for experiment in experiments.values():
        key = _key(experiment)
        if key not in datasets:
            spec, split, image_size = key
            dataset = load_dataset(spec, split=split, image_size=image_size, report=listener.said)
            height, width, channels = dataset.image_shape
            listener.said(
                f"data: {dataset.title}, {dataset.num_classes} classes, {height}x{width}x{channels}; "
                f"{len(dataset.train):,} train, {len(dataset.validation):,} validation, {len(dataset.test):,} test"
            )
            datasets[key] = dataset
    return datasets


def _check_settings(name: str, experiment: Experiment) -> None:
    """Checks what needs no images, before any is read."""
    from kerasclf.models import check_arguments

    arguments = dict(experiment.model_args)
    check_arguments(experiment.model, arguments)
    if arguments.get("classifier_activation", "softmax") != "softmax":
        raise KerasclfError(
            f"{name}: a study's loss and report need probabilities; expected classifier_activation 'softmax'. "
            f"Received: {arguments['classifier_activation']!r}."
        )


def _check_sizes(experiment: Experiment, dataset: ImageDataset) -> None:
    from kerasclf.models import build
    from kerasclf.pipeline.statistics import check_normalization

    check_normalization(experiment.augmentation, dataset.image_shape)
    build(experiment.model, dataset.image_shape, dataset.num_classes, dict(experiment.model_args))


def _check_finished(
    folder: StudyFolder, study: Study, experiments: dict[str, Experiment], datasets: dict[DataKey, ImageDataset]
) -> None:
    """Makes sure that finished runs saw the images that the others will see."""
    for name, experiment, seed in _runs(experiments, study.seeds):
        run = folder.run(name, experiment.identity, seed)
        manifest = datasets[_key(experiment)].manifest["hash"]
        if run.complete and run.description()["data"]["manifest"] != manifest:
            raise FolderError(
                f"{run.path} was made with other images: {experiment.data} has changed since. "
                "Give another folder with --out; nothing was changed."
            )


def _run(
    title: str, experiment: Experiment, seed: int, dataset: ImageDataset, run: RunFolder, listener: Listener
) -> None:
    import keras

    from kerasclf.models import build
    from kerasclf.pipeline.batches import steps_per_epoch
    from kerasclf.training.train import predict, train

    keras.backend.clear_session()  # or memory would grow with every run
    steps = steps_per_epoch(len(dataset.train), experiment.train.batch_size)
    listener.began_run(title, experiment.train.epochs, steps)
    with new_folder(run.path) as folder:
        trained = train(
            dataset,
            lambda shape, classes: build(experiment.model, shape, classes, dict(experiment.model_args)),
            experiment.augmentation,
            experiment.train,
            seed,
            augment_validation=experiment.augment_validation,
            listener=listener,
        )
        probabilities = predict(trained.model, dataset.test, dataset.num_classes)
        metrics = _metrics(trained, dataset, probabilities)
        trained.model.save(folder / "model.keras")
        trained.history.to_csv(folder / "history.csv", index=False, lineterminator="\n")
        write_predictions(folder / "predictions.csv", dataset.test, probabilities, dataset.class_names)
        write_json(folder / "metrics.json", metrics)
        write_json(folder / "environment.json", describe_environment())
        write_json(folder / "experiment.json", _description(experiment, seed, dataset))
    listener.finished_run(
        f"test accuracy {metrics['test_accuracy']:.4f}  loss {metrics['test_loss']:.4f}  "
        f"{metrics['images_per_second']:,.0f} images/s  {metrics['seconds']:.0f} s"
    )


def _metrics(trained: "Trained", dataset: ImageDataset, probabilities: NDArray[np.float32]) -> dict[str, float]:
    labels, history = dataset.test.labels, trained.history
    best = history.iloc[trained.best_epoch - 1]
    # The first epoch contains the tracing of the graph.
    paces = history["images_per_second"].iloc[1 if len(history) > 1 else 0 :]
    return {
        "test_accuracy": accuracy(labels, probabilities),
        "test_loss": cross_entropy(labels, probabilities),
        "test_macro_f1": macro_f1(labels, probabilities),
        "validation_accuracy": float(best["val_accuracy"]),
        "validation_loss": float(best["val_loss"]),
        "epochs": len(history),
        "best_epoch": trained.best_epoch,
        "images_per_second": float(paces.median()),
        "seconds": trained.seconds,
        "parameters": int(trained.model.count_params()),
    }


def _description(experiment: Experiment, seed: int, dataset: ImageDataset) -> dict[str, Any]:
    return {
        "experiment": experiment.to_dict(),
        "seed": seed,
        "data": {
            "title": dataset.title,
            "manifest": dataset.manifest["hash"],
            "images": {part: len(dataset.part(part)) for part in PARTS},
            "image_shape": list(dataset.image_shape),
        },
        "class_names": list(dataset.class_names),
        "finished": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
    }
