"""Names of classes and files that the outputs cannot hold, or that look alike."""

import os
import unicodedata
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from kerasclf import load_dataset
from kerasclf.data.names import check_names, describe_difference, find_names
from kerasclf.data.specs import check_files
from kerasclf.errors import DataError

COMPOSED, DECOMPOSED = (unicodedata.normalize(form, "café") for form in ("NFC", "NFD"))
LATIN_1 = os.fsdecode("café".encode("latin-1"))


def make_folder(root, *paths):
    """Writes a grey image of 4×4 pixels to each path below a folder."""
    for path in paths:
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(np.zeros((4, 4), np.uint8)).save(root / path)


def refused(root):
    """Returns the message for a folder of images, without reading any of them."""
    with pytest.raises(DataError) as caught:
        check_files(f"folder:{root}")
    return str(caught.value)


def test_a_class_name_of_other_bytes_is_refused_before_training(tmp_path):
    make_folder(tmp_path, f"{LATIN_1}/1.png", f"{LATIN_1}/2.png", "tea/1.png")
    message = refused(tmp_path)
    assert message.endswith("Rename these:\n  - 'caf\\udce9'")
    message.encode()


def test_every_file_name_of_other_bytes_is_named_at_once(tmp_path):
    make_folder(tmp_path, *(f"cat/{LATIN_1}{i:02}.png" for i in range(23)), "dog/1.png")
    message = refused(tmp_path)
    assert message.count("caf\\udce9") == 20
    assert message.endswith("and 3 more")
    message.encode()


def test_two_classes_that_look_alike_are_refused(tmp_path):
    make_folder(tmp_path, f"{COMPOSED}/1.png", f"{DECOMPOSED}/1.png")
    message = refused(tmp_path)
    assert r"The classes 'cafe\u0301' and 'caf\xe9' look alike" in message
    assert "Rename one of them" in message


def test_sets_whose_classes_look_alike_say_so(tmp_path):
    make_folder(tmp_path, f"train/{COMPOSED}/1.png", "train/tea/1.png", f"test/{DECOMPOSED}/1.png", "test/tea/1.png")
    assert r"They have 'cafe\u0301' and 'caf\xe9', which look alike" in refused(tmp_path)


def test_lists_whose_classes_look_alike_say_so(tmp_path):
    make_folder(tmp_path, *(f"{name}/{i}.png" for name in (COMPOSED, DECOMPOSED, "tea") for i in (1, 2)))
    for name, path in ((COMPOSED, "train.txt"), (DECOMPOSED, "test.txt")):
        (tmp_path / path).write_text(f"{name}/1.png\ntea/{1 if path == 'train.txt' else 2}.png\n", encoding="utf-8")
    with pytest.raises(DataError, match="which look alike"):
        check_files(f"list:{tmp_path}:{tmp_path / 'train.txt'}:{tmp_path / 'test.txt'}")


def test_odd_names_that_outputs_can_hold_are_allowed(tmp_path):
    names = ("$10_$20", "[old]", "a[b]", "=cmd()", "<script>", "\u202etac", "犬", "x" * 200)
    make_folder(tmp_path, *(f"{name}/{i}{name[:20]}.png" for name in names for i in range(12)))
    dataset = load_dataset(f"folder:{tmp_path}")
    assert dataset.class_names == tuple(sorted(names))


def test_names_are_found_whatever_their_form():
    for name, known in ((COMPOSED, DECOMPOSED), (DECOMPOSED, COMPOSED), (COMPOSED, COMPOSED)):
        assert find_names([name, "coffee", "tea"], ["tea", known]) == [1, -1, 0]


def test_a_plain_difference_is_named():
    assert describe_difference(["a", "b"], ["a"]) == "Only one of them has 'b'."
    check_names(["a", "b"], [Path("a/1.png")])
