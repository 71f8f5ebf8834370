"""The command lines that reproduce a study or one of its runs."""

import shlex
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from kerasclf.errors import KerasclfError
from kerasclf.report.experiment_results import ExperimentResults
from kerasclf.report.study_results import StudyResults
from kerasclf.runs.experiment import Experiment
from kerasclf.studies.study_catalogue import STUDIES, declare
from kerasclf.studies.study_folder import StudyContents
from kerasclf.studies.study_options import StudyOptions
from kerasclf.training import TrainConfig


def command_of(results: StudyResults) -> str:
    """Returns the command line that reproduces this study, or the empty string if there is none."""
    seeds = sorted(results.study["seeds"])
    if seeds != list(range(seeds[0], seeds[0] + len(seeds))):
        return ""
    names = [e.name for e in results.experiments]
    only = ["--only", *names] if len(names) < len(results.study["experiments"]) else []
    repeats = f"{results.looks[0]}..{results.looks[-1]}" if results.looks else len(seeds) // results.splits
    return _command(results, results.experiments, seeds[0], repeats, *only)


def command_of_run(results: StudyResults, experiment: ExperimentResults, seed: int) -> str:
    """Returns the command line that reproduces one run, or the empty string if there is none.

    No command makes a single run of a study on several splits.
    """
    if results.splits > 1:
        return ""
    return _command(results, [experiment], seed, 1, "--only", experiment.name)


def _command(
    results: StudyResults, experiments: Sequence[ExperimentResults], seed: int, repeats: int | str, *more: str
) -> str:
    """Returns the command line for some experiments. An option that they do not share has the value of the study."""
    study = results.study
    if study["name"] not in STUDIES:
        return ""
    # A study may mix pretrained experiments with others.
    first = next((e for e in experiments if e.experiment.transfer), experiments[0])
    settings, shared = first.experiment, _shared([e.experiment for e in experiments])
    usual = 1 if study["size"] == "quick" else len(STUDIES[study["name"]](study["protocol"]).seeds)
    options = {
        "--data": shared["data"],
        "--protocol": study["protocol"],
        "--train-per-class": shared["train_per_class"],
        "--test-per-class": shared["test_per_class"],
        "--group-by": shared["group"],
        "--image-size": shared["image_size"] and "x".join(map(str, shared["image_size"])),
        "--fit": shared["fit"] if shared["fit"] != "squash" else None,
        "--epochs": _epochs(study, experiments),
        "--weights": _weights([e.experiment for e in experiments]),
        "--repeats": repeats if repeats != usual else None,
        "--splits": results.splits if results.splits > 1 else None,
        "--seed": seed or None,
        "--strategy": settings.train.strategy if settings.train.strategy != TrainConfig().strategy else None,
        **_remedies(settings.train),
    }
    given = [word for flag, value in options.items() if value is not None for word in (flag, str(value))]
    given += ["--backbone", *study["backbones"]] if study.get("backbones") else []
    size = [] if study["size"] == "full" else [f"--{study['size']}"]
    no_cache = ["--no-cache"] if settings.transfer and settings.transfer.cache == "off" else []
    skip_broken = ["--skip-broken"] if shared["skip_broken"] else []
    return shlex.join(["kerasclf", "study", study["name"], *given, *skip_broken, *more, *no_cache, *size])


def _remedies(train: TrainConfig) -> dict[str, Any]:
    """Returns the options for classes of unequal size. No declared study sets them itself."""
    usual, names = TrainConfig(), ("class_weight", "oversampling", "logit_adjustment", "loss", "focal_gamma")
    changed = [name for name in names if getattr(train, name) != getattr(usual, name)]
    return {f"--{name.replace('_', '-')}": getattr(train, name) for name in changed}


def _shared(experiments: Sequence[Experiment]) -> dict[str, Any]:
    """Returns the data and limits that experiments share; None for what differs."""
    values: dict[str, list[Any]] = {
        "data": [e.data for e in experiments],
        "train_per_class": [e.split.train_per_class for e in experiments],
        "test_per_class": [e.split.test_per_class for e in experiments],
        "group": [e.split.group for e in experiments],
        "image_size": [e.image_size for e in experiments],
        "fit": [e.fit for e in experiments],
        "skip_broken": [e.skip_broken for e in experiments],
    }
    return {name: found[0] if len(set(found)) == 1 else None for name, found in values.items()}


def _weights(experiments: Sequence[Experiment]) -> str | None:
    """Returns the source of the pretrained weights: the folder, if networks have different files."""
    found = list(dict.fromkeys(e.transfer.weights for e in experiments if e.transfer is not None))
    if len(found) > 1:
        return str(Path(found[0]).parent)
    return found[0] if found else None


def _epochs(study: StudyContents, experiments: Sequence[ExperimentResults]) -> int | None:
    """Returns the limit on the epochs of the experiments' phases, or None if they have the lengths of their size."""
    options = StudyOptions(size=study["size"], backbones=tuple(study.get("backbones", ())))
    try:
        declared = declare(study["name"], study["protocol"], options).experiments
    except KerasclfError:  # an earlier version declared this size or these networks
        return None
    limited = [
        made.epochs
        for one in experiments
        if one.name in declared
        for made, usual in zip(one.experiment.phases, declared[one.name].phases, strict=False)
        if made.epochs != usual.epochs
    ]
    return max(limited, default=None)
