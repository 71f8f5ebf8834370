"""The site of the manual: pages made from the code, links, the gallery, and a build without warnings."""

import importlib
import os
import subprocess
import sys
from importlib import util
from pathlib import Path

import pytest
import yaml

from kerasclf.cli import COMMANDS
from kerasclf.commands.options.option_fields import options_of
from kerasclf.networks.network_list import read_list
from kerasclf.search.search_catalogue import SEARCHES
from kerasclf.studies import STUDIES

ROOT = Path(__file__).parents[1]


def part_of_site(name):
    """Imports a file of docs/site, which is no package."""
    spec = util.spec_from_file_location(f"site_{name}", ROOT / "docs" / "site" / f"{name}.py")
    module = util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def reference():
    return part_of_site("reference_pages")


@pytest.mark.parametrize("name", COMMANDS)
def test_the_page_of_a_command_has_every_option(name, reference):
    page = reference.command_page(name)
    assert page.startswith(f"# kerasclf {name}\n")
    for option in options_of(COMMANDS[name]):
        assert page.count(f"| <code>{', '.join([*option.aliases, option.typed])}") >= 1, option.typed
    rows = [line for line in page.splitlines() if line.startswith("|")]
    assert {line.count("|") for line in rows} <= {3}, "a bar in a text would be another column"


def test_the_catalogue_has_every_network_study_and_search(reference):
    page = reference.catalogue_page()
    names = [*(one.name for one in read_list().entries), *STUDIES, *SEARCHES]
    assert [name for name in names if f"| `{name}` |" not in page] == []


def test_the_python_names_exist(reference):
    for _, _, names in reference.API.values():
        for name in names.split():
            module, _, attribute = name.rpartition(".")
            assert getattr(importlib.import_module(module), attribute).__doc__, name


@pytest.mark.parametrize(
    ("uri", "in_docs", "link", "expected"),
    [
        ("how-to/gpu.md", True, "[a](../gpu.md#precision)", "[a](../gpu.md#precision)"),
        ("studies.md", True, "![a](../reports/x/bars.png)", "![a](reports/x/bars.png)"),
        ("tutorials/a.md", True, "[a](../../reports/README.md)", "[a](../reports/README.md)"),
        ("reports/README.md", False, "[a](../docs/gpu.md)", "[a](../gpu.md)"),
        ("CONTRIBUTING.md", False, "[a](docs/gpu.md), [b](x.md)", "[a](gpu.md), b"),
        ("gpu.md", True, "[the `code`](../kerasclf/cli.py) here", "the `code` here"),
        ("gpu.md", True, "[a](https://keras.io) [b](#x)", "[a](https://keras.io) [b](#x)"),
        ("gpu.md", True, "```\n[a](x.md)\n```", "```\n[a](x.md)\n```"),
    ],
)
def test_links_lead_to_pages_of_the_site(uri, in_docs, link, expected):
    known = {"gpu.md", "studies.md", "reports/README.md", "reports/x/bars.png"}
    assert part_of_site("links").site_links(link, uri, known, in_docs) == expected


def test_the_gallery_has_a_card_for_each_report(tmp_path):
    for name, picture in (("one", "bars.png"), ("two", "history.png"), ("three", None)):
        (tmp_path / name).mkdir()
        (tmp_path / name / "README.md").write_text(f"# Study {name}\n\nFirst.\n\nSecond.\n")
        if picture:
            (tmp_path / name / picture).touch()
    gallery = part_of_site("gallery")
    assert gallery.gallery(tmp_path).split("\n\n", 2)[2] == (
        "-   [Study one](one/README.md)\n\n    [![Study one](one/bars.png)](one/README.md)\n\n"
        "-   [Study three](three/README.md)\n\n"
        "-   [Study two](two/README.md)\n\n    [![Study two](two/history.png)](two/README.md)\n\n</div>\n"
    )
    page = (tmp_path / "one" / "README.md").read_text()
    shown = "# Study one\n\nFirst.\n\n![The main figure of the report](bars.png)\n\nSecond.\n"
    assert gallery.with_picture(page, tmp_path / "one") == shown
    assert gallery.with_picture(shown, tmp_path / "one") == shown
    assert gallery.with_picture(page, tmp_path / "three") == page


def test_the_navigation_names_pages_that_exist():
    def named(entry):
        if isinstance(entry, str):
            return [entry]
        return [page for below in (entry.values() if isinstance(entry, dict) else entry) for page in named(below)]

    pages = [page for page in named(yaml.safe_load((ROOT / "mkdocs.yml").read_text())["nav"]) if "*" not in page]
    made = {"reference/catalogue.md"}
    assert [page for page in pages if page not in made and not any((ROOT / at / page).is_file() for at in ("docs", ""))
            ] == []  # fmt: skip


@pytest.mark.slow
def test_the_site_is_built_without_a_warning(tmp_path):
    if util.find_spec("mkdocstrings") is None:
        pytest.skip("make docs installs the extra docs")
    built = subprocess.run(
        [sys.executable, "-m", "mkdocs", "build", "--strict", "--site-dir", tmp_path / "site"],
        cwd=ROOT, env={**os.environ, "NO_MKDOCS_2_WARNING": "1"}, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert built.returncode == 0, built.stdout + built.stderr
    assert (tmp_path / "site/reference/commands/train/index.html").is_file()
