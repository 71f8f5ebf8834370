"""Continues a finished run with new images: its model goes on training, and its test images stay test images."""

from pathlib import Path

from kerasclf.data.earlier_sets import read_earlier_sets
from kerasclf.errors import FolderError, KerasclfError
from kerasclf.networks.model_file import MODEL
from kerasclf.networks.network_source import is_saved
from kerasclf.runs.experiment import Experiment
from kerasclf.runs.run_folder import DESCRIPTION, RunFolder, manifest_file
from kerasclf.runs.run_records import RunDescription
from kerasclf.transfer import Transfer


def find_run(path: Path) -> RunFolder:
    """Returns a finished run.

    Args:
        path: The folder of a run, or one with exactly one run: that of a training, an experiment or a refit.

    Raises:
        FolderError: If there is no finished run, or there are several.
    """
    if (path / DESCRIPTION).is_file():
        return RunFolder(path)
    if not path.is_dir():
        raise FolderError(f"continue_run: expected the folder of a run. Received: {path}, which does not exist.")
    places = (f"{above}seed-*/{DESCRIPTION}" for above in ("", "*/", "runs/*/"))
    found = sorted(description.parent for place in places for description in path.glob(place))
    if not found:
        raise FolderError(f"continue_run: expected the folder of a finished run. Received: {path}, which has none.")
    if len(found) > 1:
        names = "".join(f"\n  - {folder}" for folder in found)
        raise FolderError(f"continue_run: expected one run. {path} has {len(found)}. Give one of them:{names}")
    return RunFolder(found[0])


def continued_experiment(run: RunFolder, data: str | None = None) -> Experiment:
    """Returns the experiment that continues a run: its network with all its weights, and the recipe of its last phase.

    Args:
        run: The finished run.
        data: Spec of the data set with the old and the new images; None for that of the run.

    Raises:
        FolderError: If the run cannot be read.
        DataError: If its manifest cannot be read.
        KerasclfError: If the run cannot be continued; the message says why.
    """
    description = _description(run)
    earlier = Experiment.from_dict(description["experiment"])
    run.check(earlier, description["seed"])
    if problem := _problem(earlier, description):
        raise KerasclfError(f"{run.path} cannot be continued: {problem}")
    manifest = manifest_file(run.study_path, description["data"]["manifest"])
    if not manifest.is_file():
        raise FolderError(
            f"{manifest} is missing. It records the images of the run. Give the run inside the folder of its training."
        )
    read_earlier_sets(manifest)
    transfer = earlier.transfer or Transfer("none")
    return earlier.but(
        data=earlier.data if data is None else data,
        split=earlier.split.but(earlier=_portable(manifest), train_per_class=None, test_per_class=None),
        earlier_phases=(),
        transfer=transfer.but(
            weights=_portable(run.path / MODEL),
            head="kept",
            batch_norm="frozen" if transfer.freezes_batch_norm else "trained",
            # Only earlier phases had frozen layers.
            views=0 if earlier.train.unfreeze == "all" else transfer.views,
        ),
    )


def _portable(path: Path) -> str:
    """Returns a path that holds wherever the current folder is moved to, if it lies there; otherwise an absolute path.

    The path is part of the experiment, which does not know its own folder. It is therefore relative to the current
    folder, as the path of the data set is.
    """
    path, here = path.absolute(), Path.cwd()
    return (path.relative_to(here) if path.is_relative_to(here) else path).as_posix()


def _problem(earlier: Experiment, description: RunDescription) -> str | None:
    """Returns why a run cannot be continued; None if it can."""
    if description.get("view", {}).get("everything"):
        return "it has trained on all images, so none is left to test on. Continue a run of its training instead."
    if description.get("view") or earlier.split.fold:
        return "it belongs to a search or to a cross-validation. Continue a run of kerasclf train or study."
    if is_saved(earlier.model):
        return "its network comes from a .keras file, from which only a new training can start."
    if earlier.flaws:
        return f"it has the flaws {', '.join(earlier.flaws)}."
    if earlier.augmentation.centers:
        return "its normalisation has statistics of its training images, which new images would change."
    return None


def _description(run: RunFolder) -> RunDescription:
    try:
        description = run.description()
        Experiment.from_dict(description["experiment"])
    except (OSError, ValueError, TypeError, KeyError, AttributeError) as error:
        raise FolderError(f"{run.path / DESCRIPTION} cannot be read: {error}.") from error
    return description
