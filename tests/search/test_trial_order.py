"""`TrialOrder`: proposals are independent of the speed of trials."""

from tests.search.fake import FakeEngine, outcome, search


def test_proposals_do_not_depend_on_which_trial_is_faster(tmp_path):
    found = [
        outcome(search(tmp_path / str(seed), "tpe", engine=FakeEngine(3, seed=seed), side_by_side=3))
        for seed in range(4)
    ]
    assert found[1:] == found[:-1]
    alone = outcome(search(tmp_path / "alone", "tpe", engine=FakeEngine(1), side_by_side=3))
    assert alone == found[0]
    assert outcome(search(tmp_path / "one", "tpe", engine=FakeEngine(1), side_by_side=1)) != found[0]
