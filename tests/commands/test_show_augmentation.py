"""`kerasclf show augmentation`, as a user meets it."""

import re

import numpy as np
import pytest
from PIL import Image

from kerasclf import Augmentation, load_dataset
from kerasclf.cli import main
from kerasclf.commands import show_augmentation as command
from kerasclf.pipeline import preview


@pytest.fixture
def drawn(monkeypatch, tmp_path):
    """Runs in an empty folder; returns what is drawn, in place of the figure."""
    monkeypatch.chdir(tmp_path)
    calls = []
    draw = preview.draw_preview

    def record(augmentation, images, **rest):
        calls.append({"augmentation": augmentation, "images": images, **rest})
        return draw(augmentation, images, **rest)

    monkeypatch.setattr(preview, "draw_preview", record)
    return calls


def test_an_experiment_of_a_study_is_shown_on_its_data(drawn, tmp_path, capsys):
    main(["show", "augmentation", "course-digits/mlp_100", "--set", "zoom_range=0.2", "--versions", "2"])
    (call,) = drawn
    assert call["augmentation"] == Augmentation(rescale=1 / 255, zoom_range=0.2)
    assert call["count"] == 2
    assert call["images"].shape == (4, 8, 8, 1)
    out = capsys.readouterr().out
    assert "Using scikit-learn's digits instead" in out
    assert "show/augmentation_course-digits-mlp-100.png and .svg" in out
    with Image.open(tmp_path / "show" / "augmentation_course-digits-mlp-100.png") as figure:
        assert figure.width > 600


def test_a_data_set_is_shown_by_the_images_of_its_training_set(drawn):
    main(["show", "augmentation", "digits", "--set", "vertical_flip=true", "width_shift_range=1,2", "--seed", "3"])
    (call,) = drawn
    train = load_dataset("digits").train
    assert call["augmentation"] == Augmentation(vertical_flip=True, width_shift_range=(1, 2))
    assert (call["seed"], call["names"]) == (3, ["0", "1", "2", "3"])
    np.testing.assert_array_equal(train.labels[call["indices"]], [0, 1, 2, 3])
    np.testing.assert_array_equal(call["images"], train.images.read(np.array(call["indices"])))


def test_image_files_are_shown_in_one_size(drawn, tmp_path):
    for name, size in (("a.png", (30, 20)), ("b.png", (10, 40))):
        Image.new("RGB", size, (200, 10, 10)).save(tmp_path / name)
    out = str(tmp_path / "mine.png")
    main(["show", "augmentation", "a.png", "b.png", "--set", "horizontal_flip=True", "--out", out])
    main(["show", "augmentation", "ladder/augmented", "b.png", "--image-size", "8x8", "--fit", "pad"])
    assert [(call["images"].shape, call["names"]) for call in drawn] == [
        ((2, 224, 224, 3), ["a.png", "b.png"]), ((1, 8, 8, 3), ["b.png"]),
    ]  # fmt: skip
    np.testing.assert_array_equal(drawn[1]["images"][0, 0, :, 0], [0, 0, 0, 200, 200, 0, 0, 0])
    assert drawn[1]["augmentation"].horizontal_flip
    assert drawn[1]["augmentation"].zoom_range == 0.2
    assert (tmp_path / "mine.svg").exists()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["digits"], "Which augmentation? Give --set rotation_range=15"),
        (["digits", "--set", "rotation_range"], "--set: expected NAME=VALUE, such as rotation_range=15"),
        (["digits", "--set", "rotation=15"], "Unknown Augmentation field 'rotation'. Did you mean 'rotation_range'?"),
        (["digits", "--set", "fill_mode=round"], "fill_mode: expected 'nearest'"),
        (["digits", "--set", "rescale=0.5"], "Its normalisation is part of the model"),
        (["digits", "--set", "rotation_range=9", "--versions", "0"], "--versions: expected 1 to 16"),
        (["ladder/augment"], "Unknown experiment 'augment'. Did you mean 'augmented'?"),
        (["lader/augmented", "--set", "rotation_range=9"], "lader/augmented"),
        (["iris", "--set", "rotation_range=9"], "Expected images. Received: iris, a table."),
        (
            [".", "--set", "rotation_range=9"],
            "Received the folder .. Give folder:.",
        ),
        (["digits", "--set", "rotation_range=9", "--class", "3"], "--class is not for kerasclf show augmentation"),
    ],
)
def test_mistakes_get_one_message(refused, monkeypatch, tmp_path, arguments, message):
    monkeypatch.chdir(tmp_path)
    error = refused("show", "augmentation", *arguments)
    assert message in error
    assert not (tmp_path / "show").exists()


def test_options_of_an_augmentation_are_refused_elsewhere(refused, tmp_path):
    error = refused("show", "kernels", str(tmp_path), "--set", "rotation_range=9", "--seed", "0")
    assert re.findall(r"(--\S+) is for kerasclf show augmentation", error) == ["--set", "--seed"]


def test_names_of_files_become_safe_names_of_figures(tmp_path):
    assert command._path("folder:/a b/c", None).as_posix() == "show/augmentation_folder--a-b-c"


def test_no_file_is_replaced_unasked(refused, monkeypatch, tmp_path):
    monkeypatch.setattr("kerasclf.pipeline.Augmentation.preview", lambda *given, **named: pytest.fail("too late"))
    photo = tmp_path / "photo.png"
    Image.new("RGB", (20, 30)).save(photo)
    before = photo.read_bytes()
    error = refused("show", "augmentation", str(photo), "--set", "rotation_range=9", "--out", str(photo))
    assert f"{photo} already exists. Give --overwrite to replace it" in error
    assert photo.read_bytes() == before


def test_another_figure_of_the_same_data_has_its_own_name(drawn, tmp_path):
    for change in ("vertical_flip=True", "horizontal_flip=True"):
        main(["show", "augmentation", "digits", "--set", change, "--versions", "1"])
    main(["show", "augmentation", "digits", "--set", "rotation_range=9", "--versions", "1", "--overwrite"])
    names = {path.name for path in (tmp_path / "show").glob("*.png")}
    assert names == {"augmentation_digits.png", "augmentation_digits-2.png"}
