"""K-fold cross-validation outside the test set."""

import numpy as np
import pytest

from kerasclf.data import kfold
from kerasclf.errors import DataError


def test_kfold_validates_each_image_once(dataset):
    folds = list(kfold(dataset, 3, seed=1))
    assert len(folds) == 3
    validated = [image.tobytes() for fold in folds for image in fold.validation.images.read(np.arange(42))]
    assert len(validated) == len(set(validated)) == 126
    for fold in folds:
        assert np.bincount(fold.validation.labels).tolist() == [14, 14, 14]
        assert len(fold.train) == 84
        assert fold.test is dataset.test


def test_too_many_folds(dataset):
    with pytest.raises(DataError, match=r"^folds: expected 2 to 42, .* outside the test set\. Received: 43\.$"):
        list(kfold(dataset, 43))
