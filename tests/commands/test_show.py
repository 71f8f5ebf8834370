"""`kerasclf show`, as a user meets it."""

import os
import unicodedata

import keras
import numpy as np
import pytest
from matplotlib.figure import Figure
from PIL import Image

from kerasclf.cli import main
from kerasclf.files.writing import write_json
from kerasclf.models import basenet


@pytest.fixture
def run(tmp_path):
    """A run's folder, as far as the command looks at it."""
    folder = tmp_path / "study" / "runs" / "one-12345678" / "seed-0"
    folder.mkdir(parents=True)
    basenet((20, 20, 3), 3).save(folder / "model.keras")
    write_json(folder / "experiment.json", {"class_names": ["cat", "dog", "owl"]})
    return folder


@pytest.fixture
def photo(tmp_path):
    path = tmp_path / "photo.png"
    Image.fromarray(np.random.default_rng(0).integers(0, 256, (40, 30, 3), np.uint8)).save(path)
    return path


def test_the_three_figures(run, photo, capsys):
    main(["show", "kernels", str(run)])
    main(["show", "features", str(run), str(photo)])
    main(["show", "gradcam", str(run / "model.keras"), str(photo), "--class", "2", "--out", str(run / "other")])
    main(["show", "gradcam", str(run), str(photo), "--class", "owl"])
    made = sorted(path.name for path in (run / "show").iterdir())
    assert made == [
        f"{name}.{form}" for name in ("features_photo", "gradcam_photo", "kernels") for form in ("png", "svg")
    ]
    assert "kernels.png and .svg" in capsys.readouterr().out
    words = (run / "show" / "features_photo.svg").read_text()
    assert "<svg" in words
    with Image.open(run / "other" / "gradcam_photo.png") as figure:
        assert figure.width > 600


@pytest.mark.parametrize(
    "words", [["kernels", "RUN"], ["augmentation", "digits"], ["kernels", "RUN", "--out", "a.png"]]
)
def test_a_place_without_permission_is_refused_before_the_model_is_loaded(run, words, refused, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(os, "access", lambda path, mode: False)
    error = refused("show", *(str(run) if word == "RUN" else word for word in words))
    assert "cannot be written: you have no permission to write to" in error and error.endswith("Give another --out.\n")


def test_a_figure_takes_a_name_of_its_own(run, tmp_path):
    main(["show", "kernels", str(run), "--out", str(tmp_path / "mine" / "first.png")])
    assert sorted(path.name for path in (tmp_path / "mine").iterdir()) == ["first.png", "first.svg"]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["kernel", "RUN"], "Unknown figure 'kernel'. Did you mean 'kernels'?"),
        (["features", "RUN"], "Expected an image: kerasclf show features"),
        (["kernels", "RUN", "--class", "cat"], "--class is for kerasclf show gradcam"),
        (["gradcam", "RUN", "PHOTO", "--fit", "pad"], "--fit is for kerasclf show augmentation"),
        (["kernels", "/nowhere"], "Received: /nowhere, which does not exist"),
        (["kernels", "STUDY"], "which holds no model.keras. It contains the runs: "),
        (["kernels", "PHOTO"], "which is no .keras file"),
        (["features", "RUN", "/nowhere.png"], "/nowhere.png does not exist"),
        (["features", "RUN", "RUN/experiment.json"], "cannot be read as an image"),
        (["features", "RUN", "PHOTO", "--layers", "conv3_conv"], "Did you mean 'conv2_conv'?"),
        (["gradcam", "RUN", "PHOTO", "--class", "bat"], "Unknown class 'bat'. Did you mean 'cat'?"),
        (["gradcam", "RUN", "PHOTO", "--class", "7"], "--class: expected 0 to 2, or a class name. Received: 7"),
        (["kernels", "BROKEN"], "cannot be loaded as a model"),
        (["kernels", "DENSE"], "Expected a network with convolutions. Received: dense"),
    ],
)
def test_mistakes_get_one_message_and_exit_2(run, photo, tmp_path, capsys, arguments, message):
    (tmp_path / "broken.keras").write_text("nothing")
    x = keras.Input((4, 4, 1))
    keras.Model(x, keras.layers.Dense(2)(keras.layers.Flatten()(x)), name="dense").save(tmp_path / "dense.keras")
    places = {"RUN": run, "PHOTO": photo, "STUDY": tmp_path / "study", "BROKEN": tmp_path / "broken.keras",
              "DENSE": tmp_path / "dense.keras"}  # fmt: skip
    for word, place in places.items():
        arguments = [argument.replace(word, str(place)) for argument in arguments]
    with pytest.raises(SystemExit) as caught:
        main(["show", *arguments])
    assert caught.value.code == 2
    error = capsys.readouterr().err
    assert message in error
    assert error.startswith("error: ")
    assert not (run / "show").exists()


