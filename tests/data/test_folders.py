"""Folders and lists of images, and common mistakes in them."""

import re

import numpy as np
import pytest
from PIL import Image

from kerasclf.data import FileImages, Split, listings, load_dataset
from kerasclf.data.pixels import listed_pixels
from kerasclf.errors import DataError


def fill(folder, count, size=(8, 8), mode="RGB", start=0):
    folder.mkdir(parents=True, exist_ok=True)
    for i in range(start, start + count):
        Image.new(mode, size, i * 3 if mode == "L" else (i * 3, 0, 0)).save(folder / f"{i:03}.png")


@pytest.fixture
def photos(tmp_path):
    for name in ("cat", "dog"):
        fill(tmp_path / "photos" / name, 20)
    return tmp_path / "photos"


def test_class_folders_are_divided_into_three_sets(photos):
    dataset = load_dataset(f"folder:{photos}", split=Split(test=0.25, validation=0.2))
    assert dataset.class_names == ("cat", "dog")
    assert [len(dataset.subset(name)) for name in ("train", "validation", "test")] == [24, 6, 10]
    assert np.bincount(dataset.test.labels).tolist() == [5, 5]
    names = [set(dataset.subset(name).names) for name in ("train", "validation", "test")]
    assert len(set.union(*names)) == 40
    assert "cat/007.png" in set.union(*names)


def test_pixels_labels_and_names_stay_together(photos):
    subset = load_dataset(f"folder:{photos}").train
    images = subset.images.read(np.arange(len(subset)))
    for image, label, name in zip(images, subset.labels, subset.names, strict=True):
        assert image[0, 0, 0] == int(name[-7:-4]) * 3
        assert name.split("/")[0] == ("cat", "dog")[label]


def test_ready_made_sets_are_kept(tmp_path):
    for subset, count in (("train", 4), ("valid", 3), ("test", 2)):
        for name in ("a", "b"):
            fill(tmp_path / subset / name, count)
    dataset = load_dataset(f"folder:{tmp_path}")
    assert [len(dataset.subset(name)) for name in ("train", "validation", "test")] == [8, 6, 4]


def test_grey_folders_have_one_channel(tmp_path):
    for name in ("a", "b"):
        fill(tmp_path / name, 10, mode="L")
    assert load_dataset(f"folder:{tmp_path}").image_shape == (8, 8, 1)


def test_one_colour_image_makes_a_folder_rgb(tmp_path):
    fill(tmp_path / "a", 10, mode="L")
    fill(tmp_path / "b", 10)
    assert load_dataset(f"folder:{tmp_path}").image_shape == (8, 8, 3)


def test_large_sets_are_read_on_demand_with_the_same_pixels(photos, monkeypatch):
    in_memory = load_dataset(f"folder:{photos}").train
    monkeypatch.setattr(listings, "IN_MEMORY_LIMIT", 100)
    on_demand = load_dataset(f"folder:{photos}").train
    assert isinstance(on_demand.images, FileImages)
    everything = np.arange(len(in_memory))
    np.testing.assert_array_equal(on_demand.images.read(everything), in_memory.images.read(everything))
    assert on_demand.keys == in_memory.keys
    some = on_demand.take(everything[::-2])
    assert some.keys == in_memory.keys[::-2]
    assert some.images.fingerprint() != on_demand.images.fingerprint()


def test_images_read_on_demand_are_known_by_their_pixels(photos, monkeypatch):
    """Files of one size, such as bitmaps, can change without a change of size or name."""
    monkeypatch.setattr(listings, "IN_MEMORY_LIMIT", 100)
    before = load_dataset(f"folder:{photos}")
    path = before.train.images.paths[3]
    Image.fromarray(255 - np.asarray(Image.open(path))).save(path.with_suffix(".bmp"), "bmp")
    path.with_suffix(".bmp").replace(path)
    after = load_dataset(f"folder:{photos}")
    assert after.train.names == before.train.names
    assert after.manifest["hash"] != before.manifest["hash"]
    np.testing.assert_array_equal(before.train.images.read(np.array([2])), after.train.images.read(np.array([2])))
    with pytest.raises(
        DataError, match=rf"^{re.escape(str(path))} has changed since it was first read\. Start again\.$"
    ):
        before.train.images.read(np.array([2, 3]))


