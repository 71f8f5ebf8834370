"""Image files of every format become uint8 pixels."""

import numpy as np
import pytest
from PIL import Image, ImageOps, JpegImagePlugin

from kerasclf.data.pixels.decode import read_header, read_image
from kerasclf.errors import DataError

RED = (255, 0, 0)


def saved(tmp_path, image, name="image.png", **options):
    path = tmp_path / name
    image.save(path, **options)
    return path


def test_rgb_is_read_as_it_is(tmp_path):
    pixels = np.random.default_rng(0).integers(0, 256, (5, 7, 3), dtype=np.uint8)
    np.testing.assert_array_equal(read_image(saved(tmp_path, Image.fromarray(pixels))), pixels)


def test_grey_becomes_three_equal_channels_or_one(tmp_path):
    path = saved(tmp_path, Image.new("L", (2, 2), 77))
    assert read_image(path).tolist() == [[[77] * 3] * 2] * 2
    assert read_image(path, channels=1).tolist() == [[[77]] * 2] * 2


def test_transparency_is_laid_over_white(tmp_path):
    half = read_image(saved(tmp_path, Image.new("RGBA", (1, 1), (255, 0, 0, 128))))
    np.testing.assert_allclose(half[0, 0], [255, 127, 127], atol=1)
    nothing = read_image(saved(tmp_path, Image.new("LA", (1, 1), (0, 0)), "la.png"))
    assert nothing[0, 0].tolist() == [255, 255, 255]


def test_a_transparent_palette_entry_is_laid_over_white(tmp_path):
    image = Image.new("P", (2, 1))
    image.putpalette([255, 0, 0, 0, 255, 0])
    image.putpixel((1, 0), 1)
    pixels = read_image(saved(tmp_path, image, transparency=1))
    assert pixels[0].tolist() == [[255, 0, 0], [255, 255, 255]]


def test_cmyk_becomes_rgb(tmp_path):
    pixels = read_image(saved(tmp_path, Image.new("CMYK", (8, 8), (0, 255, 255, 0)), "c.jpg", quality=100))
    np.testing.assert_allclose(pixels[0, 0], RED, atol=3)


@pytest.mark.parametrize("value", [0, 4096, 30000, 65535])
def test_sixteen_bits_keep_their_upper_eight(tmp_path, value):
    image = Image.fromarray(np.array([[value]], np.uint16))
    assert read_image(saved(tmp_path, image))[0, 0].tolist() == [value >> 8] * 3


def test_pixels_without_an_agreed_range_are_refused(tmp_path):
    path = saved(tmp_path, Image.fromarray(np.array([[0.5]], np.float32)), "float.tif")
    with pytest.raises(DataError, match=r"float\.tif cannot .* floating-point pixels have no agreed range"):
        read_image(path)


def test_a_broken_file_is_named_however_it_breaks(tmp_path):
    rng = np.random.default_rng(0)
    exif = Image.Exif()
    exif[0x0112] = 6
    good = saved(tmp_path, Image.effect_noise((32, 32), 50), "good.jpg", exif=exif).read_bytes()
    path = tmp_path / "bad.jpg"
    for _ in range(300):
        data = np.frombuffer(good, np.uint8).copy()
        data[rng.integers(2, 120, 3)] = rng.integers(0, 256, 3)
        path.write_bytes(data.tobytes())
        for read in (read_image, read_header):
            try:
                read(path)
            except DataError as error:
                assert "bad.jpg" in str(error)


def test_exif_rotation_is_applied(tmp_path):
    image = Image.new("RGB", (4, 2), "blue")
    image.putpixel((0, 0), RED)
    exif = Image.Exif()
    exif[0x0112] = 6  # show after turning by 90 degrees clockwise
    path = saved(tmp_path, image, exif=exif)
    pixels = read_image(path)
    assert pixels.shape == (4, 2, 3)
    assert pixels[0, 1].tolist() == list(RED)
    assert read_header(path) == ((4, 2), False)


