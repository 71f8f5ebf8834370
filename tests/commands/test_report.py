"""`kerasclf report`, as a user meets it."""

import pytest


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["report", "/nowhere"], "/nowhere holds no study"),
    ],
)
def test_mistakes_get_one_message_and_exit_2(refused, arguments, message, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    error = refused(*arguments)
    assert message in error
    assert error.startswith("error: ")
    assert not list(tmp_path.iterdir())