def test_limits_hold_per_class(photos, monkeypatch):
    read = []
    monkeypatch.setattr(listed_pixels, "read_header", lambda path: read.append(path) or ((8, 8), False))
    split = Split(train_per_class=8, test_per_class=3, validation=0.25, test=0.25)
    dataset = load_dataset(f"folder:{photos}", split=split)
    assert [len(dataset.subset(name)) for name in ("train", "validation", "test")] == [12, 4, 6]
    assert len(read) == 22  # the others are not opened


def test_limits_hold_for_a_validation_folder_too(tmp_path):
    for subset in ("train", "val", "test"):
        for name in ("a", "b"):
            fill(tmp_path / subset / name, 9)
    dataset = load_dataset(f"folder:{tmp_path}", split=Split(train_per_class=6, test_per_class=4))
    assert [len(dataset.subset(name)) for name in ("train", "validation", "test")] == [12, 8, 8]


def test_hidden_files_are_no_images(photos):
    (photos / "cat" / ".ipynb_checkpoints").mkdir()
    (photos / "cat" / ".ipynb_checkpoints" / "000-checkpoint.png").write_bytes(b"")
    (photos / "cat" / "._000.png").write_bytes(b"")
    dataset = load_dataset(f"folder:{photos}")
    assert sum(len(dataset.subset(name)) for name in ("train", "validation", "test")) == 40


def test_a_class_may_be_called_train(tmp_path):
    for name in ("bus", "train"):
        fill(tmp_path / name, 20)
    assert load_dataset(f"folder:{tmp_path}").class_names == ("bus", "train")


def test_a_folder_next_to_the_sets_is_refused(tmp_path):
    for subset in ("train", "test", "more"):
        for name in ("a", "b"):
            fill(tmp_path / subset / name, 3)
    with pytest.raises(
        DataError, match=r"has a folder for each set and also the folder 'more'\. Move 'more' elsewhere\."
    ):
        load_dataset(f"folder:{tmp_path}")


def test_a_missing_folder_suggests_its_neighbour(photos):
    with pytest.raises(DataError, match=r"photo does not exist\. Did you mean 'photos'\?"):
        load_dataset(f"folder:{photos.parent / 'photo'}")


def test_an_empty_folder(tmp_path):
    with pytest.raises(DataError, match=r"Expected at least 2 class folders in .*\. Received: 0\."):
        load_dataset(f"folder:{tmp_path}")


def test_all_empty_class_folders_are_named_at_once(photos):
    for name in ("eel", "fox"):
        (photos / name).mkdir()
    (photos / "fox" / "A.heic").write_bytes(b"?")
    (photos / "fox" / "folder.jpg").mkdir()
    with pytest.raises(DataError) as caught:
        load_dataset(f"folder:{photos}")
    assert str(caught.value).splitlines()[1:] == [
        f"  - {photos / 'eel'}. Received: none.",
        f"  - {photos / 'fox'}. Received: none (left out 1 file that is no image (1 .heic), such as "
        f"{photos / 'fox' / 'A.heic'} (convert .heic to JPEG to use it); and 1 path with an image suffix that is no "
        f"file: {photos / 'fox' / 'folder.jpg'}).",
    ]


def test_broken_files_of_every_set_and_sizes_are_named_at_once(tmp_path):
    for subset in ("train", "valid", "test"):
        for name in ("a", "b"):
            fill(tmp_path / subset / name, 4)
    fill(tmp_path / "test" / "b", 1, size=(9, 8), start=5)
    (tmp_path / "train" / "a" / "000.png").write_bytes(b"no image")
    whole = (tmp_path / "test" / "a" / "001.png").read_bytes()
    (tmp_path / "test" / "a" / "001.png").write_bytes(whole[:-20])
    with pytest.raises(DataError) as caught:
        load_dataset(f"folder:{tmp_path}")
    first, *others = str(caught.value).splitlines()
    assert first == "2 of 25 images cannot be read:"
    assert len(others) == 3
    assert "001.png cannot be read" in others[0] and "000.png cannot be read" in others[1]
    assert "Expected images of one size." in others[2] and "of 8x9" in others[2]


