"""Activations that several workers compute together are those of one process. Threads take the place of the workers."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from threading import Barrier

import ml_dtypes
import numpy as np
import pytest

from kerasclf.data import ArrayImages, Subset
from kerasclf.errors import FolderError
from kerasclf.files.locks import hold
from kerasclf.transfer.shared_extraction import Workers
from tests.transfer.conftest import random_subset
from tests.transfer.fake_network import Counted, cache_point_of, colors, known, make, rows, silent


def together(count, work):
    """Returns what each of several workers returns. One that fails ends the others."""
    barrier, sent = Barrier(count, timeout=20), [None] * count

    def exchange(index):
        def all_of(own):
            sent[index] = own
            barrier.wait()
            found = np.stack(sent)
            barrier.wait()
            return found

        return all_of

    def of_one(index):
        try:
            return work(Workers(index, count, exchange(index)))
        except BaseException:
            barrier.abort()
            raise

    with ThreadPoolExecutor(count) as pool:
        return list(pool.map(of_one, range(count)))


def files_of(folder, cut=1):
    found = cache_point_of(folder, cut).cache.folder
    assert {path.name for path in found.iterdir()} <= {"about.json", "keys.txt", "rows.bin", ".lock"}
    return [(found / name).read_bytes() for name in ("keys.txt", "rows.bin")]


def extract(folders, subset, also_cache=(), about="small"):
    """Lets a worker with each folder extract a set, checks its rows, and returns what the workers have computed."""
    counted = [Counted() for _ in folders]

    def work(workers):
        name = about if isinstance(about, str) else about[workers.index]
        frozen = make(folders[workers.index], counted[workers.index], about=name, also_cache=also_cache)
        return rows(replace(frozen, workers=workers).subset(subset, silent))

    for found in together(len(folders), work):
        np.testing.assert_array_equal(found, colors(subset.images.array))
    return counted


@pytest.mark.parametrize("dtype", [np.float32, np.uint8, bool, ml_dtypes.bfloat16])
def test_arrays_are_gathered_to_the_bit(dtype):
    values = np.random.default_rng(0).integers(0, 256, (2, 3, 5, 8), np.uint8).astype(bool).astype(dtype)
    for found in together(2, lambda workers: workers.gather(values[workers.index])):
        assert found.dtype == values.dtype
        assert found.tobytes() == values.tobytes()


def test_every_bit_pattern_of_a_number_is_kept():
    patterns = np.array([0x7FC00001, 0x7F800001, 0x80000000, 0x00000001], np.uint32).view(np.float32)
    for found in together(2, lambda workers: workers.gather(patterns)):
        assert found.tobytes() == patterns.tobytes() * 2


def test_each_worker_computes_its_share_of_the_batches(cache_folder, tmp_path):
    """Five batches for three workers, with one cache."""
    subset = random_subset(75)
    counted = extract([cache_folder] * 3, subset)
    assert [len(one.seen) for one in counted] == [32, 16 + 11, 16]
    make(tmp_path / "alone", Counted()).subset(subset, silent)
    assert files_of(cache_folder) == files_of(tmp_path / "alone")


def test_each_machine_has_all_activations_in_its_own_cache(tmp_path):
    subset, folders = random_subset(40), [tmp_path / name for name in ("a", "b", "alone")]
    counted = extract(folders[:2], subset)
    assert [len(one.seen) for one in counted] == [16 + 8, 16]
    make(folders[2], Counted()).subset(subset, silent)
    assert files_of(folders[0]) == files_of(folders[1]) == files_of(folders[2])


def test_two_of_three_workers_may_have_one_disk(tmp_path):
    subset = random_subset(20)
    extract([tmp_path / "a", tmp_path / "b", tmp_path / "a"], subset)
    assert files_of(tmp_path / "a") == files_of(tmp_path / "b")


def test_more_workers_than_batches(cache_folder):
    counted = extract([cache_folder] * 4, random_subset(20))
    assert [len(one.seen) for one in counted] == [16, 4, 0, 0]


def test_caches_in_different_states_are_completed(tmp_path):
    """As after a kill, or when a machine joins that has computed nothing yet."""
    subset, folders = random_subset(50), [tmp_path / "a", tmp_path / "b"]
    make(folders[0], Counted()).subset(subset.take(np.arange(30)), silent)
    make(folders[1], Counted()).subset(subset.take(np.arange(10, 20)), silent)
    counted = extract(folders, subset)
    assert sum(len(one.seen) for one in counted) == 40  # not those that both have
    assert len(known(folders[0], 1)) == len(known(folders[1], 1)) == 50
    assert [len(keys) // 42 for keys, _ in map(files_of, folders)] == [50, 50]  # no image twice


def test_nothing_is_computed_if_no_worker_lacks_any(tmp_path):
    subset, folders = random_subset(20), [tmp_path / "a", tmp_path / "b"]
    extract(folders, subset)
    assert [one.made for one in extract(folders, subset)] == [0, 0]


def test_damaged_activations_of_one_machine_are_computed_anew(tmp_path):
    subset, folders = random_subset(40), [tmp_path / "a", tmp_path / "b"]
    extract(folders, subset)
    path = cache_point_of(folders[1]).cache.folder / "rows.bin"
    content = bytearray(path.read_bytes())
    content[20 * 12] ^= 1
    path.write_bytes(content)
    counted = extract(folders, subset)
    assert [len(one.seen) for one in counted] == [1, 0]


def test_an_image_that_comes_twice_is_computed_once(cache_folder):
    images = random_subset(2).images.array[[0, 1, 0, 0, 1]]
    counted = extract([cache_folder] * 2, Subset(ArrayImages(images), np.zeros(5, np.int64), tuple("abcde")))
    assert [len(one.seen) for one in counted] == [2, 0]


def test_workers_whose_activations_would_differ_compute_all_of_them(tmp_path):
    counted = extract([tmp_path, tmp_path], random_subset(20), about=("one processor", "another one"))
    assert [len(one.seen) for one in counted] == [20, 20]


def test_one_pass_of_all_workers_fills_the_caches_of_several_cuts(tmp_path):
    subset, folders = random_subset(50), [tmp_path / name for name in ("a", "b", "alone")]
    counted = extract(folders[:2], subset, also_cache=(2, 3))
    assert [(len(one.seen), one.cuts) for one in counted] == [(32, [1, 2, 3]), (18, [1, 2, 3])]
    make(folders[2], Counted(), also_cache=(2, 3)).subset(subset, silent)
    for cut in (1, 2, 3):
        assert len({*map(tuple, (files_of(folder, cut) for folder in folders))}) == 1


def test_a_cache_that_a_process_of_one_machine_holds_is_skipped_by_all(tmp_path):
    subset, folders = random_subset(20), [tmp_path / "a", tmp_path / "b"]
    with hold(cache_point_of(folders[1], 2).cache.folder):
        counted = extract(folders, subset, also_cache=(2, 3))
    assert [one.cuts for one in counted] == [[1, 3], [1, 3]]
    assert [len(known(folder, 3)) for folder in folders] == [20, 20]
    assert known(folders[0], 2) == known(folders[1], 2) == {}


def test_what_another_process_has_computed_meanwhile_is_kept(tmp_path):
    """Worker 0 waits for a process that computes the same."""
    subset, log = random_subset(20), []

    def work(workers):
        frozen = replace(make(tmp_path, Counted()), workers=workers)
        if workers.index == 0:
            original = type(frozen)._hold_cache

            def later(self, log):
                make(tmp_path, Counted()).subset(subset.take(np.arange(15)), silent)
                return original(self, log)

            object.__setattr__(frozen, "_hold_cache", lambda log: later(frozen, log))
        return rows(frozen.subset(subset, log.append))

    for found in together(2, work):
        np.testing.assert_array_equal(found, colors(subset.images.array))
    assert log[0].startswith("computing small up to layer1 of 5 images by 2 workers, once: 60 B in ")
    assert len(known(tmp_path, 1)) == 20


def test_workers_say_what_to_do_if_the_cache_cannot_be_written(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(FolderError, match=r"Not a directory\. Set KERASCLF_CACHE to another folder\.$"):
        Workers(0, 2).writes(tmp_path / "file" / "cache")
