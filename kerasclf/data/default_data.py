"""The data that a study uses if the user names none: its own if they are available, otherwise a replacement."""

from typing import NamedTuple

from kerasclf.data.published import birds, tabular_sets
from kerasclf.data.published.keras_sets import KERAS_SETS, load_keras_set
from kerasclf.data.spec_kinds import Size
from kerasclf.errors import DataError
from kerasclf.files.home_folders import data_home

_INSTEAD = "Using the synthetic data set 'shapes' instead; published figures are not comparable with its results."
_DIGITS_INSTEAD = "Using scikit-learn's digits instead (8×8 pixels)."
_OWN_FOLDER = (
    "This study is for your own images. Give them as `data`, for example folder:PATH with PATH/CLASS/image.jpg."
)
# Large enough for the pretrained networks of these studies, small enough for a laptop.
_SIZE_OF_SHAPES = (96, 96)


class DatasetChoice(NamedTuple):
    """The data set that a study uses.

    Args:
        spec: Its spec.
        notice: Message for the user if it replaces the preferred data set; otherwise empty.
        image_size: Height and width of the images, in pixels; None keeps their own size.
    """

    spec: str
    notice: str
    image_size: Size | None = None


def default_dataset(preferred: str) -> DatasetChoice:
    """Returns the preferred data set if it is available, and otherwise a replacement with a notice.

    scikit-learn's digits replace MNIST; `shapes` replaces all other images.

    Args:
        preferred: Spec of the preferred data set.

    Raises:
        DataError: If there is no replacement.
    """
    kind, _, rest = preferred.partition(":")
    if kind == "birds":
        return DatasetChoice("shapes", f"{birds.HOW_TO_GET}\n{_INSTEAD}", _SIZE_OF_SHAPES)
    if kind == "folder" and not rest:
        return DatasetChoice("shapes", f"{_OWN_FOLDER}\n{_INSTEAD}", _SIZE_OF_SHAPES)
    if kind == "wine" and not rest:
        raise DataError(f"This study comes without data. {tabular_sets.HOW_TO_GET_WINE}")
    if kind not in KERAS_SETS:
        return DatasetChoice(preferred, "")
    known, classes = KERAS_SETS[kind], int(rest) if rest else None
    if known.find(classes) not in (None, known.path):
        return DatasetChoice(preferred, "")  # the user's own copy: if it is damaged, the user wants to know
    if known.is_available():
        try:
            load_keras_set(kind, classes)
            return DatasetChoice(preferred, "")
        except DataError:
            pass  # a damaged cache, or a host that answers but does not serve the file
    spec, instead = ("digits", _DIGITS_INSTEAD) if kind == "mnist" else ("shapes", _INSTEAD)
    return DatasetChoice(
        spec,
        f"{known.title} is not cached ({known.path}), not below KERASCLF_DATA ({data_home() or 'not set'}), and cannot "
        f"be downloaded from {known.host}.\n{instead}",
    )
