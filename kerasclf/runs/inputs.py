"""The inputs on which a run depends: recorded at its start, compared at every later start. `DEPENDENCIES` is the table.

The settings are not among them: another experiment or seed has another run folder.
"""

import functools
import importlib.metadata
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, Literal, NotRequired, TypedDict

from kerasclf.errors import FolderError
from kerasclf.files.home_folders import expanded
from kerasclf.files.reading import file_digest, read_json
from kerasclf.files.writing import write_json
from kerasclf.runs.experiment import Experiment
from kerasclf.runs.job import Job
from kerasclf.runs.run_folder import RunFolder
from kerasclf.schema import check_schema

_INPUTS = "inputs.json"
_PACKAGES = ("kerasclf", "keras", "tensorflow")


@dataclass(frozen=True)
class Dependency:
    """A kind of input on which a run depends.

    Args:
        name: Field of `RunInputs`.
        noun: Its name in messages.
        rule: How a resumed run treats another value. `"refuse"`: the result would be that of neither. `"keep"`: the
            run goes on with the value it started with. `"note"`: only the last digits can differ, so the run goes on,
            and its log and environment.json name both values.
        finished: Whether a finished run with another value is refused, too, as it would be compared with new runs.
    """

    name: str
    noun: str
    rule: Literal["refuse", "keep", "note"]
    finished: bool = False


DEPENDENCIES = (
    Dependency("manifest", "images", "refuse", finished=True),
    Dependency("weights", "weights", "refuse", finished=True),
    Dependency("precision", "precision", "refuse"),
    Dependency("versions", "versions", "refuse"),
    Dependency("threads", "threads", "keep"),
    Dependency("engine", "engine", "note"),
    Dependency("device", "device", "note"),
)


class _Recorded(TypedDict):
    """The contents of inputs.json."""

    manifest: str
    weights: NotRequired[str | None]
    threads: NotRequired[int | None]
    precision: NotRequired[str | None]
    versions: NotRequired[dict[str, str] | None]
    engine: NotRequired[str | None]
    device: NotRequired[str | None]
    notes: NotRequired[list[str]]


@dataclass(frozen=True)
class RunInputs:
    """The inputs of a run beyond its experiment and seed.

    Args:
        manifest: Hash of the images.
        weights: SHA-256 of the file with the pretrained weights; None if they come from no file.
        threads: CPU threads; None for all. A run keeps the number it started with, because sums in another order
            end in other digits.
        precision: Precision that `"auto"` stood for; None if it was not determined.
        versions: Versions of kerasclf, Keras and TensorFlow; None if they are unknown.
        engine: Library that computes frozen activations, with its version; None if there are none.
        device: Names of the GPUs, or of the CPU; None if they were not determined.
        notes: Inputs that differed when the run was resumed, in words.
    """

    manifest: str
    weights: str | None = None
    threads: int | None = None
    precision: str | None = None
    versions: dict[str, str] | None = None
    engine: str | None = None
    device: str | None = None
    notes: tuple[str, ...] = ()

    def differences(self, other: "RunInputs") -> list[Dependency]:
        """Returns what differs from other inputs. An unknown value equals any other."""
        return [one for one in DEPENDENCIES if _differs(one, getattr(self, one.name), getattr(other, one.name))]

    def refused_for_finished(self, now: "RunInputs", experiment: Experiment) -> str:
        """Returns in words why runs finished with these inputs cannot be joined by others; empty if they can."""
        refused = [one for one in self.differences(now) if one.finished]
        return " and ".join(_in_words(one, self, now, experiment) for one in refused)


def weights_digest(experiment: Experiment) -> str | None:
    """Returns the SHA-256 of the file with an experiment's pretrained weights; None if there is no such file."""
    if experiment.transfer is None:
        return None
    path = expanded(experiment.transfer.weights)
    if not path.is_file():
        return None
    status = path.stat()
    return _digest_of_version(path, status.st_ino, status.st_size, status.st_mtime_ns)


@functools.lru_cache(maxsize=16)
def _digest_of_version(path: Path, *version: int) -> str:
    """Returns the SHA-256 of a file. The experiments of a study mostly share one file of a hundred megabytes."""
    return file_digest(path)


def known_inputs(experiment: Experiment, manifest: str) -> RunInputs:
    """Returns the inputs that can be determined without TensorFlow."""
    return RunInputs(manifest, weights_digest(experiment), versions=package_versions())


def inputs_of(job: Job) -> RunInputs:
    """Returns the inputs of a run: those it started with, or those of the job, which it then records.

    Needs TensorFlow, but computes nothing.

    Raises:
        FolderError: If the run was started with other inputs, and `DEPENDENCIES` refuses that.
    """
    from kerasclf.training.devices import describe_device, resolve_precision

    now = replace(
        known_inputs(job.experiment, job.manifest),
        threads=job.threads,
        precision=resolve_precision(job.experiment.train.precision),
        engine=_engine(job.experiment),
        device=describe_device(),
    )
    recorded = check_inputs(job.run, job.experiment, now)
    inputs = now if recorded is None else _with_notes(recorded, now)
    if inputs != recorded:
        write_json(job.run.partial / _INPUTS, asdict(inputs))
    return inputs


