"""What the tests of the commands share."""

import pytest

from kerasclf.cli import main


@pytest.fixture
def refused(capsys):
    """Runs a command that must be refused with one message and exit code 2; returns the message."""

    def run(*arguments):
        with pytest.raises(SystemExit) as caught:
            main(arguments)
        assert caught.value.code == 2
        error = capsys.readouterr().err
        assert "Traceback" not in error
        return error

    return run
