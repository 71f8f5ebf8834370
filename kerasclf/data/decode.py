"""Decodes and resizes image files of every common format to uint8 pixels."""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps

from kerasclf.errors import DataError

SUFFIXES = tuple(".avif .bmp .gif .jfif .jp2 .jpe .jpeg .jpg .pbm .pgm .png .pnm .ppm .tga .tif .tiff .webp".split())
GREY_MODES = ("1", "L", "LA", "La", "I", "I;16", "I;16B", "I;16L", "I;16N", "F")


def read_image(path: Path, size: tuple[int, int] | None = None, channels: int = 3) -> NDArray[np.uint8]:
    """Reads one image as uint8 pixels 0–255 of shape (height, width, channels).

    EXIF rotation is applied. Transparent pixels are laid over white. CMYK and palettes become RGB. 16-bit grey keeps
    its upper eight bits. An animation gives its first frame.

    Args:
        path: A file in any format that Pillow reads.
        size: Height and width to resize to, in pixels (bilinear, antialiased; the aspect ratio may change); None keeps
            the original size.
        channels: 3 for RGB, 1 for grey.

    Raises:
        DataError: If the file is missing, truncated or not an image; the message names it.
    """
    try:
        with Image.open(path) as file:
            if size is not None:
                # A JPEG decodes at 1/2, 1/4 or 1/8 of its size if that is still large enough.
                file.draft(file.mode, size if _is_sideways(file) else (size[1], size[0]))
            image = _to_mode(ImageOps.exif_transpose(file), "RGB" if channels == 3 else "L")
    except FileNotFoundError:
        raise DataError(f"{path} does not exist.") from None
    except Exception as error:  # a broken file can raise nearly anything from within Pillow
        raise DataError(f"{path} cannot be read as an image: {error}. Replace or remove the file.") from error
    if size is not None and image.size != (size[1], size[0]):
        image = image.resize((size[1], size[0]), Image.Resampling.BILINEAR)
    return np.asarray(image, np.uint8).reshape(image.height, image.width, channels)


def read_header(path: Path) -> tuple[tuple[int, int], bool]:
    """Returns an image's (height, width) after EXIF rotation, and whether it is grey, without decoding it.

    Raises:
        DataError: If the file is missing or not an image; the message names it.
    """
    try:
        with Image.open(path) as file:
            width, height = file.size
            return ((width, height) if _is_sideways(file) else (height, width)), file.mode in GREY_MODES
    except FileNotFoundError:
        raise DataError(f"{path} does not exist.") from None
    except Exception as error:
        raise DataError(f"{path} cannot be read as an image: {error}. Replace or remove the file.") from error


def resize_images(images: NDArray[np.uint8], size: tuple[int, int]) -> NDArray[np.uint8]:
    """Returns uint8 images of shape (n, height, width, channels) resized to `size` (bilinear, antialiased)."""
    resized = np.empty((len(images), *size, images.shape[-1]), np.uint8)
    for index, image in enumerate(images):
        for channel in range(image.shape[-1]):
            grey = Image.fromarray(np.ascontiguousarray(image[..., channel]))
            resized[index, ..., channel] = np.asarray(grey.resize((size[1], size[0]), Image.Resampling.BILINEAR))
    return resized


def _is_sideways(file: Image.Image) -> bool:
    """Returns whether the EXIF orientation (5 to 8) swaps height and width."""
    return int(file.getexif().get(0x0112, 1)) >= 5


def _to_mode(image: Image.Image, mode: str) -> Image.Image:
    if image.mode == "F":
        raise ValueError("floating-point pixels have no agreed range; save the image with 8 or 16 bits")
    if image.mode.startswith("I"):
        image = _to_eight_bits(image)
    if image.has_transparency_data:
        image = image.convert("RGBA")
        background = Image.new("RGBA", image.size, "white")
        image = Image.alpha_composite(background, image)
    return image.convert(mode)


def _to_eight_bits(image: Image.Image) -> Image.Image:
    """Scales 16-bit grey to eight bits. Pillow's own conversion clips everything above 255 to white.

    A file does not say how many of its 16 bits it uses. If the brightest pixel uses at most 12 of them, the result
    would be nearly black, and the file is refused.
    """
    pixels = np.asarray(image)
    lowest, highest = int(pixels.min()), int(pixels.max())
    if lowest < 0 or highest > 0xFFFF:
        raise ValueError("grey levels beyond 16 bits; save the image with 8 or 16 bits")
    if image.mode == "I" and highest <= 0xFF:  # eight bits stored in 32
        return Image.fromarray(pixels.astype(np.uint8))
    if 0 < highest <= 0x0FFF:
        raise ValueError(
            f"its brightest grey level is {highest:,} of 65,535, so it would be nearly black; save it with 8 bits, or "
            "scale its grey levels to 16 bits"
        )
    return Image.fromarray((pixels >> 8).astype(np.uint8))
