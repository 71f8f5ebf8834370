"""Prepared images: the same pixels as without them, whatever happens to their store."""

import errno
import os
import re
import shutil
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from kerasclf import Split, load_dataset
from kerasclf.data import FileImages, image_sources, listings
from kerasclf.data.dataset import SETS
from kerasclf.data.pixels import decode, image_store, listed_pixels
from kerasclf.data.pixels.file_records import RECORD
from kerasclf.data.pixels.image_store import clear_images, stored
from kerasclf.errors import DataError, FolderError
from kerasclf.files.cache_folders import cache_root
from kerasclf.files.locks import hold

COUNT = 20


def write_image(path: Path, seed: int) -> None:
    Image.fromarray(np.random.default_rng(seed).integers(0, 256, (12, 16, 3), np.uint8)).save(path)


@pytest.fixture(autouse=True)
def photos(tmp_path, monkeypatch):
    """A folder of photographs, an empty cache, and a store for so few images."""
    monkeypatch.setenv("KERASCLF_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(image_store, "MIN_FILES", 1)
    for number in range(COUNT):
        folder = tmp_path / "photos" / "ab"[number % 2]
        folder.mkdir(parents=True, exist_ok=True)
        write_image(folder / f"{number}.png", number)
    return tmp_path / "photos"


@pytest.fixture
def decoded(monkeypatch):
    """The files that are decoded, and those whose header is read."""
    files, headers = [], []

    def read_file(self, path, compared=False):
        files.append(path.name)
        return decode.read_image(path, self.size, self.channels, self.fit, compared)

    def read_header(path):
        headers.append(path.name)
        return decode.read_header(path)

    monkeypatch.setattr(FileImages, "read_file", read_file)
    monkeypatch.setattr(listed_pixels, "read_header", read_header)
    return files, headers


def load(photos, lines=None, **arguments):
    log = (lambda line: None) if lines is None else lines.append
    return load_dataset(f"folder:{photos}", image_size=(6, 8), log=log, **arguments)


def without_store(photos, **arguments):
    """The manifest and the pixels as files give them."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("KERASCLF_IMAGE_CACHE_GB", "0")
        found = load(photos, **arguments)
        return found.manifest, pixels_of(found)


def pixels_of(dataset):
    return [dataset.subset(name).images.read(np.arange(len(dataset.subset(name)))) for name in SETS]


def check_same(found, expected):
    manifest, pixels = expected
    assert found.manifest == manifest
    for one, other in zip(pixels_of(found), pixels, strict=True):
        np.testing.assert_array_equal(one, other)


def only_folder():
    (folder,) = (cache_root() / "images").iterdir()
    return folder


@pytest.mark.parametrize("limit", [1 << 30, 0], ids=["in memory", "on demand"])
@pytest.mark.parametrize("fit", ["squash", "pad"])
def test_the_second_start_decodes_nothing_and_finds_the_same_images(photos, monkeypatch, decoded, limit, fit):
    monkeypatch.setattr(listings, "IN_MEMORY_LIMIT", limit)
    expected = without_store(photos, fit=fit)
    assert not (cache_root() / "images").exists()
    check_same(load(photos, fit=fit), expected)
    for seen in decoded:
        seen.clear()
    check_same(load(photos, fit=fit), expected)
    assert decoded == ([], [])
    # Other sets of the same images are prepared, too.
    load(photos, fit=fit, split=Split(seed=3, fold=(1, 3)))
    assert decoded == ([], [])


def test_folds_of_prepared_images_keep_their_keys(photos):
    found, expected = load(photos, split=Split(fold=(1, 3))), without_store(photos, split=Split(fold=(1, 3)))
    check_same(found, expected)
    assert list(found.train.images.keys) == expected[0]["keys"]["train"]


@pytest.mark.parametrize("limit", [1 << 30, 0], ids=["in memory", "on demand"])
def test_only_changed_and_new_files_are_decoded(photos, monkeypatch, decoded, limit):
    monkeypatch.setattr(listings, "IN_MEMORY_LIMIT", limit)
    load(photos)
    times = (photos / "a" / "4.png").stat()
    # Of the same size and, as after `cp -p`, of the same date.
    raw = bytearray((photos / "a" / "4.png").read_bytes())
    write_image(photos / "a" / "other.png", 99)
    other = (photos / "a" / "other.png").read_bytes()
    assert len(other) == len(raw)
    (photos / "a" / "4.png").write_bytes(other)
    os.utime(photos / "a" / "4.png", ns=(times.st_atime_ns, times.st_mtime_ns))
    write_image(photos / "b" / "7.png", 100)
    (photos / "a" / "0.png").unlink()
    for seen in decoded:
        seen.clear()
    found = load(photos)
    assert [sorted(set(seen)) for seen in decoded] == [["4.png", "7.png", "other.png"]] * 2
    check_same(found, without_store(photos))


def test_another_folder_size_fit_or_decoder_has_another_store(photos, monkeypatch):
    load(photos)
    shutil.copytree(photos, photos.with_name("copy"))
    load(photos.with_name("copy"))
    load(photos, fit="crop")
    load_dataset(f"folder:{photos}", image_size=(8, 6))
    load_dataset(f"folder:{photos}")
    monkeypatch.setattr(image_store, "FORMAT", 0)
    load(photos)
    assert len(list(stored(cache_root()))) == 6
    assert {entry.images for entry in stored(cache_root())} == {COUNT}


def test_one_colour_image_prepares_grey_ones_anew(photos):
    for path in photos.rglob("*.png"):
        Image.new("L", (16, 12), int(path.stem)).save(path)
    assert load(photos).image_shape == (6, 8, 1)
    write_image(photos / "a" / "colour.png", 0)
    check_same(load(photos), without_store(photos))
    assert sorted(path.name for path in only_folder().glob("*.pixels")) == ["6x8x1.pixels", "6x8x3.pixels"]


def cut_pixels(folder):
    os.truncate(folder / "6x8x3.pixels", 7 * 6 * 8 * 3 + 5)


def cut_records(folder):
    for name in ("6x8x3.index", "headers.index"):
        os.truncate(folder / name, 9 * RECORD.itemsize + 3)


def flip_pixels(folder):
    raw = bytearray((folder / "6x8x3.pixels").read_bytes())
    raw[3 * 6 * 8 * 3 + 1] ^= 255
    (folder / "6x8x3.pixels").write_bytes(raw)


def flip_records(folder):
    for name in ("6x8x3.index", "headers.index"):
        raw = bytearray((folder / name).read_bytes())
        raw[5 * RECORD.itemsize + 33] ^= 255
        (folder / name).write_bytes(raw)


def empty_all(folder):
    for path in folder.glob("[!.]*"):
        path.write_bytes(b"")


def fill_with_zeros(folder):
    for path in folder.glob("[!.]*"):
        path.write_bytes(bytes(path.stat().st_size))


def remove_pixels(folder):
    (folder / "6x8x3.pixels").unlink()


def wrong_description(folder):
    (folder / "about.json").write_text("[")


@pytest.mark.parametrize("limit", [1 << 30, 0], ids=["in memory", "on demand"])
@pytest.mark.parametrize(
    "damage",
    [cut_pixels, cut_records, flip_pixels, flip_records, empty_all, fill_with_zeros, remove_pixels, wrong_description],
)
def test_a_damaged_store_gives_the_same_images_and_is_completed(photos, monkeypatch, decoded, damage, limit):
    monkeypatch.setattr(listings, "IN_MEMORY_LIMIT", limit)
    expected = without_store(photos)
    load(photos)
    damage(only_folder())
    check_same(load(photos), expected)
    if damage is not flip_pixels or limit:  # pixels that are read on demand are checked later
        for seen in decoded:
            seen.clear()
        check_same(load(photos), expected)
        assert decoded == ([], [])


def test_a_store_that_is_damaged_or_cleared_while_it_is_read(photos, monkeypatch):
    monkeypatch.setattr(listings, "IN_MEMORY_LIMIT", 0)
    expected = without_store(photos)
    read = load(photos)
    flip_pixels(only_folder())
    check_same(read, expected)
    (entry,) = stored(cache_root())
    assert clear_images(entry) is None
    assert not entry.folder.exists()
    check_same(read, expected)


def test_a_cache_that_cannot_be_written_is_named_once(photos, tmp_path, monkeypatch):
    (tmp_path / "file").touch()
    monkeypatch.setenv("KERASCLF_CACHE", str(tmp_path / "file"))
    lines = []
    check_same(load(photos, lines), without_store(photos))
    (line,) = [line for line in lines if "warning" in line]
    assert line.endswith(": Not a directory. They are read from their files.")


@pytest.mark.parametrize("limit", [1 << 30, 0], ids=["in memory", "on demand"])
def test_a_disk_that_becomes_full_is_named_once(photos, monkeypatch, limit):
    monkeypatch.setattr(listings, "IN_MEMORY_LIMIT", limit)
    monkeypatch.setattr(listed_pixels, "_CHUNK_BYTES", 4 * 6 * 8 * 3)
    calls, append = [], image_store.append_pixels

    def full(*arguments):
        calls.append(arguments)
        if len(calls) == 2:
            raise OSError(errno.ENOSPC, "No space left on device")
        append(*arguments)

    monkeypatch.setattr(image_store, "append_pixels", full)
    lines, expected = [], without_store(photos)
    check_same(load(photos, lines), expected)
    assert len(calls) == 2
    assert [line for line in lines if "warning" in line] == [
        f"warning: prepared images cannot be stored in {only_folder()}: No space left on device. They are read from "
        "their files."
    ]
    assert [entry.images for entry in stored(cache_root())] == [4]
    check_same(load(photos), expected)  # with room again, the rest is prepared
    assert [entry.images for entry in stored(cache_root())] == [COUNT]


def test_a_path_that_windows_does_not_allow_is_no_store_in_use(photos, decoded, monkeypatch):
    def refuse(path):
        raise FolderError(f"{path} cannot be written to: expected a path of at most 150 characters.")

    monkeypatch.setattr(image_store, "hold", refuse)
    lines = []
    check_same(load(photos, lines), without_store(photos))
    (line,) = [line for line in lines if "warning" in line]
    assert "expected a path of at most 150 characters. They are read from their files." in line
    assert not any("another process" in line for line in lines)


def test_a_second_process_reads_the_files_while_the_first_prepares_them(photos, decoded):
    load(photos)
    folder = only_folder()
    write_image(photos / "a" / "new.png", 50)
    lines = []
    with hold(folder):  # as a process that fills it
        check_same(load(photos, lines), without_store(photos))
        assert clear_images(next(stored(cache_root()))).startswith(f"{folder} is in use by process {os.getpid()} ")
    assert lines.count("another process prepares these images now; this one reads their files") == 1
    assert [entry.images for entry in stored(cache_root())] == [COUNT]


CHILD = """
import sys
from kerasclf.data import load_dataset
from kerasclf.data.pixels import image_store
image_store.MIN_FILES = 1
print("ready", flush=True)
sys.stdin.readline()
print(load_dataset(sys.argv[1], image_size=(6, 8)).manifest["hash"])
"""


@pytest.mark.slow
def test_two_processes_that_fill_a_store_at_once_find_the_same_images(photos):
    for number in range(COUNT, 600):
        write_image(photos / "ab"[number % 2] / f"{number}.png", number)
    manifest, _ = without_store(photos)
    command = [sys.executable, "-c", CHILD, f"folder:{photos}"]
    children = [subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) for _ in range(3)]
    for child in children:
        child.stdout.readline()
    children[2].stdin.write("\n")
    children[2].stdin.flush()
    while not list((cache_root() / "images").glob("*/*.pixels")) and children[2].poll() is None:
        time.sleep(0.001)
    children[2].kill()  # while it fills the store
    found = [child.communicate("\n")[0] for child in children[:2]]
    children[2].communicate()
    assert found == [f"{manifest['hash']}\n"] * 2
    check_same(load(photos), without_store(photos))
    assert [entry.images for entry in stored(cache_root())] == [600]


def test_a_broken_image_is_named_at_each_start(photos):
    (photos / "a" / "2.png").write_bytes((photos / "a" / "2.png").read_bytes()[:-40])
    for _ in range(2):
        with pytest.raises(DataError, match=r"2\.png cannot be read as an image"):
            load(photos)
    lines, again = [], []
    expected = without_store(photos, skip_broken=True)
    check_same(load(photos, lines, skip_broken=True), expected)
    check_same(load(photos, again, skip_broken=True), expected)
    assert [line for line in lines if "prepared" not in line] == [line for line in again if "prepared" not in line]
    assert again[-2] == f"prepared images: {COUNT - 1} found, 0 added, in {only_folder()}"
    assert any("left out 1 broken image" in line for line in lines)


def test_the_stores_used_longest_ago_make_room(photos, monkeypatch):
    size = COUNT * 6 * 8 * 3
    load(photos, fit="pad")
    load(photos, fit="crop")
    old, new = ({entry.about["fit"]: entry for entry in stored(cache_root())}[fit] for fit in ("pad", "crop"))
    os.utime(old.folder / "about.json", (1, 1))
    monkeypatch.setenv("KERASCLF_IMAGE_CACHE_GB", str((2.9 * size + 3 * COUNT * RECORD.itemsize) / 1e9))
    lines = []
    load(photos, lines)
    assert [entry.about["fit"] for entry in stored(cache_root())] == ["squash", "crop"]
    assert any(line.startswith(f"removed the prepared images {old.folder.name}, to stay within ") for line in lines)
    assert new.folder.exists()


@pytest.mark.parametrize("limit", [1 << 30, 0], ids=["in memory", "on demand"])
@pytest.mark.parametrize("room", [0, 7])
def test_as_many_images_are_prepared_as_there_is_room_for(photos, monkeypatch, decoded, limit, room):
    monkeypatch.setattr(listings, "IN_MEMORY_LIMIT", limit)
    expected, lines, size = without_store(photos), [], 6 * 8 * 3
    load(photos)
    others = sum(path.stat().st_size for path in only_folder().iterdir() if not path.name.startswith("6x8x3"))
    shutil.rmtree(only_folder())
    monkeypatch.setenv("KERASCLF_IMAGE_CACHE_GB", str((others + (room + 0.5) * size) / 1e9))
    check_same(load(photos, lines), expected)
    (line,) = [line for line in lines if "not prepared" in line]
    assert line.startswith(f"{COUNT - room} images are not prepared: the store takes at most ")
    assert line.endswith(" kB (KERASCLF_IMAGE_CACHE_GB)")
    assert [entry.images for entry in stored(cache_root())] == [room]
    # The keys of the others are remembered: images on demand are not decoded to hash them.
    known = sorted((path.name, path.stat().st_size) for path in only_folder().glob("6x8x3*"))
    decoded[0].clear()
    again = load(photos)
    assert len(decoded[0]) == (COUNT - room if limit else 0)
    check_same(again, expected)
    assert sorted((path.name, path.stat().st_size) for path in only_folder().glob("6x8x3*")) == known
    # With more room, the rest is prepared.
    monkeypatch.delenv("KERASCLF_IMAGE_CACHE_GB")
    check_same(load(photos), expected)
    assert [entry.images for entry in stored(cache_root())] == [COUNT]


def test_pixels_in_memory_are_hashed_once(photos, monkeypatch):
    hashed, digest = [], image_sources.digest_of_pixels
    monkeypatch.setattr(image_sources, "digest_of_pixels", lambda array: hashed.append(len(array)) or digest(array))
    expected = without_store(photos)
    hashed.clear()
    check_same(load(photos), expected)
    assert len(hashed) == 3
    check_same(load(photos), expected)
    assert len(hashed) == 3
    check_same(load(photos, split=Split(seed=3)), without_store(photos, split=Split(seed=3)))
    # A damaged fingerprint is not used.
    path = only_folder() / "fingerprints.json"
    for damaged in (re.sub("[0-9a-f]{8}", "0" * 8, path.read_text()), "[]", '{"a": []}', "", "\0" * 99):
        path.write_text(damaged)
        check_same(load(photos), expected)


@pytest.mark.parametrize("text", ["many", "-1", "nan"])
def test_the_limit_is_a_number(photos, monkeypatch, text):
    monkeypatch.setenv("KERASCLF_IMAGE_CACHE_GB", text)
    with pytest.raises(DataError, match=f"KERASCLF_IMAGE_CACHE_GB: expected a number of GB, .* Received: '{text}'."):
        load(photos)


def test_headers_are_remembered_while_they_are_read(photos, monkeypatch, decoded):
    """A kill loses those that were read last."""
    monkeypatch.setattr(listed_pixels, "_HEADERS_AT_ONCE", 8)
    broken = photos / "b" / "9.png"
    broken.write_bytes(b"")
    lines, expected = [], without_store(photos, skip_broken=True)
    check_same(load(photos, lines, skip_broken=True), expected)
    assert lines[:2] == [f"read the headers of {count} of {COUNT} images" for count in (8, 16)]
    decoded[1].clear()
    check_same(load(photos, skip_broken=True), expected)
    assert decoded[1] == ["9.png"]


def test_few_small_images_are_not_stored(photos, monkeypatch):
    monkeypatch.setattr(image_store, "MIN_FILES", COUNT + 1)
    load(photos)
    assert list(stored(cache_root())) == []
