"""A study of one experiment, on the user's own images."""

from kerasclf.network_source import label_of
from kerasclf.runs.experiment import Experiment
from kerasclf.studies.study import Study
from kerasclf.studies.study_options import StudyOptions, reduce_study


def single_experiment_study(experiment: Experiment, options: StudyOptions | None = None) -> Study:
    """Returns the study that trains one network, for `kerasclf train`.

    Args:
        experiment: The experiment to run.
        options: Repeats, size and limits; None changes nothing. Data and weights are those of the experiment.

    Raises:
        KerasclfError: If an option cannot be used.
    """
    name = label_of(f"{label_of(experiment.model)}_{experiment.train.unfreeze}")
    study = Study(
        name="train",
        title=f"{experiment.model} on {experiment.data}",
        question=f"How well does {experiment.model} classify these images if {_trainable(experiment)} is trained?",
        experiments={name: experiment},
    )
    return reduce_study(study, options or StudyOptions())


def _trainable(experiment: Experiment) -> str:
    unfreeze = experiment.train.unfreeze
    texts = {"head": "a new head", "all": "the whole network"}
    return texts.get(unfreeze, f"it from {unfreeze} on" if unfreeze.startswith("stage") else unfreeze)
