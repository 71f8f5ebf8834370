"""The images that one run sees."""

import numpy as np
import pytest

from kerasclf.data.views import View
from kerasclf.errors import KerasclfError


def test_everything_trains_on_all_images_and_leaves_none_to_test_on(dataset):
    seen = View(everything=True).of(dataset)
    assert (len(seen.train), len(seen.validation), len(seen.test)) == (156, 0, 0)
    assert seen.train.keys == dataset.train.keys + dataset.validation.keys + dataset.test.keys
    assert np.array_equal(seen.train.labels[126:], dataset.test.labels)
    assert seen.image_shape == dataset.image_shape


def test_earlier_descriptions_of_a_view_stay_the_same():
    assert "everything" not in View(joined=True).to_dict()
    assert View.from_dict(View(everything=True).to_dict()) == View(everything=True)


@pytest.mark.parametrize("other", [{"joined": True}, {"fold": 1, "folds": 5}])
def test_everything_excludes_other_choices(other):
    with pytest.raises(KerasclfError, match="everything: expected neither a fold nor `joined`"):
        View(everything=True, **other)
