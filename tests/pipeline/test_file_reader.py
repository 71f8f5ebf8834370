"""JPEG files that TensorFlow decodes: the same pixels and errors as with Pillow."""

from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from kerasclf import Augmentation
from kerasclf.data import ArrayImages, FileImages, Subset
from kerasclf.data.image_sources import keys_of
from kerasclf.data.pixels import decode
from kerasclf.errors import DataError
from kerasclf.pipeline import file_reader
from kerasclf.pipeline.batches import Epoch, evaluation_batches, read_errors, training_batches

SIZE = (18, 21)
UPRIGHT, SIDEWAYS = 1, 6


def save(path, seed, height=18, width=21, mode="RGB", orientation=UPRIGHT, **options):
    pixels = np.random.default_rng(seed).integers(0, 256, (height // 3, width // 3, 3), np.uint8)
    exif = Image.Exif()
    exif[0x0112] = orientation
    Image.fromarray(pixels).resize((width, height)).convert(mode).save(path, exif=exif, **options)


@pytest.fixture
def files(tmp_path):
    """Every kind of file that a folder may hold. The first five are JPEGs that TensorFlow decodes as Pillow does."""
    paths = [tmp_path / f"{number}.jpg" for number in range(10)]
    save(paths[0], 0)
    save(paths[1], 1, subsampling=0, quality=100)
    save(paths[2], 2, progressive=True)
    save(paths[3], 3, mode="L")
    save(paths[4], 4, quality=30)
    save(paths[5], 5, 21, 18, orientation=SIDEWAYS)
    save(paths[6], 6, 72, 84)
    save(paths[7], 7, mode="CMYK")
    save(paths[8], 8, format="PNG")
    save(paths[9], 9, orientation=3)
    return paths


def on_demand(paths, channels=3):
    images = FileImages(tuple(paths), SIZE, channels)
    images = replace(images, keys=keys_of(images))
    return Subset(images, np.arange(len(images)) % 2, images.keys)


def pixels_of(batches):
    return np.concatenate([images.numpy() for images, _ in batches])


def count_readings(monkeypatch):
    """Returns the files that Pillow reads from now on."""
    read, original = [], FileImages.read_file
    monkeypatch.setattr(
        FileImages, "read_file", lambda self, path, compared=False: read.append(path) or original(self, path, compared)
    )
    return read


@pytest.mark.parametrize(("channels", "without_pillow"), [(3, range(5)), (1, [3])])
def test_every_file_has_the_pixels_of_pillow_and_small_jpegs_do_not_need_it(
    files, channels, without_pillow, monkeypatch
):
    subset = on_demand(files, channels)
    expected = np.stack([decode.read_image(path, SIZE, channels) for path in files])
    batches, read = evaluation_batches(subset, 2, 4), count_readings(monkeypatch)
    for _ in range(3):
        np.testing.assert_array_equal(pixels_of(batches), expected)
    assert set(files) - set(read) == {files[number] for number in without_pillow}


def test_a_decoder_with_other_pixels_is_not_used(files, monkeypatch):
    decode_jpeg = file_reader._decode
    monkeypatch.setattr(file_reader, "_decode", lambda file, channels: decode_jpeg(file, channels) ^ 1)
    subset = on_demand(files[:5])
    batches = evaluation_batches(subset, 2, 4)
    for _ in range(2):
        np.testing.assert_array_equal(pixels_of(batches), subset.images.read(np.arange(5)))


def test_training_takes_the_same_images_in_the_same_order(files):
    subset = on_demand(files)
    in_memory = replace(subset, images=ArrayImages(subset.images.read(np.arange(len(files)))))
    augmentation = Augmentation(horizontal_flip=True)
    for number in range(2):
        found, expected = (
            pixels_of(training_batches(one, 2, 4, augmentation, 0, Epoch(number))) for one in (subset, in_memory)
        )
        np.testing.assert_array_equal(found, expected)


def test_a_changed_or_missing_file_has_the_error_of_pillow(files):
    batches = evaluation_batches(on_demand(files[:5]), 2, 4)
    list(batches)
    content = files[1].read_bytes()
    save(files[1], 20)
    with pytest.raises(DataError, match=r"1\.jpg has changed since it was first read\. Start again\."), read_errors():
        list(batches)
    files[1].write_bytes(content[: len(content) // 2])
    with pytest.raises(DataError, match=r"1\.jpg (cannot be read as an image|has changed)"), read_errors():
        list(batches)
    files[1].unlink()
    with pytest.raises(DataError, match=r"1\.jpg does not exist\."), read_errors():
        list(batches)
    files[1].write_bytes(content)
    assert len(pixels_of(batches)) == 5


def test_a_file_whose_bytes_change_but_not_its_pixels_is_read(files):
    subset = on_demand(files[:2])
    batches = evaluation_batches(subset, 2, 2)
    before = pixels_of(batches)
    with files[1].open("ab") as file:
        file.write(b"a comment")
    np.testing.assert_array_equal(pixels_of(batches), before)


class Prepared:
    """A store of the pixels of some images."""

    def __init__(self, images, keys):
        self.images, self.keys = images, keys

    def rows(self, keys):
        return [self.keys.index(key) if key in self.keys else -1 for key in keys]

    def read(self, row, image):
        image[...] = self.images[row]
        return True


def test_prepared_images_are_taken_from_the_store(files, monkeypatch):
    subset = on_demand(files[:5])
    pixels = subset.images.read(np.arange(5))
    store = Prepared(pixels[[1, 3]], [subset.images.keys[1], subset.images.keys[3]])
    monkeypatch.setattr(FileImages, "read_file", None)  # Pillow
    some = replace(subset, images=replace(subset.images, prepared=store))
    batches = evaluation_batches(some, 2, 4)
    for _ in range(2):
        np.testing.assert_array_equal(pixels_of(batches), pixels)
    files[1].unlink()
    np.testing.assert_array_equal(pixels_of(batches), pixels)
    everything = Prepared(pixels, subset.images.keys)
    assert file_reader.make_file_reader(replace(subset.images, prepared=everything)) is None