def test_an_empty_class_folder_is_named(photos):
    (photos / "eel").mkdir()
    with pytest.raises(DataError, match=r"Expected images .* in the class folder .*eel\. Received: none\."):
        load_dataset(f"folder:{photos}")


def test_all_classes_with_too_few_images_are_named(photos):
    fill(photos / "eel", 1)
    fill(photos / "fox", 2)
    with pytest.raises(DataError) as caught:
        load_dataset(f"folder:{photos}")
    assert str(caught.value) == (
        "Expected at least 3 images of each class, one for each of the sets train, validation and test. "
        "Received: 'eel' has 1, 'fox' has 2. Add images, or remove the class."
    )


@pytest.mark.parametrize("count", [3, 4, 5, 9])
def test_a_small_class_is_in_every_set(photos, count):
    fill(photos / "eel", count)
    dataset = load_dataset(f"folder:{photos}", split=Split(validation=0.1))
    numbers = [int((dataset.subset(name).labels == 2).sum()) for name in ("train", "validation", "test")]
    assert sum(numbers) == count
    assert min(numbers) >= 1
    again = load_dataset(f"folder:{photos}", split=Split(validation=0.1))
    assert again.manifest["hash"] == dataset.manifest["hash"]


def test_a_truncated_image_is_found_before_training(photos):
    path = photos / "dog" / "003.png"
    path.write_bytes(path.read_bytes()[:-30])
    with pytest.raises(DataError, match=r"dog/003\.png cannot be read as an image"):
        load_dataset(f"folder:{photos}")


def test_different_sizes_need_one(photos):
    fill(photos / "cat", 1, size=(9, 7), start=50)
    sizes = r"Received: .* of (8x8 and .*050\.png of 7x9|7x9 and .* of 8x8) .* as `image_size`\."
    with pytest.raises(DataError, match=rf"Expected images of one size\. {sizes}"):
        load_dataset(f"folder:{photos}")
    assert load_dataset(f"folder:{photos}", image_size=(6, 5)).image_shape == (6, 5, 3)


def test_sets_must_have_the_same_classes(tmp_path):
    for name in ("a", "b"):
        fill(tmp_path / "train" / name, 4)
    fill(tmp_path / "test" / "a", 4)
    with pytest.raises(DataError, match=r"Expected the same class folders in .* Only one of them has 'b'"):
        load_dataset(f"folder:{tmp_path}")


def write_lists(root, train, test):
    (root / "train.txt").write_text("\n".join(train) + "\n")
    (root / "test.txt").write_text("\n".join(test) + "\n")
    return f"list:{root / 'images'}:{root / 'train.txt'}:{root / 'test.txt'}"


@pytest.fixture
def birds(tmp_path):
    for name in ("001.Auk", "002.Jay"):
        fill(tmp_path / "images" / name, 12)
    return tmp_path


def lines(start, stop):
    return [f"{name}/{i:03}.png" for name in ("001.Auk", "002.Jay") for i in range(start, stop)]


def test_lists_decide_the_sets(birds):
    dataset = load_dataset(write_lists(birds, lines(0, 10), lines(10, 12)), split=Split(validation=0.2))
    assert dataset.class_names == ("001.Auk", "002.Jay")
    assert [len(dataset.subset(name)) for name in ("train", "validation", "test")] == [16, 4, 4]
    assert set(dataset.test.names) == set(lines(10, 12))


@pytest.mark.parametrize(
    ("train", "test", "message"),
    [
        ([*lines(0, 9), "001.Auk/999.png"], lines(10, 12), r"lists 1 missing file, first .*001\.Auk/999\.png"),
        (lines(0, 9), lines(8, 12), r"001\.Auk/008\.png is in both"),
        (lines(0, 9) + lines(3, 4), lines(10, 12), r"line 19: 001\.Auk/003\.png is listed twice"),
        ([*lines(0, 9), "lonely.png"], lines(10, 12), r"line 19: expected CLASS/file"),
        ([*lines(0, 9), "../../secret.png"], lines(10, 12), r"line 19: expected CLASS/file"),
        (lines(0, 9), lines(10, 12)[:2], r"Expected the same classes in .* Only one of them has '002\.Jay'"),
        ([], lines(10, 12), r"train\.txt is empty"),
    ],
)
def test_mistakes_in_lists(birds, train, test, message):
    with pytest.raises(DataError, match=message):
        load_dataset(write_lists(birds, train, test))


