"""`evaluate`: trained models on labelled images, as `kerasclf evaluate` and `TrainedModel.evaluate` do it.

This file lies above all folders of the package: it joins inference, which predicts, and report, which says what
follows. It needs TensorFlow only for a model that is computed.
"""

import re
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from kerasclf.data.dataset import class_counts
from kerasclf.data.names import composed, find_names
from kerasclf.errors import DataError, Problems
from kerasclf.inference.labelled_images import LabelledImages
from kerasclf.inference.labelled_predictions import (
    ALL_CORRUPTED,
    Computes,
    EvaluationOptions,
    Predicted,
    predict_labelled,
    sets_of,
)
from kerasclf.log import Log
from kerasclf.report.evaluation.evaluated_model import ENSEMBLE, EvaluatedModel, ensemble_of
from kerasclf.report.evaluation.evaluation_page import write_evaluation
from kerasclf.report.evaluation.evaluation_results import EvaluationResults
from kerasclf.runs.examples import Examples, example_indices, thumbnails
from kerasclf.runs.run_folder import PREDICTIONS, RunFolder

Predictions = tuple[NDArray[np.int64], NDArray[np.float64]]


class Evaluation(EvaluationResults):
    """How trained models do on labelled images: `accuracy`, `interval`, `table()`, `by_class()` and the report."""

    def write_report(self, path: str | Path) -> Path:
        """Writes the page, its figures, tables and predictions into a new folder, and returns the path of the page.

        Raises:
            FolderError: If the folder has files, or cannot be written. Nothing is left of it.
        """
        return write_evaluation(self, Path(path))


class Model(Computes, Protocol):
    """A `TrainedModel`."""

    @property
    def path(self) -> Path: ...


def evaluate(
    models: Sequence[Model],
    images: LabelledImages,
    options: EvaluationOptions | None = None,
    log: Log = lambda line: None,
    advance: Callable[[int], None] = lambda count: None,
) -> Evaluation:
    """Evaluates models on the same labelled images.

    Args:
        models: Models of the same classes, in any order of their outputs.
        images: The images, as `LabelledImages.find` returns them.
        options: How to evaluate them; None for the predictions alone.
        log: Receives progress messages, one line each.
        advance: Receives the number of images of each batch that is computed.

    Raises:
        KerasclfError: If classes do not match; the message names them. Or if no image can be read.
    """
    from kerasclf.runs.environment import describe_environment

    options = options or EvaluationOptions()
    check_match(images, {str(model.path): model.class_names for model in models}, options)
    for model in models:
        images.check_channels(model.image_shape)
    class_names = models[0].class_names
    matched = images.in_classes(class_names, options.rename, options.known_only)
    predicted = []
    for model in models:
        own = images.in_classes(model.class_names, options.rename, options.known_only)
        predicted.append(predict_labelled(model, own, options, log, advance))
    problems = {position: problem for one in predicted for position, problem in one.problems.items()}
    readable = np.array([i for i in range(len(matched)) if i not in problems], np.int64)
    if not len(readable):
        raise DataError(f"None of the images of {images.spec} can be read. The first: {next(iter(problems.values()))}")
    kept = matched.take(readable)
    named = zip(model_names(models), models, predicted, strict=True)
    evaluated = [_evaluated(name, model, one.take(readable), kept) for name, model, one in named]
    if options.ensemble:
        evaluated.append(_with_examples(ensemble_of(evaluated), kept, models[0]))
    return Evaluation(
        spec=images.spec,
        title=images.title,
        which=images.which,
        class_names=class_names,
        names=kept.names,
        labels=kept.labels,
        models=tuple(evaluated),
        corrupted=ALL_CORRUPTED if options.corrupted else (),
        views=len(options.views),
        image_shape=models[0].image_shape,
        environment=describe_environment(),
        left_out=_left_out(images, class_names, options),
        unreadable={matched.names[position]: problem for position, problem in sorted(problems.items())},
    )


