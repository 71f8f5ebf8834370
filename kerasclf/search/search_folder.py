"""The files of a search on disk: `search.json`, a file for each trial, their runs. Needs no TensorFlow."""

import time
from collections.abc import Mapping
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import Any

from kerasclf.errors import FolderError
from kerasclf.files import read_json, write_json
from kerasclf.runs.run_folder import RunFolder
from kerasclf.search.search import Search
from kerasclf.search.trial import Trial

SEARCH_FILE = "search.json"
_CLOCK, _CHIEF, _HOLDERS = "clock.json", "chief.json", "leases.json"
_WORKERS = "workers"
# What is there before a search is: a lock, and workers that were started before their chief.
_NOT_YET = {".lock", ".lock.json", _WORKERS}
# What may differ from call to call: it changes nothing of the trials that there are.
_FREE = ("title", "notes", "reductions", "final_seeds", "side_by_side")


@dataclass(frozen=True)
class SearchFolder:
    """A search's folder."""

    path: Path

    def check(self, search: Search) -> Search | None:
        """Returns the search that the folder holds, or None where it is free; changes nothing.

        Raises:
            FolderError: It holds another search, or files that are no search's.
        """
        if self.path.exists() and not self.path.is_dir():
            raise FolderError(f"{self.path} is a file; give a folder with --out.")
        if not (self.path / SEARCH_FILE).exists():
            if self.path.exists() and {path.name for path in self.path.iterdir()} - _NOT_YET:
                raise FolderError(f"{self.path} is not empty and holds no search. Give a new folder with --out.")
            return None
        held = self.read()
        mine, other = search.to_dict(), held.to_dict()
        for name in mine:
            if name not in _FREE and mine[name] != other[name]:
                raise FolderError(
                    f"{self.path} holds another search: its {name} is {_shown(other[name], mine[name])}. "
                    "Give another folder with --out; nothing was changed."
                )
        return held

    def claim(self, search: Search, manifests: Mapping[str, Any], command: str = "") -> None:
        """Writes down what is searched for; versions and command are those that the search was begun with.

        Args:
            search: What is searched for.
            manifests: Which images are in which part, by digest.
            command: The command line.
        """
        begun = self.about() if (self.path / SEARCH_FILE).exists() else {"versions": _versions(), "command": command}
        write_json(self.path / SEARCH_FILE, {**begun, "search": search.to_dict()})
        for digest, manifest in manifests.items():
            write_json(self.path / f"data-{digest[:8]}.json", manifest)

    def read(self) -> Search:
        """Returns the search.

        Raises:
            FolderError: There is none, or it cannot be read.
        """
        try:
            return Search.from_dict(read_json(self.path / SEARCH_FILE)["search"])
        except FileNotFoundError:
            raise FolderError(
                f"{self.path} holds no search ({SEARCH_FILE} is missing). Give the folder that `kerasclf search` wrote."
            ) from None
        except (ValueError, KeyError, TypeError) as error:
            raise FolderError(f"{self.path / SEARCH_FILE} cannot be read: {error}.") from error

    def about(self) -> dict[str, Any]:
        """Returns all of `search.json`: the search, the versions that it was begun with, and the command."""
        return read_json(self.path / SEARCH_FILE)  # type: ignore[no-any-return]

    def trials(self) -> list[Trial]:
        """Returns the trials that were proposed, in their order.

        Raises:
            FolderError: One is missing or cannot be read.
        """
        found = []
        for place, path in enumerate(sorted((self.path / "trials").glob("*.json")), 1):
            try:
                trial = Trial.from_dict(read_json(path))
            except (OSError, ValueError, KeyError, TypeError) as error:
                raise FolderError(f"{path} cannot be read ({error}). Put it back, or begin in a new folder.") from error
            if trial.number != place:
                raise FolderError(f"{self._file(place)} is missing. Put it back, or begin in a new folder.")
            found.append(trial)
        return found

    def trial(self, number: int) -> Trial:
        """Returns one trial."""
        return Trial.from_dict(read_json(self._file(number)))

    def write(self, trial: Trial) -> None:
        """Writes a trial atomically, in place of what was known of it."""
        write_json(self._file(trial.number), trial.to_dict())

    def write_outcome(self, trial: Trial) -> None:
        """Leaves a trial's end for the chief, who alone writes trials."""
        write_json(self.path / "outcomes" / f"{trial.number:05}.json", trial.to_dict())

    def outcome(self, number: int) -> Trial | None:
        """Returns the end of a trial that a worker has left, or None."""
        path = self.path / "outcomes" / f"{number:05}.json"
        return Trial.from_dict(read_json(path)) if path.exists() else None

    def worker(self, name: str) -> Path:
        """Returns the folder that a worker holds while it goes by a name."""
        return self.path / _WORKERS / name

    def write_chief(self, token: str, data: str) -> None:
        """Leaves for workers by which word they know the chief, and the digest of its images."""
        write_json(self.path / _CHIEF, {"token": token, "data": data})

    def chief(self) -> dict[str, str]:
        """Returns the token and the data of the chief that works here; nothing where there is none."""
        try:
            return dict(read_json(self.path / _CHIEF))
        except (OSError, ValueError):
            return {}

    def write_holders(self, holders: Mapping[int, str]) -> None:
        """Keeps which worker holds which trial, for a chief that is started anew."""
        write_json(self.path / _HOLDERS, holders)

    def holders(self) -> dict[int, str]:
        """Returns which worker holds which trial."""
        path = self.path / _HOLDERS
        return {int(number): holder for number, holder in read_json(path).items()} if path.exists() else {}

    def run(self, identity: str, seed: int, fold: int) -> RunFolder:
        """Returns the folder of a run: trials that are the same experiment share it."""
        return RunFolder(self.path / "runs" / identity / (f"seed-{seed}" + (f"-fold-{fold}" if fold else "")))

    @property
    def final(self) -> Path:
        """The study of the experiment and the best trial on the test part."""
        return self.path / "final"

    def spent_s(self) -> float:
        """Returns the seconds that the search has had in all its processes."""
        path = self.path / _CLOCK
        return float(read_json(path)["seconds"]) if path.exists() else 0.0

    def write_spent(self, seconds: float) -> None:
        """Keeps the seconds that the search has had."""
        write_json(self.path / _CLOCK, {"seconds": round(seconds, 1), "written": time.strftime("%Y-%m-%d %H:%M:%S")})

    def _file(self, number: int) -> Path:
        return self.path / "trials" / f"{number:05}.json"


def _versions() -> dict[str, str]:
    found = {}
    for name in ("kerasclf", "keras-tuner", "optuna", "scikit-learn", "numpy", "keras", "tensorflow"):
        try:
            found[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            continue
    return found


def _shown(held: Any, wanted: Any) -> str:
    if isinstance(held, dict) and isinstance(wanted, dict):
        from kerasclf.values import flatten

        before, after = flatten(held), flatten(wanted)
        for name in [*before, *after]:
            if before.get(name) != after.get(name):
                return f"with {name} {before.get(name)!r}, not {after.get(name)!r}"
    return f"{held!r}, not {wanted!r}"
