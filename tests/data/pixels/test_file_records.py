"""Tables of known files."""

import numpy as np

from kerasclf.data.pixels.file_records import RowIndex


def test_the_last_of_equal_values_counts_and_every_byte_does():
    values = [b"a" * 16, b"b" * 15 + b"\0", b"a" * 16, b"b" * 15 + b"\1", b"c" * 16]
    index = RowIndex(np.frombuffer(b"".join(values), "V16"), np.arange(4))
    wanted = [*values, b"", b"\xff" * 16, b"\0" * 16]
    assert index.find(wanted).tolist() == [2, 1, 2, 3, -1, -1, -1, -1]
    assert index.find([]).tolist() == []
    nothing = RowIndex(np.zeros(0, "V16"), np.arange(0))
    assert nothing.find(wanted[:2]).tolist() == [-1, -1]
