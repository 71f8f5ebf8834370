"""The forecast of `--plan --gpus`: the speed of the planned experiments on several GPUs."""

from rich.table import Table

from kerasclf.escaping import for_console
from kerasclf.machine.cluster import launched
from kerasclf.runs.experiment import Experiment
from kerasclf.runs.planning.cost import PhaseCost
from kerasclf.studies.scaling import (
    GPUS,
    GPUS_OF_A_MACHINE,
    LINKS,
    PAYS,
    Link,
    Step,
    fits,
    format_speed,
    most_that_pay,
    speed_up,
    step_s,
)
from kerasclf.studies.study_plan import StudyPlan
from kerasclf.training import TrainConfig
from kerasclf.wording import format_bytes

# Strategies under which a plan measures all GPUs of a machine together.
_TOGETHER = ("auto", "mirrored")


def scaling_table(study_plan: StudyPlan, gpus: int) -> Table:
    """Returns a table with the expected speed of a training step on several GPUs: a row for each phase.

    Args:
        study_plan: The plan with the measured costs.
        gpus: Number of GPUs.
    """
    table = Table(
        title=f"forecast for {gpus} GPUs", title_justify="left", caption_justify="left",
        caption="Speed of a training step with the same batch size, as a multiple of that on one GPU. In parentheses: "
        f"the number of GPUs up to {GPUS[-1]} at which each doubling still makes it {PAYS} times as fast. NVLink and "
        f"PCIe connect up to {GPUS_OF_A_MACHINE} GPUs of a machine, the networks machines with one GPU each.",
    )  # fmt: skip
    table.add_column("experiment")
    for heading in ("unfreeze", "batch", "step on\none GPU", "gradients", *(link.name for link in LINKS)):
        table.add_column(heading, justify="right")
    for name, experiment in _experiments(study_plan).items():
        if _measured_together(study_plan, experiment):
            continue
        for number, (phase, train) in enumerate(
            zip(study_plan.plan.costs[name].phases, experiment.phases, strict=True)
        ):
            step = step_of(phase, train)
            table.add_row(
                for_console(name if number == 0 else ""),
                for_console(phase.unfreeze),
                f"{step.images:,}",
                f"{1000 * step_s(step, 1, LINKS[0]):,.1f} ms",
                format_bytes(step.exchanged_bytes),
                *(_cell(step, gpus, link) for link in LINKS),
            )
    return table


def scaling_notes(study_plan: StudyPlan) -> list[str]:
    """Returns sentences on the limits of the forecast. They name arguments between backticks."""
    notes = [
        "it takes the measured step and the full speed of the lines, and half a batch for half the time; the real "
        "speed is lower, most of all for small networks"
    ]
    if study_plan.plan.gpus == 0:
        notes.append(
            "there is no GPU here, so this CPU stands for one GPU; a GPU computes faster, and the exchange then takes "
            "a larger share of the step"
        )
    left_out = [name for name, one in _experiments(study_plan).items() if _measured_together(study_plan, one)]
    if left_out:
        notes.append(
            f"without {', '.join(left_out)}, for which the plan has measured {study_plan.plan.gpus} GPUs together; set "
            "`strategy` to none"
        )
    return notes


def step_of(phase: PhaseCost, train: TrainConfig) -> Step:
    """Returns the training step of a phase, as the plan has measured it.

    Args:
        phase: The costs of the phase.
        train: How it trains.
    """
    return Step(train.batch_size, phase.compute_s / phase.steps, phase.trainable, phase.input_s / phase.steps)


def _experiments(study_plan: StudyPlan) -> dict[str, Experiment]:
    """Returns the experiments with measured costs."""
    return {job.name: job.experiment for job in study_plan.jobs if job.name in study_plan.plan.costs}


def _measured_together(study_plan: StudyPlan, experiment: Experiment) -> bool:
    return study_plan.plan.gpus > 1 and experiment.train.strategy in _TOGETHER and launched() is None


def _cell(step: Step, gpus: int, link: Link) -> str:
    """Returns the speed on a number of GPUs, and the number up to which more of them pay."""
    speed = format_speed(speed_up(step, gpus, link)) if fits(step, gpus, link) else "–"
    return f"{speed} ({most_that_pay(step, link)})"
