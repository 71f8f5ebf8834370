"""`kerasclf check`."""

import base64
import io
import json
import re
import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from kerasclf import load_dataset
from kerasclf.audit.audit_files import AUDIT_FILES
from kerasclf.audit.load_images import load_images
from kerasclf.cli import main
from kerasclf.data.pixels.decode import read_image
from kerasclf.data.pixels.image_fit import FITS
from kerasclf.data.specs import check_files
from kerasclf.errors import DataError
from tests.audit.scenes import VARIANTS, rows_of, scenes


@pytest.fixture(scope="module")
def photos(tmp_path_factory):
    """A folder of two classes in three sets without any fault."""
    root = tmp_path_factory.mktemp("data") / "photos"
    pictures = iter(scenes(40, seed=5, side=48))
    for subset, count in (("train", 12), ("valid", 4), ("test", 4)):
        for name in ("cat", "dog"):
            (root / subset / name).mkdir(parents=True)
            for number in range(count):
                Image.fromarray(next(pictures)).save(root / subset / name / f"{number:02}.png")
    return root


@pytest.mark.parametrize("fit", FITS)
def test_images_are_fitted_as_for_a_training(photos, fit):
    spec = f"folder:{photos}"
    found = load_images(spec, (8, 12), lambda line: None, fit=fit).images.dataset
    assert found.manifest == load_dataset(spec, image_size=(8, 12), fit=fit).manifest


@pytest.fixture
def faulty(photos, tmp_path):
    """The folder with an equal image and five near-duplicates across sets, and an image in two classes."""
    root = shutil.copytree(photos, tmp_path / "photos")
    for number, (name, change) in enumerate(VARIANTS.items()):
        picture = read_image(root / f"train/cat/{number:02}.png")
        Image.fromarray(change(picture)).save(root / f"test/cat/{name}.png")
    shutil.copy(root / "train/cat/06.png", root / "test/cat/copy.png")
    shutil.copy(root / "train/cat/07.png", root / "train/dog/copy.png")
    return root


def pair_of(row):
    """Returns set and file of both images of a finding; the training set is shuffled, so either may be first."""
    return frozenset({f"{row['set']}: {row['file']}", f"{row['other_set']}: {row['other_file']}"})


def check(*arguments, code=0):
    if not code:
        main(["check", *arguments])
        return
    with pytest.raises(SystemExit) as caught:
        main(["check", *arguments])
    assert caught.value.code == code


def test_a_faultless_folder_is_checked(photos, tmp_path, capsys):
    out = tmp_path / "out"
    check(f"folder:{photos}", "--out", str(out))
    printed = capsys.readouterr().out
    assert "24 train, 8 validation, 8 test" in printed
    assert f"page: {out / 'index.html'}\nclean list: {out / 'clean.csv'}, 40 of 40 images\n" in printed
    assert sorted(path.name for path in out.iterdir()) == ["clean.csv", "findings.csv", "index.html"]
    rows = rows_of(out / "clean.csv")
    assert len(rows) == 40 and rows[0].keys() == {"image", "label", "set"}
    assert {(row["label"], row["set"]) for row in rows} == {
        (label, subset) for label in ("cat", "dog") for subset in ("train", "validation", "test")
    }
    assert all(read_image(out / row["image"]).shape == (48, 48, 3) for row in rows)
    assert not any(Path(row["image"]).is_absolute() for row in rows)
    page = (out / "index.html").read_text()
    assert "<td>cat</td><td>12</td><td>4</td><td>4</td><td>20</td>" in page
    assert "Every file is 48 × 48 pixels (width × height)." in page and "Size of the files" not in page


