"""Looking at a study several times."""

import numpy as np
import pytest
from scipy import stats

from kerasclf.report.sequential import spending_levels, strictness
from kerasclf.studies.study_options import looks_of


@pytest.mark.parametrize(
    ("least", "most", "looks"), [(3, 10, (3, 5, 10)), (2, 4, (2, 3, 4)), (3, 3, (3,)), (3, 4, (3, 4))]
)
def test_the_looks_lie_between_the_numbers_of_repeats(least, most, looks):
    assert looks_of(least, most) == looks


def test_the_first_level_is_what_is_spent_by_then():
    assert spending_levels((3, 5, 10))[0] == pytest.approx(0.05 * np.log(1 + (np.e - 1) * 0.3), rel=1e-3)
    assert spending_levels((5,)) == pytest.approx((0.05,), rel=1e-4)


def test_a_look_between_the_planned_ones_spends_its_share():
    assert strictness((), 4) == 1
    assert [strictness((3, 5, 10), runs) for runs in (3, 5, 10)] == pytest.approx(
        [0.05 / level for level in spending_levels((3, 5, 10))]
    )
    assert strictness((3, 5, 10), 4) == pytest.approx(0.05 / spending_levels((3, 4, 10))[1])
    assert strictness((3, 5, 10), 2) == pytest.approx(0.05 / spending_levels((2, 10))[0])


@pytest.mark.parametrize("looks", [(3, 5, 10), (2, 4)])
def test_all_looks_together_err_in_five_percent(looks):
    rng, steps = np.random.default_rng(1), np.diff(looks, prepend=0)
    sums = np.cumsum(rng.normal(size=(400_000, len(looks))) * np.sqrt(steps), axis=1)
    beyond = np.abs(sums) / np.sqrt(looks) > stats.norm.isf(np.array(spending_levels(looks)) / 2)
    assert beyond.any(axis=1).mean() == pytest.approx(0.05, abs=0.001)
