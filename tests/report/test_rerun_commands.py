"""The command lines that reproduce a study or a run."""

from dataclasses import replace

import pytest

from kerasclf import Split
from kerasclf.errors import KerasclfError
from kerasclf.report import read_results
from kerasclf.report.experiment_results import ExperimentResults
from kerasclf.report.rerun_commands import command_of, command_of_run
from kerasclf.report.study_results import StudyResults
from kerasclf.studies import declare
from kerasclf.studies.reduction import Reduction
from kerasclf.studies.study_options import StudyOptions
from kerasclf.transfer import Transfer


def test_a_study_of_the_user_has_no_command(folder):
    assert command_of(read_results(folder.path)) == ""


def test_the_command_reproduces_the_study_or_a_run(folder):
    results = read_results(folder.path)
    declared = replace(results, study={**results.study, "name": "ladder"})
    assert command_of(declared) == "kerasclf study ladder --data shapes --protocol sound --repeats 2"
    first = declared.experiments[0]
    assert command_of_run(declared, first, 1) == (
        "kerasclf study ladder --data shapes --protocol sound --seed 1 --only first"
    )
    one = replace(declared, experiments=declared.experiments[:1])
    assert command_of(one) == "kerasclf study ladder --data shapes --protocol sound --repeats 2 --only first"
    small = replace(declared, study={**declared.study, "size": "reduced"})
    assert command_of(small).endswith("--repeats 2 --reduced")
    three_by_default = replace(results, study={**results.study, "name": "convnext", "seeds": [0]})
    assert command_of(three_by_default).endswith("--repeats 1")
    gaps = replace(declared, study={**declared.study, "seeds": [0, 5]})
    assert command_of(gaps) == ""


def test_the_command_names_other_networks_and_the_folder_of_their_weights(folder):
    results = read_results(folder.path)
    experiments = tuple(
        replace(e, experiment=e.experiment.but(model=model, transfer=Transfer(weights=f"weights/{model}.pth")))
        for e, model in zip(results.experiments, ("vgg11", "vgg16"), strict=True)
    )
    other = {"name": "art", "backbones": ["vgg11", "vgg16"], "own_backbones": ["resnet50"]}
    study = replace(results, study={**results.study, **other}, experiments=experiments)
    assert command_of(study) == (
        "kerasclf study art --data shapes --protocol sound --weights weights --repeats 2 --backbone vgg11 vgg16"
    )
    assert command_of_run(study, experiments[1], 0).endswith(
        "--weights weights/vgg16.pth --backbone vgg11 vgg16 --only second"
    )


def test_the_command_of_a_study_leaves_out_what_its_experiments_do_not_share(folder):
    results = read_results(folder.path)
    first, *others = results.experiments
    larger = replace(first, experiment=first.experiment.but(image_size=(96, 96), split=Split(train_per_class=9)))
    mixed = replace(results, study={**results.study, "name": "ladder"}, experiments=(larger, *others))
    assert command_of(mixed) == "kerasclf study ladder --data shapes --protocol sound --repeats 2"
    padded = replace(first, experiment=first.experiment.but(fit="pad", skip_broken=True, split=Split(group="p([0-9])")))
    alone = replace(mixed, experiments=(padded,))
    assert "--group-by 'p([0-9])' --fit pad --repeats 2 --skip-broken" in command_of(alone)
    assert "--train-per-class 9 --image-size 96x96" in command_of_run(mixed, larger, 0)


def test_the_command_names_the_remedies_for_unequal_classes(folder):
    results = read_results(folder.path)
    changes = {"oversampling": "balanced", "loss": "focal", "focal_gamma": 1.0}
    changed = tuple(replace(e, experiment=e.experiment.with_training(changes)) for e in results.experiments)
    study = replace(results, study={**results.study, "name": "ladder"}, experiments=changed)
    assert command_of(study).endswith("--repeats 2 --oversampling balanced --loss focal --focal-gamma 1.0")


@pytest.mark.parametrize("name", ["ladder", "pitfalls", "art", "birds", "convnext"])
@pytest.mark.parametrize("size", ["full", "reduced", "quick"])
@pytest.mark.parametrize("epochs", [None, 3, 12])
def test_the_command_limits_the_epochs_of_every_experiment(name, size, epochs):
    try:
        study = declare(name, options=StudyOptions(size=size, limits=Reduction(epochs=epochs), strategy="none"))
    except KerasclfError:
        pytest.skip("the study has no reduced size")
    results = StudyResults(
        study.to_dict(), tuple(ExperimentResults(name, e, (), None) for name, e in study.experiments.items())
    )
    words = command_of(results).split()
    assert words[words.index("--strategy") + 1] == "none"
    given = int(words[words.index("--epochs") + 1]) if "--epochs" in words else None
    again = declare(name, options=StudyOptions(size=size, limits=Reduction(epochs=given), strategy="none"))
    assert again.experiments == study.experiments
