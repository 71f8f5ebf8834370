"""Checks of sizes."""

import pytest

from kerasclf.errors import KerasclfError
from kerasclf.models import basenet


def test_all_bad_sizes_are_named_together():
    with pytest.raises(KerasclfError, match=r"(?s)at least 16x16.*num_classes: expected at least 2"):
        basenet((8, 8, 3), 1)