def test_all_mistakes_in_lists_are_named_at_once(birds):
    spec = write_lists(
        birds,
        [*lines(0, 9), "001.Auk/997.png", "lonely.png", "001.Auk/998.png", "001.Auk/003.png"],
        [*lines(10, 12), "002.Jay/003.png", "002.Jay/999.png"],
    )
    with pytest.raises(DataError) as caught:
        load_dataset(spec)
    train, test, images = birds / "train.txt", birds / "test.txt", birds / "images"
    assert str(caught.value).splitlines() == [
        "The image lists cannot be used:",
        f"  - {train}, line 20: expected CLASS/file. Received: 'lonely.png'.",
        f"  - {train}, line 22: 001.Auk/003.png is listed twice.",
        f"  - {train} lists 2 missing files, first {images}/001.Auk/997.png, {images}/001.Auk/998.png.",
        f"  - {test} lists 1 missing file, first {images}/002.Jay/999.png.",
        f"  - 002.Jay/003.png is in both {train} and {test}. Remove it from one of them.",
    ]


def test_lists_in_other_encodings(birds):
    spec = write_lists(birds, lines(0, 10), lines(10, 12))
    text = (birds / "train.txt").read_text()
    (birds / "train.txt").write_bytes(b"\xef\xbb\xbf" + text.encode())
    assert load_dataset(spec, split=Split(validation=0.2)).num_classes == 2
    (birds / "train.txt").write_bytes(text.encode() + "Vögel/1.png".encode("latin-1"))
    with pytest.raises(DataError, match=r"train\.txt is not UTF-8"):
        load_dataset(spec)


def test_lists_of_one_class(birds):
    one = [line for line in lines(0, 12) if line.startswith("001")]
    with pytest.raises(DataError, match=r"Expected images of at least 2 classes in .* Received: 1, '001\.Auk'\."):
        load_dataset(write_lists(birds, one[:10], one[10:]))


def test_real_digits(real_data, tmp_path):
    import tarfile

    with tarfile.open(real_data / "mnist900.tar.gz") as archive:
        archive.extractall(tmp_path, filter="data")
    dataset = load_dataset(f"folder:{tmp_path / 'mnist900'}")
    assert [len(dataset.subset(name)) for name in ("train", "validation", "test")] == [600, 200, 100]
    assert dataset.image_shape == (28, 28, 1)
    assert dataset.class_names == tuple("0123456789")


@pytest.mark.parametrize(
    ("train", "test"),
    [
        ("Training", "Testing"),
        ("training_set", "test_set"),
        ("TRAIN", "Test"),
        ("Train Set", "test-data"),
        ("trainset", "testset"),
    ],
)
def test_sets_are_recognised_in_any_case(tmp_path, train, test):
    for subset, count in ((train, 10), (test, 4)):
        for name in ("cat", "dog"):
            fill(tmp_path / subset / name, count)
    dataset = load_dataset(f"folder:{tmp_path}")
    assert dataset.class_names == ("cat", "dog")
    assert [len(dataset.subset(name)) for name in ("train", "validation", "test")] == [18, 2, 8]


@pytest.mark.parametrize("names", [("trn", "tst"), ("seg_train", "seg_test", "seg_pred"), ("Training", "Evaluation")])
def test_folders_that_are_named_as_sets_are_no_classes(tmp_path, names):
    for name in names:
        fill(tmp_path / name / ("cat" if "seg" in name else "."), 10)
    with pytest.raises(DataError, match=rf"Received names of sets: {names[1]!r}|{names[0]!r}, .* Arrange the images"):
        load_dataset(f"folder:{tmp_path}")


@pytest.mark.parametrize("names", [("test_negative", "test_positive"), ("bus", "train"), ("testimony", "validator")])
def test_classes_may_have_names_with_words_for_sets(tmp_path, names):
    for name in names:
        fill(tmp_path / name, 10)
    assert load_dataset(f"folder:{tmp_path}").class_names == names


