"""The files of a search: `search.json`, one file per trial, and the run folders. Needs no TensorFlow."""

import time
from collections.abc import Mapping
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import Any, TypedDict

from kerasclf.errors import FolderError, KerasclfError
from kerasclf.files.locks import is_unused
from kerasclf.files.reading import read_json
from kerasclf.files.writing import is_partial, write_json
from kerasclf.runs.experiment import Experiment
from kerasclf.runs.inputs import RunInputs
from kerasclf.runs.run_folder import RunFolder, manifest_file
from kerasclf.schema import check_schema
from kerasclf.search.search import Search, SearchContents
from kerasclf.search.trial import Trial, read_trial
from kerasclf.values import whole_number

SEARCH_FILE = "search.json"
_CLOCK, _CHIEF, _HOLDERS = "clock.json", "chief.json", "leases.json"
_WORKERS = "workers"
# These may differ from call to call, because they change no existing trial.
_CHANGEABLE = ("title", "notes", "reductions", "own_backbone", "final_seeds", "side_by_side")


class _Contents(TypedDict):
    """The contents of search.json."""

    versions: dict[str, str]
    command: str
    search: SearchContents


class _Clock(TypedDict):
    """The contents of clock.json."""

    seconds: float


@dataclass(frozen=True)
class SearchFolder:
    """The folder of a search."""

    path: Path

    def check(self, search: Search) -> Search | None:
        """Checks that the folder is free or holds this search. Changes nothing.

        Returns:
            The search in the folder, or None if the folder is free.

        Raises:
            FolderError: If the folder holds another search or other files.
        """
        if self.path.exists() and not self.path.is_dir():
            raise FolderError(f"{self.path} is a file. Give a folder as `out`.")
        if not (self.path / SEARCH_FILE).exists():
            if not is_unused(self.path):
                raise FolderError(f"{self.path} is not empty and holds no search. Give a new folder as `out`.")
            return None
        existing = self.read()
        new, old = search.to_dict(), existing.to_dict()
        for name in new:
            if name not in _CHANGEABLE and new[name] != old[name]:
                raise FolderError(
                    f"{self.path} holds another search, which differs in {_difference(name, old[name], new[name])}. "
                    "Give another folder as `out`. Nothing was changed."
                )
        return existing

    def check_inputs(self, inputs: RunInputs, experiment: Experiment) -> None:
        """Checks that the trials of a resumed search use the images and the weights of its earlier trials.

        Args:
            inputs: The inputs that further trials will use.
            experiment: The experiment of the search.

        Raises:
            FolderError: If they are others. Nothing is changed.
        """
        held = self.about().get("inputs") if (self.path / SEARCH_FILE).exists() else None
        if held and (reasons := RunInputs(**held).refused_for_finished(inputs, experiment)):
            raise FolderError(f"{self.path} used {reasons} since. Give another folder as `out`. Nothing was changed.")

    def claim(
        self, search: Search, manifests: Mapping[str, Any], command: str = "", inputs: RunInputs | None = None
    ) -> Search:
        """Writes `search.json` and the manifests. A resumed search keeps its first versions, inputs and command.

        The caller holds the folder. Another process may have used it since the plan, so it is checked again.

        Args:
            search: The search.
            manifests: The images of each set, by digest.
            command: The command line.
            inputs: The inputs of the trials; see `check_inputs`.

        Returns:
            The search, with the lag that it started with.

        Raises:
            FolderError: If the folder holds another search, or its trials used other inputs. Nothing is changed.
        """
        existing = self.check(search)
        if inputs is not None:
            self.check_inputs(inputs, search.experiment)
        search = search.resuming(existing)
        start = {"versions": _versions(), "command": command} if existing is None else self.about()
        if inputs is not None:
            start = {"inputs": {"manifest": inputs.manifest, "weights": inputs.weights}, **start}
        write_json(self.path / SEARCH_FILE, {**start, "search": search.to_dict()})
        for digest, manifest in manifests.items():
            write_json(manifest_file(self.path, digest), manifest)
        return search

    def read(self) -> Search:
        """Returns the search.

        Raises:
            FolderError: If there is none, or it cannot be read.
        """
        try:
            search = Search.from_dict(self.about()["search"])
            search.check()
            return search
        except (FileNotFoundError, NotADirectoryError):
            raise FolderError(
                f"{self.path} holds no search: {SEARCH_FILE} is missing. Give the folder of a search."
            ) from None
        except FolderError:
            raise
        except KerasclfError as error:
            raise FolderError(f"{self.path / SEARCH_FILE} cannot be read: {error}") from error

    def about(self) -> dict[str, Any]:
        """Returns the content of `search.json`: the search, and the versions and command it started with."""
        return self._read(SEARCH_FILE, _Contents)  # type: ignore[no-any-return]

    def trials(self) -> list[Trial]:
        """Returns the proposed trials, in their order.

        Raises:
            FolderError: If one is missing or cannot be read.
        """
        trials = []
        paths = sorted(path for path in (self.path / "trials").glob("*.json") if not is_partial(path))
        for number, path in enumerate(paths, 1):
            try:
                trial = read_trial(path)
            except (OSError, KerasclfError) as error:
                reason = str(error).rstrip(".")
                raise FolderError(f"{path} cannot be read: {reason}. Restore it, or start in a new folder.") from error
            if trial.number != number:
                raise FolderError(f"{self._trial_file(number)} is missing. Restore it, or start in a new folder.")
            trials.append(trial)
        return trials

    def trial(self, number: int) -> Trial:
        """Returns one trial."""
        return read_trial(self._trial_file(number))

    def write(self, trial: Trial) -> None:
        """Writes a trial atomically. It replaces the trial's earlier state."""
        write_json(self._trial_file(trial.number), trial.to_dict())

    def write_outcome(self, trial: Trial) -> None:
        """Writes the end of a trial for the chief. Only the chief writes the trial itself."""
        write_json(self.path / "outcomes" / f"{trial.number:05}.json", trial.to_dict())

    def outcome(self, number: int) -> Trial | None:
        """Returns the end of a trial that a worker has written, or None."""
        path = self.path / "outcomes" / f"{number:05}.json"
        return read_trial(path) if path.exists() else None

    def worker(self, name: str) -> Path:
        """Returns the folder that a worker holds while it uses a name."""
        return self.path / _WORKERS / name

    def write_chief(self, token: str, data: str) -> None:
        """Writes the token by which workers recognise the chief, and the digest of its images."""
        write_json(self.path / _CHIEF, {"token": token, "data": data})

    def chief(self) -> dict[str, str]:
        """Returns the token and the image digest of the chief; empty if there is no chief."""
        try:
            return self._read(_CHIEF, dict[str, str])  # type: ignore[no-any-return]
        except (OSError, FolderError):
            return {}

    def write_holders(self, holders: Mapping[int, str]) -> None:
        """Writes the worker that holds each trial, for a restarted chief."""
        write_json(self.path / _HOLDERS, holders)

    def holders(self) -> dict[int, str]:
        """Returns the worker that holds each trial."""
        if not (self.path / _HOLDERS).exists():
            return {}
        holders = self._read(_HOLDERS, dict[str, str])
        numbered = ((whole_number(number), holder) for number, holder in holders.items())
        return {number: holder for number, holder in numbered if number is not None}

    def run(self, identity: str, seed: int, fold: int) -> RunFolder:
        """Returns the folder of a run. Trials with the same experiment share it."""
        return RunFolder(self.path / "runs" / identity / (f"seed-{seed}" + (f"-fold-{fold}" if fold else "")))

    @property
    def final(self) -> Path:
        """The study that evaluates the experiment and the best trial on the test set."""
        return self.path / "final"

    def spent_s(self) -> float:
        """Returns the seconds that the search has taken, over all its processes."""
        return float(self._read(_CLOCK, _Clock)["seconds"]) if (self.path / _CLOCK).exists() else 0.0

    def write_spent(self, seconds: float) -> None:
        """Writes the seconds that the search has taken."""
        write_json(self.path / _CLOCK, {"seconds": round(seconds, 1), "written": time.strftime("%Y-%m-%d %H:%M:%S")})

    def _read(self, name: str, schema: Any) -> Any:
        plain = read_json(self.path / name)
        check_schema(plain, schema, self.path / name)
        return plain

    def _trial_file(self, number: int) -> Path:
        return self.path / "trials" / f"{number:05}.json"


def _versions() -> dict[str, str]:
    versions = {}
    for name in ("kerasclf", "keras-tuner", "optuna", "scikit-learn", "numpy", "keras", "tensorflow"):
        try:
            versions[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            continue
    return versions


def _difference(name: str, old: Any, new: Any) -> str:
    if isinstance(old, dict) and isinstance(new, dict):
        from kerasclf.values import flatten

        before, after = flatten(old), flatten(new)
        for key in [*before, *after]:
            if before.get(key) != after.get(key):
                return f"{name}, {key}: {before.get(key)!r} there, {after.get(key)!r} here"
    return f"{name}: {old!r} there, {new!r} here"
