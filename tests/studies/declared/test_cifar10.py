"""S2 as declared: dense nets, convnets, ResNet50 and the side experiments."""

import pandas as pd
import pytest

from kerasclf.cli import main
from kerasclf.report.changes import changes_between
from kerasclf.runs.planning.early_checks import check_early
from kerasclf.studies import declare
from kerasclf.studies.study_options import StudyOptions
from kerasclf.transfer import Transfer


def changed(study, one, other):
    return [name for name, _, _ in changes_between(study.experiments[one], study.experiments[other])]


def test_it_trains_as_the_original_did():
    for name in ("cifar10-dense", "cifar10-conv"):
        for experiment in declare(name).experiments.values():
            train = experiment.train
            assert (train.optimizer, train.learning_rate, train.momentum) == ("sgd", 0.02, 0.9)
            assert (train.batch_size, train.epochs, experiment.split.validation) == (32, 50, 0.2)
            assert experiment.augmentation.horizontal_flip
    assert list(declare("cifar10-dense").experiments) == ["base", "div2", "div4", "div4_div2", "rand6", "rand4"]


def test_the_activations_differ_in_nothing_else():
    study = declare("cifar10-resnet50")
    assert changed(study, "leaky_relu", "silu") == ["model_args"]
    assert changed(study, "elu", "sgd_decay")[0].startswith("train.schedule")
    assert changed(study, "searched", "dropout_02") == ["model_args"]
    assert study.published["dropout_02"].accuracy == 0.8818


def test_one_seed_twice_is_the_same_experiment_under_two_names():
    study = declare("cifar10-side")
    assert study.experiments["again"] == study.experiments["plain"]
    assert changed(study, "plain", "leaking") == ["augment_validation"]


@pytest.mark.slow
def test_two_runs_with_one_seed_are_identical(tmp_path):
    main(["study", "cifar10-side", "--data", "shapes", "--quick", "--out", str(tmp_path), "--engine", "inline"])
    plain, again = (
        pd.read_csv(next(tmp_path.glob(f"runs/{name}-*/seed-0/predictions.csv"))) for name in ("plain", "again")
    )
    pd.testing.assert_frame_equal(plain, again)


def test_the_reduced_size_of_another_network_has_all_experiments_on_frozen_features():
    names = ("mobilenet_v2",)
    full, small = (
        declare("cifar10-resnet50", options=StudyOptions(backbones=names, size=size)) for size in ("full", "reduced")
    )
    assert list(small.experiments) == list(full.experiments)
    for name, experiment in small.experiments.items():
        declared = full.experiments[name]
        assert experiment == declared.but(
            train=declared.train.but(unfreeze="head"), transfer=Transfer(weights="imagenet", views=2)
        )
    assert small.reductions == ("all but the head frozen, with features computed once per image",)


def test_the_reduced_size_has_no_views_without_a_cache():
    small = declare("cifar10-resnet50", options=StudyOptions(backbones=("mobilenet_v2",), size="reduced", cache="off"))
    assert {experiment.transfer for experiment in small.experiments.values()} == {Transfer("imagenet", cache="off")}
    assert small.reductions == ("all but the head frozen",)
    check_early(small.experiments)
