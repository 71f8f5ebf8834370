"""What is known of a trained model and what is not: sentences for the page of `kerasclf demo`. Needs no TensorFlow."""

from collections.abc import Sequence
from pathlib import Path

from kerasclf.inference.calibration.model_calibration import trained_on_validation
from kerasclf.networks.network_source import label_of
from kerasclf.report.finished_run import groups_of
from kerasclf.report.statistics.intervals import accuracy_interval
from kerasclf.runs.run_folder import PREDICTIONS, RunFolder
from kerasclf.runs.run_records import RunDescription
from kerasclf.wording import counted, in_words

# Images of which a test set says nothing.
UNTESTED_IMAGES = (
    "Images from elsewhere than the data above: other cameras, places or times.",
    "Images that are noisy, blurred, compressed, too dark or partly covered.",
    "Images that an adversary has changed.",
)
_MOST_CLASSES = 50


def limits_of(run: RunFolder | None, class_names: Sequence[str]) -> list[str]:
    """Returns the classes of a model, its training and its accuracy, in sentences.

    Args:
        run: The run that trained the model; None if it is unknown.
        class_names: The classes of the model.
    """
    return [_classes(class_names), *_training(run)]


def title_of(run: RunFolder | None, path: Path) -> str:
    """Returns the network and its data, or the name of the model file if its run is unknown."""
    if run is None:
        return path.name
    description = run.description()
    return f"{label_of(description['experiment']['model'])} on {description['data']['title']}"


def _classes(class_names: Sequence[str]) -> str:
    named = list(class_names[:_MOST_CLASSES])
    if others := len(class_names) - len(named):
        named.append(f"{others:,} others")
    classes = f"It knows {counted(len(class_names), 'class')}: {in_words(named)}."
    return f"{classes} It answers with one of them even if an image shows something else."


def _training(run: RunFolder | None) -> list[str]:
    if run is None:
        return ["Its training and its accuracy are unknown: the model is not in the folder of its run."]
    description = run.description()
    data, flaws = description["data"], description["experiment"].get("flaws")
    trained = f"It was trained on {counted(data['images']['train'], 'image')}. Its data: {data['title']}."
    warning = [f"It was trained with known flaws, to study them: {in_words(flaws)}. Do not use it."] if flaws else []
    return [trained, _accuracy(run, description), *warning]


def _accuracy(run: RunFolder, description: RunDescription) -> str:
    if trained_on_validation(description) or not (run.path / PREDICTIONS).exists():
        return "This very model was not tested. MODEL_CARD.md beside it has the accuracy of its recipe."
    labels, probabilities = run.predictions()
    found = accuracy_interval(probabilities.argmax(axis=1) == labels, groups=groups_of(description))
    return (
        f"It classifies {found.value:.1%} of {counted(len(labels), 'test image')} correctly. The 95 % interval, for "
        f"images like these, is {found.low:.1%} to {found.high:.1%}."
    )
