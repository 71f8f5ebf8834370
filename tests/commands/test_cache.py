"""`kerasclf cache`, as a user meets it."""

import pytest

from kerasclf.cli import main
from kerasclf.transfer.cache import ActivationCache


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
