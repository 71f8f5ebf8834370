"""Writes corrupted image files, and reads them with `load_dataset` in a process of its own.

    python -m tests.data.corrupted_files FOLDER

prints the message of the error, and then the peak memory in megabytes.
"""

import io
import os
import random
import resource
import struct
import sys
import zlib
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from PIL import Image

KINDS = {"jpg": "JPEG", "png": "PNG", "webp": "WEBP", "gif": "GIF", "bmp": "BMP", "tif": "TIFF", "avif": "AVIF"}
# What is no file, or a file of 3 GB without content, stands here for its content.
SPECIAL = {b"pipe": os.mkfifo, b"loop": lambda path: path.symlink_to(path), b"huge": lambda path: _write_huge(path)}


def write(folder: Path, count: int, seed: int = 0) -> tuple[set[str], set[str]]:
    """Writes `count` corrupted files into two class folders, and four whole images into each.

    Returns:
        The names of the files that must be named, and of those that may decode to other pixels, because their format
        has no checksum.
    """
    draw = random.Random(seed)
    surely, perhaps = set(), set()
    for name in ("cat", "dog"):
        (folder / name).mkdir(parents=True)
        for i in range(4):
            Image.fromarray(_picture(i)).save(folder / name / f"whole{i}.png")
    for number, (suffix, content, sure) in zip(range(count), _corrupted(draw), strict=False):
        path = folder / draw.choice(("cat", "dog")) / f"{number:03}.{suffix}"
        if content is None:
            path.mkdir()
        else:
            SPECIAL.get(content, lambda path, content=content: path.write_bytes(content))(path)
        (surely if sure else perhaps).add(path.name)
    return surely, perhaps


