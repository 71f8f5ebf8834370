"""The cache of activations: rows are found again, never confused with others, and never incomplete."""

import errno
import os
import shutil

import numpy as np
import pytest

from kerasclf.errors import KerasclfError
from kerasclf.files.cache_folders import cache_root
from kerasclf.files.locks import hold
from kerasclf.transfer import activations
from kerasclf.transfer import cache as caching
from kerasclf.transfer.cache import MAKE_ROOM, ActivationCache, cached, clear

ABOUT = {"name": "small up to pool", "below": "a1", "before": "b2", "precision": "float32", "engine": "tensorflow 2"}
KEYS = [f"{i:032x}" for i in range(6)]
ROWS = np.random.default_rng(0).normal(size=(6, 2, 3)).astype(np.float32)


@pytest.fixture
def cache(tmp_path):
    opened = ActivationCache(tmp_path, ABOUT, (2, 3), "float32")
    opened.open()
    return opened


def read(cache, keys):
    source = cache.source(keys)
    return source.read(np.arange(len(source)))


def test_rows_are_found_again_in_any_order(cache):
    assert cache.known() == {}
    cache.append(KEYS[:4], ROWS[:4])
    cache.append(KEYS[4:], ROWS[4:])
    again = ActivationCache(cache.folder.parents[1], ABOUT, (2, 3), "float32")
    again.open()
    assert again.known() == {key: i for i, key in enumerate(KEYS)}
    np.testing.assert_array_equal(read(again, KEYS), ROWS)
    np.testing.assert_array_equal(read(again, [KEYS[5], KEYS[0], KEYS[5]]), ROWS[[5, 0, 5]])


def test_a_source_is_read_by_index_or_as_a_whole(cache, monkeypatch):
    cache.append(KEYS, ROWS)
    source = cache.source(KEYS)
    assert (len(source), source.shape, source.dtype) == (6, (2, 3), np.float32)
    np.testing.assert_array_equal(source.array, ROWS)
    np.testing.assert_array_equal(source.take(np.array([4, 1])).array, ROWS[[4, 1]])
    assert source.take(np.array([4, 1])).fingerprint() != source.take(np.array([1, 4])).fingerprint()
    monkeypatch.setattr(activations, "_IN_MEMORY_BYTES", ROWS.nbytes - 1)
    assert cache.source(KEYS).array is None
    np.testing.assert_array_equal(cache.source(KEYS).read(np.array([3])), ROWS[[3]])


def test_bfloat16_is_cached_as_bfloat16(tmp_path):
    cache = ActivationCache(tmp_path, ABOUT, (2, 3), "bfloat16")
    cache.open()
    cache.append(KEYS, ROWS)
    assert cache.row_bytes == 12
    assert (cache.folder / "rows.bin").stat().st_size == 6 * 12
    np.testing.assert_array_equal(read(cache, KEYS), ROWS.astype(cache.dtype))


@pytest.mark.parametrize("what", [*ABOUT, "views"])
def test_rows_of_another_origin_are_never_used(cache, tmp_path, what):
    cache.append(KEYS, ROWS)
    other = ActivationCache(tmp_path, {**ABOUT, what: "another"}, (2, 3), "float32")
    assert other.folder != cache.folder
    assert other.known() == {}


def test_another_shape_or_number_type_is_another_cache(cache, tmp_path):
    others = [ActivationCache(tmp_path, ABOUT, (3, 2), "float32"), ActivationCache(tmp_path, ABOUT, (2, 3), "bfloat16")]
    assert len({cache.folder, *(other.folder for other in others)}) == 3


def test_another_format_is_another_cache(cache, tmp_path, monkeypatch):
    monkeypatch.setattr(caching, "FORMAT", caching.FORMAT + 1)
    assert ActivationCache(tmp_path, ABOUT, (2, 3), "float32").folder != cache.folder


@pytest.mark.parametrize(
    ("rows_left", "keys_left", "complete"),
    [
        (6 * 24, 6 * 42, 6),
        (6 * 24 - 5, 4 * 42, 4),  # killed while it wrote the last two rows, before their keys
        (6 * 24, 5 * 42 + 20, 5),  # killed while it wrote the last key
        (6 * 24, 6 * 42 - 1, 5),  # without the last line end
        (5 * 24 + 1, 6 * 42, 5),  # rows lost in a power cut
        (0, 6 * 42, 0),
    ],
)
def test_incomplete_rows_are_dropped_and_written_again(cache, rows_left, keys_left, complete):
    cache.append(KEYS, ROWS)
    for name, size in (("rows.bin", rows_left), ("keys.txt", keys_left)):
        path = cache.folder / name
        path.write_bytes(path.read_bytes()[:size])
    assert list(cache.known()) == KEYS[:complete]  # a reader ignores them even before
    cache.open()
    assert (cache.folder / "rows.bin").stat().st_size == complete * 24
    assert list(cache.known()) == KEYS[:complete]
    cache.append(KEYS[complete:], ROWS[complete:])
    np.testing.assert_array_equal(read(cache, KEYS), ROWS)
    assert (cache.folder / "rows.bin").read_bytes() == ROWS.tobytes()