def test_faults_are_found_and_left_out(faulty, tmp_path, capsys):
    out = tmp_path / "out"
    check(f"folder:{faulty}", "--out", str(out), "--price", code=1)
    captured = capsys.readouterr()
    assert "the test accuracy of a head: " in captured.out
    assert captured.err == f"error: 7 findings of 3 kinds matter. {out / 'findings.csv'} lists them.\n"
    rows = rows_of(out / "findings.csv")
    assert {(row["kind"], pair_of(row)) for row in rows if row["matters"] == "yes"} == {
        *(
            ("near_across", frozenset({f"test: cat/{name}.png", f"train: cat/{n:02}.png"}))
            for n, name in enumerate(VARIANTS)
        ),
        ("duplicate_across", frozenset({"test: cat/copy.png", "train: cat/06.png"})),
        ("conflicting_labels", frozenset({"train: dog/copy.png", "train: cat/07.png"})),
    }
    kept = {row["image"] for row in rows_of(out / "clean.csv")}
    assert len(kept) == 47 - 8
    assert {f"../photos/test/cat/{name}.png" for name in (*VARIANTS, "copy")} <= kept

    page = (out / "index.html").read_text()
    assert "7 findings that matter." in page
    said = (
        "The head is a logistic regression on 8×8 pixels, fitted twice: once on all 33 images outside the test set, "
        "and once without 8 of them. The first is tested on all 14 test images, the second without 0 of them. Each "
        "head is fitted once, as the fit has no randomness. The 95 % interval comes from 4,000 bootstrap draws"
    )
    assert said in page
    assert "<h2>Near-duplicates across sets: 5</h2>" in page
    assert page.count("data:image/jpeg") >= 2 * 7 + 2 * 8
    assert not re.search(r'(src|href)="(?!data:)', page)  # it needs no other file


def test_names_are_escaped_on_the_page(photos, tmp_path):
    root = shutil.copytree(photos, tmp_path / "photos")
    for subset in ("train", "valid", "test"):
        (root / subset / "cat").rename(root / subset / "<b>cat")
    check(f"folder:{root}", "--out", str(tmp_path / "out"))
    page = (tmp_path / "out/index.html").read_text()
    assert "<b>cat" not in page and "&lt;b&gt;cat" in page


def test_only_an_earlier_check_is_replaced(photos, tmp_path, refused):
    out, spec = tmp_path / "out", f"folder:{photos}"
    check(spec, "--out", str(out))
    page = out / "index.html"
    page.write_text("from the first check")
    message = f"{out} already exists and is not overwritten. Give another --out, or --overwrite.\n"
    assert refused("check", spec, "--out", str(out)).endswith(message)
    assert page.read_text() == "from the first check"
    check(spec, "--out", str(out), "--overwrite")
    assert page.read_text() != "from the first check"
    assert {path.name for path in out.iterdir()} == set(AUDIT_FILES)

    (out / "mine").mkdir()
    message = (
        f"--out: {out} cannot be overwritten. It also holds 'mine', which would be deleted. Move it elsewhere, or give "
        "another folder.\n"
    )
    assert refused("check", spec, "--out", str(out), "--overwrite").endswith(message)
    assert (out / "mine").is_dir()

    other = tmp_path / "other"
    other.mkdir()
    (other / "thesis.txt").write_text("")
    assert "--out: expected a new or empty folder." in refused("check", spec, "--out", str(other), "--overwrite")
    assert (other / "thesis.txt").exists()


def test_all_problems_are_reported_at_once(refused, tmp_path):
    message = refused(
        "check", f"folder:{tmp_path}/missing", "--backbone", "resnet5", "--image-size", "big", "--augment", "rotation"
    )
    assert "missing does not exist." in message
    assert "--image-size" in message and "'big'" in message
    assert "--augment: expected NAME=VALUE, such as rotation_range=15. Received: 'rotation'." in message


def test_an_unknown_network_is_refused(photos, refused):
    assert "Did you mean" in refused("check", f"folder:{photos}", "--backbone", "keras_resnet5", "--weights", "none")


@pytest.mark.parametrize("spec", ["iris", "points"])
def test_tables_are_refused(spec, refused):
    assert f"Expected a data set of images. Received: {spec}, a table." in refused("check", spec)


def test_the_results_may_not_lie_among_the_images(photos, refused):
    assert "lies inside the images" in refused("check", f"folder:{photos}", "--out", str(photos / "train/check"))


