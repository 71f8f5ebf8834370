"""The page of `kerasclf check`: the findings about a set of images, with pictures. It needs no other file."""

import shlex
from collections.abc import Sequence
from importlib import resources
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from kerasclf.audit.audit import Audit
from kerasclf.audit.audit_files import CLEAN, FINDINGS, PAGE
from kerasclf.audit.findings_list import KINDS, Finding
from kerasclf.audit.odd_images import THRESHOLDS
from kerasclf.audit.pooled_images import PooledImages
from kerasclf.audit.price import DRAWS
from kerasclf.data.dataset import SETS, class_counts
from kerasclf.files.writing import write_text
from kerasclf.report.imbalance import imbalance_of
from kerasclf.report.misclassifications import jpeg_of
from kerasclf.report.page_parts import templates
from kerasclf.runs.examples import thumbnails
from kerasclf.wording import counted

# Findings of a kind with pictures; findings.csv has all.
_SHOWN = 24
_SAMPLES_PER_CLASS = 8
_MAX_SAMPLED_CLASSES = 50


class Shown(NamedTuple):
    """A picture on the page.

    Args:
        name: Name of the image.
        jpeg: A thumbnail.
        class_name: Its class.
        set_name: Its set.
    """

    name: str
    jpeg: bytes
    class_name: str
    set_name: str


class ShownFinding(NamedTuple):
    """A finding with one picture or two."""

    finding: Finding
    pictures: tuple[Shown, ...]


# Images in rows, each with its caption: an image and random versions of it.
Preview = Sequence[Sequence[tuple[str, NDArray[np.uint8]]]]


def write_audit_page(audit: Audit, folder: Path, named: Path, preview: Preview = ()) -> None:
    """Writes index.html.

    Args:
        audit: The findings.
        folder: Folder to write to.
        named: The folder as the page names it in commands.
        preview: A contact sheet of an augmentation; empty without one.
    """
    context: dict[str, Any] = {
        "audit": audit,
        "dataset": audit.images.dataset,
        "answer": audit_answer(audit),
        "cautions": audit_cautions(audit),
        "kinds": [(kind, audit.of_kind(name)) for name, kind in KINDS.items() if audit.of_kind(name)],
        "sections": [_section(audit, name) for name in KINDS if audit.of_kind(name)],
        "sets": SETS,
        "counts": _counts(audit),
        "one_size": _one_size(audit),
        "sizes": _sizes(audit),
        "draws": DRAWS,
        "samples": _samples(audit.images),
        "preview": [[(caption, jpeg_of(pixels)) for caption, pixels in row] for row in preview],
        "clean": str(named / CLEAN) if audit.images.files else "",
        "moved_spec": shlex.quote(f"csv:NEW_FOLDER/{CLEAN}:root={named.absolute()}"),
        "clean_spec": shlex.quote(f"csv:{named / CLEAN}"),
        "findings_file": FINDINGS,
    }
    style = resources.files("kerasclf.report").joinpath("templates/page.css").read_text(encoding="utf-8")
    page = templates(escape=True).get_template("audit.html.j2").render(context, style=style)
    write_text(folder / PAGE, page)


def audit_answer(audit: Audit) -> str:
    """Returns the main finding in a sentence."""
    matters = sum(finding.matters for finding in audit.findings)
    if not audit.findings:
        return "No findings."
    if not matters:
        return f"{counted(len(audit.findings), 'finding')}, of which none matters."
    return f"{counted(matters, 'finding')} that {'matters' if matters == 1 else 'matter'}."


def audit_cautions(audit: Audit) -> list[str]:
    """Returns what a reader of the findings must know, one sentence or two each."""
    errors, found = audit.label_errors, []
    if errors.why_not:
        found.append(f"Label errors were not sought: {errors.why_not}")
    elif not errors.is_reliable:
        found.append(
            f"Label errors are not listed: a head on {audit.features} is right on only {errors.accuracy:.0%} of the "
            f"held-out images (needed: {errors.needed:.0%}). Give the weights of a pretrained network."
        )
    if audit.why_no_price:
        found.append(f"The price of the findings was not measured: {audit.why_no_price}")
    if unequal := imbalance_of(audit.images.labels, audit.images.dataset.class_names):
        found.append(
            f"The classes are imbalanced: {unequal.largest} has {unequal.most:,} images, "
            f"{unequal.smallest} has {unequal.fewest:,}. Accuracy says little; look at balanced accuracy "
            "and macro F1."
        )
    found += [
        f"{one.fact.capitalize()} alone predicts the class of {one.accuracy:.0%} of the images (95 % interval "
        f"{one.low:.0%} to {one.high:.0%}); the largest class has {one.majority:.0%}. A network may learn it instead."
        for one in audit.shortcuts
        if one.is_strong
    ]
    return found


