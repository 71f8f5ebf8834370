"""The files of an audit: the list of findings, and the list of images without them."""

import math
import os
from pathlib import Path

from kerasclf.audit.audit import Audit
from kerasclf.audit.findings_list import Finding
from kerasclf.data.dataset import SETS
from kerasclf.escaping import for_spreadsheet
from kerasclf.files.csv_files import csv_text
from kerasclf.files.writing import write_text

FINDINGS, CLEAN, PAGE = "findings.csv", "clean.csv", "index.html"
# All files of an audit: no others are replaced by a new one.
AUDIT_FILES = (FINDINGS, CLEAN, PAGE)
_COLUMNS = ("kind", "matters", "file", "set", "class", "other_file", "other_set", "other_class", "score", "note")


def write_findings(audit: Audit, path: Path) -> None:
    """Writes one row per finding. No text in it is a formula of a spreadsheet."""
    rows = [_row(audit, finding) for finding in audit.findings]
    write_text(path, csv_text([_COLUMNS, *([for_spreadsheet(value) for value in row] for row in rows)]))


def write_clean(audit: Audit, path: Path, folder: Path | None = None) -> bool:
    """Writes path, class and set of the images without the findings: `csv:PATH` names them as a data set.

    The paths are relative to the list, so that it may move together with the images. On Windows, images on another
    drive keep their whole path.

    Args:
        audit: The findings.
        path: The file.
        folder: Where the list will lie when it is used; None for the folder of `path`.

    Returns:
        Whether it was written. Images without files cannot be listed.
    """
    images = audit.images
    if not images.files:
        return False
    kept = [index for index in range(len(images)) if index not in audit.left_out]
    folder = (path.parent if folder is None else folder).resolve()
    rows = [[_relative(images.files[i], folder), images.class_of(i), SETS[images.sets[i]]] for i in kept]
    header = ["image", "label", "set"]
    if images.groups:
        header, rows = [*header, "group"], [[*row, images.groups[i]] for row, i in zip(rows, kept, strict=True)]
    write_text(path, csv_text([header, *rows]))
    return True


def _relative(file: Path, folder: Path) -> str:
    """Returns the path of a file from a folder without links, with slashes; the whole path on another drive."""
    whole = file.parent.resolve() / file.name
    try:
        return Path(os.path.relpath(whole, folder)).as_posix()
    except ValueError:
        return str(whole)


def _row(audit: Audit, finding: Finding) -> tuple[object, ...]:
    score = "" if math.isnan(finding.score) else f"{finding.score:.4g}"
    one, other = _described(audit, finding.image), _described(audit, finding.other)
    if finding.image is None:
        one = (finding.name, "", "")
    return (finding.kind, "yes" if finding.matters else "no", *one, *other, score, finding.note)


def _described(audit: Audit, index: int | None) -> tuple[str, str, str]:
    """Returns the file or name of an image, its set and its class."""
    if index is None:
        return "", "", ""
    images = audit.images
    return images.names[index], SETS[images.sets[index]], images.class_of(index)
