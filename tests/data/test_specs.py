"""Specs: every kind of data set, and the mistakes people make with them."""

import pytest

from kerasclf import Experiment
from kerasclf.data import Split, load_dataset
from kerasclf.data.spec_kinds import SPECS
from kerasclf.data.spec_paths import check_outside, split_paths
from kerasclf.data.specs import check_files, complete_spec
from kerasclf.errors import DataError
from tests.photos import add_images


def test_an_unknown_spec_suggests_a_known_one():
    with pytest.raises(DataError, match=r"Unknown data set 'shape', and .* name\. Did you mean 'shapes'\?"):
        load_dataset("shape")


def test_a_path_alone_is_a_folder(tmp_path):
    add_images(tmp_path, 5)
    assert load_dataset(str(tmp_path)).spec == f"folder:{tmp_path}"
    assert Experiment(data=str(tmp_path)) == Experiment(data=f"folder:{tmp_path}")
    with pytest.raises(DataError, match=f"{tmp_path / 'other'} does not exist. Give the path of a folder of images"):
        load_dataset(str(tmp_path / "other"))


def test_a_mistyped_path_suggests_what_lies_beside_it(tmp_path, monkeypatch):
    (tmp_path / "my_photos").mkdir()
    (tmp_path / "my_photo.txt").write_text("no data")
    (tmp_path / "labels.csv").write_text("image,label")
    monkeypatch.chdir(tmp_path)
    with pytest.raises(
        DataError, match=r"no folder or file of this name\. Did you mean 'my_photos'\? Known: cifar100, "
    ):
        check_files("my_foto")
    with pytest.raises(DataError, match=r"Did you mean 'labels\.csv'\?"):
        check_files("lables.csv")
    with pytest.raises(DataError, match=rf"my_foto does not exist\. Did you mean '{tmp_path / 'my_photos'}'\? Give "):
        check_files(str(tmp_path / "my_foto"))


def test_a_file_of_another_kind_is_not_said_to_be_missing(tmp_path, monkeypatch):
    (tmp_path / "my_photo.txt").write_text("no data")
    monkeypatch.chdir(tmp_path)
    for name in ("my_photo.txt", str(tmp_path / "my_photo.txt")):
        with pytest.raises(DataError, match=rf"or an \.npz file\. Received: {name}, a file of another kind\.$"):
            check_files(name)


def test_a_known_name_is_no_path(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "digits").mkdir()
    assert complete_spec("digits") == "digits"
    assert complete_spec("digits/") == "folder:digits/"


@pytest.mark.parametrize("kind", SPECS)
def test_every_kind_names_its_own_form(kind):
    assert SPECS[kind].form.startswith(kind)


@pytest.mark.parametrize("kind", SPECS)
def test_a_wrong_spec_is_shown_the_form_of_its_kind(kind):
    with pytest.raises(DataError) as caught:
        load_dataset(f"{kind}:" if kind in ("folder", "csv", "npz", "list", "birds", "wine") else f"{kind}:x")
    assert str(caught.value).startswith(f"Expected {SPECS[kind].form}.")
    assert "--" not in str(caught.value)


def test_missing_files_are_found_without_reading_any(tmp_path):
    for spec in ("shapes", "iris", "cifar10"):
        check_files(spec)
    for spec in (f"folder:{tmp_path / 'lost'}", f"list:{tmp_path}:a.txt:b.txt", f"birds:{tmp_path}"):
        with pytest.raises(DataError, match="does not exist"):
            check_files(spec)
    with pytest.raises(DataError, match="Unknown data set 'nothing'"):
        check_files("nothing")


def test_a_split_can_select_one_fold():
    whole = load_dataset("iris")
    folds = [load_dataset("iris", split=Split(fold=(number, 4))) for number in (1, 2, 3, 4)]
    validating = [name for fold in folds for name in fold.validation.names]
    assert sorted(validating) == sorted(whole.train.names + whole.validation.names)
    assert all(fold.test.names == whole.test.names for fold in folds)
    assert not set(folds[0].train.names) & set(folds[0].validation.names)


@pytest.mark.parametrize(
    ("outside", "inside"),
    [("runs", "photos/runs"), ("photos-runs", "photos"), ("photos/../cat", "photos/../photos/cat")],
)
def test_only_an_output_folder_among_the_images_is_refused(tmp_path, outside, inside):
    (tmp_path / "photos").mkdir()
    check_outside(tmp_path / outside, f"folder:{tmp_path / 'photos'}")
    check_outside(tmp_path / inside, "shapes")
    with pytest.raises(DataError, match=r"lies inside the images of folder:.* Give a folder elsewhere as `out`"):
        check_outside(tmp_path / inside, f"folder:{tmp_path / 'photos'}")


@pytest.mark.parametrize(
    ("text", "windows", "paths"),
    [
        ("/a:/b c.txt:d.txt", False, ["/a", "/b c.txt", "d.txt"]),
        ("a::b", False, ["a", "", "b"]),
        ("C:/a", False, ["C", "/a"]),
        (r"C:\my photos:D:/train.txt:test.txt", True, [r"C:\my photos", "D:/train.txt", "test.txt"]),
        ("photos:train.txt:test.txt", True, ["photos", "train.txt", "test.txt"]),
    ],
)
def test_colons_separate_paths_and_a_path_of_windows_may_begin_with_a_drive(text, windows, paths):
    assert split_paths(text, windows) == paths
