"""Numbers in words."""

import pytest

from kerasclf.wording import counted, in_words


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
