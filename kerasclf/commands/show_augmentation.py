"""`kerasclf show augmentation`: images next to the random versions of them that a training sees."""

import ast
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from rich.console import Console

from kerasclf.commands.figure_files import is_figure, save_shown
from kerasclf.commands.printing.output import say
from kerasclf.errors import KerasclfError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from kerasclf.data.dataset import Subset
    from kerasclf.data.pixels.image_fit import Fit
    from kerasclf.pipeline import Augmentation
    from kerasclf.runs.experiment import Experiment

_IMAGES = 4  # of a data set, from different classes
_SIZE = (224, 224)  # of image files: the size that `kerasclf train` resizes to


class Shown(NamedTuple):
    """What to show.

    Args:
        source: An experiment of a declared study (STUDY/EXPERIMENT), the spec of a data set, or an image file.
        images: Further image files.
        settings: Fields of the augmentation, as NAME=VALUE.
        versions: Number of random versions of each image.
        seed: Seed of the run.
        image_size: Height and width of the images, in pixels; None takes that of the training.
        fit: How an image fills this size; None takes that of the training.
    """

    source: str
    images: tuple[Path, ...] = ()
    settings: tuple[str, ...] = ()
    versions: int = 4
    seed: int = 0
    image_size: tuple[int, int] | None = None
    fit: "Fit | None" = None


def save_augmentation(shown: Shown, out: Path | None, overwrite: bool, console: Console) -> None:
    """Draws the figure and saves it as PNG and SVG.

    Args:
        shown: What to show.
        out: Folder of the figure, or its name ending in .png or .svg; None for show/ in the current folder.
        overwrite: Whether to replace a figure of the same name.
        console: Where to print the name of the figure.
    """
    experiment = _experiment_of(shown.source)
    augmentation = _augmentation(shown, experiment)
    files = shown.images if experiment or not Path(shown.source).is_file() else (Path(shown.source), *shown.images)
    size = shown.image_size or (experiment.image_size if experiment else None)
    fit = shown.fit or (experiment.fit if experiment else "squash")
    if files:
        images, names, indices = (
            _read_files(files, size or _SIZE, fit),
            [path.name for path in files],
            [*range(len(files))],
        )
    else:
        images, names, indices = _read_dataset(shown, experiment, console)
    figure = augmentation.preview(images, shown.versions, seed=shown.seed, indices=indices, names=names)
    path = save_shown(figure, _path(shown.source, out), overwrite or is_figure(out))
    say(console, f"{path}.png and .svg")


def _experiment_of(source: str) -> "Experiment | None":
    """Returns the experiment that STUDY/EXPERIMENT names, or None if the source does not begin with a study."""
    from kerasclf.studies.study_catalogue import STUDIES, declare

    study, _, name = source.partition("/")
    if study not in STUDIES or not name:
        return None
    return declare(study).only((name,))[name]


def _augmentation(shown: Shown, experiment: "Experiment | None") -> "Augmentation":
    if experiment is None and not shown.settings:
        raise KerasclfError(
            "Which augmentation? Give --set rotation_range=15 horizontal_flip=True, or the experiment of a study: "
            "kerasclf show augmentation ladder/augmented"
        )
    return augmentation_of(shown.settings, "--set", experiment.augmentation if experiment else None)


def augmentation_of(settings: Sequence[str], flag: str, changed: "Augmentation | None" = None) -> "Augmentation":
    """Returns an augmentation with some fields.

    Args:
        settings: The fields, as NAME=VALUE.
        flag: The flag that gives them, for messages.
        changed: The augmentation whose other fields stay; None for one that changes nothing.
    """
    from kerasclf.pipeline import Augmentation

    given = dict(_setting(text, flag) for text in settings)
    if len(given) < len(settings):
        raise KerasclfError(f"{flag}: expected each field once. Received: {' '.join(settings)}.")
    return (changed or Augmentation()).but(**given)


def _setting(text: str, flag: str) -> tuple[str, object]:
    name, separator, value = text.partition("=")
    if not separator:
        raise KerasclfError(f"{flag}: expected NAME=VALUE, such as rotation_range=15. Received: {text!r}.")
    try:
        return name, ast.literal_eval({"true": "True", "false": "False", "none": "None"}.get(value, value))
    except (ValueError, SyntaxError, TypeError, MemoryError, RecursionError):  # all that literal_eval raises
        return name, value  # a text without quotes


def _read_files(files: Sequence[Path], size: tuple[int, int], fit: "Fit") -> "NDArray[np.uint8]":
    import numpy as np

    from kerasclf.data.pixels.decode import read_image

    return np.stack([read_image(path, size, fit=fit) for path in files])


def _read_dataset(
    shown: Shown, experiment: "Experiment | None", console: Console
) -> "tuple[NDArray[np.uint8], list[str], list[int]]":
    """Returns the first training image of some classes, its class, and its index in the training set."""
    import numpy as np

    from kerasclf.data import load_dataset
    from kerasclf.data.default_data import default_dataset

    if experiment is None:
        if Path(shown.source).is_dir():
            raise KerasclfError(
                f"Expected a data set or image files. Received the folder {shown.source}. Give folder:{shown.source} "
                "for a data set with one folder per class."
            )
        dataset = load_dataset(shown.source, image_size=shown.image_size, fit=shown.fit or "squash")
    else:
        choice = default_dataset(experiment.data)
        if choice.notice:
            say(console, choice.notice)
        size = shown.image_size or experiment.image_size or choice.image_size
        fit = shown.fit or experiment.fit
        dataset = load_dataset(choice.spec, split=experiment.split, image_size=size, fit=fit)
    if dataset.is_table:
        raise KerasclfError(f"Expected images. Received: {dataset.spec}, a table.")
    indices = first_of_classes(dataset.train)
    names = [dataset.class_names[label] for label in dataset.train.labels[indices]]
    return np.asarray(dataset.train.images.read(np.asarray(indices)), np.uint8), names, indices


def first_of_classes(subset: "Subset") -> list[int]:
    """Returns the position of the first image of some classes."""
    import numpy as np

    _, first = np.unique(subset.labels, return_index=True)
    return [int(index) for index in first[:_IMAGES]]


def _path(source: str, out: Path | None) -> Path:
    """Returns the path of the figure, without suffix."""
    if out is not None and is_figure(out):
        return out.with_suffix("")
    of_file = Path(source).stem if Path(source).is_file() else source
    words = "".join(c if c.isalnum() else "-" for c in of_file).strip("-")[-60:]
    return (out or Path("show")) / f"augmentation_{words}"