def test_two_images_of_one_stem_have_two_figures(run, photo, tmp_path):
    other = tmp_path / "other" / photo.name
    other.parent.mkdir()
    Image.fromarray(np.full((40, 30, 3), 200, np.uint8)).save(other)
    for image in (photo, other, photo):
        main(["show", "gradcam", str(run), str(image)])
    names = {path.name for path in (run / "show").iterdir()}
    assert names == {f"gradcam_photo{number}.{form}" for number in ("", "-2") for form in ("png", "svg")}


def test_a_long_name_of_an_image_is_cut(run, photo):
    long = photo.rename(photo.with_name("x" * 250 + ".png"))
    main(["show", "features", str(run), str(long)])
    assert sorted(path.name for path in (run / "show").iterdir())[0] == f"features_{'x' * 150}.png"


@pytest.mark.parametrize("name", ["$10_$20", "$x_{", "[old] a[/b]", "\x1b]0;x\x07", "<script>犬", "x" * 300])
def test_any_class_name_can_be_shown(run, photo, capsys, name):
    write_json(run / "experiment.json", {"class_names": ["cat", "dog", name]})
    main(["show", "gradcam", str(run), str(photo), "--class", name])
    assert (run / "show" / "gradcam_photo.png").exists()
    assert "\x1b" not in capsys.readouterr().out


def test_a_class_is_found_whatever_the_unicode_form_of_its_name(run, photo):
    composed, decomposed = (unicodedata.normalize(form, "Käfer") for form in ("NFC", "NFD"))
    write_json(run / "experiment.json", {"class_names": ["cat", "dog", decomposed]})
    main(["show", "gradcam", str(run), str(photo), "--class", composed])
    assert (run / "show" / "gradcam_photo.png").exists()


@pytest.mark.parametrize("content", ["[]", "null", "{", '{"class_names": 3}', '{"class_names": [1]}', "[" * 100_000])
def test_a_description_of_a_stranger_is_refused(run, photo, capsys, content):
    (run / "experiment.json").write_text(content)
    with pytest.raises(SystemExit):
        main(["show", "gradcam", str(run), str(photo)])
    assert "experiment.json cannot be read" in capsys.readouterr().err


def test_a_link_leads_no_figure_elsewhere(run, tmp_path, capsys):
    (tmp_path / "elsewhere").mkdir()
    (run / "show").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(SystemExit):
        main(["show", "kernels", str(run)])
    assert "is a link to" in capsys.readouterr().err
    assert list((tmp_path / "elsewhere").iterdir()) == []


def test_a_file_with_its_class_names_beside_takes_a_name(run, photo):
    write_json(run / "classes.json", ["cat", "dog", "owl"])
    (run / "experiment.json").unlink()
    main(["show", "gradcam", str(run / "model.keras"), str(photo), "--class", "owl"])
    assert (run / "show" / "gradcam_photo.png").exists()


def test_many_images_share_a_contact_sheet(run, photo, tmp_path, capsys):
    folder = tmp_path / "many"
    folder.mkdir()
    for name in ("a.png", "b.png"):
        Image.open(photo).save(folder / name)
    (folder / "c.png").write_bytes(b"\x89PNG")
    out = tmp_path / "sheet.png"
    with pytest.raises(SystemExit) as caught:
        main(["show", "gradcam", str(run), str(folder), str(photo), "--class", "owl", "--out", str(out)])
    assert caught.value.code == 1
    captured = capsys.readouterr()
    assert f"{folder / 'c.png'} cannot be read as an image" in captured.out
    assert "1 of 4 images could not be read. The figure has all others." in captured.err
    assert out.exists()
    before = out.read_bytes()
    with pytest.raises(SystemExit) as caught:
        main(["show", "gradcam", str(run), str(photo), "--out", str(out)])
    assert caught.value.code == 2
    assert f"{out} already exists. Give --overwrite to replace it" in capsys.readouterr().err
    assert out.read_bytes() == before
    main(["show", "gradcam", str(run), str(photo), "--out", str(out), "--overwrite"])
    assert out.read_bytes() != before


def test_of_very_many_images_some_are_shown(run, photo, tmp_path, capsys, monkeypatch):
    monkeypatch.setattr("kerasclf.commands.show_gradcam.MOST_IMAGES", 2)
    shown = []
    monkeypatch.setattr(
        "kerasclf.report.figures.visualization_figures.draw_contact_sheet",
        lambda images, heats, titles: shown.extend(titles) or Figure(),
    )
    for number in range(4):
        Image.open(photo).save(tmp_path / f"n{number}.png")
    main(["show", "gradcam", str(run), str(tmp_path / "n*.png"), "--class", "owl"])
    assert "2 of 4 images, evenly spaced" in capsys.readouterr().out
    assert [name for _, name in shown] == ["n0.png", "n2.png"]
    assert all(title.startswith("owl (") for title, _ in shown)


def test_all_problems_are_named_before_the_model_is_loaded(run, tmp_path, capsys):
    with pytest.raises(SystemExit):
        main(["show", "gradcam", str(run), str(tmp_path / "x*.png"), "/nowhere.png", "--class", "bat"])
    error = capsys.readouterr().err
    for words in ("matches no image", "/nowhere.png does not exist", "Unknown class 'bat'"):
        assert words in error
