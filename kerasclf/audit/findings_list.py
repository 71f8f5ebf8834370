"""The findings of an audit: what they are called, which ones matter, and which images `clean.csv` leaves out."""

from typing import NamedTuple


class Kind(NamedTuple):
    """A kind of finding.

    Args:
        title: Its heading on the page.
        matters: Whether `kerasclf check` exits with 1 because of it.
        meaning: What it means, in a sentence or two.
    """

    title: str
    matters: bool
    meaning: str


# In the order of the page. `{…}` is filled from the audit.
KINDS = {
    "broken": Kind("Broken files", True, "These files cannot be read as images."),
    "duplicate_across": Kind(
        "Duplicates across sets",
        True,
        "The same pixels lie in several sets. A network that has learned an image by heart is tested on it.",
    ),
    "near_across": Kind(
        "Near-duplicates across sets",
        True,
        "The same picture lies in several sets: cropped, flipped, compressed, brightened or resized.",
    ),
    "conflicting_labels": Kind("One image, several labels", True, "Equal pixels have different labels."),
    "label_error": Kind(
        "Probable label errors",
        True,
        "A head that was fitted without these images predicts another class. Look at each before you change it.",
    ),
    "straddling_group": Kind(
        "Groups in several sets",
        True,
        "Images of one group, such as one patient or one recording, lie in several sets.",
    ),
    "duplicate": Kind("Duplicates within a set", False, "The same pixels occur more than once in a set."),
    "near_duplicate": Kind("Near-duplicates within a set", False, "Variants of one picture lie in the same set."),
    "dark": Kind("Dark images", False, ""),
    "bright": Kind("Bright images", False, ""),
    "flat": Kind("Images of one colour", False, ""),
    "blurred": Kind("Blurred images", False, ""),
    "odd size": Kind("Files of an odd size", False, ""),
    "odd aspect": Kind("Files of an odd aspect ratio", False, ""),
}


class Finding(NamedTuple):
    """A finding about one image, or about two of them.

    Args:
        kind: A key of `KINDS`.
        image: Position of the image in the list of all; None for a broken file.
        other: Position of the image it was compared with; None without one.
        score: Correlation of two images, probability of the given label, or the value of a threshold.
        note: The predicted class, the reason or the group, in words.
        name: Name of a broken file, which has no position.
    """

    kind: str
    image: int | None
    other: int | None = None
    score: float = float("nan")
    note: str = ""
    name: str = ""

    @property
    def matters(self) -> bool:
        """Whether `kerasclf check` exits with 1 because of it."""
        return KINDS[self.kind].matters
