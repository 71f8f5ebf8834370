"""Sizes as text."""

import pytest

from kerasclf.machine import format_bytes


@pytest.mark.parametrize(
    ("size", "text"),
    [
        (0, "0 B"),
        (999, "999 B"),
        (1000, "1.0 kB"),
        (1_048_576, "1.0 MB"),
        (9_960_000, "10 MB"),
        (12_000_000, "12 MB"),
        (1_600_000_000, "1.6 GB"),
        (2.5e14, "250 TB"),
    ],
)
def test_small_sizes_keep_their_digits(size, text):
    assert format_bytes(size) == text
