"""Links of the repository become links of the site, where docs/ is the root and other folders lie in it."""

import posixpath
import re

_LINK = re.compile(r"(\]\()([^()\s]+)(\))")
_FENCED = re.compile(r"(^ *```.*?^ *```[^\S\n]*$)", re.MULTILINE | re.DOTALL)
_GONE = re.compile(r"\[((?:[^\[\]]|\[[^\[\]]*\])*)\]\(gone:\)")


def site_links(text: str, uri: str, known: set[str], in_docs: bool) -> str:
    """Returns a page whose links lead to files of the site; a link to another file becomes its words.

    Args:
        text: The page, as Markdown.
        uri: Its path in the site.
        known: The paths of all files of the site.
        in_docs: Whether its file lies in docs/.
    """
    here = posixpath.dirname(f"docs/{uri}" if in_docs else uri)

    def replaced(match: re.Match[str]) -> str:
        file, mark, anchor = match[2].partition("#")
        if not file or re.match(r"\w+:", match[2]):
            return match[0]
        target = posixpath.normpath(posixpath.join(here, file)).removeprefix("docs/")
        if target not in known:
            return "](gone:)"
        return f"]({posixpath.relpath(target, posixpath.dirname(uri) or '.')}{mark}{anchor})"

    parts = _FENCED.split(text)
    return "".join(part if i % 2 else _GONE.sub(r"\1", _LINK.sub(replaced, part)) for i, part in enumerate(parts))
