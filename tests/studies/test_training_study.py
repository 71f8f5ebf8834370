"""The study behind `kerasclf train`."""

import pytest

from kerasclf import Experiment, TrainConfig
from kerasclf.errors import KerasclfError
from kerasclf.studies.study_options import StudyOptions
from kerasclf.studies.training_study import training_study
from kerasclf.transfer import Transfer


def experiment_of(unfreeze="head", model="basenet", rate=1e-3):
    train = TrainConfig(unfreeze=unfreeze, learning_rate=rate)
    return Experiment(data="folder:x", model=model, transfer=Transfer(), train=train)


def test_one_training_is_named_after_its_network_and_what_trains():
    study = training_study([experiment_of("from:conv_1")], StudyOptions(repeats=3, seed=4))
    assert list(study.experiments) == ["basenet_from-conv_1"]
    assert study.seeds == (4, 5, 6)
    assert study.title == "basenet on folder:x"


@pytest.mark.parametrize(
    ("unfreeze", "trained"),
    [
        ("head", "a new head is"),
        ("all", "the whole network is"),
        ("stage5", "it from stage5 on is"),
        ("last2", "last2 is"),
    ],
)
def test_the_question_of_one_training_says_what_trains(unfreeze, trained):
    question = training_study([experiment_of(unfreeze)]).question
    assert question == f"How well does basenet classify these images if {trained} trained?"


@pytest.mark.parametrize(
    ("experiments", "names", "varied"),
    [
        (
            [experiment_of(model="nin"), experiment_of(model="mlp")],
            ["nin_head", "mlp_head"],
            "network gives",
        ),
        (
            [experiment_of("head"), experiment_of("stage5", rate=1e-4)],
            ["basenet_head", "basenet_stage5"],
            "trained part gives",
        ),
        (
            [experiment_of(rate=1e-2), experiment_of(rate=1e-5)],
            ["basenet_head_rate-0.01", "basenet_head_rate-1e-05"],
            "learning rate gives",
        ),
        (
            [experiment_of(u, m, r) for m in ("nin", "mlp") for u in ("head", "all") for r in (0.1, 0.2)],
            [f"{m}_{u}_rate-{r}" for m in ("nin", "mlp") for u in ("head", "all") for r in (0.1, 0.2)],
            "network, trained part and learning rate give",
        ),
    ],
)
def test_several_trainings_are_named_and_asked_by_what_differs(experiments, names, varied):
    study = training_study(experiments)
    assert list(study.experiments.items()) == list(zip(names, experiments, strict=True))
    assert study.question == f"Which {varied} the highest accuracy on these images?"


def test_a_title_counts_many_networks():
    networks = ("nin", "mlp", "vgg11", "vgg13")
    experiments = [experiment_of(model=name) for name in networks]
    assert training_study(experiments[:3]).title == "nin, mlp and vgg11 on folder:x"
    assert training_study(experiments).title == "4 networks on folder:x"


def test_two_networks_of_one_name_are_refused():
    experiments = [experiment_of("from:a.b"), experiment_of("from:a:b"), experiment_of("from:a-b")]
    with pytest.raises(KerasclfError, match=r"different names\. Received: 2 named basenet_from-a-b\. Rename a file"):
        training_study(experiments)
