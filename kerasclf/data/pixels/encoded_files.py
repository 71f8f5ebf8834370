"""JPEG files of the right size, handed over as they are to a decoder that works outside Python."""

import math
import stat
import zlib
from collections.abc import Callable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from kerasclf.data.image_sources import FileImages, key_of

# Returns the pixels of a JPEG of a shape (height, width, channels); None if it has another size or is damaged.
Decoder = Callable[[bytes, tuple[int, int, int]], NDArray[np.uint8] | None]

# An image that was not read yet, and one that Pillow must read.
_UNSEEN, _WITH_PILLOW = -1, -2
_JPEG = b"\xff\xd8\xff"


class EncodedFiles:
    """The contents of the files that a second decoder may read instead of Pillow.

    It may once its pixels have had the hash of the image. Pillow reads the other files: those that are resized or
    turned, of other formats, or changed since. An image thus has the same pixels with either decoder.

    Args:
        images: The images, with hashes.
        decode: The second decoder.
    """

    def __init__(self, images: FileImages, decode: Decoder) -> None:
        self._images, self._decode = images, decode
        # A checksum of each file. Equal files have equal pixels, and a file has fewer bytes than its pixels.
        self._checksums = np.full(len(images), _UNSEEN, np.int64)
        if images.prepared is not None:
            self._checksums[np.array(images.prepared.rows(images.keys)) >= 0] = _WITH_PILLOW
        # A larger file nearly always has more pixels than are needed, so it is resized.
        self._most_bytes = 2 * math.prod(images.shape) + (1 << 16)

    def __bool__(self) -> bool:
        """Whether some files may be handed over."""
        return bool((self._checksums != _WITH_PILLOW).any())

    def read(self, indices: NDArray[np.integer]) -> tuple[list[bytes], NDArray[np.uint8]]:
        """Reads images.

        Returns:
            The file of each image that the second decoder is to read, and no bytes for each of the others; and the
            pixels of the others, in their order.

        Raises:
            DataError: If a file cannot be read, or has changed since its hash was taken.
        """
        decoded: dict[int, NDArray[np.uint8]] = {}
        files = [self._file(index, decoded) for index in indices.tolist()]
        others = indices[[not file for file in files]]
        if not decoded:
            return files, self._images.read(others)
        pixels = np.empty((len(others), *self._images.shape), np.uint8)
        seen = np.isin(others, list(decoded))
        pixels[seen] = [decoded[index] for index in others[seen].tolist()]
        pixels[~seen] = self._images.read(others[~seen])
        return files, pixels

    def _file(self, index: int, decoded: dict[int, NDArray[np.uint8]]) -> bytes:
        """Returns the content of a file, or no bytes if Pillow must read it or its pixels are added to `decoded`."""
        known = self._checksums[index]
        content = b"" if known == _WITH_PILLOW else self._content(self._images.paths[index])
        if not content:
            return b""
        checksum = zlib.crc32(content)
        if checksum == known:
            return content
        if known != _UNSEEN:
            return b""  # the file has changed; its pixels may be the same
        # The pixels that have the hash are used, so that a single pass decodes each file once.
        pixels = self._decode(content, self._images.shape) if content.startswith(_JPEG) else None
        right = pixels is not None and key_of(pixels) == self._images.keys[index]
        self._checksums[index] = checksum if right else _WITH_PILLOW
        if pixels is not None and right:
            decoded[index] = pixels
        return b""

    def _content(self, path: Path) -> bytes:
        try:
            found = path.stat()
            # Opening a pipe would wait for ever.
            return path.read_bytes() if stat.S_ISREG(found.st_mode) and found.st_size <= self._most_bytes else b""
        except OSError:
            return b""  # Pillow tries again, and names the file
