"""`kerasclf course`, as a user meets it."""

import re

import pytest

from kerasclf.cli import main
from kerasclf.studies.exercises import EXERCISES


def test_the_help_names_the_exercises_of_the_course(capsys):
    with pytest.raises(SystemExit):
        main(["course", "--help"])
    printed = re.sub(r"[\s│]+", " ", capsys.readouterr().out)
    assert ", ".join(exercise.name for exercise in EXERCISES) in printed
