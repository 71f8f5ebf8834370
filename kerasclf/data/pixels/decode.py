"""Decodes and resizes image files of every common format to uint8 pixels."""

import contextlib
import functools
import math
import stat
import threading
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, JpegImagePlugin

from kerasclf.data.pixels.file_damage import find_damage
from kerasclf.data.pixels.image_fit import Fit, fit_image, scaled_size
from kerasclf.errors import DataError
from kerasclf.wording import format_bytes

SUFFIXES = tuple(".avif .bmp .gif .jfif .jp2 .jpe .jpeg .jpg .pbm .pgm .png .pnm .ppm .tga .tif .tiff .webp".split())
GREY_MODES = ("1", "L", "LA", "La", "I", "I;16", "I;16B", "I;16L", "I;16N", "F")
# The formats of these suffixes. Pillow knows others; for one of them (EPS) it starts another program.
_FORMATS = ("AVIF", "BMP", "GIF", "JPEG", "JPEG2000", "PNG", "PPM", "TGA", "TIFF", "WEBP")
# How a picture of an EXIF orientation is shown.
_ORIENTATION = 0x0112
_TRANSPOSITIONS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
# At 4 bytes per pixel, and two copies while it is converted, a picture then takes at most 512 MiB.
MAX_PIXELS = 1 << 26
_MAX_FILE_BYTES = 1 << 29
# Pixels that are converted at once where a conversion needs several copies.
_STRIP_PIXELS = 1 << 20


class _PixelBudget:
    """Limits the pixels that all threads decode at once, and so their memory."""

    def __init__(self, pixels: int) -> None:
        self._free, self._changed = pixels, threading.Condition()

    @contextlib.contextmanager
    def take(self, pixels: int) -> Iterator[None]:
        """Waits until so many pixels are free, at most all, and takes them."""
        with self._changed:
            self._changed.wait_for(lambda: self._free >= pixels)
            self._free -= pixels
        try:
            yield
        finally:
            with self._changed:
                self._free += pixels
                self._changed.notify_all()


_BUDGET = _PixelBudget(MAX_PIXELS)


def read_image(
    path: Path, size: tuple[int, int] | None = None, channels: int = 3, fit: Fit = "squash", compared: bool = False
) -> NDArray[np.uint8]:
    """Reads one image as uint8 pixels 0–255 of shape (height, width, channels).

    EXIF rotation is applied. Transparent pixels are laid over white. CMYK and palettes become RGB. 16-bit grey keeps
    its upper eight bits. An animation gives its first frame.

    Args:
        path: A file in the format of one of the `SUFFIXES`.
        size: Height and width to resize to, in pixels (bilinear, antialiased); None keeps the original size.
        channels: 3 for RGB, 1 for grey.
        fit: How the image fills `size`, see `kerasclf.data.pixels.image_fit`.
        compared: Whether the caller compares the pixels with those of an earlier reading. Damage that Pillow does not
            notice is then not searched for, which takes about as long as decoding a small image.

    Raises:
        DataError: If the file is missing, damaged, too large or not an image; the message names it.
    """
    with _opened(path) as file:
        stored = math.prod(file.size)
        if size is not None:
            # A JPEG decodes at 1/2, 1/4 or 1/8 of its size if that is still large enough.
            file.draft(file.mode, _stored_size(file, size, fit))
        # The decoder of a progressive JPEG holds all pixels even then.
        pixels = stored if file.info.get("progressive") else math.prod(file.size)
        if pixels > MAX_PIXELS:
            raise ValueError(f"it has {pixels:,} pixels; at most {MAX_PIXELS:,} can be read")
        with _BUDGET.take(pixels):
            image = _decode(path, file, "RGB" if channels == 3 else "L", compared)
            if size is not None:
                image = fit_image(image, size, fit)
            return np.asarray(image, np.uint8).reshape(image.height, image.width, channels)


def read_header(path: Path) -> tuple[tuple[int, int], bool]:
    """Returns an image's (height, width) after EXIF rotation, and whether it is grey, without decoding it.

    Raises:
        DataError: If the file is missing or not an image; the message names it.
    """
    with _opened(path) as file:
        width, height = file.size
        return ((width, height) if _is_sideways(file) else (height, width)), file.mode in GREY_MODES


def is_image(path: Path) -> bool:
    """Returns whether a file has the suffix of an image, or the content of one under another name."""
    if path.suffix.lower() in SUFFIXES:
        return True
    try:
        # Nearly any file could be a TGA, which has no mark.
        with Image.open(path, formats=[name for name in _formats() if name != "TGA"]):
            return True
    except Exception:  # as in `_opened`
        return False


def is_broken(path: Path) -> bool:
    """Returns whether a file cannot be read as an image."""
    try:
        read_image(path)
    except DataError:
        return True
    return False


def resize_images(images: NDArray[np.uint8], size: tuple[int, int], fit: Fit = "squash") -> NDArray[np.uint8]:
    """Returns uint8 images of shape (n, height, width, channels) resized as `read_image` resizes files.

    Args:
        images: The images.
        size: Height and width to resize to, in pixels.
        fit: How an image fills `size`, see `kerasclf.data.pixels.image_fit`.
    """
    resized = np.empty((len(images), *size, images.shape[-1]), np.uint8)
    for index, image in enumerate(images):
        for channel in range(image.shape[-1]):
            grey = Image.fromarray(np.ascontiguousarray(image[..., channel]))
            resized[index, ..., channel] = np.asarray(fit_image(grey, size, fit))
    return resized


