"""Errors and their messages."""

import pytest

from kerasclf.errors import DataError, FolderError, KerasclfError, TrainingError, rebuild


@pytest.mark.parametrize("kind", [DataError, TrainingError, FolderError])
def test_an_error_of_another_process_keeps_its_class(kind):
    error = rebuild(kind.__name__, "no")
    assert type(error) is kind
    assert str(error) == "no"


@pytest.mark.parametrize("kind", ["SizeError", "RunsFailedError", "ZeroDivisionError", "get_close_matches"])
def test_others_keep_their_message(kind):
    error = rebuild(kind, "too small")
    assert type(error) is KerasclfError
    assert str(error) == "too small"
