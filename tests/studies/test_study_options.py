"""The changes of a user to a declared study."""

import pytest

from kerasclf.errors import KerasclfError
from kerasclf.pipeline import Augmentation
from kerasclf.runs.planning.early_checks import check_early
from kerasclf.studies import declare
from kerasclf.studies.reduction import Reduction
from kerasclf.studies.study_catalogue import ON_BACKBONE, ON_BACKBONES
from kerasclf.studies.study_options import StudyOptions


def declared(name, protocol="sound", **options):
    return declare(name, protocol, StudyOptions(**options))


def test_changes_reach_every_experiment():
    limits = Reduction(train_per_class=70, image_size=(48, 48))
    study = declared("ladder", data="shapes", repeats=3, seed=5, limits=limits)
    assert study.seeds == (5, 6, 7)
    for experiment in study.experiments.values():
        assert (experiment.data, experiment.image_size, experiment.split.train_per_class) == ("shapes", (48, 48), 70)


def test_the_quick_size_has_two_epochs_and_one_run():
    assert {experiment.epochs for experiment in declared("ladder", size="quick").experiments.values()} == {2}
    assert declared("convnext").seeds == (0, 1, 2)
    assert declared("convnext", repeats=1, seed=4).seeds == (4,)
    assert declared("convnext", size="quick").seeds == (0,)


def test_weights_epochs_and_cache_can_be_set():
    limits = Reduction(epochs=2)
    study = declared("birds", weights="none", cache="off", data="birds:/photos", limits=limits)
    for experiment in study.experiments.values():
        assert experiment.transfer.weights == "none"
        assert experiment.transfer.cache == "off"
        assert all(phase.epochs == 2 for phase in experiment.phases)
        assert experiment.image_size == (224, 224)


def test_training_settings_reach_every_phase_and_leave_no_published_figures():
    study = declared("birds", training=(("class_weight", "balanced"), ("loss", "focal")))
    own = declared("birds")
    for name, experiment in study.experiments.items():
        assert [(phase.class_weight, phase.loss) for phase in experiment.phases] == [("balanced", "focal")] * len(
            own.experiments[name].phases
        )
    assert own.published
    assert study.published == {}
    assert study.notes == (*own.notes, "Every experiment trains with class_weight='balanced' and loss='focal'.")


def test_the_published_protocol_fixes_the_training():
    with pytest.raises(KerasclfError, match=r"^oversampling: expected the sound protocol with it, as the published"):
        declared("ladder", "published", training=(("oversampling", "balanced"),))


def test_weights_reach_only_pretrained_experiments():
    given = declared("pitfalls", weights="a.keras").experiments
    assert given["transfer"].transfer.weights == given["swapped_channels"].transfer.weights == "a.keras"
    assert given["sound"].transfer is None


@pytest.mark.parametrize("name", [*ON_BACKBONE, *ON_BACKBONES])
def test_another_network_replaces_the_pretrained_one_and_nothing_else(name):
    own, other = declared(name), declared(name, backbones=("mobilenet_v2",))
    assert own.backbones == own.own_backbones == ()
    assert (other.backbones == ("mobilenet_v2",)) == (name != "pitfalls")  # whose own it is
    pretrained = {e.model for e in other.experiments.values() if e.transfer is not None}
    assert pretrained == {"mobilenet_v2"}
    assert "ResNet" not in other.title + other.question
    kept = {key: e for key, e in own.experiments.items() if e.transfer is None}
    assert kept == {key: e for key, e in other.experiments.items() if e.transfer is None}


@pytest.mark.parametrize(("name", "backbone"), [("birds", "keras_resnet50"), ("pitfalls", "mobilenet_v2")])
def test_the_own_network_by_name_changes_nothing(name, backbone):
    assert declared(name, backbones=(backbone,)).to_dict() == declared(name).to_dict()


def test_another_network_for_cifar10_scales_the_pixels_itself():
    own, other = (declared("cifar10-resnet50", backbones=names).experiments["elu"] for names in ((), ("resnet18",)))
    assert own.augmentation.preprocessing_function
    assert other.augmentation == Augmentation(horizontal_flip=True)
    assert dict(other.model_args) == {"head": (1024, 256, 64, 16), "head_activation": "elu"}