@contextlib.contextmanager
def _opened(path: Path) -> Iterator[Image.Image]:
    """Opens an image file. Every error while it is open names the file."""
    try:
        found = path.stat()
        if not stat.S_ISREG(found.st_mode):  # opening a pipe would wait for ever
            raise ValueError("it is not a file")
        if (length := found.st_size) > _MAX_FILE_BYTES:
            raise ValueError(f"it takes {format_bytes(length)}; at most {format_bytes(_MAX_FILE_BYTES)} can be read")
        with Image.open(path, formats=_formats()) as file:
            if isinstance(file, JpegImagePlugin.JpegImageFile):
                # Decoded in one call: in blocks of 64 kB, each would ask for Python's lock anew.
                file.decodermaxblock = length
            yield file
    except FileNotFoundError:
        raise DataError(f"{path} does not exist.") from None
    except Exception as error:  # a broken file can raise nearly anything from within Pillow
        reason = str(error).rstrip(".") or type(error).__name__
        raise DataError(f"{path} cannot be read as an image: {reason}. Replace or remove the file.") from error


@functools.cache
def _formats() -> tuple[str, ...]:
    Image.init()
    return tuple(name for name in _FORMATS if name in Image.OPEN)


def _decode(path: Path, file: Image.Image, mode: str, compared: bool) -> Image.Image:
    """Decodes an open file and turns it upright."""
    transposition = _TRANSPOSITIONS.get(_orientation(file))
    file.load()
    if not compared and (damage := find_damage(path, file)):
        raise ValueError(damage)
    return _to_mode(file if transposition is None else file.transpose(transposition), mode)


def _orientation(file: Image.Image) -> int:
    """Returns the EXIF orientation of a file that is not decoded yet; 1, which is upright, if it cannot be read."""
    if file.format == "TIFF":  # Pillow turns it itself
        return 1
    try:
        return int(Image.Image.getexif(file).get(_ORIENTATION, 1))  # that of a PNG would decode the picture
    except Exception:  # as in `_opened`; a broken description is no broken picture
        return 1


def _stored_size(file: Image.Image, size: tuple[int, int], fit: Fit) -> tuple[int, int]:
    """Returns the least width and height, as stored, of a file whose fitted image fills `size`."""
    width, height = file.size
    if _is_sideways(file):
        return scaled_size((width, height), size, fit)
    needed_height, needed_width = scaled_size((height, width), size, fit)
    return needed_width, needed_height


def _is_sideways(file: Image.Image) -> bool:
    """Returns whether the EXIF orientation (5 to 8) swaps height and width."""
    return _orientation(file) in (5, 6, 7, 8)


def _to_mode(image: Image.Image, mode: str) -> Image.Image:
    if image.mode == "F":
        raise ValueError("floating-point pixels have no agreed range; save the image with 8 or 16 bits")
    if image.mode.startswith("I"):
        image = _to_eight_bits(image)
    if image.has_transparency_data:
        image = _over_white(image)
    return image if image.mode == mode else image.convert(mode)


def _over_white(image: Image.Image) -> Image.Image:
    result = Image.new("RGB", image.size)
    for top, strip in _strips(image):
        background = Image.new("RGBA", strip.size, "white")
        result.paste(Image.alpha_composite(background, strip.convert("RGBA")).convert("RGB"), (0, top))
    return result


def _to_eight_bits(image: Image.Image) -> Image.Image:
    """Scales 16-bit grey to eight bits. Pillow's own conversion clips everything above 255 to white.

    A file does not say how many of its 16 bits it uses. If the brightest pixel uses at most 12 of them, the result
    would be nearly black, and the file is refused.
    """
    ranges = [(int(pixels.min()), int(pixels.max())) for pixels in (np.asarray(strip) for _, strip in _strips(image))]
    lowest, highest = min(low for low, _ in ranges), max(high for _, high in ranges)
    if lowest < 0 or highest > 0xFFFF:
        raise ValueError("grey levels beyond 16 bits; save the image with 8 or 16 bits")
    eight_of_32 = image.mode == "I" and highest <= 0xFF
    if not eight_of_32 and 0 < highest <= 0x0FFF:
        raise ValueError(
            f"its brightest grey level is {highest:,} of 65,535, so it would be nearly black; save it with 8 bits, or "
            "scale its grey levels to 16 bits"
        )
    result = np.empty((image.height, image.width), np.uint8)
    for top, strip in _strips(image):
        result[top : top + strip.height] = np.asarray(strip) >> (0 if eight_of_32 else 8)
    return Image.fromarray(result)


def _strips(image: Image.Image) -> Iterator[tuple[int, Image.Image]]:
    """Yields strips of some rows, each with its first row."""
    rows = max(1, _STRIP_PIXELS // image.width)
    for top in range(0, image.height, rows):
        yield top, image.crop((0, top, image.width, min(top + rows, image.height)))
