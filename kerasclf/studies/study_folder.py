"""`StudyFolder`: the files of a study on disk. The runner writes them, the report reads them. Needs no TensorFlow."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, NotRequired, TypedDict, cast

from kerasclf.errors import FolderError, KerasclfError
from kerasclf.files.locks import is_unused
from kerasclf.files.reading import read_json
from kerasclf.files.writing import write_json
from kerasclf.runs.experiment import Experiment
from kerasclf.runs.run_folder import RunFolder
from kerasclf.schema import check_schema
from kerasclf.studies.pairs import Pairs
from kerasclf.studies.study import Lesson, Protocol, Published, Size, Study
from kerasclf.values import flatten
from kerasclf.wording import counted, in_words

STUDY_FILE = "study.json"
# These fields identify the study of a folder. Seeds and experiments may differ from call to call.
_IDENTITY: tuple[Literal["name", "protocol", "size"], ...] = ("name", "protocol", "size")
# These fields have an entry for each experiment.
_BY_EXPERIMENT: tuple[Literal["experiments", "published", "lessons"], ...] = ("experiments", "published", "lessons")
# Every run of the report is looked for.
_MAX_RUNS = 100_000
# Those of older calls are dropped.
_MOST_FORECASTS = 100
# Fields of an experiment that decide how images are read, besides its split.
_READING = ("image_size", "fit", "skip_broken")


class StudyContents(TypedDict):
    """The contents of study.json."""

    name: str
    title: str
    question: str
    protocol: Protocol
    size: Size
    published_data: str
    published_image_size: NotRequired[list[int] | None]
    published_metric: NotRequired[Literal["test_accuracy", "validation_accuracy"]]
    reductions: list[str]
    backbones: NotRequired[list[str]]
    own_backbones: NotRequired[list[str]]
    notes: NotRequired[list[str]]
    seeds: list[int]
    experiments: dict[str, dict[str, Any]]
    published: dict[str, dict[str, Any]]
    lessons: NotRequired[dict[str, dict[str, Any]]]
    compare: NotRequired[list[list[str]] | None]
    margin: NotRequired[float]
    looks: NotRequired[list[int]]
    splits: NotRequired[int]
    forecasts: NotRequired[list[dict[str, float]]]


@dataclass(frozen=True)
class StudyFolder:
    """The folder of a study: study.json, data-HASH.json and runs/EXPERIMENT-HASH/seed-N/.

    Args:
        path: Path of the folder, which may not exist yet.
    """

    path: Path

    def __repr__(self) -> str:
        return f"{type(self).__name__}({str(self.path)!r})"

    def check(self, study: Study) -> StudyContents | None:
        """Returns the contents of the folder's study.json, or None if the folder is free. Changes nothing.

        Args:
            study: The study to run in the folder.

        Raises:
            FolderError: If the folder holds another study, or other files.
        """
        if not self.holds_study():
            return None
        held, given = self.read(), study.to_dict()
        for name in _IDENTITY:
            if held[name] != given[name]:
                raise FolderError(
                    f"{self.path} holds the study {held['name']!r} with {name} {held[name]!r}, not "
                    f"{given[name]!r}. Give another folder as `out`. Nothing was changed."
                )
        if _data_of(held) != _data_of(given):
            raise FolderError(
                f"{self.path} holds results on {_data_of(held)}, not on {_data_of(given)}. "
                "Give another folder as `out`. Nothing was changed."
            )
        if held["backbones"] != given["backbones"]:
            before, after = (in_words(study["backbones"] or ["the study's own"]) for study in (held, given))
            raise FolderError(
                f"{self.path} holds a study with the pretrained networks {before}, not with {after}. Give another "
                "folder as `out`. Nothing was changed."
            )
        if held["splits"] != given["splits"]:
            before, after = (counted(study["splits"], "split") for study in (held, given))
            raise FolderError(
                f"{self.path} holds runs on {before} of the images, not on {after}. Give another folder as `out`. "
                "Nothing was changed."
            )
        self._check_looks(held, given)
        self._check_experiments(held, given)
        return held

    def holds_study(self) -> bool:
        """Returns whether the folder holds a study.

        Raises:
            FolderError: If it holds other files, or is a file.
        """
        if self.path.exists() and not self.path.is_dir():
            raise FolderError(f"Expected a folder. Received the file {self.path}. Give a folder as `out`.")
        if (self.path / STUDY_FILE).exists():
            return True
        if not is_unused(self.path):
            raise FolderError(f"{self.path} is not empty and holds no study. Give a new folder as `out`.")
        return False

    def _check_looks(self, held: StudyContents, given: dict[str, Any]) -> None:
        """Refuses looks that were not planned: whoever looks more often is wrong more often."""
        before, after = held["looks"], given["looks"]
        runs, end = len({*held["seeds"], *given["seeds"]}), "Give another folder as `out`. Nothing was changed."
        if before and after and before != after:
            raise FolderError(
                f"{self.path} holds a study that looks at its results after {in_words(before)} runs, not after "
                f"{in_words(after)}. {end}"
            )
        # A single run of each experiment gave no verdict.
        if after and not before and len(held["seeds"]) > 1:
            raise FolderError(
                f"{self.path} holds a study of {len(held['seeds'])} runs each. Its results may be known, and looks at "
                f"the results are planned before them. {end}"
            )
        if (looks := before or after) and runs > looks[-1]:
            raise FolderError(
                f"{self.path} holds a study of at most {looks[-1]} runs each, planned before its first look. These "
                f"would make {runs}. {end}"
            )

    def _check_experiments(self, held: StudyContents, given: dict[str, Any]) -> None:
        """Refuses an experiment that differs from a finished one of the same name: the report would lose that one."""
        for name in held["experiments"].keys() & given["experiments"].keys():
            before, after = (flatten(study["experiments"][name]) for study in (held, given))
            experiment = Experiment.from_dict(held["experiments"][name])
            changed = [field for field in {**before, **after} if before.get(field) != after.get(field)]
            if changed and any(self._finished(name, experiment, held)):
                field = changed[0]
                if field == "model_source":
                    raise FolderError(
                        f"{self.path} holds finished runs of {name} with another version of {before['model']}, whose "
                        "source has changed since. Give another folder as `out`. Nothing was changed."
                    )
                raise FolderError(
                    f"{self.path} holds finished runs of {name} with {field} {before.get(field)!r}, not "
                    f"{after.get(field)!r}. Give another folder as `out`. Nothing was changed."
                )

    def _finished(self, name: str, experiment: Experiment, held: StudyContents) -> Iterator[bool]:
        """Returns for each seed of the folder's study whether an experiment's run is finished."""
        for seed in held["seeds"]:
            yield self.run(name, experiment.on_split(seed, held["splits"]).identity, seed).complete

    def claim(self, study: Study) -> None:
        """Claims the folder for a study. Experiments and seeds that it already holds stay in the report.

        Args:
            study: The study to run in the folder.

        Raises:
            FolderError: If the folder holds another study, or cannot be written to. Nothing is changed.
        """
        held, merged = self.check(study), study.to_dict()
        if held:
            merged["seeds"] = sorted({*held["seeds"], *merged["seeds"]})
            merged["looks"] = merged["looks"] or held["looks"]
            for name in _BY_EXPERIMENT:
                merged[name] = {**held.get(name, {}), **merged[name]}
            if "forecasts" in held:
                merged["forecasts"] = held["forecasts"]
        try:
            write_json(self.path / STUDY_FILE, merged)
        except OSError as error:
            raise FolderError(f"{self.path} cannot be written to: {error}.") from error

    def forget(self, name: str) -> None:
        """Takes an experiment out of the study, if it holds it. The runs stay in the folder."""
        held = self.read()
        if held["experiments"].pop(name, None) is not None:
            write_json(self.path / STUDY_FILE, held)

    def note_forecast(self, forecast: dict[str, float]) -> None:
        """Records the planned and the real time of some runs, after those of earlier calls.

        Args:
            forecast: Seconds and the number of runs, by name.
        """
        held = read_json(self.path / STUDY_FILE)
        forecasts = [*held.get("forecasts", []), forecast][-_MOST_FORECASTS:]
        write_json(self.path / STUDY_FILE, {**held, "forecasts": forecasts})

    def read(self) -> StudyContents:
        """Returns the contents of study.json.

        Raises:
            FolderError: If the file is missing or cannot be read.
        """
        path = self.path / STUDY_FILE
        try:
            held = read_json(path)
        except (FileNotFoundError, NotADirectoryError):
            raise FolderError(
                f"{self.path} holds no study ({STUDY_FILE} is missing). Give the folder of a study that has run."
            ) from None
        if isinstance(held, dict) and "quick" in held:
            raise FolderError(
                f"{path} cannot be read: an older version of kerasclf wrote it. Run the study again in a new folder."
            )
        check_schema(held, StudyContents, path)
        try:
            _check_contents(held)
        except KerasclfError as error:
            raise FolderError(f"{path} cannot be read: {error}") from error
        absent = {"notes": [], "looks": [], "splits": 1, "backbones": [], "own_backbones": []}
        return cast("StudyContents", {**absent, **held})

    def run(self, name: str, identity: str, seed: int) -> RunFolder:
        """Returns the folder of a run, which may not exist yet.

        Args:
            name: Name of the experiment.
            identity: Identity of the experiment on the split of this run (see `Experiment.on_split`).
            seed: Seed of the run.
        """
        return RunFolder(self.path / "runs" / f"{name}-{identity}" / f"seed-{seed}")


def _check_contents(held: StudyContents) -> None:
    """Checks the values in study.json, which may come from a stranger: names become folders and files.

    Raises:
        KerasclfError: If an experiment, a name, a seed or a published figure cannot be used.
    """
    compare, size = held.get("compare"), held.get("published_image_size")
    Study(
        name=held["name"],
        title=held["title"],
        question=held["question"],
        experiments={name: Experiment.from_dict(plain) for name, plain in held["experiments"].items()},
        published={name: Published.from_dict(plain) for name, plain in held["published"].items()},
        lessons={name: Lesson.from_dict(plain) for name, plain in held.get("lessons", {}).items()},
        seeds=tuple(held["seeds"]),
        compare=None if compare is None else cast("Pairs", tuple(map(tuple, compare))),
        margin=held.get("margin", 0.02),
        looks=tuple(held.get("looks", ())),
        splits=held.get("splits", 1),
    )
    if size and len(size) != 2:
        raise KerasclfError(f"published_image_size: expected two sizes. Received: {size}.")
    if len(held["experiments"]) * len(held["seeds"]) > _MAX_RUNS:
        raise KerasclfError(f"seeds: expected at most {_MAX_RUNS:,} runs.")


def _data_of(study: Mapping[str, Any]) -> str:
    """Returns the data and the splits of a study's experiments as text."""
    return "; ".join(sorted(set(_data_settings(study))))


def _data_settings(study: Mapping[str, Any]) -> Iterator[str]:
    for experiment in study["experiments"].values():
        limits = [f"{key}={value}" for key, value in experiment["split"].items() if value is not None]
        reading = [f"{key}={value}" for key in _READING if (value := experiment.get(key))]
        yield f"{experiment['data']} ({', '.join(limits + reading)})"
