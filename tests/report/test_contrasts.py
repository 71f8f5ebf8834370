"""The pairs of experiments that a study compares."""

import pytest

from kerasclf import Augmentation, Experiment, Study, TrainConfig
from kerasclf.errors import KerasclfError
from kerasclf.report.contrasts import changed_things, contrasts, usual_contrasts
from kerasclf.report.experiment_results import ExperimentResults
from kerasclf.report.study_results import StudyResults
from kerasclf.studies import declare
from kerasclf.studies.pairs import remaining_pairs
from kerasclf.training import EarlyStopping

BASE = Experiment()


def trained(**changes):
    return BASE.but(train=BASE.train.but(**changes))


def names_of(study, names=None):
    kept = {name: e for name, e in study.experiments.items() if names is None or name in names}
    results = StudyResults(study.to_dict(), tuple(ExperimentResults(name, e, (), None) for name, e in kept.items()))
    return [(one.name, other.name) for one, other in contrasts(results)]


def test_settings_that_belong_together_are_one_change():
    assert changed_things(BASE, trained(optimizer="sgd", learning_rate=0.1, momentum=0.9)) == {"optimizer"}
    assert changed_things(BASE, trained(early_stopping=EarlyStopping(), epochs=40)) == {
        "early stopping",
        "train.epochs",
    }
    assert changed_things(BASE, BASE.but(model="basenet_deeper", model_args={"batch_norm": "after"})) == {"network"}


def test_a_ladder_is_compared_step_by_step():
    augmented = BASE.but(augmentation=Augmentation(horizontal_flip=True))
    deeper = augmented.but(model="basenet_deeper")
    steps = {"base": BASE, "augmented": augmented, "deeper": deeper, "longer": deeper.but(train=TrainConfig(epochs=99))}
    assert usual_contrasts(steps) == (("augmented", "base"), ("deeper", "augmented"), ("longer", "deeper"))


def test_alternatives_are_compared_with_the_first():
    rates = {f"rate_{rate}": trained(learning_rate=rate) for rate in (0.1, 0.2, 0.3)}
    assert usual_contrasts(rates) == (("rate_0.2", "rate_0.1"), ("rate_0.3", "rate_0.1"))


def test_two_settings_are_compared_at_both_values_of_the_other():
    assert names_of(declare("basenet")) == [
        ("sgd_40", "sgd_20"), ("adam_20", "sgd_20"), ("adam_40", "sgd_40"), ("adam_40", "adam_20"),
    ]  # fmt: skip


def test_experiments_without_an_order_are_compared_with_the_first():
    far = trained(epochs=9).but(model="mlp", augmentation=Augmentation(zoom_range=0.1))
    farther = far.but(train=TrainConfig(optimizer="sgd", batch_size=8))
    assert usual_contrasts({"one": BASE, "far": far, "farther": farther}) == (("far", "one"), ("farther", "one"))


def test_declared_pairs_come_first_and_skip_what_is_missing():
    study = declare("ladder")
    assert names_of(study)[3:6] == [("bn_before", "deeper"), ("bn_after", "bn_before"), ("stop_by_eye", "bn_before")]
    assert names_of(study, ("base", "deeper", "bn_after")) == [("deeper", "base"), ("bn_after", "deeper")]
    assert names_of(declare("course-folds")) == []
    assert remaining_pairs((("b", "a"), ("c", "b")), {"a", "c"}) == (("c", "a"),)
    # Two missing steps lead to one base: one verdict a pair.
    assert remaining_pairs((("b", "a"), ("c", "b"), ("c", "a")), {"a", "c"}) == (("c", "a"),)
    # In a circle, an experiment is its own base.
    assert remaining_pairs((("a", "b"), ("b", "c"), ("c", "a")), {"a"}) == ()
    assert remaining_pairs((("a", "b"), ("c", "b"), ("b", "c")), {"a"}) == ()


def test_contrasts_of_unknown_experiments_are_refused():
    experiments = {"base": BASE, "wide": BASE.but(model="mlp")}
    with pytest.raises(KerasclfError, match=r"Unknown experiment of a comparison 'wid'\. Did you mean 'wide'"):
        Study("s", "S", "Why?", experiments, compare=(("wid", "base"),))
    with pytest.raises(
        KerasclfError, match=r"compare: expected two different experiments\. Received: \('base', 'base'\)"
    ):
        Study("s", "S", "Why?", experiments, compare=(("base", "base"),))
    with pytest.raises(KerasclfError, match="compare: expected each pair once, in one order"):
        Study("s", "S", "Why?", {**experiments, "wide": BASE.but(model="mlp")},
              compare=(("wide", "base"), ("base", "wide")))  # fmt: skip
    with pytest.raises(KerasclfError, match=r"margin: expected a difference between 0 and 1\. Received: 0\."):
        Study("s", "S", "Why?", experiments, margin=0)
