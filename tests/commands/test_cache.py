"""`kerasclf cache`, as a user meets it."""

import numpy as np
import pytest
from PIL import Image

from kerasclf import load_dataset
from kerasclf.cli import main
from kerasclf.data.pixels import image_store
from kerasclf.runs.planning.remembered_costs import RememberedCosts
from kerasclf.training.rehearsal_result import Rehearsal
from kerasclf.transfer.cache import ActivationCache
from kerasclf.wording import format_bytes

KEYS = [f"{i:032x}" for i in range(4)]


@pytest.fixture(autouse=True)
def root(tmp_path, monkeypatch):
    """The folder of the caches, which holds one."""
    monkeypatch.setenv("KERASCLF_CACHE", str(tmp_path))
    about = {"name": "[b]vgg16[/c]", "engine": "tensorflow"}
    ActivationCache(tmp_path, about, (2,), "float32").open()
    return tmp_path


def test_the_list_names_each_cache_as_it_is(capsys):
    main(["cache", "list"])
    assert "[b]vgg16[/c], float32, tensorflow" in capsys.readouterr().out


@pytest.mark.parametrize("content", ["", "{", "[]", "null", "{}", '{"name": 3, "dtype": "a", "engine": "b"}'])
def test_a_damaged_cache_is_listed_and_cleared(root, capsys, content):
    folder = root / "activations" / "0123456789abcdef"
    folder.mkdir()
    (folder / "about.json").write_text(content)
    main(["cache", "list"])
    assert "damaged: about.json cannot be read" in capsys.readouterr().out
    main(["cache", "clear", "0123"])
    assert "cleared 1 of 2 caches" in capsys.readouterr().out
    assert not folder.exists()


@pytest.fixture
def caches(tmp_path, monkeypatch):
    monkeypatch.setenv("KERASCLF_CACHE", str(tmp_path / "two"))
    found = []
    for name in ("one", "other"):
        about = {"name": name, "engine": "tensorflow 2"}
        cache = ActivationCache(tmp_path / "two", about, (3,), "float32")
        cache.open()
        cache.append(KEYS, np.ones((4, 3), np.float32))
        found.append(cache)
    return found


def test_a_cache_that_is_read_stays_and_is_named(caches, capsys):
    read, unread = caches
    source = read.source(KEYS)
    main(["cache", "clear"])
    printed = " ".join(capsys.readouterr().out.split())
    assert f"{read.folder.name} stays: a run reads it. Clear it after the end of the run." in printed
    assert "cleared 1 of 2 caches" in printed
    assert not unread.folder.exists()
    np.testing.assert_array_equal(source.read(np.arange(4)), np.ones((4, 3)))
    del source
    main(["cache", "clear", read.folder.name[:8]])
    assert "cleared 1 of 1 cache" in capsys.readouterr().out
    assert not read.folder.exists()


def test_remembered_costs_are_listed_and_cleared(root, capsys):
    memory = RememberedCosts({"device": "a CPU"})
    for model in ("mlp", "basenet"):
        memory.keep({"model": model}, Rehearsal(1.0, 0.1, 0.1, 0.1, 0.1, 3, 99, 99, 0.5))
    main(["cache", "list"])
    assert f"costs: 2 measurements of earlier plans in {root / 'costs'}" in capsys.readouterr().out.replace("\n", " ")
    main(["cache", "clear", "costs"])
    assert capsys.readouterr().out == "cleared 2 measurements of earlier plans\n"
    assert memory.find({"model": "mlp"}) is None
    memory.keep({"model": "mlp"}, Rehearsal(1.0, 0.1, 0.1, 0.1, 0.1, 3, 99, 99, 0.5))
    main(["cache", "clear"])
    assert "cleared 1 measurement of earlier plans\ncleared 1 of 1 cache, " in capsys.readouterr().out


def test_prepared_images_are_listed_and_cleared(tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("KERASCLF_CACHE", str(tmp_path / "images-only"))
    monkeypatch.setattr(image_store, "MIN_FILES", 1)
    for name in ("a", "b"):
        (tmp_path / "photos" / name).mkdir(parents=True)
        for number in range(10):
            Image.new("RGB", (5, 4), (number, 0, 0)).save(tmp_path / "photos" / name / f"{number}.png")
    load_dataset(f"folder:{tmp_path / 'photos'}", image_size=(4, 6), fit="pad")
    (entry,) = image_store.stored(tmp_path / "images-only")
    main(["cache", "list"])
    printed = " ".join(capsys.readouterr().out.split())
    assert entry.folder.name in printed
    assert "4x6, pad" in printed.replace("│ ", "").replace(" │", "")
    assert f"1 cache, {format_bytes(entry.size)}" in printed
    (entry.folder / "about.json").write_text("{}")
    main(["cache", "list"])
    assert "damaged" in capsys.readouterr().out
    main(["cache", "clear", entry.folder.name[:6]])
    assert "cleared 1 of 1 cache" in capsys.readouterr().out
    assert not entry.folder.exists()


@pytest.fixture
def kept(root):
    """A measurement and the files of all caches, which a refused command must leave as they are."""
    RememberedCosts({"device": "a CPU"}).keep({"model": "mlp"}, Rehearsal(1.0, 0.1, 0.1, 0.1, 0.1, 3, 99, 99, 0.5))
    return sorted(root.rglob("*"))


def test_an_empty_name_clears_nothing(root, kept, refused):
    assert "NAMES: expected names of caches, or their first letters. Received an empty name." in refused(
        "cache", "clear", ""
    )
    assert sorted(root.rglob("*")) == kept


@pytest.mark.parametrize("names", [("nonsense", "costs"), ("costs", "nonsense"), ("FIRST", "nonsense", "costs")])
def test_a_wrong_name_clears_nothing_of_the_others(root, kept, refused, names):
    (first,) = (path.name for path in (root / "activations").iterdir())
    error = refused("cache", "clear", *(first if name == "FIRST" else name for name in names))
    assert "No cache is named 'nonsense'. kerasclf cache list shows them." in error
    assert sorted(root.rglob("*")) == kept


def test_all_wrong_names_are_refused_at_once(refused):
    error = refused("cache", "clear", "nonsense", "", "more")
    assert error.startswith("error: Nothing was cleared:")
    assert all(text in error for text in ("'nonsense'", "an empty name", "'more'"))