def test_results_among_the_classes_are_refused(photos):
    fill(photos / "runs" / "mine" / "report", 3)
    (photos / "runs" / "mine" / "study.json").write_text("{}")
    with pytest.raises(DataError, match=r"runs holds results of kerasclf, and no class\. Move it elsewhere\."):
        load_dataset(f"folder:{photos}")


@pytest.mark.parametrize("size", [(0, 5), (5, -1), (5,), (100_000, 100_000)])
def test_an_impossible_size_is_refused(photos, size):
    with pytest.raises(DataError, match=r"^image_size: expected \(height, width\) of 1 to 67,108,864 pixels"):
        load_dataset(f"folder:{photos}", image_size=size)


@pytest.mark.parametrize("path", ["x" * 5000, "~nobody-of-this-name/photos"])
@pytest.mark.parametrize("kind", ["folder", "birds", "wine"])
def test_an_impossible_path_is_refused(kind, path):
    with pytest.raises(DataError, match=r"cannot be read: (File name too long|Could not determine home)"):
        load_dataset(f"{kind}:{path}")


def test_two_folders_for_one_set_are_refused(tmp_path):
    for subset in ("train", "Training", "test"):
        for name in ("cat", "dog"):
            fill(tmp_path / subset / name, 3)
    with pytest.raises(DataError, match="two folders for one set: 'Training' and 'train'"):
        load_dataset(f"folder:{tmp_path}")


def test_files_that_are_left_out_are_counted_and_named(photos):
    for name in ("a.heic", "b.heic", "c.txt"):
        (photos / "cat" / name).write_bytes(b"?")
    (photos / "dog" / "broken.png").symlink_to(photos / "nowhere.png")
    for name in ("Thumbs.db", "._photo.png", "desktop.ini"):
        (photos / "cat" / name).write_bytes(b"?")
    lines = []
    dataset = load_dataset(f"folder:{photos}", log=lines.append)
    assert sum(len(dataset.subset(name)) for name in ("train", "validation", "test")) == 40
    assert lines[0] == (
        f"left out 3 files that are no images (2 .heic, 1 .txt), such as {photos / 'cat' / 'a.heic'} "
        "(convert .heic to JPEG to use it); and "
        f"1 path with an image suffix that is no file: {photos / 'dog' / 'broken.png'}"
    )


def test_every_common_suffix_is_read(photos):
    for suffix, kind in ((".jfif", "JPEG"), (".jpe", "JPEG"), (".pgm", "PPM"), (".tga", "TGA"), (".avif", "AVIF")):
        mode = "L" if suffix == ".pgm" else "RGB"
        Image.new(mode, (8, 8)).save(photos / "cat" / f"new{suffix}", kind)
    dataset = load_dataset(f"folder:{photos}")
    assert sum(len(dataset.subset(name)) for name in ("train", "validation", "test")) == 45


def test_linked_folders_are_followed_once(photos, tmp_path):
    fill(tmp_path / "more", 5, start=50)
    (photos / "cat" / "linked").symlink_to(tmp_path / "more")
    (photos / "cat" / "again").symlink_to(photos / "cat")
    dataset = load_dataset(f"folder:{photos}")
    assert sum(len(dataset.subset(name)) for name in ("train", "validation", "test")) == 45


def test_all_broken_files_are_named_at_once(photos):
    for i in range(25):
        (photos / "cat" / f"broken{i:02}.png").write_bytes(b"no image")
    with pytest.raises(DataError) as caught:
        load_dataset(f"folder:{photos}")
    message = str(caught.value)
    assert message.startswith("25 of 65 images cannot be read:")
    assert "broken00.png" in message and "broken19.png" in message
    assert "broken20.png" not in message
    assert message.endswith("and 5 more")


def test_all_truncated_files_are_named_at_once(photos):
    for name in ("a.png", "b.png"):
        Image.effect_noise((64, 64), 80).save(photos / "cat" / name)
        content = (photos / "cat" / name).read_bytes()
        (photos / "cat" / name).write_bytes(content[: len(content) // 2])
    with pytest.raises(DataError) as caught:
        load_dataset(f"folder:{photos}", image_size=(8, 8))
    assert "2 of 42 images cannot be read" in str(caught.value)
    assert "a.png" in str(caught.value) and "b.png" in str(caught.value)
