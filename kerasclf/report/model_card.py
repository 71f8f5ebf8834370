"""Writes MODEL_CARD.md beside the model that a study recommends, in the form of Hugging Face's model cards.

Everything in a card is measured or recorded. What is unknown, such as a licence, is called so.
"""

import json
from dataclasses import dataclass, replace
from pathlib import Path

from markupsafe import Markup

from kerasclf.errors import FolderError
from kerasclf.escaping import visible
from kerasclf.files.writing import write_text
from kerasclf.inference.calibration.model_calibration import trained_on_validation
from kerasclf.loading import FoundModel, find_model
from kerasclf.networks.network_source import label_of
from kerasclf.report.experiment_intervals import interval_of
from kerasclf.report.experiment_results import ExperimentResults
from kerasclf.report.finished_run import Run
from kerasclf.report.misclassifications import mistakes_of
from kerasclf.report.model_limits import UNTESTED_IMAGES
from kerasclf.report.page_parts import templates
from kerasclf.report.probabilities import trusted_probabilities
from kerasclf.report.results_reader import read_results
from kerasclf.report.search.search_facts import read_gain
from kerasclf.report.statistics.intervals import Interval
from kerasclf.report.statistics.scores import SCORES
from kerasclf.report.study_notes import caution
from kerasclf.report.study_results import StudyResults
from kerasclf.runs.metrics import class_metrics
from kerasclf.runs.run_records import RunDescription
from kerasclf.search.final_runs import BASE, BEST
from kerasclf.search.search_folder import SEARCH_FILE
from kerasclf.search.search_results import read_search
from kerasclf.studies.study_folder import STUDY_FILE

MODEL_CARD = "MODEL_CARD.md"
NOT_RECORDED = "not recorded"
# Names of metrics in tables, and those that Hugging Face knows.
_METRIC_NAMES = {
    "test_accuracy": "accuracy",
    "test_balanced_accuracy": "balanced accuracy",
    "test_top5_accuracy": "top-5 accuracy",
    "test_macro_f1": "macro F1",
    "test_loss": "cross-entropy, nats",
}
# Names of published data sets at Hugging Face.
_PUBLISHED = ("cifar10", "cifar100", "mnist")
_WORST_CLASSES = 5
# How images of another size are read, in sentences.
_FITS = {
    "squash": "An image of another size is stretched to this one: its aspect ratio may change.",
    "crop": "An image of another size is scaled until it covers this one, and its middle is kept.",
    "pad": "An image of another size is scaled until this one contains it, and gets a black border.",
}


@dataclass(frozen=True)
class _Metric:
    """A row of the table of metrics: the value of the model, and the mean over the runs of its experiment."""

    name: str
    value: float
    interval: Interval


def write_model_card(folder: Path) -> Path:
    """Writes the card of the model that `kerasclf predict` takes of a study or a search.

    Args:
        folder: The folder of the study or the search.

    Returns:
        The path of the card, in the folder of the run.

    Raises:
        FolderError: If there is no such model, no run measures it, or it lies outside the folder.
    """
    found = find_model(folder)
    if not found.path.is_file() or found.run is None:
        raise FolderError(f"{found.path} is missing.")
    # A folder may come from a stranger, with links in it.
    if not found.path.parent.resolve().is_relative_to(folder.resolve()):
        raise FolderError(f"{found.path.parent} is a link to another folder.")
    path = found.path.parent / MODEL_CARD
    write_text(path, card_of(_results_of(folder), found))
    return path


def _results_of(folder: Path) -> StudyResults:
    """Returns the results of a study, or of the final runs of a search."""
    if (folder / STUDY_FILE).exists() or not (folder / SEARCH_FILE).exists():
        return read_results(folder)
    gain = read_gain(read_search(folder))
    if gain is None:
        raise FolderError(f"{folder}: no run of the best trial was evaluated on the test set.")
    return gain.final


