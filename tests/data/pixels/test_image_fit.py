"""An image of any shape fills a size by squashing, cropping or padding."""

import io

import numpy as np
import pytest
from PIL import Image

from kerasclf import Split, load_dataset
from kerasclf.commands.options.shared_options import SharedOptions
from kerasclf.data import listings
from kerasclf.data.image_sources import FileImages
from kerasclf.data.pixels.decode import read_image, resize_images
from kerasclf.data.pixels.image_fit import FITS, fit_image, scaled_size
from kerasclf.errors import DataError
from kerasclf.transfer.cache import ActivationCache

WIDE = [[0, 10, 20, 30], [40, 50, 60, 70]]


def fitted(pixels, size, fit):
    return np.asarray(fit_image(Image.fromarray(np.array(pixels, np.uint8)), size, fit)).tolist()


def noise(height, width, channels=3):
    return np.random.default_rng([height, width]).integers(0, 256, (height, width, channels), np.uint8)


@pytest.mark.parametrize(
    ("fit", "size", "expected"),
    [
        ("squash", (2, 2), [[7, 23], [47, 63]]),  # weights 3, 3, 1 of the triangle
        ("crop", (2, 2), [[10, 20], [50, 60]]),
        ("pad", (4, 4), [[0] * 4, *WIDE, [0] * 4]),
        ("pad", (5, 4), [[0] * 4, *WIDE, [0] * 4, [0] * 4]),  # the odd row is below
        ("pad", (2, 7), [[0, *row, 0, 0] for row in WIDE]),  # the odd column is to the right
        ("crop", (2, 3), [[5, 15, 25], [45, 55, 65]]),  # the middle lies between two pixels
    ],
)
def test_pixels_of_a_wide_image(fit, size, expected):
    assert fitted(WIDE, size, fit) == expected


@pytest.mark.parametrize("fit", FITS)
def test_an_image_of_the_same_aspect_ratio_is_only_resized(fit):
    image = Image.fromarray(noise(12, 18))
    assert fit_image(image, (12, 18), fit).tobytes() == image.tobytes()
    expected = image.resize((6, 4), Image.Resampling.BILINEAR)
    assert fit_image(image, (4, 6), fit).tobytes() == expected.tobytes()


def test_a_crop_is_the_middle_of_the_scaled_image():
    image = Image.fromarray(noise(40, 60))
    scaled = np.asarray(image.resize((30, 20), Image.Resampling.BILINEAR))
    np.testing.assert_array_equal(np.asarray(fit_image(image, (20, 20), "crop")), scaled[:, 5:25])


def test_a_padded_image_is_the_scaled_image_on_black():
    image = Image.fromarray(noise(40, 60))
    padded = np.asarray(fit_image(image, (20, 20), "pad"))
    scaled = np.asarray(image.resize((20, 13), Image.Resampling.BILINEAR))
    np.testing.assert_array_equal(padded[3:16], scaled)
    assert not padded[:3].any() and not padded[16:].any()


def test_an_image_of_one_row_and_extreme_shapes_keep_a_visible_line():
    assert fitted([[10, 20, 30, 40]], (2, 2), "crop") == [[23, 28], [23, 28]]
    assert fitted([[9] * 3000], (4, 6), "pad") == [[0] * 6, [9] * 6, [0] * 6, [0] * 6]
    assert fitted([[9]] * 3000, (2, 3), "pad") == [[0, 9, 0]] * 2
    assert [scaled_size((1, 3000), (4, 6), fit) for fit in FITS] == [(4, 6), (4, 6), (1, 6)]
    for fit in FITS:
        assert fitted([[9] * 60_000], (3, 3), fit)[1] == [9] * 3


def saved(path, pixels, orientation=1):
    exif = Image.Exif()
    exif[0x0112] = orientation
    Image.fromarray(pixels).save(path, exif=exif, quality=95)
    return path


@pytest.mark.parametrize("fit", FITS)
@pytest.mark.parametrize("suffix", ["png", "jpg"])
def test_a_turned_file_is_fitted_upright(tmp_path, fit, suffix):
    """A large JPEG is decoded at a part of its size."""
    smooth = np.linspace(0, 255, 96 * 320).reshape(96, 320, 1).repeat(3, 2).astype(np.uint8)
    upright = saved(tmp_path / f"upright.{suffix}", smooth)
    turned = saved(tmp_path / f"turned.{suffix}", np.rot90(smooth), orientation=6)
    expected = np.asarray(fit_image(Image.fromarray(smooth), (20, 10), fit), np.int64)
    for path in (upright, turned):
        assert np.abs(read_image(path, (20, 10), fit=fit) - expected).max() <= (8 if suffix == "jpg" else 0)


def test_a_jpeg_is_decoded_no_smaller_than_the_fit_needs(tmp_path, monkeypatch):
    path, asked = saved(tmp_path / "a.jpg", noise(160, 800)), []
    draft = Image.Image.draft
    monkeypatch.setattr(
        "PIL.JpegImagePlugin.JpegImageFile.draft",
        lambda self, mode, size: asked.append(size) or draft(self, mode, size),
    )
    for fit in FITS:
        read_image(path, (40, 40), fit=fit)
    assert asked == [(40, 40), (40, 40), (40, 8)]


