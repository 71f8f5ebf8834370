"""S2, S3 and S5: what their declarations say, their smaller forms, and each of them run in its quick form."""

import re

import pandas as pd
import pytest

from kerasclf.cli import main
from kerasclf.data import default_dataset
from kerasclf.errors import KerasclfError
from kerasclf.report.changes import changes_between
from kerasclf.runs.experiment import Experiment
from kerasclf.studies import STUDIES, declare
from kerasclf.studies.reduction import Reduction, describe_reduction
from kerasclf.studies.study_options import StudyOptions
from kerasclf.training import Schedule, TrainConfig

REPLICATIONS = ("cifar10-dense", "cifar10-conv", "cifar10-resnet50", "cifar10-side", "art", "convnext")


@pytest.fixture(autouse=True)
def _own_cache(tmp_path, monkeypatch):
    monkeypatch.setenv("KERASCLF_CACHE", str(tmp_path / "cache"))


def changed(study, one, other):
    return [name for name, _, _ in changes_between(study.experiments[one], study.experiments[other])]


def test_s2_trains_as_the_original_did():
    for name in ("cifar10-dense", "cifar10-conv"):
        for experiment in declare(name).experiments.values():
            train = experiment.train
            assert (train.optimizer, train.learning_rate, train.momentum) == ("sgd", 0.02, 0.9)
            assert (train.batch_size, train.epochs, experiment.split.validation) == (32, 50, 0.2)
            assert experiment.augmentation.horizontal_flip
    assert list(declare("cifar10-dense").experiments) == ["base", "div2", "div4", "div4_div2", "rand6", "rand4"]


def test_the_activations_differ_by_nothing_else():
    study = declare("cifar10-resnet50")
    assert changed(study, "leaky_relu", "silu") == ["model_args"]
    assert changed(study, "elu", "sgd_decay")[0].startswith("train.schedule")
    assert changed(study, "searched", "dropout_02") == ["model_args"]
    assert study.published["dropout_02"].accuracy == 0.8818


def test_one_seed_twice_is_the_same_experiment_by_two_names():
    study = declare("cifar10-side")
    assert study.experiments["again"] == study.experiments["plain"]
    assert changed(study, "plain", "leaking") == ["augment_validation"]


def test_the_depths_and_the_schedules_of_s3_differ_by_nothing_else():
    study = declare("art")
    for cut in ("last15", "last22", "last30"):
        assert study.experiments[cut] == study.experiments["resnet50"].but(
            train=study.experiments["resnet50"].train.but(unfreeze=cut)
        )
    rates = {name: study.experiments[name].train.learning_rate for name in ("fixed", "step", "cosine", "dropout")}
    assert rates == {"fixed": 0.005, "step": 0.01, "cosine": 0.01, "dropout": 0.001}
    assert study.experiments["cosine"].train.schedule.name == "cosine_epoch"
    assert all(e.split.validation == 0.15 for e in study.experiments.values())


def test_s3_is_for_a_folder_of_ones_own():
    choice = default_dataset("folder")
    assert choice.spec == "shapes"
    assert "for example folder:PATH" in choice.notice


def test_the_seven_steps_have_their_flaws_only_under_the_published_protocol():
    sound, published = (declare("convnext", protocol).experiments for protocol in ("sound", "published"))
    assert not any(experiment.flaws for experiment in sound.values())
    assert {e.flaws for e in list(published.values())[:6]} == {("choose_on_test", "softmax_twice")}
    assert published["7_micro"].flaws == ("choose_on_test",)
    assert {dict(e.model_args)["published"] for e in published.values()} == {True}
    assert [dict(e.model_args)["step"] for e in sound.values()] == list(range(1, 8))
    assert declare("convnext").seeds == (0, 1, 2)
    assert declare("convnext", options=StudyOptions(repeats=1, seed=4)).seeds == (4,)
    assert declare("convnext", options=StudyOptions(size="quick")).seeds == (0,)


@pytest.mark.parametrize("name", REPLICATIONS)
def test_a_form_for_a_cpu_is_stated_and_says_what_is_less(name):
    full, small = declare(name), declare(name, options=StudyOptions(size="reduced"))
    assert full.reductions == ()
    assert small.size == "reduced"
    assert small.reductions
    known = " instead of |^at most |^depths |^head |^learning rates times "
    assert all(re.search(known, line) for line in small.reductions)
    assert {*small.experiments} <= {*full.experiments, "mobilenet_v2"}
    assert {*small.published} <= {*small.experiments}


