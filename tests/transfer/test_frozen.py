"""Activations below a cut are computed once per image. A killed computation resumes where it stopped."""

import os
import random
import shutil
import signal
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

from kerasclf.data import ArrayImages, Subset
from kerasclf.errors import FolderError, KerasclfError
from kerasclf.files.locks import hold
from kerasclf.transfer import extraction
from kerasclf.transfer.extraction import Views
from kerasclf.transfer.frozen import Frozen
from tests.transfer.conftest import random_images, random_subset
from tests.transfer.fake_network import Counted, FakeSource, cache_point_of, colors, known, make, rows, silent

ROOT = Path(__file__).parents[2]


def brighter(images, seeds, view):
    """Returns a view of each image that depends on the seed of the image and the number of the view."""
    return images // 2 + (seeds % 50 + view).astype(np.uint8)[:, None, None, None]


def test_each_image_is_computed_once(cache_folder):
    counted, subset, log = Counted(), random_subset(50), []
    frozen = make(cache_folder, counted)
    assert frozen.missing(subset) == 50
    found = frozen.subset(subset, log.append)
    np.testing.assert_array_equal(rows(found), colors(subset.images.array))
    np.testing.assert_array_equal(found.labels, subset.labels)
    assert found.names == subset.names
    assert len(counted.seen) == 50
    assert frozen.missing(subset) == 0
    assert log[0] == f"computing small up to layer1 of 50 images, once: 600 B in {frozen.point.cache.folder}"
    assert log[1].startswith("computed 50 of 50, ")
    assert len(log) == 2
    make(cache_folder, counted).subset(subset, pytest.fail)
    assert (len(counted.seen), counted.made) == (50, 1)  # nothing is compiled if nothing is missing


def test_the_same_images_in_another_order_or_set_are_known(cache_folder):
    counted, subset = Counted(), random_subset(40)
    make(cache_folder, counted).subset(subset, silent)
    order = np.random.default_rng(1).permutation(40)[:25]
    found = make(cache_folder, counted).subset(subset.take(order), silent)
    np.testing.assert_array_equal(rows(found), colors(subset.images.array[order]))
    assert len(counted.seen) == 40


def test_only_new_images_are_computed(cache_folder):
    counted = Counted()
    make(cache_folder, counted).subset(random_subset(20), silent)
    both = np.concatenate([random_images(20, seed=5), random_images(20)])
    subset = Subset(ArrayImages(both), np.zeros(40, np.int64), tuple("x" * 40))
    assert make(cache_folder, counted).missing(subset) == 20
    found = make(cache_folder, counted).subset(subset, silent)
    np.testing.assert_array_equal(rows(found), colors(both))
    np.testing.assert_array_equal(np.array(counted.seen[20:]), both[:20])


def test_an_image_that_comes_twice_is_computed_once(cache_folder):
    counted, image = Counted(), random_images(2)
    subset = Subset(ArrayImages(image[[0, 1, 0, 0, 1]]), np.zeros(5, np.int64), tuple("abcde"))
    found = make(cache_folder, counted).subset(subset, silent)
    assert len(counted.seen) == 2
    np.testing.assert_array_equal(rows(found), colors(image[[0, 1, 0, 0, 1]]))


def test_another_network_does_not_share_the_cache(cache_folder):
    counted, subset = Counted(), random_subset(10)
    make(cache_folder, counted).subset(subset, silent)
    make(cache_folder, counted, about="another").subset(subset, silent)
    assert len(counted.seen) == 20


def test_views_come_one_after_the_other(cache_folder):
    counted, subset = Counted(), random_subset(20)
    frozen = make(cache_folder, counted, views=3, change=brighter)
    assert frozen.missing(subset, 3) == 60
    found = frozen.training_set(subset, silent)
    assert (len(found), len(counted.seen)) == (60, 60)
    np.testing.assert_array_equal(found.labels, np.tile(subset.labels, 3))
    assert found.names == subset.names * 3
    views = rows(found).reshape(3, 20, 3)
    seeds = [np.array([int(key[:15], 16) for key in Views(subset, range(v, v + 1)).keys]) for v in (1, 2, 3)]
    for view in (1, 2, 3):
        expected = colors(brighter(subset.images.array, seeds[view - 1], view))
        np.testing.assert_array_equal(views[view - 1], expected)
    assert len({tuple(row) for row in views.reshape(-1, 3)}) == 60


