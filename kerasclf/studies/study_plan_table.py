"""The plan of a study as a table and as lines for a console."""

from rich.table import Table

from kerasclf.escaping import for_console
from kerasclf.files.cache_folders import cache_root
from kerasclf.machine.gpus import memory_limit_mb, runs_per_gpu
from kerasclf.runs.planning.cost import PhaseCost
from kerasclf.studies.study_plan import StudyPlan
from kerasclf.wording import counted, format_bytes, format_duration, in_words


def plan_table(study_plan: StudyPlan) -> Table:
    """Returns a table of the remaining runs: a row for each phase of each experiment, with the costs of one run."""
    names = [job.name for job in study_plan.jobs]
    costs = {name: study_plan.plan.costs[name] for name in dict.fromkeys(names)}
    in_phases = any(phase.unfreeze != "all" for cost in costs.values() for phase in cost.phases)
    table = Table(
        title="remaining runs", title_justify="left", caption_justify="left",
        caption="Seconds per epoch: the input pipeline alone, the network alone, and a whole epoch with validation, "
        "in which both overlap.",
    )  # fmt: skip
    table.add_column("experiment")
    for heading in ("runs", *(["unfreeze"] if in_phases else []), "trainable\nweights", "input, s", "network, s",
                    "epoch, s", "max.\nepochs", "training\nper run"):  # fmt: skip
        table.add_column(heading, justify="right")
    for name, cost in costs.items():
        for number, phase in enumerate(cost.phases):
            table.add_row(
                for_console(name if number == 0 else ""),
                str(names.count(name)) if number == 0 else "",
                *([for_console(phase.unfreeze)] if in_phases else []),
                f"{phase.trainable:,}",
                f"{phase.input_s:.2f}",
                f"{phase.compute_s:.2f}",
                f"{phase.epoch_s:.2f}",
                str(phase.epochs),
                format_duration(phase.phase_s),
            )
    return table


def plan_summary(study_plan: StudyPlan) -> list[str]:
    """Returns the number of remaining runs and their costs, in a few lines.

    The lines name arguments between backticks. A command replaces them by its flags.
    """
    lines = [", ".join(_counts(study_plan)), *_look_lines(study_plan), *_gpu_lines(study_plan)]
    if study_plan.plan.costs:
        memory, disk = format_bytes(1e6 * study_plan.memory_mb), format_bytes(1e6 * study_plan.disk_mb)
        most = "at most " if study_plan.study.looks else ""
        training = f"training about {most}{format_duration(study_plan.seconds)}, plus start and report"
        lines.append(f"{training}; {memory} of memory, {disk} of disk space")
    lines += _shared_lines(study_plan)
    if study_plan.extraction_s:
        lines.append(
            f"including {format_duration(study_plan.extraction_s)} to compute frozen activations once for all runs: "
            f"{format_bytes(1e6 * study_plan.cache_mb)} in {cache_root()}"
        )
    return lines + _phase_lines(study_plan)


def _gpu_lines(study_plan: StudyPlan) -> list[str]:
    """Returns a line on runs that share a GPU; none if no runs do."""
    plan = study_plan.plan
    sharing = runs_per_gpu(study_plan.width, plan.gpus)
    if sharing == 1:
        return []
    memory = "without a limit of its memory"
    if plan.gpu_memory_mb is not None:
        memory = f"each with at most {format_bytes(2**20 * memory_limit_mb(plan.gpu_memory_mb, sharing))} of its memory"
    return [f"up to {sharing} runs share a GPU, {memory}"]


def _shared_lines(study_plan: StudyPlan) -> list[str]:
    """Returns a line on the epochs that runs share; none if they share none."""
    total, shared = study_plan.epochs, study_plan.shared_epochs
    if not shared:
        return []
    saved = f", which saves {format_duration(study_plan.saved_s)}" if study_plan.saved_s else ""
    return [f"{total - shared:,} of {counted(total, 'epoch')} to train: {shared:,} are the same in several runs{saved}"]


def _look_lines(study_plan: StudyPlan) -> list[str]:
    """Returns a line on the looks of a study at its results, and on its runs until the first one."""
    looks = study_plan.study.looks
    if not looks:
        return []
    first = study_plan.between(0, looks[0])
    time = f", training about {format_duration(first.seconds)}" if study_plan.plan.costs else ""
    return [
        f"at least {counted(len(first.jobs), 'run')}{time}: it looks at the results after {in_words(looks)} runs each, "
        "and stops when every comparison is decided"
    ]


def _counts(study_plan: StudyPlan) -> list[str]:
    runs = len(study_plan.jobs)
    started = sum(job.run.epochs_done() > 0 for job in study_plan.jobs)
    side_by_side = "one at a time" if study_plan.width == 1 else f"{study_plan.width} side by side"
    most = "at most " if study_plan.study.looks else ""
    splits = study_plan.study.splits
    on = f" on {splits} splits of the images" if splits > 1 else ""
    counts = [f"{most}{counted(runs, 'run')} to make{on}", *([side_by_side] if runs > 1 else [])]
    if started:
        counts.append(f"{started} of them started")
    if study_plan.finished:
        counts.append(f"{len(study_plan.finished)} finished")
    if study_plan.failed:
        counts.append(f"{len(study_plan.failed)} failed earlier (set `retry` to try again)")
    return counts


def _phase_lines(study_plan: StudyPlan) -> list[str]:
    """Returns a line for each setting of `unfreeze` with the time of its phase; none if whole networks train."""
    phases = [phase for cost in study_plan.plan.costs.values() for phase in cost.phases]
    if all(phase.unfreeze == "all" for phase in phases):
        return []
    longest = {phase.unfreeze: phase for phase in sorted(phases, key=lambda phase: phase.epochs)}
    return [
        f"`unfreeze` {phase.unfreeze}: {format_duration(phase.phase_s)}, {_share(phase)}, {_source(phase)}"
        for phase in sorted(longest.values(), key=lambda phase: -phase.epoch_s)
    ]


def _share(phase: PhaseCost) -> str:
    epochs = "the epoch" if phase.epochs == 1 else f"each of {phase.epochs:,} epochs"
    return f"of which {format_duration(phase.startup_s)} to start and {format_duration(phase.epoch_s)} for {epochs}"


def _source(phase: PhaseCost) -> str:
    if not phase.cache:
        return "through the whole network"
    if not phase.extraction_s:
        return "from cached activations"
    size = format_bytes(1e6 * phase.cache_mb)
    return f"after {format_duration(phase.extraction_s)} to compute the activations of the frozen part ({size})"
