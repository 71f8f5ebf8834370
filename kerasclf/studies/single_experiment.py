"""A study of one experiment, on a user's own images."""

from kerasclf.runs.experiment import Experiment
from kerasclf.studies.reduction import Form
from kerasclf.studies.study import Study
from kerasclf.studies.study_options import reduced


def single_experiment_study(
    experiment: Experiment,
    *,
    repeats: int | None = None,
    seed: int = 0,
    quick: bool = False,
    train_per_class: int | None = None,
    test_per_class: int | None = None,
) -> Study:
    """Returns the study that trains one network, for `kerasclf train`.

    Args:
        experiment: What to train.
        repeats: Runs; one where None.
        seed: The first run's seed; the others count on from it.
        quick: The form of seconds: few images, two epochs.
        train_per_class: At most so many images a class to train and validate with.
        test_per_class: At most so many images a class to test with.

    Raises:
        KerasclfError: No repeat is asked for.
    """
    name = f"{experiment.model}_{experiment.train.unfreeze}".replace(":", "-").replace("/", "-")
    study = Study(
        name="train",
        title=f"{experiment.model} on {experiment.data}",
        question=f"How well does {experiment.model} classify these images when {_in_words(experiment)} is trained?",
        experiments={name: experiment},
    )
    return reduced(study, repeats=repeats, seed=seed, quick=quick, form=Form(train_per_class, test_per_class))


def _in_words(experiment: Experiment) -> str:
    cut = experiment.train.unfreeze
    return {"head": "a new head", "all": "all of it"}.get(cut, f"it from {cut} on" if cut.startswith("stage") else cut)