def test_lost_rows_are_not_known(cache):
    cache.append(KEYS, ROWS)
    (cache.folder / "rows.bin").unlink()
    assert cache.known() == {}
    cache.open()
    cache.append(KEYS, ROWS)
    np.testing.assert_array_equal(read(cache, KEYS), ROWS)


def test_a_full_disk_is_reported_before_anything_is_computed(cache, monkeypatch):
    usage = shutil.disk_usage(cache.folder)
    monkeypatch.setattr(shutil, "disk_usage", lambda path: usage._replace(free=24_000_000))
    cache.check_room(1_000_000)
    with pytest.raises(KerasclfError) as caught:
        cache.check_room(2_000_000)
    assert str(caught.value).startswith(
        f"The activations of 2,000,000 images need 48 MB. Free space for {cache.folder}: 24 MB. {MAKE_ROOM}"
    )


def test_room_is_checked_on_the_disk_of_the_future_folder(tmp_path, monkeypatch):
    asked = []
    usage = shutil.disk_usage(tmp_path)
    monkeypatch.setattr(shutil, "disk_usage", lambda path: asked.append(path) or usage)
    ActivationCache(tmp_path / "not" / "yet", ABOUT, (2, 3), "float32").check_room(1)
    assert asked == [tmp_path]


@pytest.mark.parametrize("full_at", ["rows.bin", "keys.txt"])
def test_complete_rows_stay_when_the_disk_becomes_full(cache, monkeypatch, full_at):
    cache.append(KEYS[:2], ROWS[:2])
    append = caching._append

    def until_full(path, content):
        if path.name == full_at:
            append(path, content[: len(content) // 2])
            raise OSError(errno.ENOSPC, "No space left on device")
        append(path, content)

    monkeypatch.setattr(caching, "_append", until_full)
    with pytest.raises(KerasclfError) as caught:
        cache.append(KEYS[2:5], ROWS[2:5])
    assert str(caught.value).startswith(
        f"The activations cannot be written to {cache.folder}: No space left on device. Complete rows stay in the "
        f"cache. {MAKE_ROOM}"
    )
    monkeypatch.undo()
    cache.open()
    complete = len(cache.known())
    assert complete == (2 if full_at == "rows.bin" else 3)  # half of three keys is one complete key
    cache.append(KEYS[complete:], ROWS[complete:])
    np.testing.assert_array_equal(read(cache, KEYS), ROWS)


def test_caches_are_listed_with_number_and_size(cache, tmp_path):
    cache.append(KEYS, ROWS)
    empty = ActivationCache(tmp_path, {**ABOUT, "name": "empty"}, (2, 3), "float32")
    empty.open()
    cache.source(KEYS)  # the last use
    entries = list(cached(tmp_path))
    assert [(entry.about["name"], entry.images) for entry in entries] == [("small up to pool", 6), ("empty", 0)]
    about = (cache.folder / "about.json").stat().st_size
    assert [entry.size for entry in entries] == [6 * (24 + 42) + about, (empty.folder / "about.json").stat().st_size]
    assert list(cached(tmp_path / "nothing")) == []


def test_the_user_can_choose_the_folder_of_the_caches(monkeypatch, tmp_path):
    monkeypatch.setenv("KERASCLF_CACHE", str(tmp_path / "mine"))
    assert cache_root() == tmp_path / "mine"
    monkeypatch.delenv("KERASCLF_CACHE")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "xdg"))
    assert cache_root() == tmp_path / "xdg" / "kerasclf"


def flip(path, position, mask=1):
    content = bytearray(path.read_bytes())
    content[position] ^= mask
    path.write_bytes(content)


def blank(path, first, count):
    content = path.read_bytes()
    path.write_bytes(content[:first] + bytes(count) + content[first + count :])


def swap_lines(path, columns):
    """Exchanges some columns of the second and the fifth line."""
    lines = [bytearray(line) for line in path.read_bytes().splitlines(keepends=True)]
    lines[1][columns], lines[4][columns] = lines[4][columns], lines[1][columns]
    path.write_bytes(b"".join(lines))


