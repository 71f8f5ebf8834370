"""Experiments, studies and what the command line makes of them."""

import pytest

from kerasclf import Augmentation, Experiment, TrainConfig
from kerasclf.data.shapes import CLASS_NAMES, scenes
from kerasclf.data.splits import make_sets
from kerasclf.errors import KerasclfError
from kerasclf.studies import STUDIES, Published, Study, declare
from kerasclf.studies.reduction import Reduction
from kerasclf.studies.study_options import StudyOptions
from kerasclf.training import EarlyStopping


def test_an_experiment_is_a_hashable_value():
    base = Experiment(data="cifar100:25", model="basenet", train=TrainConfig(epochs=30, batch_size=32))
    assert base == Experiment(data="cifar100:25", model="basenet", train=TrainConfig(epochs=30, batch_size=32))
    assert len({base, base.but(data="shapes"), base.but()}) == 2
    other = base.but(augmentation=Augmentation(horizontal_flip=True))
    assert base.identity != other.identity


def test_an_experiment_travels_as_json():
    experiment = Experiment(
        model="basenet_deeper", model_args={"batch_norm": "before"}, image_size=(64, 48),
        train=TrainConfig(early_stopping=EarlyStopping(patience=2)),
        augmentation=Augmentation(zoom_range=(0.8, 1.2)),
    )  # fmt: skip
    again = Experiment.from_dict(experiment.to_dict())
    assert again == experiment
    assert again.identity == experiment.identity
    assert isinstance(again.train.early_stopping, EarlyStopping)


def test_bad_experiments_are_refused():
    for size in ((0, 3), 32, (3, 4, 5)):
        with pytest.raises(KerasclfError, match="image_size: expected"):
            Experiment(image_size=size)
    with pytest.raises(KerasclfError, match="augmentation: expected Augmentation"):
        Experiment(augmentation={"rescale": 0.5})
    with pytest.raises(KerasclfError, match="model_args: expected"):
        Experiment(model_args="before")
    with pytest.raises(KerasclfError, match=r"Unknown Experiment field 'modle'\. Did you mean 'model'\?"):
        Experiment(modle="basenet")


@pytest.mark.parametrize("protocol", ["sound", "published"])
@pytest.mark.parametrize("name", STUDIES)
def test_every_study_is_declared_in_both_protocols(name, protocol):
    study = declare(name, protocol)
    assert study.protocol == protocol
    different = {experiment.identity for experiment in study.experiments.values()}
    assert len(different) == len([key for key in study.experiments if key != "again"])  # which is the same on purpose
    assert set(study.published) <= set(study.experiments)
    assert study.question.endswith("?")


@pytest.mark.parametrize("protocol", ["sound", "published"])
@pytest.mark.parametrize("name", STUDIES)
def test_every_quick_form_can_divide_the_drawn_images(name, protocol):
    """As without a network; the runs themselves are for slow tests."""
    for experiment in declare(name, protocol, options=StudyOptions(size="quick")).experiments.values():
        sets = make_sets(scenes(), experiment.split, CLASS_NAMES)
        assert all(len(set(subset.labels)) == len(CLASS_NAMES) for subset in sets.values())


def test_the_ladders_rungs_add_to_each_other():
    rungs = declare("ladder").experiments
    assert list(rungs) == ["base", "normalised", "augmented", "deeper", "bn_before", "bn_after", "stop_by_eye",
                           "early_stopping"]  # fmt: skip
    assert rungs["augmented"] == rungs["normalised"].but(augmentation=rungs["augmented"].augmentation)
    assert rungs["deeper"] == rungs["augmented"].but(model="basenet_deeper")
    assert rungs["bn_before"] == rungs["deeper"].but(model_args={"batch_norm": "before"})
    assert rungs["stop_by_eye"] == rungs["bn_before"].but(train=rungs["bn_before"].train.but(epochs=21))


def test_the_protocols_differ_in_the_flaws():
    sound, published = (declare("ladder", protocol).experiments["augmented"] for protocol in ("sound", "published"))
    assert sound.split.method == "stratified"
    assert published == sound.but(split=sound.split.but(method="first"), augment_validation=True)


def test_the_command_lines_changes_reach_every_experiment():
    study = declare(
        "ladder",
        options=StudyOptions(
            data="shapes", repeats=3, seed=5, limits=Reduction(train_per_class=70, image_size=(48, 48))
        ),
    )
    assert study.seeds == (5, 6, 7)
    for experiment in study.experiments.values():
        assert (experiment.data, experiment.image_size, experiment.split.train_per_class) == ("shapes", (48, 48), 70)
    assert {e.train.epochs for e in declare("ladder", options=StudyOptions(size="quick")).experiments.values()} == {2}


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"name": "laddr"}, "Unknown study 'laddr'. Did you mean 'ladder'?"),
        ({"name": "ladder", "protocol": "honest"}, "Unknown protocol 'honest'"),
    ],
)
def test_bad_requests(arguments, message):
    with pytest.raises(KerasclfError) as caught:
        declare(**arguments)
    assert message in str(caught.value)


def test_only_takes_known_names_in_the_studys_order():
    study = declare("ladder")
    assert list(study.only(("deeper", "base"))) == ["base", "deeper"]
    with pytest.raises(KerasclfError, match=r"Unknown experiment 'deepr'\. Did you mean 'deeper'\?"):
        study.only(("deepr",))


def test_a_studys_mistakes_are_named_together():
    with pytest.raises(KerasclfError) as caught:
        Study("x", "X", "Why?", {"../a": Experiment()}, {"b": Published(0.5)}, protocol="odd", seeds=(-1, -1))
    assert str(caught.value).count("\n  - ") == 5


def test_bad_options_are_all_reported_at_once():
    with pytest.raises(KerasclfError) as caught:
        StudyOptions(data="", repeats=0, seed=-1)
    for name in ("data", "repeats", "seed"):
        assert f"- {name}: expected" in str(caught.value)