def test_broken_files_are_findings(photos, tmp_path, capsys):
    root = shutil.copytree(photos, tmp_path / "photos")
    broken = root / "train/dog/03.png"
    broken.write_bytes(broken.read_bytes()[:200])
    out = tmp_path / "out"
    check(f"folder:{root}", "--out", str(out), code=1)
    assert capsys.readouterr().err.startswith("error: 1 finding of 1 kind matters. ")
    (row,) = (row for row in rows_of(out / "findings.csv") if row["matters"] == "yes")
    assert (row["kind"], row["file"]) == ("broken", str(broken)) and "cannot be read as an image" in row["note"]
    assert "../photos/train/dog/03.png" not in {row["image"] for row in rows_of(out / "clean.csv")}


def test_groups_that_straddle_sets_are_findings(photos, tmp_path):
    """The files of each set are numbered from 0, so most numbers lie in all sets."""
    out = tmp_path / "out"
    check(f"folder:{photos}", "--group-by", "([0-9]+).png", "--out", str(out), code=1)
    rows = [row for row in rows_of(out / "findings.csv") if row["kind"] == "straddling_group"]
    assert sorted(row["note"] for row in rows) == [
        f"{number:02}: 6 images in train, validation and test" for number in range(4)
    ]
    clean = rows_of(out / "clean.csv")
    assert {row["set"] for row in clean if row["group"] in ("00", "01", "02", "03")} == {"test"}
    assert len(clean) == 40 - 4 * 4


def test_the_clean_list_is_a_data_set_without_findings(faulty, tmp_path):
    check(f"folder:{faulty}", "--out", str(tmp_path / "out"), code=1)
    check(str(tmp_path / "out/clean.csv"), "--out", str(tmp_path / "again"))


def test_a_pattern_without_groups_is_refused(photos, refused):
    assert "--group-by" in refused("check", f"folder:{photos}", "--group-by", "patient_([0-9]+)", "--out", "unused")


def test_a_broken_file_needs_no_group(photos, tmp_path):
    root = shutil.copytree(photos, tmp_path / "photos")
    (root / "train/dog/note.png").write_bytes(b"no picture")
    check(f"folder:{root}", "--group-by", "([0-9]+).png", "--out", str(tmp_path / "out"), code=1)
    found = {(row["kind"], row["file"]) for row in rows_of(tmp_path / "out/findings.csv")}
    assert ("broken", str(root / "train/dog/note.png")) in found


@pytest.fixture
def moved(photos, tmp_path):
    """A clean list that moved together with the images to another folder."""
    project = tmp_path / "project"
    shutil.copytree(photos, project / "photos")
    check(f"folder:{project / 'photos'}", "--out", str(project / "checked"))
    return project.rename(tmp_path / "moved") / "checked/clean.csv"


def test_the_clean_list_moves_together_with_the_images(moved):
    dataset = load_dataset(f"csv:{moved}")
    assert [len(subset) for subset in (dataset.train, dataset.validation, dataset.test)] == [24, 8, 8]


@pytest.mark.slow
def test_a_network_is_trained_on_a_clean_list_that_moved(moved, tmp_path):
    out = tmp_path / "out"
    options = ["--backbone", "mlp", "--weights", "none", "--unfreeze", "all", "--epochs", "1", "--image-size", "8x8"]
    main(["train", f"csv:{moved}", *options, "--out", str(out), "--engine", "inline"])
    (manifest,) = out.glob("data-*.json")
    sets = json.loads(manifest.read_text())["sets"]
    assert {name: len(of_set["names"]) for name, of_set in sets.items()} == {"train": 24, "validation": 8, "test": 8}


def test_a_clean_list_that_moves_alone_takes_its_first_folder_as_root(photos, tmp_path):
    out = tmp_path / "out"
    check(f"folder:{photos}", "--out", str(out))
    new = tmp_path / "far/away/clean.csv"
    new.parent.mkdir(parents=True)
    shutil.move(out / "clean.csv", new)
    assert f"csv:NEW_FOLDER/clean.csv:root={out}" in (out / "index.html").read_text()
    check_files(f"csv:{new}:root={out}")
    with pytest.raises(DataError, match="40 images of 40 do not exist"):
        check_files(f"csv:{new}")


