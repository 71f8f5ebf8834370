"""`StudyFolder`: the files of a study on disk, which the runner writes and the report reads. Needs no TensorFlow."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from kerasclf.errors import FolderError
from kerasclf.files import read_json, write_json
from kerasclf.runs.run_folder import RunFolder
from kerasclf.studies.study import Study

STUDY_FILE = "study.json"
# Files of a folder that is being made; it counts as empty.
_LOCK_FILES = {".lock", ".lock.json"}
# What makes a folder another study's: the rest (seeds, which experiments) may differ from call to call.
_IDENTITY = ("name", "protocol", "size")


@dataclass(frozen=True)
class StudyFolder:
    """A study's folder: `study.json`, `data-HASH.json` and runs/EXPERIMENT-HASH/seed-N/."""

    path: Path

    def check(self, study: Study) -> dict[str, Any] | None:
        """Returns what the folder holds of this study, or None where it is free; changes nothing.

        Raises:
            FolderError: It holds another study, or files that are no study's.
        """
        if self.path.exists() and not self.path.is_dir():
            raise FolderError(f"{self.path} is a file; give a folder with --out.")
        if not (self.path / STUDY_FILE).exists():
            if self.path.exists() and {path.name for path in self.path.iterdir()} - _LOCK_FILES:
                raise FolderError(f"{self.path} is not empty and holds no study. Give a new folder with --out.")
            return None
        held, wanted = self.read(), study.to_dict()
        for name in _IDENTITY:
            if held[name] != wanted[name]:
                raise FolderError(
                    f"{self.path} holds the study {held['name']!r} with {name} {held[name]!r}, not "
                    f"{wanted[name]!r}. Give another folder with --out; nothing was changed."
                )
        if _data_of(held) != _data_of(wanted):
            raise FolderError(
                f"{self.path} holds results on {_data_of(held)}, not on {_data_of(wanted)}. "
                "Give another folder with --out; nothing was changed."
            )
        return held

    def claim(self, study: Study) -> None:
        """Makes the folder this study's. Experiments and seeds that it holds already stay in the report.

        Raises:
            FolderError: It holds another study, or cannot be written to; nothing is changed.
        """
        held, wanted = self.check(study), study.to_dict()
        if held:
            wanted["seeds"] = sorted({*held["seeds"], *wanted["seeds"]})
            for name in ("experiments", "published"):
                wanted[name] = {**held[name], **wanted[name]}
        try:
            write_json(self.path / STUDY_FILE, wanted)
        except OSError as error:
            raise FolderError(f"{self.path} cannot be written to: {error}.") from error

    def read(self) -> dict[str, Any]:
        """Returns the contents of `study.json`.

        Raises:
            FolderError: There is none, or it cannot be read.
        """
        try:
            held = read_json(self.path / STUDY_FILE)
            missing = {*_IDENTITY, "experiments", "published", "published_data", "seeds", "reductions"} - set(held)
            if missing:
                raise ValueError(f"{min(missing)!r} is missing")
            return held  # type: ignore[no-any-return]
        except FileNotFoundError:
            raise FolderError(
                f"{self.path} holds no study ({STUDY_FILE} is missing). Give the folder that `kerasclf study` wrote."
            ) from None
        except ValueError as error:
            raise FolderError(f"{self.path / STUDY_FILE} cannot be read: {error}.") from error

    def run(self, name: str, identity: str, seed: int) -> RunFolder:
        """Returns the folder of a run, which may not exist yet."""
        return RunFolder(self.path / "runs" / f"{name}-{identity}" / f"seed-{seed}")


def _data_of(study: dict[str, Any]) -> str:
    """Names the data and the split of a study's experiments."""
    return "; ".join(sorted(set(_data_settings(study))))


def _data_settings(study: dict[str, Any]) -> Iterator[str]:
    for experiment in study["experiments"].values():
        limits = [f"{key}={value}" for key, value in experiment["split"].items() if value is not None]
        size = experiment["image_size"]
        yield f"{experiment['data']} ({', '.join(limits + ([f'image_size={size}'] if size else []))})"
