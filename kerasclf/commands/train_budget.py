"""`kerasclf train --budget`: the best model that a given time allows."""

from collections.abc import Iterator
from dataclasses import MISSING, fields, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.console import Console

from kerasclf.commands.options.option_fields import flags_of
from kerasclf.commands.printing.output import folder_name, folder_within, say
from kerasclf.errors import KerasclfError, Problems
from kerasclf.files.home_folders import expanded
from kerasclf.networks.network_checks import known_networks, weights_in

if TYPE_CHECKING:
    from kerasclf.commands.options.train_options import TrainOptions
    from kerasclf.report.study_results import StudyResults
    from kerasclf.runs.experiment import Experiment
    from kerasclf.search.search_budget import Clock
    from kerasclf.search.time_budget.budget_record import BudgetFolder

# Networks with downloadable weights that differ in cost and accuracy.
_NETWORKS = ("mobilenet_v2", "efficientnetv2_b0", "resnet18", "keras_resnet50", "keras_convnext_tiny")
# The budget decides these settings, or makes one run of each experiment in this process.
_DECIDED = (
    "unfreeze", "epochs", "head_epochs", "learning_rate", "layer_decay", "augment", "views", "no_cache", "find_rate",
    "refit", "continue_run", "quick", "plan", "repeats", "splits", "difference", "seed_deviation", "gpus", "no_share",
    "retry", "live", "track", "profile", "jobs", "engine", "address",
)  # fmt: skip


def run_within(command: "TrainOptions", console: Console) -> "tuple[StudyResults, Path]":
    """Trains the best model that --budget allows, and shows the report.

    Returns:
        The results, and their folder.

    Raises:
        KerasclfError: If an option cannot be used, or the time is too short for one head.
    """
    from kerasclf.commands.report import show_report
    from kerasclf.search.search_budget import Clock
    from kerasclf.search.time_budget.budget_record import BudgetFolder

    seconds, candidates = _checked(command)
    out = command.out or Path("runs") / folder_name("train", command.spec, "budget")
    folder = BudgetFolder(out, seconds)
    clock = Clock(folder, seconds)
    if clock.over and any(one.step == "training" and one.accuracy is not None for one in folder.attempts):
        say(console, f"the budget is spent: {clock.spent_s:.0f} s. A larger --budget goes on; the results so far:")
    elif clock.over:
        raise KerasclfError(
            f"--budget: expected more than the {clock.spent_s:.0f} s that earlier calls have spent in {out}. "
            f"Received: {command.budget}. Give a longer budget or another --out."
        )
    else:
        _train(candidates, folder, clock, command.seed, console)
    return show_report(out, folder_within(out, "report"), console), out


def _train(candidates: "list[Experiment]", folder: "BudgetFolder", clock: "Clock", seed: int, console: Console) -> None:
    from kerasclf.quiet import quiet_tensorflow
    from kerasclf.runs.progress import ConsoleProgress
    from kerasclf.wording import format_duration

    networks = ", ".join(one.model for one in candidates)
    say(console, f"{format_duration(clock.left_s or 0.0)} for {networks} on {candidates[0].data} → {folder.path}")
    quiet_tensorflow()
    from kerasclf.search.time_budget.train_within import train_within

    with ConsoleProgress(2 + (len(candidates) + 1) // 2, console) as progress:
        train_within(candidates, folder, clock, seed, progress)


def _checked(command: "TrainOptions") -> "tuple[float, list[Experiment]]":
    """Returns the seconds and the candidates, after all checks that need neither images nor TensorFlow.

    Raises:
        KerasclfError: If something cannot be used; the message lists all problems.
    """
    from kerasclf.runs.planning.early_checks import check_early
    from kerasclf.search.search_budget import parse_duration
    from kerasclf.studies.training_study import training_study

    problems, seconds, study = Problems(), 0.0, None
    with problems.collect():
        seconds = parse_duration(command.budget or "", "--budget")
        if not seconds > 0:
            raise KerasclfError(f"--budget: expected more than 0 s. Received: {command.budget}.")
    for flag in _contradicting(command):
        problems.add(f"{flag}: expected no value with --budget, which decides it.")
    with problems.collect():
        # Decided options are reported above; here they would only bring problems that follow from them.
        command = replace(command, backbone=_networks(command), **_decided_defaults(command))
        command.problems().raise_all("kerasclf train cannot run")
        options = command.study_options(None, None, None)
        options = options.but(limits=options.limits.but(image_size=None))
        study = training_study(command.experiments(), options)
        check_early(study.experiments)
    problems.raise_all("kerasclf train cannot run")
    assert study is not None
    return seconds, list(study.experiments.values())


def _contradicting(command: "TrainOptions") -> Iterator[str]:
    """Yields the flags of options that the budget decides."""
    flags = flags_of(type(command))
    for name, default in _decided_defaults(command).items():
        if getattr(command, name) != default:
            yield flags[name]


def _decided_defaults(command: "TrainOptions") -> dict[str, Any]:
    """Returns the defaults of the options that the budget decides."""
    return {
        field.name: field.default if field.default_factory is MISSING else field.default_factory()
        for field in fields(command)
        if field.name in _DECIDED
    }


def _networks(command: "TrainOptions") -> tuple[str, ...]:
    """Returns the networks to choose from: those given, those of a folder of weights, or usual ones.

    Raises:
        KerasclfError: If the weights name none.
    """
    if command.backbone:
        return command.backbone
    if not command.weights or command.weights[0] in ("imagenet", "none"):
        return _NETWORKS
    folder = expanded(command.weights[0])
    found = [name for name in known_networks() if len(weights_in(folder, name)) == 1] if folder.is_dir() else []
    if not found:
        raise KerasclfError(
            "--weights: expected a folder with a file named after each network, or --backbone with it. Received: "
            f"{' '.join(command.weights)}."
        )
    return tuple(found)
