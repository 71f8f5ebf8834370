"""Finds damage that Pillow decodes without an error: a picture that is grey, black or blurred from some place on."""

import io
import re
import struct
import zlib
from collections.abc import Iterator
from pathlib import Path

from PIL import Image, ImageChops

# Any marker of a JPEG but the escaped byte 0xFF, a restart of the decoder, and a fill byte.
_MARKER = re.compile(rb"\xff([^\x00\xd0-\xd7\xff])")
_START_OF_SCAN, _END_OF_IMAGE, _TABLES = 0xDA, 0xD9, 0xC4
_PROGRESSIVE = 0xC2
# As many zero bytes in a row are no compressed picture. A sector that was not written has at least 512.
_ZEROS = bytes(512)
# Pixels that a decoder has never read, in place of the end of the picture. No byte is 0xFF, which starts a marker.
_MORE_PIXELS = bytes(1 + 37 * i % 251 for i in range(512))


def find_damage(path: Path, picture: Image.Image) -> str | None:
    """Returns the damage of an image file, or None.

    Args:
        path: The file.
        picture: The picture that Pillow has decoded from it.
    """
    if picture.format not in ("AVIF", "JPEG", "MPO", "PNG", "WEBP"):
        return None
    data = path.read_bytes()
    if picture.format == "PNG":
        return None if _png_is_whole(data) else "a checksum is wrong, or its end is missing"
    if picture.format in ("AVIF", "WEBP"):
        return "it ends in zeros, as an incomplete download does" if data.endswith(_ZEROS) else None
    return _jpeg_damage(data, picture)


def _png_is_whole(data: bytes) -> bool:
    """Returns whether every chunk up to the last one has the checksum that is stored with it."""
    position = 8
    while position + 12 <= len(data):
        length, name = struct.unpack_from(">I4s", data, position)
        end = position + 8 + length
        if data[end : end + 4] != struct.pack(">I", zlib.crc32(memoryview(data)[position + 4 : end])):
            return False
        if name == b"IEND":
            return True
        position = end + 4
    return False


def _jpeg_damage(data: bytes, picture: Image.Image) -> str | None:
    segments = list(_segments(data))
    scans = [(position, content) for marker, position, content in segments if marker == _START_OF_SCAN]
    if not scans:
        return None
    if any(marker == _PROGRESSIVE for marker, _, _ in segments):
        return None if _every_scan_is_there(scans) else "the last of its scans are missing, so it would be blurred"
    end = next((position for marker, position, _ in segments if marker == _END_OF_IMAGE), len(data))
    if data.find(_ZEROS, scans[0][0], end) >= 0 and not _zeros_are_pixels(segments):
        return "a part of it was overwritten with zeros"
    return "it ends before the last pixel" if _ends_early(data, end, picture) else None


def _segments(data: bytes) -> Iterator[tuple[int, int, bytes]]:
    """Yields marker, position and content of each segment of a JPEG, up to the end of the image."""
    position = 2
    while found := _MARKER.search(data, position):
        marker, position = found[1][0], found.end()
        length = struct.unpack_from(">H", data, position)[0] if position + 2 <= len(data) else 0
        yield marker, found.start(), data[position + 2 : position + length]
        if marker == _END_OF_IMAGE:
            return
        position += length


def _every_scan_is_there(scans: list[tuple[int, bytes]]) -> bool:
    """Returns whether the scans of a progressive JPEG bring every frequency of every component to full precision."""
    coarse: dict[tuple[int, int], int] = {}
    for _, content in scans:
        count = content[0]
        first, last, precision = content[1 + 2 * count : 4 + 2 * count]
        for component in content[1 : 1 + 2 * count : 2]:
            coarse |= {(component, frequency): precision & 15 for frequency in range(first, last + 1)}
    components = {component for component, _ in coarse}
    return all(coarse.get((component, frequency)) == 0 for component in components for frequency in range(64))


def _zeros_are_pixels(segments: list[tuple[int, int, bytes]]) -> bool:
    """Returns whether zero bits can be blocks of one colour: whether the shortest code of a table ends a block."""
    for marker, _, content in segments:
        position = 0
        while marker == _TABLES and position + 17 < len(content):
            if content[position] >> 4 and content[position + 17] == 0:
                return True
            position += 17 + sum(content[position + 1 : position + 17])
    return False


def _ends_early(data: bytes, end: int, picture: Image.Image) -> bool:
    """Returns whether a JPEG has fewer pixels than it says.

    The decoder fills the rest with one colour. Further pixels in front of the end then change the picture. A whole
    picture ignores them. The second decoding is only needed if the last corner has one colour.
    """
    width, height = picture.size
    corner = picture.crop((max(0, width - 2), max(0, height - 2), width, height))
    colors = corner.getcolors()
    if colors is None or len(colors) > 1:
        return False
    before, after = (_thumbnail(part) for part in (data, data[:end] + _MORE_PIXELS + data[end:]))
    return ImageChops.difference(before, after).getbbox() is not None


def _thumbnail(data: bytes) -> Image.Image:
    """Decodes a JPEG at an eighth of its size, in grey or three channels."""
    with Image.open(io.BytesIO(data)) as file:
        file.draft(file.mode, (1, 1))
        return file.convert("L" if file.mode == "L" else "RGB")
