"""Messages of the library, as a command prints them."""

from dataclasses import dataclass
from typing import Annotated, ClassVar

import pytest
import tyro

from kerasclf.commands.printing.output import folder_name, with_flags


@dataclass
class Command:
    FLAGS: ClassVar[dict[str, str]] = {"trials": "--max-trials"}
    name: Annotated[str, tyro.conf.Positional] = ""
    list_all: Annotated[bool, tyro.conf.arg(name="list")] = False
    epochs: int = 1
    train_per_class: int | None = None
    out: str = ""


@pytest.mark.parametrize(
    ("message", "printed"),
    [
        ("epochs: expected at least 1.", "--epochs: expected at least 1."),
        ("train.epochs: expected at least 1.", "--epochs: expected at least 1."),
        ("name: expected a text.", "name: expected a text."),
        ("list_all: expected a flag.", "--list: expected a flag."),
        (
            "TrainConfig cannot be used:\n  - epochs: expected at least 1.\n  - other: no.",
            "TrainConfig cannot be used:\n  - --epochs: expected at least 1.\n  - other: no.",
        ),
        ("train_per_class: expected at least 2.", "--train-per-class: expected at least 2."),
        ("Give another folder as `out`.", "Give another folder as --out."),
        ("trials: expected at least 1.", "--max-trials: expected at least 1."),
        ("`views` would cache some versions", "`views` would cache some versions"),
        ("The epochs are over: out of time.", "The epochs are over: out of time."),
    ],
)
def test_arguments_become_flags_of_the_command(message, printed):
    assert with_flags(message, Command()) == printed


def test_folder_names_have_no_odd_characters():
    assert folder_name("study", "folder:my photos/x", "sound", "quick") == "study-folder-my-photos-x-sound-quick"
    assert folder_name("study", "shapes", "sound") == "study-shapes-sound"
