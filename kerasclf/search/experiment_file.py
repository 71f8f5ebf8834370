"""Finds an experiment by its name, STUDY/EXPERIMENT, or reads it from a TOML or JSON file."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from kerasclf.errors import FolderError, KerasclfError, in_short, unknown
from kerasclf.files.reading import read_json, read_toml
from kerasclf.networks.network_source import source_digest
from kerasclf.runs.experiment import Experiment
from kerasclf.studies.study import Protocol
from kerasclf.studies.study_catalogue import STUDIES, declare
from kerasclf.studies.study_options import StudyOptions

_FORMS = "a declared search, STUDY/EXPERIMENT (such as basenet/adam_20), or a TOML or JSON file of an experiment"


def find_experiment(name: str, protocol: Protocol = "sound", backbones: tuple[str, ...] = ()) -> Experiment:
    """Returns the experiment with this name.

    Args:
        name: STUDY/EXPERIMENT, or the path of a TOML or JSON file.
        protocol: Protocol of the study.
        backbones: Pretrained networks that replace those of the study; empty keeps them.

    Raises:
        KerasclfError: If there is none, or its file cannot be used.
    """
    if name.endswith((".toml", ".json")):
        if backbones:
            raise KerasclfError("backbones: expected none with the file of an experiment, which names its network.")
        return read_experiment(Path(name))
    study, _, experiment = name.partition("/")
    if study not in STUDIES:
        raise KerasclfError(f"{unknown('search or study', study, STUDIES)} Expected {_FORMS}.")
    experiments = declare(study, protocol, StudyOptions(backbones=backbones)).experiments
    if experiment not in experiments:
        raise KerasclfError(unknown("experiment", name, [f"{study}/{other}" for other in experiments]))
    return experiments[experiment]


def read_experiment(path: Path) -> Experiment:
    """Reads an experiment from a TOML or JSON file with its fields, or from a run's `experiment.json`.

    Raises:
        KerasclfError: If the file cannot be read, or a field cannot be used.
    """
    try:
        plain = read_toml(path) if path.suffix == ".toml" else read_json(path)
    except OSError as error:
        raise KerasclfError(f"The experiment {path} cannot be read: {error}.") from None
    except FolderError as error:
        raise KerasclfError(f"The experiment {error}") from None
    if not isinstance(plain, dict):
        raise KerasclfError(f"The experiment {path}: expected its fields by name. Received: {in_short(plain)}.")
    return _make(plain.get("experiment", plain), path)


def _make(plain: Mapping[str, Any], path: Path) -> Experiment:
    model = plain.get("model")
    try:
        if isinstance(model, str) and "model_source" not in plain and (source := source_digest(model)):
            plain = {**plain, "model_source": source}
        return Experiment.from_dict(plain)
    except KerasclfError as error:
        raise KerasclfError(f"The experiment {path}: {error}") from None
