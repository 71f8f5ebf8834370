"""The study behind `kerasclf train`: one training, or several compared, on the user's own images."""

from collections import Counter
from collections.abc import Sequence

from kerasclf.errors import KerasclfError
from kerasclf.networks.network_source import label_of
from kerasclf.runs.experiment import Experiment
from kerasclf.studies.study import Study
from kerasclf.studies.study_options import StudyOptions, reduce_study
from kerasclf.wording import in_words

# A title names at most this many networks.
_MAX_NAMED = 3


def training_study(experiments: Sequence[Experiment], options: StudyOptions | None = None) -> Study:
    """Returns the study that trains one network, or compares several networks and settings, for `kerasclf train`.

    Args:
        experiments: The experiments, on the same images. All of them continue a run, or none does.
        options: Repeats, size and limits; None changes nothing. Data and weights are those of the experiments.

    Raises:
        KerasclfError: If an option cannot be used, or if two networks have one name.
    """
    first = experiments[0]
    networks = list(dict.fromkeys(experiment.model for experiment in experiments))
    named = in_words(networks) if len(networks) <= _MAX_NAMED else f"{len(networks)} networks"
    study = Study(
        name="train",
        title=f"{named} on {first.data}{', continued' if _continues(first) else ''}",
        question=_question(experiments),
        experiments=dict(zip(_names(experiments), experiments, strict=True)),
    )
    return reduce_study(study, options or StudyOptions())


def _names(experiments: Sequence[Experiment]) -> list[str]:
    """Returns a name for each experiment: its network, what trains, and the learning rate if only that differs.

    The names do not depend on the other networks, so a folder of one training can grow into a comparison.
    """
    short = [f"{label_of(experiment.model)}_{experiment.train.unfreeze}" for experiment in experiments]
    counts = Counter(short)
    names = [
        f"{name}_rate-{experiment.train.learning_rate:g}".replace("+", "") if counts[name] > 1 else name
        for name, experiment in zip(short, experiments, strict=True)
    ]
    labels = [label_of(name) for name in names]
    for label, count in Counter(labels).items():
        if count > 1:
            raise KerasclfError(
                f"experiments: expected networks of different names. Received: {count} named {label}. Rename a file."
            )
    return labels


def _question(experiments: Sequence[Experiment]) -> str:
    first = experiments[0]
    further = " further" if _continues(first) else ""
    if len(experiments) == 1:
        return f"How well does {first.model} classify these images if {_trainable(first)} is trained{further}?"
    settings = {
        "network": {experiment.model for experiment in experiments},
        "trained part": {experiment.train.unfreeze for experiment in experiments},
    }
    varied = [name for name, values in settings.items() if len(values) > 1]
    if len(experiments) > len(settings["network"]) * len(settings["trained part"]):
        varied.append("learning rate")
    verb = "give" if len(varied) > 1 else "gives"
    return f"Which {in_words(varied)} {verb} the highest accuracy on these images?"


def _trainable(experiment: Experiment) -> str:
    unfreeze = experiment.train.unfreeze
    texts = {"head": "the head" if _continues(experiment) else "a new head", "all": "the whole network"}
    return texts.get(unfreeze, f"it from {unfreeze} on" if unfreeze.startswith("stage") else unfreeze)


def _continues(experiment: Experiment) -> bool:
    return experiment.transfer is not None and experiment.transfer.head == "kept"