def test_views_do_not_depend_on_the_order_of_the_images(cache_folder, tmp_path):
    subset, order = random_subset(20), np.random.default_rng(2).permutation(20)[:12]
    ordered = make(cache_folder, Counted(), 2, brighter).training_set(subset, silent)
    shuffled = make(tmp_path / "other", Counted(), 2, brighter).training_set(subset.take(order), silent)
    expected = rows(ordered).reshape(2, 20, 3)[:, order].reshape(-1, 3)
    np.testing.assert_array_equal(rows(shuffled), expected)


def test_more_views_reuse_the_cached_ones(cache_folder):
    counted, subset = Counted(), random_subset(10)
    two = make(cache_folder, counted, 2, brighter).training_set(subset, silent)
    three = make(cache_folder, counted, 3, brighter).training_set(subset, silent)
    assert len(counted.seen) == 30
    np.testing.assert_array_equal(rows(three)[:20], rows(two))


def test_validation_images_have_no_views(cache_folder):
    subset = random_subset(10)
    found = make(cache_folder, Counted(), 3, brighter).subset(subset, silent)
    np.testing.assert_array_equal(rows(found), colors(subset.images.array))


def test_without_room_nothing_is_computed(cache_folder, monkeypatch):
    usage = shutil.disk_usage("/")
    monkeypatch.setattr(shutil, "disk_usage", lambda path: usage._replace(free=50 * 12 - 1))
    counted = Counted()
    make(cache_folder, counted).subset(random_subset(49), silent)
    with pytest.raises(KerasclfError, match=r"^The activations of 50 images need .* Make room with"):
        make(cache_folder, counted).subset(random_subset(50, seed=1), silent)
    assert len(counted.seen) == 49


def test_rows_written_before_a_failure_are_not_computed_again(cache_folder, monkeypatch):
    monkeypatch.setattr(extraction, "_WRITE_BYTES", 1)
    counted, subset = Counted(), random_subset(50)

    def failing(batches):
        for i, computed in enumerate(counted.compute(batches)):
            if i == 2:
                raise MemoryError
            yield computed

    frozen = make(cache_folder, counted)
    counted.cuts = (1,)
    with pytest.raises(MemoryError):
        Frozen(FakeSource(compute=lambda points: failing), frozen.point).subset(subset, silent)
    counted.seen.clear()
    np.testing.assert_array_equal(rows(frozen.subset(subset, silent)), colors(subset.images.array))
    assert len(counted.seen) == 50 - 2 * 16


def test_one_pass_fills_the_caches_of_several_cuts(cache_folder):
    counted, subset, log = Counted(), random_subset(50), []
    frozen = make(cache_folder, counted, also_cache=(2, 3))
    found = frozen.subset(subset, log.append)
    np.testing.assert_array_equal(rows(found), colors(subset.images.array))
    assert log[0] == (
        f"computing small up to layer1, layer2, layer3 of 50 images, in one pass: 1.8 kB in {cache_folder}/activations"
    )
    assert (len(counted.seen), counted.made) == (50, 1)
    for cut in (2, 3):
        expected = dict(zip(subset.keys, colors(subset.images.array) * cut, strict=True))
        np.testing.assert_equal(known(cache_folder, cut), expected)
        Frozen(FakeSource(compute=pytest.fail), cache_point_of(cache_folder, cut)).subset(subset, pytest.fail)


def test_only_missing_activations_of_other_cuts_are_computed(cache_folder):
    first, subset = Counted(), random_subset(40)
    Frozen(FakeSource(compute=first.make), cache_point_of(cache_folder, 2)).subset(
        subset.take(np.arange(15, 30)), silent
    )
    Frozen(FakeSource(compute=first.make), cache_point_of(cache_folder, 3)).subset(subset, silent)
    counted = Counted()
    make(cache_folder, counted, also_cache=(2, 3)).subset(subset.take(np.arange(20)), silent)
    # The third cut lacks none of these images. The second has five of them; the other twenty are not requested.
    assert counted.cuts == [1, 2]
    assert len(counted.seen) == 20
    expected = dict(zip(subset.keys[15:30] + subset.keys[:15], range(30), strict=True))
    assert list(known(cache_folder, 2)) == list(expected)
    for key, row in known(cache_folder, 2).items():
        np.testing.assert_array_equal(row, colors(subset.images.array)[subset.keys.index(key)] * 2)


