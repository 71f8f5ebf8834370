"""The command lines that reproduce a study or one of its runs."""

import shlex
from typing import Any

from kerasclf.report.study_results import ExperimentResults, StudyResults
from kerasclf.studies.study_catalogue import STUDIES


def command_of(results: StudyResults) -> str:
    """Returns the command line that reproduces this study, or the empty string if there is none."""
    seeds = sorted(results.study["seeds"])
    if seeds != list(range(seeds[0], seeds[0] + len(seeds))):
        return ""
    # A study may mix pretrained experiments with others.
    pretrained = (e for e in results.experiments if e.experiment.transfer)
    names = [e.name for e in results.experiments]
    only = ["--only", *names] if len(names) < len(results.study["experiments"]) else []
    repeats = f"{results.looks[0]}..{results.looks[-1]}" if results.looks else len(seeds) // results.splits
    return _command(results, next(pretrained, results.experiments[0]), seeds[0], repeats, *only)


def command_of_run(results: StudyResults, experiment: ExperimentResults, seed: int) -> str:
    """Returns the command line that reproduces one run, or the empty string if there is none.

    No command makes a single run of a study on several splits.
    """
    if results.splits > 1:
        return ""
    return _command(results, experiment, seed, 1, "--only", experiment.name)


def _command(results: StudyResults, experiment: ExperimentResults, seed: int, repeats: int | str, *more: str) -> str:
    study, settings = results.study, experiment.experiment
    if study["name"] not in STUDIES:
        return ""
    usual = 1 if study["size"] == "quick" else len(STUDIES[study["name"]](study["protocol"]).seeds)
    options = {
        "--data": settings.data if len({e.experiment.data for e in results.experiments}) == 1 else None,
        "--protocol": study["protocol"],
        "--train-per-class": settings.split.train_per_class,
        "--test-per-class": settings.split.test_per_class,
        "--image-size": settings.image_size and "x".join(map(str, settings.image_size)),
        "--epochs": _epochs(study, experiment),
        "--weights": settings.transfer.weights if settings.transfer else None,
        "--repeats": repeats if repeats != usual else None,
        "--splits": results.splits if results.splits > 1 else None,
        "--seed": seed or None,
    }
    given = [word for flag, value in options.items() if value is not None for word in (flag, str(value))]
    size = [] if study["size"] == "full" else [f"--{study['size']}"]
    no_cache = ["--no-cache"] if settings.transfer and settings.transfer.cache == "off" else []
    return shlex.join(["kerasclf", "study", study["name"], *given, *more, *no_cache, *size])


def _epochs(study: dict[str, Any], experiment: ExperimentResults) -> int | None:
    """Returns the limit on the epochs of an experiment's phases, or None if they have their declared lengths."""
    declared = STUDIES[study["name"]](study["protocol"]).experiments.get(experiment.name)
    made = [phase.epochs for phase in experiment.experiment.phases]
    if study["size"] == "quick" or declared is None or made == [phase.epochs for phase in declared.phases]:
        return None
    return max(made)
