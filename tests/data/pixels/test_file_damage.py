"""Damage that Pillow does not notice is found, and whole files of every kind pass."""

import io

import numpy as np
import pytest
from PIL import Image

from kerasclf.data.pixels.decode import read_image
from kerasclf.errors import DataError

NOISE = np.asarray(Image.effect_noise((40, 30), 80).resize((161, 123), Image.Resampling.BICUBIC))
PHOTO = np.stack([NOISE, NOISE[::-1], NOISE[:, ::-1]], axis=-1)
ON_WHITE = np.where(np.arange(123)[:, None, None] < 60, PHOTO, np.uint8(255))
WHITE = np.full_like(PHOTO, 255)


def encoded(pixels, kind, mode="RGB", **options):
    stream = io.BytesIO()
    Image.fromarray(pixels).convert(mode).save(stream, kind, **options)
    return stream.getvalue()


@pytest.fixture
def read(tmp_path):
    def run(content, size=None):
        (tmp_path / "image").write_bytes(content)
        return read_image(tmp_path / "image", size)

    return run


@pytest.mark.parametrize("pixels", [PHOTO, ON_WHITE, WHITE, WHITE[:1, :1], WHITE[:9, :17]])
@pytest.mark.parametrize("mode", ["RGB", "L", "CMYK"])
def test_whole_jpegs_pass(read, pixels, mode):
    for progressive in (False, True):
        for optimize in (False, True):
            for subsampling in (0, 2):
                options = {"progressive": progressive, "optimize": optimize, "subsampling": subsampling}
                content = encoded(pixels, "JPEG", mode, **options)
                assert read(content).shape == pixels.shape
                assert read(content + b"\0" * 5000).shape == pixels.shape  # some cameras fill a sector
                assert read(content, (20, 30)).shape == (20, 30, 3)


@pytest.mark.parametrize("pixels", [PHOTO, ON_WHITE, WHITE])
@pytest.mark.parametrize("share", [0.4, 0.7, 0.9, 0.97])
@pytest.mark.parametrize("end", [b"", b"\xff\xd9"])
def test_a_jpeg_that_ends_early_is_refused(read, pixels, share, end):
    whole = encoded(pixels, "JPEG")
    with pytest.raises(
        DataError,
        match=r"image cannot be read as an image: .*([Tt]runcated|ends before the last pixel|cannot load this image)",
    ):
        read(whole[: int(len(whole) * share)] + end)
    with pytest.raises(DataError, match="cannot be read"):
        read(whole[: int(len(whole) * share)] + end, (20, 30))


@pytest.mark.parametrize("share", [0.4, 0.7])
def test_a_progressive_jpeg_that_lacks_scans_is_refused(read, share):
    whole = encoded(PHOTO, "JPEG", progressive=True)
    with pytest.raises(DataError, match="the last of its scans are missing, so it would be blurred"):
        read(whole[: int(len(whole) * share)] + b"\xff\xd9")


def test_a_sector_of_zeros_in_a_jpeg_is_found_and_white_paper_is_not(read):
    whole = bytearray(encoded(PHOTO, "JPEG", quality=95, optimize=True))
    half = len(whole) // 2
    whole[half : half + 1024] = bytes(1024)
    with pytest.raises(DataError, match="a part of it was overwritten with zeros"):
        read(bytes(whole))
    paper = encoded(np.full((2000, 2000, 3), 255, np.uint8), "JPEG", optimize=True)
    assert bytes(512) in paper
    assert read(paper, (8, 8)).min() == 255


@pytest.mark.parametrize(("kind", "options"), [("PNG", {}), ("WEBP", {}), ("WEBP", {"lossless": True}), ("AVIF", {})])
def test_a_half_downloaded_file_is_refused(read, kind, options):
    """The other half is missing, or is zeros in a file that had its full length from the start."""
    whole = encoded(PHOTO, kind, **options)
    assert read(whole).shape == PHOTO.shape
    half = whole[: len(whole) // 2]
    for content in (half, half + bytes(len(whole) - len(half))):
        with pytest.raises(DataError, match="cannot be read as an image"):
            read(content)


def test_a_png_is_checked_to_its_end(read):
    whole = encoded(PHOTO, "PNG")
    assert read(whole + b"anything").shape == PHOTO.shape
    for position in (20, 45, len(whole) // 2, len(whole) - 3):
        damaged = bytearray(whole)
        damaged[position] ^= 1
        with pytest.raises(DataError, match="cannot be read as an image"):
            read(bytes(damaged))