def check_match(images: LabelledImages, classes: dict[str, tuple[str, ...]], options: EvaluationOptions) -> None:
    """Checks that all models have the same classes, and know those of the images. Computes nothing.

    Args:
        images: The images.
        classes: The classes of each model, by its file.
        options: How to evaluate the models.

    Raises:
        KerasclfError: If not; the message names the classes.
    """
    (first, names), *others = classes.items()
    problems = Problems()
    for path, other in others:
        if different := set(map(composed, names)) ^ set(map(composed, other)):
            only = ", ".join(sorted(map(repr, different)))
            problems.add(f"Expected models of the same classes. Only one of {first} and {path} has {only}.")
    with problems.collect():
        images.in_classes(names, options.rename, options.known_only)
    problems.raise_all("The models cannot be evaluated on these images")


def model_names(models: Sequence[Model]) -> list[str]:
    """Returns a short name for each model, which is unique and can be a part of the name of a file."""
    names = [_name_of(model) for model in models]
    repeated = {name for name, count in Counter(names).items() if count > 1} | {ENSEMBLE}
    found: list[str] = []
    for model, name in zip(models, names, strict=True):
        if name in repeated and model.run is not None:
            name = f"{name}-{model.run.path.name}"  # the seed
        number, free = 1, name
        while free in found or free == ENSEMBLE:
            number += 1
            free = f"{name}-{number}"
        found.append(free)
    return found


def _name_of(model: Model) -> str:
    """Returns the name of the experiment of a model, or that of its file or folder."""
    if model.run is not None and re.fullmatch(r".+-[0-9a-f]+", model.run.path.parent.name):
        name = model.run.path.parent.name.rpartition("-")[0]
    else:
        path = model.path.absolute()
        name = path.parent.name if path.stem == "model" else path.stem
    return re.sub(r"[^\w.-]+", "-", name).strip("-.") or "model"


def _evaluated(name: str, model: Model, predicted: Predicted, kept: LabelledImages) -> EvaluatedModel:
    """Returns the predictions of a model in the order of the classes of the evaluation, with what its run knows."""
    order = find_names(kept.class_names, model.class_names)
    own_test, validation, accuracy = _own_predictions(model.run, order)
    return _with_examples(
        EvaluatedModel(
            name=name,
            source=str(model.path),
            probabilities=predicted.probabilities[:, order],
            averaged=None if predicted.averaged is None else predicted.averaged[:, order],
            right=predicted.right,
            own_test=own_test,
            validation=validation,
            validation_accuracy=accuracy,
            seen=sets_of(model.run, predicted.keys),
        ),
        kept,
        model,
    )


def _own_predictions(run: RunFolder | None, order: list[int]) -> tuple[Predictions | None, Predictions | None, float]:
    """Returns the predictions of a run on its test and its validation images, and its validation accuracy."""
    if run is None:
        return None, None, np.nan
    metrics = run.metrics()
    test = run.predictions() if "test_accuracy" in metrics and (run.path / PREDICTIONS).exists() else None
    validation = run.validation_predictions()
    reordered = [None if found is None else _reordered(found, order) for found in (test, validation)]
    return reordered[0], reordered[1], float(metrics.get("validation_accuracy", np.nan))


def _reordered(found: Predictions, order: list[int]) -> Predictions:
    return np.argsort(order)[found[0]], found[1][:, order]


def _with_examples(evaluated: EvaluatedModel, kept: LabelledImages, model: Model) -> EvaluatedModel:
    """Returns an evaluated model with the thumbnails of its most confident errors, as `model` sees the images."""
    indices = example_indices(kept.labels, evaluated.probabilities)
    names = np.array([kept.names[int(i)] for i in indices], np.str_)
    images = kept.read(indices, model.image_shape, model.image_fit)
    return replace(evaluated, examples=Examples(indices, names, thumbnails(images)))


def _left_out(images: LabelledImages, class_names: Sequence[str], options: EvaluationOptions) -> dict[str, int]:
    """Returns the number of images of each class that no model knows."""
    counts = class_counts(images.labels, len(images.class_names))
    known = find_names(images.renamed(options.rename), class_names)
    rows = zip(images.class_names, counts.tolist(), known, strict=True)
    return {name: count for name, count, found in rows if count and found < 0}
