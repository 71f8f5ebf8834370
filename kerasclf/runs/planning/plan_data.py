"""The data sets of a plan: each is loaded once for all experiments that use it."""

from collections.abc import Mapping
from pathlib import Path

from kerasclf.data import ImageDataset
from kerasclf.data.data_flaws import check_flaws, data_flaws, spoil
from kerasclf.data.pixels.image_fit import Fit
from kerasclf.data.snapshot import write_snapshot
from kerasclf.data.splits import Split
from kerasclf.errors import DataError
from kerasclf.log import Log
from kerasclf.runs.experiment import Experiment
from kerasclf.runs.run_folder import MAX_CLASSES

# All fields that decide which pixels an experiment sees, before its flaws.
_SourceKey = tuple[str, Split, tuple[int, int] | None, Fit, bool]


def load_datasets(experiments: Mapping[str, Experiment], log: Log) -> dict[str, ImageDataset]:
    """Returns the images of experiments, by the names of the experiments.

    Args:
        experiments: The experiments by name.
        log: Receives a description of each data set.

    Raises:
        DataError: If images or labels cannot be used.
    """
    sources: dict[_SourceKey, ImageDataset] = {}
    spoiled: dict[tuple[_SourceKey, tuple[str, ...]], ImageDataset] = {}
    found = {}
    for name, experiment in experiments.items():
        source = experiment.data, experiment.split, experiment.image_size, experiment.fit, experiment.skip_broken
        if source not in sources:
            sources[source] = experiment.source(log)
            for line in sources[source].describe():
                log(line)
            _check_classes(sources[source])
        check_flaws(sources[source], experiment.flaws)
        key = source, data_flaws(experiment.flaws)
        if key not in spoiled:
            spoiled[key] = spoil(sources[source], experiment.flaws, experiment.split.seed)
        found[name] = spoiled[key]
    return found


def write_snapshots(datasets: Mapping[str, ImageDataset], folder: str | None) -> dict[str, str]:
    """Writes the pixels of data sets that runs would otherwise read again.

    Args:
        datasets: The data sets, by their hashes.
        folder: Folder for the files; None to write none.

    Returns:
        The files, by the hashes of the data sets.
    """
    if folder is None:
        return {}
    paths = {name: Path(folder) / f"{name}.npz" for name in datasets}
    return {name: str(path) for name, path in paths.items() if write_snapshot(datasets[name], path)}


def _check_classes(dataset: ImageDataset) -> None:
    """Checks that the folder of a run will be read."""
    if dataset.num_classes > MAX_CLASSES:
        raise DataError(f"{dataset.spec}: expected at most {MAX_CLASSES:,} classes. Received: {dataset.num_classes:,}.")
