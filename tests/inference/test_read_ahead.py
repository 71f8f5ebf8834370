"""Reading ahead of the network: order, problems, and bounded memory."""

import threading
from itertools import count, islice

import numpy as np
import pytest

from kerasclf.errors import DataError
from kerasclf.inference.read_ahead import batch_size, read_batches

SHAPE = (224, 224, 3)


def image(file):
    if int(file) % 10 == 3:
        raise DataError(f"{file} cannot be read.")
    return np.full((1, 1, 1), int(file) % 251, np.uint8)


def test_a_batch_has_bounded_memory():
    assert batch_size(SHAPE) == 64
    assert batch_size((8, 8, 1)) == 256
    assert batch_size((4000, 4000, 3)) == 1


def test_batches_keep_the_order_and_name_the_problems():
    batches = list(read_batches(map(str, range(600)), (1, 1, 1), image))
    assert [len(batch.files) for batch in batches] == [256, 256, 88]
    assert [file for batch in batches for file in batch.files] == [str(i) for i in range(600)]
    pixels = np.concatenate([batch.images for batch in batches]).ravel()
    assert list(pixels) == [0 if i % 10 == 3 else i % 251 for i in range(600)]
    problems = {batch.files[i]: problem for batch in batches for i, problem in batch.problems.items()}
    assert problems == {str(i): "cannot be read." for i in range(3, 600, 10)}


def test_only_a_few_batches_are_read_ahead_of_an_endless_source():
    taken = count()
    files = (str(next(taken)) for _ in count())
    batches = read_batches(files, (1, 1, 1), image)
    assert [len(batch.files) for batch in islice(batches, 3)] == [256] * 3
    assert next(taken) <= (3 + 3) * 256
    batches.close()
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("kerasclf-read")]


def test_an_error_that_is_no_fault_of_a_file_is_raised():
    def fail(file):
        raise MemoryError

    with pytest.raises(MemoryError):
        list(read_batches(["1"], (1, 1, 1), fail))
