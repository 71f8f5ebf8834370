"""Search spaces in TOML files."""

import pytest

from kerasclf import Experiment
from kerasclf.errors import KerasclfError
from kerasclf.search import Boolean, Choice, Float, Int, Space, read_space
from kerasclf.search.spaces.space_file import space_from_dict


def test_an_axis_is_a_dotted_name_or_a_nested_table(tmp_path):
    (tmp_path / "space.toml").write_text("""
["train.learning_rate"]
float = [1e-3, 1e-1]
log = true

[train]
batch_size = { choice = [32, 64, 128] }
epochs = { int = [10, 100], step = 5 }

[train.early_stopping]
patience = { int = [1, 5] }

["augmentation.zoom_range"]
choice = [0.0, [0.8, 1.2]]

["augmentation.horizontal_flip"]
boolean = true
""")
    found = read_space(tmp_path / "space.toml")
    assert found == Space(
        {
            "train.learning_rate": Float(1e-3, 1e-1, log=True),
            "train.batch_size": Choice(32, 64, 128),
            "train.epochs": Int(10, 100, step=5),
            "train.early_stopping.patience": Int(1, 5),
            "augmentation.zoom_range": Choice(0.0, (0.8, 1.2)),
            "augmentation.horizontal_flip": Boolean(),
        }
    )


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[train", "is not valid TOML"),
        ("train.lr = 3", "axis train.lr: expected float = \\[low, high\\], .* Received: 3"),
        ("a = { flot = [1, 2] }", "a.flot: expected .* Did you mean 'float'?"),
        ("a = { int = [1, 2], stp = 2 }", "axis a: Unknown key 'stp'. Did you mean 'step'?"),
        ("a = { float = 3 }", "a: expected float = \\[low, high\\]. Received: 3."),
        ("a = { choice = [1, 2], log = true }", "a: expected float"),
        ('"train.learning_rate" = { choice = [nan, 1.0] }', "expected finite numbers, .* Received: nan"),
        ('"train.learning_rate" = { float = [1e-3, inf] }', "expected numbers. Received: 0.001, inf"),
        ('"train.epochs" = { int = [1, 2], step = 1e400 }', "expected whole numbers"),
        ('"train.epochs" = { choice = [1, [2, [inf]]] }', "expected finite numbers, .* Received: .2, .inf"),
        (f'"train.epochs" = {{ choice = {list(range(501))} }}', "expected at most 500 values to choose from"),
        ("\n".join(f"a{i} = {{ int = [1, 2] }}" for i in range(51)), "expected at most 50 axes. Received: 51"),
        ("a = { choice = [2024-01-01, 1] }", "expected text, numbers, true or false. Received: 2024-01-01"),
        (f"a = {{ int = [1, {'9' * 5000}] }}", "is not valid TOML: Exceeds the limit"),
        ("a = { int = [1] }\nb = { int = [1, 2], log = 1 }", "(?s)a: expected int.*b: expected int"),
    ],
)
def test_a_bad_space_file_is_explained(tmp_path, text, message):
    (tmp_path / "space.toml").write_text(text)
    with pytest.raises(KerasclfError, match=message):
        read_space(tmp_path / "space.toml").check(Experiment())
    with pytest.raises(KerasclfError, match="cannot be read"):
        read_space(tmp_path / "nowhere.toml")


def test_an_axis_given_in_both_forms_is_refused(tmp_path):
    (tmp_path / "space.toml").write_text('"train.epochs" = { int = [1, 2] }\n[train]\nepochs = { int = [1, 3] }\n')
    with pytest.raises(KerasclfError, match=r"axis train\.epochs: expected one axis of this name\. Received two\."):
        read_space(tmp_path / "space.toml")


def test_a_space_survives_its_plain_form():
    space = Space({"a": Float(0.1, 1.0, log=True, step=2.0), "b": Int(1, 9), "c": Choice(1, (2, 3)), "d": Boolean()})
    assert space_from_dict(space.to_dict(), "here") == space
