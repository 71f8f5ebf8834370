"""The source of a user's own network: found and hashed without running it."""

import functools
import hashlib
import subprocess
import sys

import pytest

from kerasclf.errors import KerasclfError
from kerasclf.networks.network_source import (
    check_importable,
    find_module,
    is_own,
    label_of,
    name_function,
    search_path,
    source_digest,
    use_search_path,
)
from tests.own_networks import MY_NET


def at_the_top():
    """A function that its module holds by its name."""


@pytest.mark.parametrize(
    ("model", "own", "label"),
    [
        ("basenet", False, "basenet"),
        ("my_net:build", True, "my_net-build"),
        ("pkg.nets:Nets.small", True, "pkg.nets-Nets.small"),
        ("/runs/a b/seed-0/model.keras", True, "model"),
        ("../héron.keras", True, "h-ron"),
    ],
)
def test_a_name_says_what_kind_of_network_it_is(model, own, label):
    assert is_own(model) == own
    assert label_of(model) == label


def test_the_digest_is_that_of_the_file_and_nothing_runs(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "pkg" / "inner").mkdir(parents=True)
    (tmp_path / "pkg" / "__init__.py").write_text("raise SystemError('run')")
    (tmp_path / "pkg" / "inner" / "nets.py").write_text(MY_NET)  # `inner` is a namespace package
    (tmp_path / "my_net.py").write_text(MY_NET)
    expected = hashlib.sha256(MY_NET.encode()).hexdigest()
    assert source_digest("my_net:build") == source_digest("pkg.inner.nets:build") == expected
    assert source_digest("basenet") is None
    assert not list(tmp_path.rglob("trace"))
    assert find_module("pkg.missing") is None


def test_the_digest_of_a_saved_model_is_that_of_the_file(tmp_path):
    (tmp_path / "model.keras").write_bytes(b"weights")
    assert source_digest(str(tmp_path / "model.keras")) == hashlib.sha256(b"weights").hexdigest()
    with pytest.raises(KerasclfError, match=r"^model: expected a \.keras file\. Received: 'no\.keras', which does not"):
        source_digest("no.keras")


@pytest.mark.parametrize("model", ["my_net.py:build", "folder/my_net:build", ":build", "my_net:", "a:b:c"])
def test_another_form_is_refused(model):
    with pytest.raises(KerasclfError, match=r"^model: expected 'module:function', such as 'my_net:build' .*Received"):
        source_digest(model)


def test_a_module_that_is_nowhere_is_named_with_the_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(KerasclfError, match=rf"the module 'my_nte', which was not found\. .* in {tmp_path} and on"):
        source_digest("my_nte:build")
    with pytest.raises(KerasclfError, match="the module 'math', which"):
        source_digest("math:sqrt")


def test_a_function_has_the_name_under_which_its_module_holds_it():
    assert name_function(at_the_top) == "tests.networks.test_network_source:at_the_top"

    def inside():
        pass

    for function in (lambda: None, inside, functools.partial(at_the_top)):
        with pytest.raises(KerasclfError, match=r"at the top level of a module\. .*Move it to a file, such as my_net"):
            name_function(function)


def test_a_function_of_a_notebook_is_refused_where_other_processes_run():
    check_importable(["basenet", "my_net:build", "model.keras"])
    with pytest.raises(KerasclfError) as caught:
        check_importable(["basenet", "__main__:build"])
    assert str(caught.value) == (
        "model: expected a network that other processes can import. Received: '__main__:build', which is defined in a "
        "notebook or in the script itself. Move it to a file, such as my_net.py, and give model='my_net:build', or "
        "use engine=Inline()."
    )


def test_a_function_without_source_is_refused():
    code = """
def build(): pass
from kerasclf import Experiment
try:
    Experiment(model=build)
except ValueError as error:
    print(error)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert "expected a function whose source can be read. Received: '__main__:build'" in done.stdout


def test_another_search_path_comes_first(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", ["/one", "", "/two"])
    assert search_path() == ["/one", str(tmp_path), "/two"]
    use_search_path(["/two", "/three"])
    assert sys.path == ["/two", "/three", "/one", ""]
