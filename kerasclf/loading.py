"""`load`: the trained model of a run, a study or a search, ready to predict.

This file lies between search and report: it joins studies and searches, which choose a run, and inference.
`find_model` needs no TensorFlow.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from kerasclf.errors import FolderError, listed, shortened
from kerasclf.files.home_folders import expanded
from kerasclf.inference.calibration.model_calibration import ModelCalibration, read_model_calibration
from kerasclf.networks.model_file import MODEL
from kerasclf.runs.experiment import Experiment
from kerasclf.runs.run_folder import DESCRIPTION, RunFolder
from kerasclf.search.final_runs import BASE, BEST, refit_of
from kerasclf.search.search_folder import SEARCH_FILE
from kerasclf.search.search_results import read_search
from kerasclf.studies.refit import best_by_validation, read_refit
from kerasclf.studies.study_folder import STUDY_FILE, StudyContents, StudyFolder
from kerasclf.wording import counted

if TYPE_CHECKING:
    from kerasclf.inference.trained_model import TrainedModel

_EXPECTED = "the folder of a run, of a study or of a search, or a .keras file"
# The files of other toolkits, and what they lack to be loaded here.
_FOREIGN = {
    **dict.fromkeys((".pth", ".pt", ".bin"), "weights of PyTorch without their network"),
    ".safetensors": "weights without their network",
    ".h5": "weights without their network, or a model of an earlier Keras",
    ".onnx": "an ONNX model without class names",
    ".tflite": "a LiteRT model without class names",
    ".xml": "an OpenVINO model without class names",
    ".pb": "a TensorFlow graph without class names",
}


@dataclass(frozen=True)
class FoundModel:
    """Where a trained model is.

    Args:
        path: The .keras file.
        run: The run that trained it; None if its folder does not describe one.
        chosen: How it was chosen among others, in a sentence; empty without a choice.
    """

    path: Path
    run: RunFolder | None = None
    chosen: str = ""

    def calibration(self, raw: bool = False) -> ModelCalibration | None:
        """Returns the calibration of the model; None if its predictions of validation images are unknown.

        Args:
            raw: Whether only a calibration inside the model counts, which raw probabilities must undo.
        """
        return read_model_calibration(self.path, None if raw else self.run)


def load(source: str | Path, *, raw: bool = False) -> "TrainedModel":
    """Loads a trained model with the names of its classes and its calibration.

    Its probabilities are calibrated if the run kept enough predictions of validation images.

    Args:
        source: The folder of a run, or a .keras file. The folder of a study or a search stands for its final model
            (`refit`), or else for a run of the experiment that is best on the validation set.
        raw: Whether its probabilities stay those of the network as trained.

    Raises:
        FolderError: If there is no finished model.
        KerasclfError: If it lacks something that a model of kerasclf has; the message lists all that it lacks.

    Example:
        >>> import tempfile
        >>> import numpy as np
        >>> from kerasclf import Augmentation, Experiment, Study, TrainConfig, load, load_dataset, run_study
        >>> from kerasclf.runs.engines.local_engines import Inline
        >>> scaled = Augmentation(rescale=1 / 255)
        >>> base = Experiment(data="digits", model="mlp", augmentation=scaled, train=TrainConfig(epochs=1))
        >>> study = Study("digits", "Digits", "Can one epoch suffice?", {"one_epoch": base})
        >>> with tempfile.TemporaryDirectory() as out:
        ...     _ = run_study(study, out, engine=Inline())
        ...     trained = load(out)
        >>> trained.image_size, trained.channels, trained.class_names[:3]
        ((8, 8), 1, ('0', '1', '2'))
        >>> digits = load_dataset("digits").test.images.read(np.arange(4))
        >>> list(trained.predict(digits).columns)
        ['file', 'class', 'probability', 'problem']
    """
    found = find_model(source)
    calibration = found.calibration(raw)
    from kerasclf.inference.trained_model import TrainedModel

    return TrainedModel.read(found.path, found.run, calibration, raw)


def find_model(source: str | Path) -> FoundModel:
    """Returns where the model of a run, a study or a search is.

    Args:
        source: As for `load`.

    Raises:
        FolderError: If there is no finished model; the message says what is there instead.
    """
    path = expanded(source)
    if path.is_file():
        if path.suffix != ".keras":
            lacks = _FOREIGN.get(path.suffix.lower())
            raise FolderError(f"Expected {_EXPECTED}. Received: {path}{f', {lacks}' if lacks else ''}.")
        return _with_run(path)
    if (path / MODEL).is_file():
        return _with_run(path / MODEL)
    if (path / STUDY_FILE).is_file():
        return _of_study(path)
    if (path / SEARCH_FILE).is_file():
        return _of_search(path)
    raise FolderError(_nothing(path))


def _with_run(path: Path, chosen: str = "") -> FoundModel:
    return FoundModel(path, RunFolder(path.parent) if (path.parent / DESCRIPTION).is_file() else None, chosen)


def _nothing(path: Path) -> str:
    """Returns the message for a path without a model."""
    if path.name.endswith(".partial") or path.parent.joinpath(f"{path.name}.partial").is_dir():
        return f"{path} is a run that has not finished. Repeat its command: it resumes after its last epoch."
    if not path.exists():
        return f"Expected {_EXPECTED}. Received: {path}, which does not exist."
    if (path / "saved_model.pb").is_file():
        return f"Expected {_EXPECTED}. Received: {path}, a TensorFlow SavedModel without class names."
    runs = sorted(str(found.parent) for found in path.glob(f"**/{MODEL}"))
    if runs:
        return listed(f"Expected {_EXPECTED}. {path} contains {counted(len(runs), 'run')}. Give one", shortened(runs))
    return f"Expected {_EXPECTED}. Received: {path}, which holds no {MODEL}."


def _of_study(path: Path) -> FoundModel:
    """Returns the refit of a study, or the first finished run of the experiment that is best on validation images.

    The test set never chooses, even if the protocol of the study does.
    """
    folder = StudyFolder(path)
    study, refit = folder.read(), read_refit(folder)
    finished = dict(_finished_runs(folder, study))
    # A final model of an earlier best experiment does not count: the study may have found a better one since.
    if refit is not None and (refit.experiment not in finished or refit.experiment == best_by_validation(finished)):
        return _with_run(_inside(path, refit.model), f"the final model, {refit.experiment} trained on all images")
    if not finished:
        raise FolderError(f"{path} holds no finished run. Run the study {study['name']!r} first.")
    # An experiment with a flaw is chosen only if all experiments have one.
    sound = {name: runs for name, runs in finished.items() if name not in study.get("lessons", {})} or finished
    best = best_by_validation(sound)
    run, missing = finished[best][0], len(study["experiments"]) * len(study["seeds"]) - sum(map(len, finished.values()))
    chosen = f"{best}, {run.path.name}: the best experiment on the validation set" if len(sound) > 1 else ""
    if missing:
        chosen = f"{chosen or best}; {counted(missing, 'run')} of the study not finished"
    return FoundModel(run.path / MODEL, run, chosen)


def _finished_runs(folder: StudyFolder, study: StudyContents) -> Iterator[tuple[str, list[RunFolder]]]:
    """Yields the finished runs of each experiment that has some, in the order of their seeds."""
    for name, plain in study["experiments"].items():
        experiment = Experiment.from_dict(plain)
        runs = [folder.run(name, experiment.on_split(seed, study["splits"]).identity, seed) for seed in study["seeds"]]
        if finished := [run for run in runs if run.complete]:
            yield name, finished


def _of_search(path: Path) -> FoundModel:
    """Returns the refit of a search, or a run of its best trial in the final study.

    Models of an earlier best trial do not count. A search that went on may have found a better one.
    """
    results = read_search(path)
    if not results.has_value:
        raise FolderError(f"{path} holds a search without a finished trial. Repeat its command.")
    if refit := refit_of(results):
        return _with_run(_inside(path, refit["model"]), f"the final model of trial {refit['trial']}")
    name = BASE if results.experiment == results.search.experiment else BEST
    final = StudyFolder(results.folder.final)
    if (final.path / STUDY_FILE).is_file():
        held = final.read()
        runs = dict(_finished_runs(final, held)).get(name)
        if runs and Experiment.from_dict(held["experiments"][name]) == results.experiment:
            return FoundModel(runs[0].path / MODEL, runs[0], f"{name} of the search, chosen on the validation set")
    raise FolderError(
        f"{path} holds a search without a finished model of its best trial, {results.best.title}. Repeat its command, "
        "with --refit or with --final-repeats of at least 1."
    )


def _inside(folder: Path, name: str) -> Path:
    """Returns a model file that another file of a folder names.

    Raises:
        FolderError: If it is missing, or lies elsewhere.
    """
    path = folder / name
    if not path.resolve().is_relative_to(folder.resolve()) or not path.is_file():
        raise FolderError(f"{path} is missing. Repeat the training of the final model.")
    return path