def test_a_folder_of_weights_gives_each_network_its_file(tmp_path):
    for file in ("resnet18.safetensors", "squeezenet1_1-b8a52dc0.pth", "README.txt"):
        (tmp_path / file).touch()
    study = declared("art", backbones=("resnet18", "squeezenet1_1", "vgg16"), weights=str(tmp_path))
    weights = {e.model: e.transfer.weights for e in study.experiments.values()}
    assert weights == {
        "resnet18": str(tmp_path / "resnet18.safetensors"),
        "squeezenet1_1": str(tmp_path / "squeezenet1_1-b8a52dc0.pth"),
        "vgg16": str(tmp_path),  # refused when it is to run
    }
    of_file = declared("art", backbones=("resnet18",), weights=str(tmp_path / "resnet18.safetensors"))
    assert study.experiments["last15"] == of_file.experiments["last15"]
    check_early(study.only(("resnet18", "last15")))
    with pytest.raises(KerasclfError, match=r"weights: expected one file of vgg16 in the folder .* Received 0; the"):
        check_early(study.experiments)


@pytest.mark.parametrize(
    ("options", "weights"),
    [({}, "imagenet"), ({"size": "quick"}, "none"), ({"size": "quick", "weights": "a.keras"}, "a.keras")],
)
def test_the_quick_size_has_random_weights_by_default(options, weights):
    assert declared("pitfalls", **options).experiments["transfer"].transfer.weights == weights


def test_the_limits_of_a_study_hold_only_for_its_own_data():
    own, other = (declared("course-digits", data=data).experiments["mlp_100"] for data in (None, "folder:mnist900"))
    assert (own.data, own.split.train_per_class, own.split.test_per_class) == ("mnist", 80, 10)
    assert other == own.but(data="folder:mnist900", split=own.split.but(train_per_class=None, test_per_class=None))


def test_limits_of_the_user_come_before_those_of_the_size():
    limits = Reduction(epochs=3, train_per_class=50, image_size=(24, 24))
    study = declared("convnext", size="reduced", limits=limits)
    experiment = study.experiments["5_inverted"]
    assert (experiment.train.epochs, experiment.split.train_per_class, experiment.image_size) == (3, 50, (24, 24))
    assert experiment.split.test_per_class == 100
    assert "3 epochs instead of 100" in study.reductions
    assert "images of 24×24 instead of 32×32" in study.reductions


def test_fewer_epochs_or_images_are_reported():
    assert declared("ladder", limits=Reduction(epochs=3)).reductions == (
        "3 epochs instead of 30", "3 epochs instead of 21", "3 epochs instead of 40",
        "no difference between bn_before and stop_by_eye",
    )  # fmt: skip
    assert declared("ladder", limits=Reduction(train_per_class=70)).reductions == (
        "at most 70 training and validation images per class",
    )
    assert declared("ladder", repeats=2).reductions == ()


def test_experiments_that_a_reduction_makes_alike_are_named():
    assert declared("basenet", limits=Reduction(epochs=2)).reductions == (
        "2 epochs instead of 20", "2 epochs instead of 40",
        "no difference between sgd_20 and sgd_40", "no difference between adam_20 and adam_40",
    )  # fmt: skip
    assert declared("basenet", limits=Reduction(epochs=30)).reductions == ("30 epochs instead of 40",)


@pytest.mark.parametrize(
    ("name", "options", "message"),
    [
        ("ladder", {"size": "reduced"}, "size: the study ladder declares no reduced version"),
        ("basenet", {"weights": "imagenet"}, "weights: the study trains basenet, which has no pretrained weights"),
        ("ladder", {"backbones": ("resnet18",)}, "backbones: the study ladder has no pretrained network to replace."),
        (
            "birds",
            {"backbones": ("resnet18", "resnet34")},
            "backbones: the study birds has one pretrained network. Expected one name. Received: resnet18, resnet34.",
        ),
        ("birds", {"backbones": ("mobilnet_v2",)}, "Unknown model 'mobilnet_v2'. Did you mean 'mobilenet_v2'?"),
        ("birds", {"backbones": ("vgg11", "vgg11")}, "backbones: expected each network once. Received: vgg11, vgg11."),
        ("birds", {"limits": Reduction(epochs=0)}, "epochs: expected at least 1. Received: 0."),
    ],
)
def test_options_that_a_study_does_not_take_are_refused(name, options, message):
    with pytest.raises(KerasclfError) as caught:
        declared(name, **options)
    assert message in str(caught.value)


def test_bad_options_are_all_reported_at_once():
    with pytest.raises(KerasclfError) as caught:
        StudyOptions(data="", repeats=0, seed=-1)
    for name in ("data", "repeats", "seed"):
        assert f"- {name}: expected" in str(caught.value)


def test_a_strategy_reaches_every_phase_and_is_checked():
    study = declare("birds", options=StudyOptions(strategy="mirrored"))
    phases = [phase for experiment in study.experiments.values() for phase in experiment.phases]
    assert len(phases) > len(study.experiments)
    assert {phase.strategy for phase in phases} == {"mirrored"}
    with pytest.raises(KerasclfError, match=r"Unknown strategy 'mirored'\. Did you mean 'mirrored'\?"):
        StudyOptions(strategy="mirored")