def test_what_is_asked_for_comes_before_what_a_form_states():
    study = declare(
        "convnext",
        options=StudyOptions(size="reduced", limits=Reduction(epochs=3, train_per_class=50, image_size=(24, 24))),
    )
    experiment = study.experiments["5_inverted"]
    assert (experiment.train.epochs, experiment.split.train_per_class, experiment.image_size) == (3, 50, (24, 24))
    assert experiment.split.test_per_class == 100
    assert "3 epochs instead of 100" in study.reductions
    assert "images of 24×24 instead of 32×32" in study.reductions


def test_a_study_without_such_a_form_says_what_to_do():
    with pytest.raises(KerasclfError, match="ladder declares no reduced version"):
        declare("ladder", options=StudyOptions(size="reduced"))


def test_fewer_epochs_or_images_of_any_study_are_said():
    assert declare("ladder", options=StudyOptions(limits=Reduction(epochs=3))).reductions == (
        "3 epochs instead of 30", "3 epochs instead of 21", "3 epochs instead of 40",
    )  # fmt: skip
    assert declare("ladder", options=StudyOptions(limits=Reduction(train_per_class=70))).reductions == (
        "at most 70 training and validation images per class",
    )
    assert declare("ladder", options=StudyOptions(repeats=2)).reductions == ()


def test_another_network_in_its_place_is_said():
    declared = Experiment(model="resnet50", model_args={"head": ()}, train=TrainConfig(epochs=9))
    made = Reduction(models={"resnet50": "resnet18"}, epochs=4).apply(declared)
    assert made == declared.but(model="resnet18", train=TrainConfig(epochs=4))
    assert describe_reduction(declared, made) == ["4 epochs instead of 9", "resnet18 instead of resnet50"]
    assert describe_reduction(declared, declared) == []


def test_rates_of_all_phases_are_multiplied_and_said():
    cycled = TrainConfig(learning_rate=0.01, schedule=Schedule("cosine_epoch", final_learning_rate=1e-4))
    declared = Experiment(model="resnet50", earlier_phases=(TrainConfig(learning_rate=0.2),), train=cycled)
    made = Reduction(rate_factor=0.5).apply(declared)
    assert [phase.learning_rate for phase in (*made.earlier_phases, made.train)] == [0.1, 0.005]
    assert made.train.schedule.final_learning_rate == 5e-5
    assert describe_reduction(declared, made) == ["learning rates times 0.5"]


def test_a_rate_that_is_not_stated_cannot_be_multiplied():
    with pytest.raises(KerasclfError, match="rate_factor: expected an experiment that states its learning rates"):
        Reduction(rate_factor=0.5).apply(Experiment(model="resnet50", train=TrainConfig()))


@pytest.mark.slow
@pytest.mark.parametrize("protocol", ["sound", "published"])
@pytest.mark.parametrize("name", REPLICATIONS)
def test_every_study_runs_in_its_quick_form(name, protocol, tmp_path, capsys):
    run_quick(name, protocol, tmp_path, capsys)


def run_quick(name, protocol, tmp_path, capsys):
    out = tmp_path / "out"
    main(["study", name, "--data", "shapes", "--quick", "--protocol", protocol, "--out", str(out),
          "--engine", "inline"])  # fmt: skip
    capsys.readouterr()
    table = pd.read_csv(out / "report" / "summary.csv")
    assert table["experiment"].tolist() == list(declare(name, protocol, options=StudyOptions(size="quick")).experiments)
    assert not table["comparable"].any()
    page = (out / "report" / "index.html").read_text()
    assert "its results mean nothing" in page
    assert STUDIES[name](protocol).question.replace("'", "&#39;") in page


@pytest.mark.slow
def test_one_seed_twice_comes_out_the_same(tmp_path, capsys):
    run_quick("cifar10-side", "sound", tmp_path, capsys)
    runs = tmp_path / "out" / "runs"
    plain, again = (pd.read_csv(next(runs.glob(f"{name}-*/seed-0/predictions.csv"))) for name in ("plain", "again"))
    pd.testing.assert_frame_equal(plain, again)