def card_of(results: StudyResults, found: FoundModel) -> str:
    """Returns the card of a model.

    Args:
        results: The study of its run.
        found: The model. A final model, trained on the validation images too, has the metrics of the runs of its
            recipe.
    """
    assert found.run is not None
    description = found.run.description()
    experiment, run = _measured(results, description)
    data, given = description["data"], experiment.experiment
    height, width, channels = data["image_shape"]
    environment = templates(escape=False)
    environment.filters["yaml"] = _yaml
    return environment.get_template("model_card.md.j2").render(
        name=f"{label_of(given.model)} on {data['title']}",
        network=label_of(given.model),
        parameters=int(found.run.metrics()["parameters"]),
        seed=description["seed"],
        finished=description["finished"],
        packages=found.run.environment()["packages"],
        title=data["title"],
        hub_type=_hub_type(run),
        manifest=data["manifest"],
        images=data["images"],
        classes=run.class_names,
        shape=(height, width, channels),
        is_table=(height, width) == (1, 1),
        fit=_FITS[given.fit],
        is_final=trained_on_validation(description),
        is_tested=data["images"]["test"] > 0,
        study=results.study,
        experiment=experiment,
        caution=caution(results),
        flaws=given.flaws,
        imbalance=results.imbalance,
        metrics=_metrics(results, experiment, run),
        has_seeds=results.samples[experiment.name].seeds is not None,
        probabilities=trusted_probabilities(replace(experiment, runs=(run,))),
        pairs=mistakes_of(run).pairs,
        worst=_worst_classes(run),
        start=_start(description),
        not_recorded=NOT_RECORDED,
        untested_images=UNTESTED_IMAGES,
    )


def _measured(results: StudyResults, description: RunDescription) -> tuple[ExperimentResults, Run]:
    """Returns the experiment of a model and the run that measures it: its own, or the first of a final model."""
    for experiment in results.experiments:
        for run in experiment.runs:
            if run.description == description:
                return experiment, run
    # A search trains its best trial on all images, and the base experiment if no trial is better.
    recipes = [results.refit.experiment] if results.refit else [BEST, BASE]
    named = {e.name: e for e in results.experiments}
    experiment = next((named[name] for name in recipes if name in named), results.chosen)
    return experiment, experiment.runs[0]


def _metrics(results: StudyResults, experiment: ExperimentResults, run: Run) -> list[_Metric]:
    leading = [results.leading_metric, "test_macro_f1"] if results.imbalance else []
    return [
        _Metric(_METRIC_NAMES[metric], float(run.metrics[metric]), interval_of(results, experiment, metric))
        for metric in dict.fromkeys([*leading, *_METRIC_NAMES])
        if metric in SCORES and all(metric in one.metrics for one in experiment.runs)
    ]


def _worst_classes(run: Run) -> list[tuple[str, float, int]]:
    """Returns name, F1 and number of test images of the classes with the lowest F1 below 1."""
    found = class_metrics(run.labels, run.probabilities)
    order = found.f1.argsort(kind="stable")[:_WORST_CLASSES]
    return [(run.class_names[i], float(found.f1[i]), int(found.images[i])) for i in order if found.f1[i] < 1]


def _hub_type(run: Run) -> str:
    """Returns the name of the data at Hugging Face, or that of its loader for folders of images."""
    known = (run.known_as or "").partition(":")[0]
    return known if known in _PUBLISHED else "imagefolder"


def _start(description: RunDescription) -> str:
    """Returns where the weights come from at the start of the training. A path would tell of the user's machine."""
    plain = description["experiment"]
    weights = (plain.get("transfer") or {}).get("weights", "none")
    if weights == "none":
        is_saved = plain["model"].endswith(".keras")
        return f"those of the saved model {Path(plain['model']).name}" if is_saved else "random"
    if weights == "imagenet":
        return f"pretrained on ImageNet, as {label_of(plain['model'])} loads them"
    digest = description.get("weights")
    return f"the file {Path(weights).name}" + (f" (SHA-256 {digest})" if digest else "")


def _yaml(value: object) -> Markup:
    """Returns a text or a number as YAML, which contains JSON. Control characters become visible."""
    return Markup(json.dumps(visible(value) if isinstance(value, str) else value, ensure_ascii=False))
