"""Images that are read on demand."""

import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest

from kerasclf.data import FileImages, image_sources
from kerasclf.data.image_sources import key_of, keys_of
from kerasclf.data.pixels import decode
from kerasclf.errors import DataError
from tests.photos import write_photo


def images_in(folder):
    paths = tuple(folder / f"{number}.png" for number in range(9))
    for number, path in enumerate(paths):
        write_photo(path, number)
    return FileImages(paths, (6, 7), 3)


def test_every_image_is_read_once_in_the_order_asked_for(tmp_path):
    images = images_in(tmp_path)
    order = np.array([8, 0, 3, 3, 1, 7])
    found = images.read(order)
    assert found.shape == (6, 6, 7, 3)
    for image, number in zip(found, order, strict=True):
        np.testing.assert_array_equal(image, decode.read_image(images.paths[number], (6, 7)))
    assert images.read(order[:0]).shape == (0, 6, 7, 3)


def test_images_with_known_hashes_are_not_searched_for_damage(tmp_path, monkeypatch):
    """Other pixels have another hash."""
    images, searched = images_in(tmp_path), []
    known = replace(images, keys=keys_of(images))
    monkeypatch.setattr(decode, "find_damage", lambda path, file: searched.append(path))
    np.testing.assert_array_equal(known.read(np.arange(9)), images.read(np.arange(9)))
    assert sorted(searched) == sorted(images.paths)


def test_pixels_are_hashed_once_and_compared_at_each_reading(tmp_path, monkeypatch):
    images, hashed = images_in(tmp_path), []
    known = replace(images, keys=keys_of(images))
    monkeypatch.setattr(image_sources, "key_of", lambda image: hashed.append(image) or key_of(image))
    for _ in range(2):
        known.read(np.arange(9))
        assert len(hashed) == 9
    write_photo(images.paths[4], seed=20)
    for order in ([4], [4, 0]):
        with pytest.raises(DataError, match=r"4\.png has changed since it was first read\. Start again\."):
            known.read(np.array(order))
    known.take(np.array([0, 1])).read(np.arange(2))


FORK = """
import os, sys
from pathlib import Path
import numpy as np
from kerasclf.data import FileImages

images = FileImages(tuple(Path(sys.argv[1], f"{number}.png") for number in range(9)), (6, 7), 3)
before = images.read(np.arange(9))
child = os.fork()
if not child:
    os._exit(0 if (images.read(np.arange(9)) == before).all() else 1)
print(os.waitpid(child, 0)[1])
"""


def test_a_fork_reads_images_with_threads_of_its_own(tmp_path):
    images_in(tmp_path)
    done = subprocess.run([sys.executable, "-c", FORK, tmp_path], capture_output=True, text=True, timeout=60)
    assert done.stdout == "0\n", done.stderr