@pytest.mark.parametrize("suffix", ["jpg", "tif", "png", "webp"])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_every_orientation_of_every_format_is_applied(tmp_path, suffix, orientation):
    pixels = np.zeros((30, 50, 3), np.uint8)
    pixels[:15, :25] = RED
    exif = Image.Exif()
    exif[0x0112] = orientation
    path = saved(tmp_path, Image.fromarray(pixels), f"turned.{suffix}", exif=exif)
    with Image.open(path) as file:
        expected = np.asarray(ImageOps.exif_transpose(file).convert("RGB"))
    found = read_image(path)
    np.testing.assert_array_equal(found, expected)
    assert read_header(path)[0] == found.shape[:2]


def test_an_unreadable_description_is_no_unreadable_picture(tmp_path):
    path = saved(tmp_path, Image.new("RGB", (8, 8), RED), "odd.jpg", quality=100, exif=b"Exif\x00\x00II*\x00\xff\xff")
    np.testing.assert_allclose(read_image(path), np.broadcast_to(RED, (8, 8, 3)), atol=2)
    assert read_header(path) == ((8, 8), False)


def test_resizing_gives_the_size_asked_for(tmp_path):
    path = saved(tmp_path, Image.new("RGB", (900, 600), RED), "large.jpg", quality=100)
    pixels = read_image(path, (20, 30))
    assert pixels.shape == (20, 30, 3)
    np.testing.assert_allclose(pixels, np.broadcast_to(RED, pixels.shape), atol=2)


def test_a_truncated_file_is_named(tmp_path):
    path = saved(tmp_path, Image.effect_noise((64, 64), 50), "cut.jpg")
    path.write_bytes(path.read_bytes()[:-300])
    with pytest.raises(DataError, match=r"cut\.jpg cannot be read as an image: .*Replace or remove the file"):
        read_image(path)


def test_a_file_that_is_no_image_is_named(tmp_path):
    path = tmp_path / "text.png"
    path.write_text("hello")
    with pytest.raises(DataError, match=r"text\.png cannot be read as an image"):
        read_header(path)


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(DataError, match=r"gone\.png does not exist"):
        read_image(tmp_path / "gone.png")


def test_a_rotated_jpeg_is_as_sharp_as_the_same_picture_stored_upright(tmp_path):
    noise = np.random.default_rng(0).integers(0, 256, (400, 4000, 3), np.uint8)
    picture = Image.fromarray(noise)
    exif = Image.Exif()
    exif[0x0112] = 6
    picture.save(tmp_path / "sideways.jpg", exif=exif)
    with Image.open(tmp_path / "sideways.jpg") as file:
        upright = ImageOps.exif_transpose(file)
        upright.save(tmp_path / "upright.png")
    sideways, expected = (read_image(tmp_path / name, (400, 64)) for name in ("sideways.jpg", "upright.png"))
    # Decoded at a fraction of its size, it is blurred a little; at an eighth, noise would be nearly flat.
    assert sideways.std() > 0.5 * expected.std()


def test_eight_bits_stored_in_32_stay(tmp_path):
    levels = np.arange(256, dtype=np.int32).reshape(16, 16)
    Image.fromarray(levels, "I").save(tmp_path / "levels.tif")
    np.testing.assert_array_equal(read_image(tmp_path / "levels.tif", channels=1)[..., 0], levels)


def test_twelve_bits_in_sixteen_are_refused_and_not_black(tmp_path):
    Image.fromarray((np.arange(64, dtype=np.uint16) * 64).reshape(8, 8)).save(tmp_path / "dark.png")
    with pytest.raises(DataError, match="its brightest grey level is 4,032 of 65,535"):
        read_image(tmp_path / "dark.png", channels=1)
    Image.fromarray(np.zeros((8, 8), np.uint16)).save(tmp_path / "black.png")
    assert read_image(tmp_path / "black.png", channels=1).max() == 0


def test_a_jpeg_is_decoded_in_one_call(tmp_path, monkeypatch):
    """Each further call would ask for Python's lock."""
    path = saved(tmp_path, Image.effect_noise((400, 400), 90), "noise.jpg", quality=95)
    assert path.stat().st_size > 1 << 16
    with Image.open(path) as file:
        expected = np.asarray(file)
    calls, read = [], JpegImagePlugin.JpegImageFile.load_read
    monkeypatch.setattr(
        JpegImagePlugin.JpegImageFile, "load_read", lambda self, count: calls.append(count) or read(self, count)
    )
    np.testing.assert_array_equal(read_image(path, channels=1)[..., 0], expected)
    assert calls == [path.stat().st_size]