def test_the_long_steps_say_how_far_they_are(photos, tmp_path, capsys, monkeypatch):
    monkeypatch.setattr("kerasclf.commands.printing.image_progress._EVERY_S", -1.0)
    check(f"folder:{photos}", "--out", str(tmp_path / "out"))
    printed = capsys.readouterr().out
    for step in (
        "measuring the images\n40 of 40 images",
        "searching the nearest neighbours\n40 of 40 images",
        "comparing crops\n1 of 40 images",
        "looking for label errors\n",
    ):
        assert step in printed


def test_sizes_that_differ_are_listed_by_class_and_set(photos, tmp_path):
    root = shutil.copytree(photos, tmp_path / "photos")
    for path in (root / "test/dog").iterdir():
        with Image.open(path) as picture:
            picture.resize((60, 30)).save(path)
    out = tmp_path / "out"
    check(f"folder:{root}", "--out", str(out), "--price")
    page = (out / "index.html").read_text()
    assert "Every image is resized to 224 × 224." in page
    assert "<td>cat</td><td>48 × 48</td><td>48 × 48</td><td>48 × 48</td><td>48 × 48</td>" in page
    assert "<td>dog</td><td>48 × 48</td><td>48 × 48</td><td>60 × 30</td><td>48 × 48</td>" in page


def test_an_augmentation_is_shown_as_a_contact_sheet(photos, tmp_path, refused):
    out = tmp_path / "out"
    check(f"folder:{photos}", "--out", str(out), "--augment", "vertical_flip=True")
    page = (out / "index.html").read_text()
    assert 'style="--columns: 5"' in page
    sheet = page[page.index("<h2>Augmentation</h2>") : page.index("<h2>Samples</h2>")]
    captions = re.findall(r"<figcaption>(?:<b>)?(.*?)(?:</b>)?</figcaption>", sheet)
    assert (captions[0], captions[5], len(captions)) == ("cat", "dog", 10)
    assert set(captions[1:5] + captions[6:]) == {"unchanged", "upside down"}
    pictures = [
        np.asarray(Image.open(io.BytesIO(base64.b64decode(text))), np.int64)
        for text in re.findall(r'src="data:image/jpeg;base64,([^"]+)"', sheet)
    ]
    turned = pictures[1 + captions[1:5].index("upside down")]
    assert np.abs(turned[::-1] - pictures[0]).mean() < 3 < np.abs(turned - pictures[0]).mean()
    message = refused("check", f"folder:{photos}", "--augment", "rescale=0.5", "--out", str(tmp_path / "other"))
    assert "Expected an augmentation that changes images at random" in message


TINY = """
import keras

def tiny(input_shape, num_classes):
    image = keras.Input(input_shape)
    x = keras.layers.Conv2D(4, 3, strides=2, activation="relu")(image)
    x = keras.layers.GlobalAveragePooling2D(name="pool")(x)
    return keras.Model(image, keras.layers.Dense(num_classes, activation="softmax")(x))
"""


def test_features_of_a_network_are_computed_once(photos, tmp_path, capsys, monkeypatch):
    monkeypatch.setenv("KERASCLF_CACHE", str(tmp_path / "cache"))
    monkeypatch.chdir(tmp_path)
    Path("tiny_features.py").write_text(TINY)
    options = ["--backbone", "tiny_features:tiny", "--weights", "none"]
    check(f"folder:{photos}", *options, "--out", str(tmp_path / "one"))
    assert "computing" in capsys.readouterr().out
    assert "tiny</b>" in (tmp_path / "one/index.html").read_text()
    check(f"folder:{photos}", *options, "--out", str(tmp_path / "two"))
    assert "computing" not in capsys.readouterr().out
    assert (tmp_path / "one/findings.csv").read_text() == (tmp_path / "two/findings.csv").read_text()


def test_a_network_without_features_is_refused_before_images_are_compared(photos, refused, capsys):
    message = refused("check", f"folder:{photos}", "--backbone", "mlp", "--weights", "none", "--out", "unused")
    assert message.endswith(
        "--backbone: expected a network with features for a new head, such as mobilenet_v2. Received: mlp.\n"
    )
    assert "measuring" not in capsys.readouterr().out