@pytest.mark.parametrize("fit", FITS)
@pytest.mark.parametrize("channels", [1, 3])
def test_arrays_are_fitted_as_files_are(tmp_path, fit, channels):
    pixels = noise(9, 14, channels)
    Image.fromarray(pixels.squeeze()).save(tmp_path / "a.png")
    of_file = read_image(tmp_path / "a.png", (8, 6), channels, fit)
    np.testing.assert_array_equal(resize_images(pixels[None], (8, 6), fit), of_file[None])


@pytest.fixture(scope="module")
def wide(tmp_path_factory):
    """The same 2 × 4 images of 6×10 pixels as a folder, a table and arrays, without a split."""
    root = tmp_path_factory.mktemp("wide")
    pixels = np.random.default_rng(0).integers(1, 256, (8, 6, 10, 3), np.uint8)
    rows = ["file,class"]
    for number, image in enumerate(pixels):
        path = root / "photos" / "ab"[number // 4] / f"{number}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(image).save(path)
        rows.append(f"{path},{path.parent.name}")
    (root / "labels.csv").write_text("\n".join(rows))
    np.savez(root / "arrays.npz", x_train=pixels, y_train=np.repeat([0, 1], 4), class_names=np.array(["a", "b"]))
    return root


SPLIT = Split(validation=0.25, test=0.25)


def pixels_of(dataset):
    """Returns the pixels of all images in any order."""
    sets = (dataset.train, dataset.validation, dataset.test)
    return sorted(image.tobytes() for one in sets for image in one.images.read(np.arange(len(one))))


@pytest.mark.parametrize("fit", FITS)
def test_every_kind_of_images_has_the_same_pixels(wide, fit, monkeypatch):
    expected = [read_image(path, (5, 5), fit=fit).tobytes() for path in sorted((wide / "photos").glob("*/*"))]
    specs = (f"folder:{wide / 'photos'}", f"csv:{wide / 'labels.csv'}", f"npz:{wide / 'arrays.npz'}")
    for spec in specs:
        dataset = load_dataset(spec, split=SPLIT, image_size=(5, 5), fit=fit)
        assert pixels_of(dataset) == sorted(expected)
    monkeypatch.setattr(listings, "IN_MEMORY_LIMIT", 0)
    on_demand = load_dataset(specs[0], split=SPLIT, image_size=(5, 5), fit=fit)
    assert isinstance(on_demand.train.images, FileImages)
    assert pixels_of(on_demand) == sorted(expected)


def test_two_fits_share_neither_a_manifest_nor_cached_features(wide, tmp_path):
    datasets = [load_dataset(f"folder:{wide / 'photos'}", split=SPLIT, image_size=(5, 5), fit=fit) for fit in FITS]
    assert len({dataset.manifest["hash"] for dataset in datasets}) == 3
    squashed, *others = (dataset.train.keys for dataset in datasets)
    cache = ActivationCache(tmp_path, {"name": "net"}, (1,), "float32")
    cache.open()
    cache.append(squashed, np.zeros((len(squashed), 1), np.float32))
    assert cache.missing(squashed) == []
    for keys in others:
        assert cache.missing(keys) == list(range(len(keys)))


def test_digits_are_fitted_too():
    padded = load_dataset("digits", image_size=(8, 12), fit="pad").train.images.read(np.arange(2))
    own = load_dataset("digits").train.images.read(np.arange(2))
    np.testing.assert_array_equal(padded[:, :, 2:10], own)
    assert not padded[:, :, [0, 1, 10, 11]].any()


def test_images_of_one_size_are_the_same_without_a_size(wide):
    spec = f"folder:{wide / 'photos'}"
    plain, padded = (load_dataset(spec, split=SPLIT, fit=fit) for fit in ("squash", "pad"))
    assert plain.manifest == padded.manifest


def test_an_unknown_fit_and_a_table_are_refused():
    with pytest.raises(DataError) as caught:
        load_dataset("shapes", fit="zoom")
    assert str(caught.value) == "fit: expected 'squash', 'crop' or 'pad'. Received: 'zoom'."
    with pytest.raises(DataError) as caught:
        load_dataset("iris", fit="pad")
    assert str(caught.value) == "fit: expected 'squash' for iris, a table. Received: 'pad'."


def test_the_option_has_every_fit():
    assert "'squash', 'crop', 'pad'" in repr(SharedOptions.__annotations__["fit"])


def test_an_animation_and_a_palette_are_padded_with_black(tmp_path):
    image = Image.new("P", (4, 2), 0)
    image.putpalette([255, 0, 0])  # the first colour, red, is not black
    image.save(tmp_path / "a.png")
    found = read_image(tmp_path / "a.png", (4, 4), fit="pad")
    assert found[:, 0].tolist() == [[0, 0, 0], [255, 0, 0], [255, 0, 0], [0, 0, 0]]
    clear = io.BytesIO()
    Image.new("RGBA", (2, 1), (0, 0, 0, 0)).save(clear, "PNG")
    (tmp_path / "clear.png").write_bytes(clear.getvalue())
    assert read_image(tmp_path / "clear.png", (2, 2), fit="pad")[:, 0].tolist() == [[255] * 3, [0] * 3]
