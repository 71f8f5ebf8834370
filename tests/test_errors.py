"""Errors and their messages."""

import pytest

from kerasclf.errors import DataError, FolderError, KerasclfError, Problems, TrainingError, listed, rebuild


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


def test_the_list_of_a_folder_keeps_the_name_of_the_folder():
    error = FolderError(listed("a/study.json cannot be read", ["x: expected text.", "y: expected a list."]))
    problems = Problems()
    with problems.collect():
        raise error
    with pytest.raises(FolderError) as caught:
        problems.raise_all("The command cannot run")
    assert caught.value is error
    problems.add("top: expected at least 1.")
    with pytest.raises(KerasclfError) as caught:
        problems.raise_all("The command cannot run")
    assert str(caught.value).splitlines() == [
        "The command cannot run:",
        "  - a/study.json cannot be read: x: expected text; y: expected a list.",
        "  - top: expected at least 1.",
    ]
