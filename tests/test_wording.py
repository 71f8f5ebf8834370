"""Numbers, sizes, durations and lists in words."""

import pytest

from kerasclf.wording import counted, format_bytes, format_duration, in_words


@pytest.mark.parametrize(
    ("count", "noun", "text"),
    [
        (0, "run", "0 runs"),
        (1, "run", "1 run"),
        (1000, "test image", "1,000 test images"),
        (2, "class", "2 classes"),
        (2, "epoch", "2 epochs"),
        (1, "batch", "1 batch"),
        (3, "batch", "3 batches"),
        (2, "cache", "2 caches"),
    ],
)
def test_a_noun_follows_its_number(count, noun, text):
    assert counted(count, noun) == text


@pytest.mark.parametrize(("names", "text"), [(["a"], "a"), (["a", "b"], "a and b"), (["a", "b", "c"], "a, b and c")])
def test_names_as_a_phrase(names, text):
    assert in_words(names) == text


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


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0.0, "0 s"), (0.0004, "0 s"), (0.0026, "3 ms"), (0.00949, "9 ms"), (0.0096, "0.01 s"), (0.083, "0.08 s"),
        (12.4, "12 s"), (200, "3 min"), (7200, "2.0 h"),
    ],
)  # fmt: skip
def test_durations_as_text(seconds, text):
    assert format_duration(seconds) == text