def check_inputs(run: RunFolder, experiment: Experiment, inputs: RunInputs) -> RunInputs | None:
    """Returns the inputs that an incomplete run started with; None if it has not started.

    Raises:
        FolderError: If they are others than now, and `DEPENDENCIES` refuses that. Nothing is changed.
    """
    path = run.partial / _INPUTS
    if not path.exists():
        return None
    recorded = _read(path)
    refused = [one for one in recorded.differences(inputs) if one.rule == "refuse"]
    if refused:
        reasons = " and with ".join(_in_words(one, recorded, inputs, experiment) for one in refused)
        raise FolderError(
            f"{run.partial} holds a run that was started with {reasons}. Restore them, remove {run.partial} to start "
            "the run again, or give another folder as `out`."
        )
    return recorded


def check_run(run: RunFolder, experiment: Experiment, inputs: RunInputs) -> None:
    """Checks that a finished or interrupted run used the inputs that further runs will use.

    Raises:
        FolderError: If it used others, and `DEPENDENCIES` refuses that. Nothing is changed.
    """
    if run.complete:
        check_finished(run, experiment, inputs)
    else:
        check_inputs(run, experiment, inputs)


def check_finished(run: RunFolder, experiment: Experiment, inputs: RunInputs) -> None:
    """Checks that a finished run used the inputs that further runs will use.

    Raises:
        FolderError: If it used others, and `DEPENDENCIES` refuses that. Nothing is changed.
    """
    description = run.description()
    used = RunInputs(description["data"]["manifest"], description.get("weights"))
    if reasons := used.refused_for_finished(inputs, experiment):
        raise FolderError(f"{run.path} used {reasons} since. Give another folder as `out`. Nothing was changed.")


def note_versions(run: RunFolder, inputs: RunInputs) -> str | None:
    """Returns how the versions of a finished run differ from those of now; None if they do not. The run is kept."""
    packages = run.environment().get("packages", {})
    used = replace(inputs, versions={name: packages[name] for name in _PACKAGES if name in packages})
    return _changed_versions(used, inputs) or None


def package_versions() -> dict[str, str]:
    """Returns the versions of kerasclf, Keras and TensorFlow."""
    return {name: importlib.metadata.version(name) for name in _PACKAGES}


def _engine(experiment: Experiment) -> str | None:
    if experiment.transfer is None or experiment.transfer.cache == "off":
        return None
    from kerasclf.transfer.compute_engines import choose_engine, engine_version

    return engine_version(choose_engine(experiment.transfer.engine))


def _differs(one: Dependency, before: Any, now: Any) -> bool:
    # A run without pretrained weights is no run with unknown weights.
    return before != now and (one.name == "weights" or None not in (before, now))


def _with_notes(recorded: RunInputs, now: RunInputs) -> RunInputs:
    noted = [one for one in recorded.differences(now) if one.rule == "note"]
    notes = [
        f"resumed with another {one.noun}: {getattr(now, one.name)}, after {getattr(recorded, one.name)}. The last "
        "digits of the result may differ from those of an uninterrupted run."
        for one in noted
    ]
    changed = {one.name: getattr(now, one.name) for one in noted}
    return replace(recorded, **changed, notes=(*recorded.notes, *notes))


def _in_words(one: Dependency, before: RunInputs, now: RunInputs, experiment: Experiment) -> str:
    """Returns a difference in words, such as "other images: folder:photos has changed"."""
    if one.name == "manifest":
        return f"other images: {experiment.data} has changed"
    if one.name == "weights":
        source = "the file" if experiment.transfer is None else experiment.transfer.weights
        return f"other weights: {source} has changed"
    if one.name == "versions":
        return f"other versions: {_changed_versions(before, now)}"
    return f"another {one.noun}: {getattr(before, one.name)}, now {getattr(now, one.name)}"


def _changed_versions(before: RunInputs, now: RunInputs) -> str:
    first, second = before.versions or {}, now.versions or {}
    return ", ".join(
        f"{name} {first[name]}, now {second.get(name)}" for name in first if first[name] != second.get(name)
    )


def _read(path: Path) -> RunInputs:
    try:
        plain: dict[str, Any] = read_json(path)
        check_schema(plain, _Recorded, path)
    except (OSError, FolderError) as error:
        raise FolderError(
            f"{error} Remove {path.parent} to start the run again, or give another folder as `out`."
        ) from error
    known = {name: value for name, value in plain.items() if name in _Recorded.__annotations__}
    return RunInputs(**{**known, "notes": tuple(plain.get("notes", ()))})
