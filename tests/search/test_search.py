"""`Search`: its checks and its JSON form."""

import json
from dataclasses import replace

import pytest

from kerasclf import TrainConfig
from kerasclf.errors import KerasclfError
from kerasclf.search import Choice, Int, Search, Space
from tests.search.fake import BASE, SPACE


def test_all_problems_are_reported_at_once():
    wrong = Search(BASE, Space({"train.batchsize": Int(9, 1), "data": Choice("a", "b")}), oracle="tp", folds=1)
    with pytest.raises(KerasclfError) as caught:
        wrong.check()
    for words in ("Unknown oracle", "folds", "reversed", "'train.batch_size'", "different images"):
        assert words in str(caught.value)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"median": True}, "median: Hyperband itself stops trials early."),
        ({"experiment": BASE.but(train=BASE.train.but(epochs=2))}, "Hyperband needs at least 3 epochs. Received: 2."),
        ({"experiment": BASE.but(earlier_phases=(TrainConfig(epochs=1),))}, "earlier_phases: Hyperband divides"),
    ],
)
def test_hyperband_has_requirements_of_its_own(settings, message):
    search = replace(Search(BASE, Space(SPACE), "hyperband"), **settings)
    with pytest.raises(KerasclfError) as caught:
        search.check()
    assert message in str(caught.value)


def test_the_lag_is_the_number_side_by_side_unless_proposals_ignore_results():
    space = Space(SPACE)
    assert Search(BASE, space, "random", side_by_side=3).lag is None
    assert Search(BASE, space, "random", side_by_side=3, median=True).lag == 3
    assert Search(BASE, space, "tpe", side_by_side=3).lag == 3
    assert Search(BASE, space, "tpe").lag == 1


def test_a_trial_has_a_run_per_seed_and_fold():
    assert Search(BASE, Space(SPACE)).runs_per_trial == 1
    assert Search(BASE, Space(SPACE), seeds=(0, 1, 2), folds=4).runs_per_trial == 12


def test_a_search_survives_json():
    search = Search(BASE, Space({**SPACE, "train.early_stopping": Choice(None)}), "tpe", seeds=(1, 2), notes=("a",))
    assert Search.from_dict(json.loads(json.dumps(search.to_dict()))) == search
    assert replace(search, folds=3) != search