def test_missing_activations_of_other_cuts_alone_start_no_computation(cache_folder):
    counted, subset = Counted(), random_subset(10)
    make(cache_folder, counted).subset(subset, silent)
    make(cache_folder, counted, also_cache=(2,)).subset(subset, pytest.fail)
    assert known(cache_folder, 2) == {}


def test_after_training_only_lower_cuts_are_cached_too(cache_folder):
    counted = Counted()
    make(cache_folder, counted, also_cache=(0, 2)).after_training().subset(random_subset(10), silent)
    assert counted.cuts == [1, 0]


def test_views_are_cached_for_other_cuts_too(cache_folder):
    counted, subset = Counted(), random_subset(20)
    one = make(cache_folder, counted, 2, brighter, also_cache=(2,)).training_set(subset, silent)
    other = Frozen(FakeSource(compute=pytest.fail), cache_point_of(cache_folder, 2), 2, brighter).training_set(
        subset, pytest.fail
    )
    np.testing.assert_array_equal(rows(other), rows(one) * 2)


def test_a_cache_that_another_process_holds_is_skipped(cache_folder):
    counted, subset = Counted(), random_subset(20)
    with hold(cache_point_of(cache_folder, 2).cache.folder):
        make(cache_folder, counted, also_cache=(2, 3)).subset(subset, silent)
    assert counted.cuts == [1, 3]
    assert known(cache_folder, 2) == {}
    assert len(known(cache_folder, 3)) == 20


def test_without_room_for_all_cuts_only_the_cut_of_the_run_is_computed(cache_folder, monkeypatch):
    usage = shutil.disk_usage("/")
    monkeypatch.setattr(shutil, "disk_usage", lambda path: usage._replace(free=3 * 20 * 12 - 1))
    counted, subset = Counted(), random_subset(20)
    make(cache_folder, counted, also_cache=(2, 3)).subset(subset, silent)
    assert counted.cuts == [1]
    monkeypatch.setattr(shutil, "disk_usage", lambda path: usage._replace(free=3 * 20 * 12))
    make(cache_folder, counted, also_cache=(2, 3)).subset(random_subset(20, seed=1), silent)
    assert counted.cuts == [1, 2, 3]


class Extractions:
    """Starts extractions one after the other, each in its own process."""

    def __init__(self):
        self.parent = subprocess.Popen(
            [sys.executable, "-m", "tests.transfer.killable"],
            cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
        )  # fmt: skip

    def start(self, folder, seconds):
        """Returns the id of the process that extracts, and its first message."""
        self.parent.stdin.write(f"{folder} {seconds}\n")
        self.parent.stdin.flush()
        process = int(self.parent.stdout.readline().removeprefix("process "))
        return process, self.parent.stdout.readline()

    def end(self):
        """Returns the exit status of the process: 0, or the number of a signal."""
        for line in self.parent.stdout:
            if line.startswith("ended "):
                return int(line.removeprefix("ended "))
        return None


@pytest.fixture
def extractions():
    found = Extractions()
    yield found
    found.parent.stdin.close()
    found.parent.wait()
    found.parent.stdout.close()


@pytest.mark.slow
def test_an_extraction_killed_ten_times_writes_identical_files(tmp_path, extractions):
    """It has two cuts and is killed at random moments after its start. Each process resumes from the rows it finds."""
    extractions.start(tmp_path / "whole", 0)
    assert extractions.end() == 0
    draw, left = random.Random(5), []
    for _ in range(10):
        process, log = extractions.start(tmp_path / "killed", 0.15)
        left.append(int(log.split("of ")[1].split(" ")[0]))
        time.sleep(draw.uniform(0.05, 0.6))
        os.kill(process, signal.SIGKILL)
        assert extractions.end() == signal.SIGKILL
    assert left[0] == 400
    assert left == sorted(left, reverse=True)
    assert 0 < left[-1] < 400 - 5 * 16  # most processes made progress
    assert extractions.start(tmp_path / "killed", 0)[1].startswith("computing slow up to layer1")
    assert extractions.end() == 0
    folders = [sorted((tmp_path / name / "activations").iterdir()) for name in ("whole", "killed")]
    for whole, killed in zip(*folders, strict=True):
        for name in ("rows.bin", "keys.txt"):
            assert (whole / name).read_bytes() == (killed / name).read_bytes()
        assert (whole / "rows.bin").stat().st_size == 400 * 4 * 4 * 8 * 4
    assert len(folders[0]) == 2


