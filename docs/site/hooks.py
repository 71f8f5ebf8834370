"""Hooks of MkDocs: they add pages from outside docs/ and pages made from the code, and make links fit the site."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import gallery
import reference_pages
from links import site_links
from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page

ROOT = Path(__file__).parents[2]
# Files of the repository that the site shows or offers, under their own paths.
SHOWN = [
    "*.md", "benchmarks/*.md", "reports/**/*.md", "reports/**/*.png", "reports/**/*.gif", "reports/**/*.csv",
    "notebooks/README.md", "notebooks/*.ipynb", "notebooks/*.png",
]  # fmt: skip


def on_config(config: MkDocsConfig) -> MkDocsConfig:
    """Gives headings the anchors of GitHub, and writes the pages for each `*` of the navigation."""
    from pymdownx.slugs import slugify

    config.mdx_configs["toc"]["slugify"] = slugify(case="lower")
    known = sorted([*shown_files(), *reference_pages.all_pages(), *docs_pages()])
    named = set(_named(config.nav))
    config.nav = _expanded(config.nav, [uri for uri in known if uri not in named])
    return config


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Adds the pages of the repository outside docs/, and those made from the code."""
    for uri in shown_files():
        files.append(File.generated(config, uri, abs_src_path=str(ROOT / uri)))
    for uri, text in reference_pages.all_pages().items():
        files.append(File.generated(config, uri, content=text))
    return files


def on_page_markdown(markdown: str, page: Page, config: MkDocsConfig, files: Files) -> str:
    """Adds pictures to results, and makes links of the repository links of the site."""
    uri = page.file.src_uri
    if page.file.generated_by and uri not in shown_files():
        return markdown
    if uri == "reports/README.md":
        markdown = f"{markdown}\n{gallery.gallery(ROOT / 'reports')}"
    elif uri.startswith("reports/") and uri.endswith("/README.md"):
        markdown = gallery.with_picture(markdown, ROOT / "reports" / Path(uri).parent.name)
    return site_links(markdown, uri, {file.src_uri for file in files}, in_docs=uri not in shown_files())


def shown_files() -> list[str]:
    """Returns the files of the repository outside docs/ that the site has, as paths from its root."""
    found = {path.relative_to(ROOT).as_posix() for pattern in SHOWN for path in ROOT.glob(pattern)}
    return sorted(found - {"README.md"})  # the page of docs/README.md is the first one


def docs_pages() -> list[str]:
    """Returns the pages in docs/, as paths from there."""
    return [path.relative_to(ROOT / "docs").as_posix() for path in (ROOT / "docs").rglob("*.md")]


def _named(entry: Any) -> Iterator[str]:
    """Yields the pages that a part of the navigation names one by one."""
    if isinstance(entry, str):
        yield entry
    else:
        for below in entry.values() if isinstance(entry, dict) else entry:
            yield from _named(below)


def _expanded(entry: Any, known: list[str]) -> Any:
    """Returns a part of the navigation with the pages that each `*` stands for: those that nothing else names."""
    if isinstance(entry, dict):
        return {title: _expanded(below, known) for title, below in entry.items()}
    if not isinstance(entry, list):
        return entry
    pages: list[Any] = []
    for one in entry:
        if isinstance(one, str) and "*" in one:
            form = re.compile(re.escape(one).replace(r"\*", "[^/]+"))
            pages += [uri for uri in known if form.fullmatch(uri) and uri.endswith(".md")]
        else:
            pages.append(_expanded(one, known))
    return pages
