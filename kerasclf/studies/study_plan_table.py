"""A forecast for a console."""

from rich.table import Table

from kerasclf.runs.cost import PhaseCost, format_duration
from kerasclf.studies.study_plan import StudyPlan
from kerasclf.transfer.cache import cache_root


def plan_table(study_plan: StudyPlan) -> Table:
    """Returns a row for each experiment that is to be run: how often, and what one run costs, phase by phase."""
    names = [job.name for job in study_plan.jobs]
    costs = {name: study_plan.plan.costs[name] for name in dict.fromkeys(names)}
    in_phases = any(phase.unfreeze != "all" for cost in costs.values() for phase in cost.phases)
    table = Table(
        title="still to be run", title_justify="left", caption_justify="left",
        caption="seconds an epoch: input pipeline and network each alone, and both as they overlap, with validation",
    )  # fmt: skip
    table.add_column("experiment")
    for heading in ("runs", *(["trains"] if in_phases else []), "weights\ntrained", "input", "network", "epoch, s",
                    "epochs,\nat most", "a run,\nat most"):  # fmt: skip
        table.add_column(heading, justify="right")
    for name, cost in costs.items():
        for number, phase in enumerate(cost.phases):
            table.add_row(
                name if number == 0 else "",
                str(names.count(name)) if number == 0 else "",
                *([phase.unfreeze] if in_phases else []),
                f"{phase.trainable:,}",
                f"{phase.input_s:.2f}",
                f"{phase.compute_s:.2f}",
                f"{phase.epoch_s:.2f}",
                str(phase.epochs),
                format_duration(phase.phase_s),
            )
    return table


def phases_in_words(study_plan: StudyPlan) -> list[str]:
    """Returns a line for each part of a network that phases train: what an epoch of it costs on this machine."""
    phases = [phase for cost in study_plan.plan.costs.values() for phase in cost.phases]
    if all(phase.unfreeze == "all" for phase in phases):
        return []
    longest = {phase.unfreeze: phase for phase in sorted(phases, key=lambda phase: phase.epochs)}
    return [
        f"      --unfreeze {phase.unfreeze}: {format_duration(phase.epoch_s)} an epoch, {phase.epochs} epochs = "
        f"{format_duration(phase.phase_s)}{_after_extraction(phase)}"
        for phase in sorted(longest.values(), key=lambda phase: -phase.epoch_s)
    ]


def _after_extraction(phase: PhaseCost) -> str:
    if not phase.cache:
        return ", through the whole network"
    if not phase.extraction_s:
        return ", from activations that are kept already"
    return f", after {format_duration(phase.extraction_s)} of computing what lies below ({phase.cache_mb:,.0f} MB)"


def plan_summary(study_plan: StudyPlan) -> list[str]:
    """Returns what is to be run and what it costs, in a few lines."""
    begun = [job for job in study_plan.jobs if job.run.epochs_done()]
    counts = [f"{len(study_plan.jobs)} runs to make, {study_plan.width} side by side"]
    if begun:
        counts.append(f"{len(begun)} of them begun")
    if study_plan.finished:
        counts.append(f"{len(study_plan.finished)} finished")
    if study_plan.failed:
        counts.append(f"{len(study_plan.failed)} failed earlier (--retry tries them again)")
    lines = [f"plan: {', '.join(counts)}"]
    if study_plan.plan.costs:
        lines.append(
            f"      about {format_duration(study_plan.seconds)} at most, {study_plan.memory_mb / 1000:.1f} GB of memory, "
            f"{study_plan.disk_mb:,.0f} MB of disk"
        )
        if study_plan.extraction_s:
            lines.append(
                f"      of it {format_duration(study_plan.extraction_s)} to compute frozen activations, once for all cuts, "
                f"which take {study_plan.cache_mb:,.0f} MB in {cache_root()}"
            )
        lines += phases_in_words(study_plan)
    return [*lines, *(f"warning: {line}" for line in study_plan.warnings())]