@pytest.mark.parametrize("count", [1, 15, 16, 17, 50])
def test_every_batch_has_one_size(cache_folder, count):
    """An image's activations must not depend on how many others are missing beside it."""
    sizes = []

    def compute(batches):
        for images in batches:
            sizes.append(len(images))
            yield [colors(images)]

    subset = random_subset(count)
    frozen = Frozen(FakeSource(compute=lambda points: compute), cache_point_of(cache_folder))
    np.testing.assert_array_equal(rows(frozen.subset(subset, silent)), colors(subset.images.array))
    assert set(sizes) == {16}


def test_damaged_activations_are_computed_anew_and_named(cache_folder):
    counted, subset, log = Counted(), random_subset(50), []
    frozen = make(cache_folder, counted)
    frozen.subset(subset, silent)
    path = frozen.point.cache.folder / "rows.bin"
    content = bytearray(path.read_bytes())
    content[20 * 12] ^= 1
    content[33 * 12 : 35 * 12] = bytes(24)
    path.write_bytes(content)
    counted.seen.clear()
    np.testing.assert_array_equal(rows(frozen.subset(subset, log.append)), colors(subset.images.array))
    assert log[0] == f"3 damaged activations in {frozen.point.cache.folder}; computing them anew"
    np.testing.assert_array_equal(np.array(counted.seen), subset.images.array[[20, 33, 34]])
    frozen.subset(subset, pytest.fail)  # the cache is whole again


@pytest.mark.parametrize("removed", ["rows.bin", "keys.txt", "about.json", "."])
def test_a_cache_that_vanished_is_computed_anew(cache_folder, removed):
    counted, subset = Counted(), random_subset(20)
    frozen = make(cache_folder, counted)
    frozen.subset(subset, silent)
    path = frozen.point.cache.folder / removed
    shutil.rmtree(path) if path.is_dir() else path.unlink()
    np.testing.assert_array_equal(rows(frozen.subset(subset, silent)), colors(subset.images.array))
    assert len(counted.seen) == (20 if removed == "about.json" else 40)


def test_a_cache_that_cannot_be_written_is_no_cache_that_another_run_fills(tmp_path):
    (tmp_path / "file").touch()
    counted = Counted()
    expected = r"cannot be written to: .* Set KERASCLF_CACHE to another folder\.$"
    with pytest.raises(FolderError, match=expected):
        make(tmp_path / "file" / "cache", counted).subset(random_subset(10), pytest.fail)
    assert not counted.made


def test_a_run_waits_for_another_one_that_computes_the_same_activations(cache_folder):
    counted, subset, told, log = Counted(), random_subset(10), threading.Event(), []

    def note(line):
        log.append(line)
        told.set()

    frozen = make(cache_folder, counted)
    with ThreadPoolExecutor(1) as pool:
        with hold(frozen.point.cache.folder):
            found = pool.submit(frozen.subset, subset, note)
            assert told.wait(20)
            assert not counted.seen
        np.testing.assert_array_equal(rows(found.result(20)), colors(subset.images.array))
    assert log[0].startswith("another run computes small up to layer1; waiting for it (")
    assert f"is in use by process {os.getpid()} on" in log[0]


def test_the_activations_of_another_user_can_be_read(cache_folder, monkeypatch):
    subset = random_subset(10)
    make(cache_folder, Counted()).subset(subset, silent)

    def refuse(path):
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr(os, "utime", refuse)  # for the owner alone
    found = make(cache_folder, Counted()).subset(subset, pytest.fail)
    np.testing.assert_array_equal(rows(found), colors(subset.images.array))