def _corrupted(draw: random.Random) -> Iterator[tuple[str, bytes | None, bool]]:
    """Yields suffix and content of a corrupted file, and whether it must be refused; endlessly."""
    whole = {suffix: _encoded(kind) for suffix, kind in KINDS.items()}
    whole["jp2"] = _encoded("JPEG2000")
    progressive = _encoded("JPEG", progressive=True)
    while True:
        yield from _special(draw, progressive)
        for suffix, content in whole.items():
            yield suffix, content[: draw.randrange(len(content) * 9 // 10)], True
            flipped = bytearray(content)
            for _ in range(draw.randrange(1, 4)):
                flipped[draw.randrange(len(content))] ^= 1 << draw.randrange(8)
            yield suffix, bytes(flipped), suffix == "png"
            header = bytearray(content)
            for _ in range(8):
                header[draw.randrange(40)] = draw.randrange(256)
            yield suffix, bytes(header), suffix == "png"
        half = whole["jpg"][: draw.randrange(len(whole["jpg"]) // 2, len(whole["jpg"]) * 9 // 10)]
        yield "jpg", half + b"\xff\xd9", True
        half = whole["png"][: draw.randrange(100, len(whole["png"]) * 9 // 10)]
        yield "png", half + bytes(len(whole["png"]) - len(half)), True


def _special(draw: random.Random, progressive: bytes) -> Iterator[tuple[str, bytes | None, bool]]:
    yield "jpg", b"", True
    yield "png", b"\0" * draw.randrange(1, 5000), True
    yield "jpg", b"This is a text, and no image.\n" * draw.randrange(1, 99), True
    yield "jpg", b"<html><body>404 Not Found</body></html>", True
    yield "tif", b"PK\x03\x04" + draw.randbytes(500), True
    yield "jpg", b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 8 8\nshowpage\n", True
    yield "png", draw.randbytes(draw.randrange(1, 5000)), True
    yield "png", _png(60000, 60000, b""), True
    yield "png", _png(20000, 20000, zlib.compress(bytes(20_000_000))), True
    yield "png", _png(9000, 9000, zlib.compress(bytes(9000 * 27001), 1)), True  # unpacks to 243 MB
    yield "png", _png(6000, 6000, zlib.compress(bytes(6000 * 18001), 1)[:-8]), True  # within the limit, cut short
    yield "png", _png(2**31 - 1, 2**31 - 1, b""), True
    yield "jpg", _jpeg_of(65500, 65500), True
    yield "bmp", b"BM" + struct.pack("<IHHIIiiHHIIiiII", 99, 0, 0, 54, 40, 60000, -60000, 1, 24, 0, 0, 0, 0, 0, 0), True
    yield "bmp", b"BM" + struct.pack("<IHHIIiiHHIIiiII", 99, 0, 0, 54, 40, 64, 64, 1, 24, 0, 0, 0, 0, 0, 0), True
    yield "gif", b"GIF89a" + struct.pack("<HHBBB", 65535, 65535, 0xF0, 0, 0) + bytes(draw.randrange(1, 99)), True
    yield "tga", struct.pack("<BBBHHBHHHHBB", 0, 0, 2, 0, 0, 0, 0, 0, 65535, 65535, 24, 0), True
    yield "ppm", b"P6 99999 99999 255\n" + bytes(100), True
    yield "pgm", b"P5 8 8 70000\n" + bytes(128), True
    yield "tif", _tiff_loop(), True
    yield "jpg", progressive[: len(progressive) * draw.randrange(30, 80) // 100], True
    yield "jpg", progressive[: len(progressive) * draw.randrange(30, 80) // 100] + b"\xff\xd9", True
    for kind in ("GIF", "WEBP", "PNG"):  # animations
        frames = [Image.fromarray(_picture(i)) for i in range(3)]
        content = _encoded(kind, save_all=True, append_images=frames, duration=50)
        yield kind.lower(), content[: len(content) * draw.randrange(10, 20) // 100], True
    yield "jpg", _encoded("JPEG", "CMYK")[: draw.randrange(300, 900)], True
    yield "png", _encoded("PNG", "I;16")[: draw.randrange(60, 500)], True
    yield "jpg", _encoded("JPEG", exif=b"Exif\0\0" + draw.randbytes(400), icc_profile=draw.randbytes(3000)), False
    yield "png", _encoded("PNG", icc_profile=draw.randbytes(3000)), False
    yield "jpg", _encoded("BMP"), False  # the wrong suffix alone is no damage
    yield "tif", _tiff_loop(pixels=True), False
    yield "jpg", None, True
    yield "png", b"pipe", True
    yield "jpg", b"loop", True
    yield "png", b"huge", True


def _write_huge(path: Path) -> None:
    path.touch()
    os.truncate(path, 3 << 30)


def _picture(seed: int) -> np.ndarray:
    coarse = np.random.default_rng(seed).integers(0, 256, (6, 8, 3), np.uint8)
    return np.asarray(Image.fromarray(coarse).resize((64, 48), Image.Resampling.BICUBIC))


def _encoded(kind: str, mode: str = "RGB", **options) -> bytes:
    image, stream = Image.fromarray(_picture(5)), io.BytesIO()
    if mode == "I;16":
        image = Image.fromarray(np.asarray(image.convert("L")).astype(np.uint16) << 8)
    (image if mode == "I;16" else image.convert(mode)).save(stream, kind, **options)
    return stream.getvalue()


def _png(width: int, height: int, pixels: bytes) -> bytes:
    """Returns a PNG of any size with right checksums and any pixels."""
    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    chunks = [
        struct.pack(">I", len(content)) + name + content + struct.pack(">I", zlib.crc32(name + content))
        for name, content in ((b"IHDR", header), (b"IDAT", pixels), (b"IEND", b""))
    ]
    return b"\x89PNG\r\n\x1a\n" + b"".join(chunks)


def _jpeg_of(width: int, height: int) -> bytes:
    """Returns a small JPEG whose header says another size."""
    content = bytearray(_encoded("JPEG", progressive=True))
    start = content.index(b"\xff\xc2")
    content[start + 5 : start + 9] = struct.pack(">HH", height, width)
    return bytes(content)


def _tiff_loop(pixels: bool = False) -> bytes:
    """Returns a TIFF whose only directory names itself as the next one."""
    entries = [
        (256, 4, 8),
        (257, 4, 8),
        (258, 3, 8),
        (259, 3, 1),
        (262, 3, 1),
        (273, 4, 200),
        (278, 4, 8),
        (279, 4, 64),
    ]
    fields = b"".join(struct.pack("<HHII", tag, kind, 1, value) for tag, kind, value in entries)
    directory = struct.pack("<H", len(entries)) + fields + struct.pack("<I", 8)
    content = b"II*\0" + struct.pack("<I", 8) + directory
    return content.ljust(200, b"\0") + bytes(range(64)) if pixels else content


def main() -> None:
    from kerasclf import errors
    from kerasclf.data import load_dataset

    # Addresses, not memory: those of libraries and of the stacks of threads are many. It protects the machine.
    resource.setrlimit(resource.RLIMIT_AS, (4 << 30, 4 << 30))
    errors.shortened.__defaults__ = (10_000,)  # names all
    try:
        load_dataset(f"folder:{sys.argv[1]}", image_size=(32, 32), log=print)
        print("all images were read")
    except errors.DataError as error:
        print(error)
    # `resource.getrusage` would count the memory of the parent process, too.
    peak = next(line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith("VmHWM:"))
    print("peak", int(peak.split()[1]) // 1024)


if __name__ == "__main__":
    main()