@pytest.mark.parametrize(
    ("damage", "damaged", "missing"),
    [
        (lambda folder: flip(folder / "rows.bin", 2 * 24 + 7), [2], []),
        (lambda folder: flip(folder / "rows.bin", 6 * 24 - 1, 0x80), [5], []),
        (lambda folder: blank(folder / "rows.bin", 24, 3 * 24), [1, 2, 3], []),
        (lambda folder: swap_lines(folder / "keys.txt", slice(0, 42)), [1, 4], []),
        (lambda folder: swap_lines(folder / "keys.txt", slice(0, 32)), [1, 4], []),
        (lambda folder: swap_lines(folder / "keys.txt", slice(33, 41)), [1, 4], []),
        (lambda folder: flip(folder / "keys.txt", 3 * 42 + 40), [3], []),  # a digit of a checksum
        (lambda folder: flip(folder / "keys.txt", 3 * 42 + 31, 8), [], [3]),  # a digit of a key
        (lambda folder: blank(folder / "keys.txt", 42, 84), [], [1, 2]),
        (lambda folder: os.truncate(folder / "rows.bin", 4 * 24 + 3), [], [4, 5]),
    ],
)
def test_a_damaged_row_is_found_and_replaced(cache, damage, damaged, missing):
    cache.append(KEYS, ROWS)
    assert cache.damaged(KEYS) == []
    damage(cache.folder)
    assert cache.damaged(KEYS) == [KEYS[i] for i in damaged]
    assert cache.missing(KEYS) == missing
    if damaged:
        with pytest.raises(KerasclfError, match=r"rows\.bin was damaged while a run read it\. Start the run again"):
            read(cache, [KEYS[damaged[0]]])
    cache.open()
    cache.forget([KEYS[i] for i in damaged])
    again = cache.missing(KEYS)
    assert again == sorted([*damaged, *missing])
    cache.append([KEYS[i] for i in again], ROWS[again])
    assert cache.damaged(KEYS) == []
    np.testing.assert_array_equal(read(cache, KEYS), ROWS)


def test_a_row_that_is_damaged_or_cut_off_while_it_is_read_is_not_used(cache, monkeypatch):
    monkeypatch.setattr(activations, "_IN_MEMORY_BYTES", 0)
    cache.append(KEYS, ROWS)
    source = cache.source(KEYS)
    np.testing.assert_array_equal(source.read(np.array([5])), ROWS[[5]])
    os.truncate(cache.folder / "rows.bin", 5 * 24)
    with pytest.raises(KerasclfError, match="was damaged while a run read it"):
        source.read(np.array([5]))
    np.testing.assert_array_equal(source.read(np.array([4])), ROWS[[4]])


def test_what_is_read_stays_readable_when_its_folder_is_removed(cache, monkeypatch):
    monkeypatch.setattr(activations, "_IN_MEMORY_BYTES", 0)
    cache.append(KEYS, ROWS)
    source = cache.source(KEYS)
    shutil.rmtree(cache.folder)
    np.testing.assert_array_equal(source.take(np.array([3, 1])).read(np.array([0, 1])), ROWS[[3, 1]])
    with pytest.raises(KerasclfError, match=r"was removed while a run used it\. Start the run again"):
        cache.source(KEYS)
    with pytest.raises(KerasclfError, match=r"was removed while a run used it\. Start the run again"):
        cache.append(KEYS, ROWS)


def test_a_cache_is_cleared_unless_it_is_read_or_filled(cache, tmp_path):
    cache.append(KEYS, ROWS)
    (entry,) = cached(tmp_path)
    source = cache.source(KEYS)
    assert clear(entry) == "a run reads it. Clear it after the end of the run."
    np.testing.assert_array_equal(source.read(np.arange(6)), ROWS)
    del source
    with hold(cache.folder):
        assert clear(entry).startswith(f"{cache.folder} is in use by process {os.getpid()} ")
    assert cache.damaged(KEYS) == cache.missing(KEYS) == []
    assert clear(entry) is None
    assert not cache.folder.exists()
    assert list(cached(tmp_path)) == []


def test_two_can_read_a_cache_and_the_last_one_frees_it(cache, tmp_path):
    cache.append(KEYS, ROWS)
    (entry,) = cached(tmp_path)
    first, second = cache.source(KEYS), cache.source(KEYS[:2])
    del first
    assert clear(entry) is not None
    del second
    assert clear(entry) is None