def _section(audit: Audit, name: str) -> dict[str, Any]:
    """Returns a kind of finding with its first pictures."""
    found = audit.of_kind(name)
    shown = found[:_SHOWN]
    indices = sorted({index for one in shown for index in (one.image, one.other) if index is not None})
    pictures = dict(zip(indices, _shown(audit.images, np.array(indices, np.int64)), strict=True))
    return {
        "name": name,
        "kind": KINDS[name],
        "threshold": _threshold(audit, name),
        "count": len(found),
        "shown": [
            ShownFinding(one, tuple(pictures[index] for index in (one.image, one.other) if index is not None))
            for one in shown
        ],
    }


def _threshold(audit: Audit, name: str) -> str:
    """Returns from where on a finding is one, as a sentence; empty if that goes without saying."""
    if name in THRESHOLDS:
        return f"{THRESHOLDS[name][0].upper()}{THRESHOLDS[name][1:]}."
    if name.startswith("near"):
        return f"The correlation of two such pictures, at the best crop, is at least {audit.near_threshold:.3f}."
    if name == "label_error":
        return f"The head uses {audit.features} and is right on {audit.label_errors.accuracy:.1%} of held-out images."
    return ""


def _counts(audit: Audit) -> list[tuple[str, list[int]]]:
    """Returns each class with its number of images in each set."""
    names = audit.images.dataset.class_names
    columns = [class_counts(subset.labels, len(names)).tolist() for subset in audit.images.subsets]
    return [(name, [column[label] for column in columns]) for label, name in enumerate(names)]


def _one_size(audit: Audit) -> str:
    """Returns the size that all files share, as width × height in pixels; empty if they differ or there are none."""
    if audit.facts is None or len(np.unique(audit.facts.sizes, axis=0)) != 1:
        return ""
    return _in_pixels(audit.facts.sizes)


def _sizes(audit: Audit) -> list[tuple[str, list[str]]]:
    """Returns each class with the median size of its files in each set and in all; nothing if all have one size."""
    images, facts = audit.images, audit.facts
    if facts is None or _one_size(audit):
        return []
    sets = [*(images.sets == number for number in range(len(SETS))), np.ones(len(images), bool)]
    return [
        (name, [_in_pixels(facts.sizes[(images.labels == label) & of_set]) for of_set in sets])
        for label, name in enumerate(images.dataset.class_names)
    ]


def _in_pixels(sizes: NDArray[np.int64]) -> str:
    """Returns the median of sizes, given as height and width, as width × height."""
    if not len(sizes):
        return ""
    height, width = np.median(sizes, axis=0)
    return f"{width:.0f} × {height:.0f}"


def _samples(images: PooledImages) -> list[tuple[str, list[Shown]]]:
    """Returns random training images of each class."""
    rng, found = np.random.default_rng(0), []
    train = images.dataset.train
    for label, name in enumerate(images.dataset.class_names[:_MAX_SAMPLED_CLASSES]):
        own = np.flatnonzero(train.labels == label)
        chosen = np.sort(rng.permutation(own)[:_SAMPLES_PER_CLASS])
        found.append((name, list(_shown(images, chosen))))  # the training set comes first
    return found


def _shown(images: PooledImages, indices: NDArray[np.int64]) -> Sequence[Shown]:
    if not len(indices):
        return ()
    small = thumbnails(images.read(indices))
    return [
        Shown(images.names[index], jpeg_of(pixels), images.class_of(index), SETS[images.sets[index]])
        for index, pixels in zip(indices.tolist(), small, strict=True)
    ]
