"""`kerasclf show gradcam`: the evidence for a class in one image, or in many on a contact sheet."""

import math
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from rich.console import Console

from kerasclf.commands.figure_files import is_figure, save_shown
from kerasclf.commands.printing.output import folder_within, say
from kerasclf.errors import ImagesFailedError, KerasclfError
from kerasclf.escaping import for_figure
from kerasclf.inference.image_files import ImageFiles
from kerasclf.networks.model_file import read_fit
from kerasclf.wording import counted

if TYPE_CHECKING:
    import keras
    import numpy as np
    from matplotlib.figure import Figure
    from numpy.typing import NDArray

    from kerasclf.data.pixels.image_fit import Fit
    from kerasclf.models.visualization import Attention

# A contact sheet with more images is unreadable.
MOST_IMAGES = 60
# File systems allow 255 bytes, and the name of a figure adds to that of its image.
_MAX_STEM_BYTES = 150


@dataclass(frozen=True)
class Heat:
    """What `kerasclf show gradcam` explains.

    Args:
        path: The .keras file.
        class_names: Its class names; empty if they are unknown.
        label: Number of the class to explain; None for the predicted one.
        images: Image files, folders, globs, or columns of CSV files.
        out: Folder of the figure, or its name, ending in .png or .svg; None for show/ beside the model.
        overwrite: Whether to replace a figure.
    """

    path: Path
    class_names: tuple[str, ...]
    label: int | None
    images: tuple[Path, ...]
    out: Path | None
    overwrite: bool

    @property
    def files(self) -> ImageFiles:
        return ImageFiles(tuple(map(str, self.images)))

    def figure_path(self, files: Sequence[str]) -> Path:
        """Returns the path of the figure without suffix."""
        if self.out is not None and is_figure(self.out):
            return self.out.with_suffix("")
        name = figure_name("gradcam", Path(files[0] if len(files) == 1 else "images"))
        return (self.out or folder_within(self.path.parent, "show")) / name


def figure_name(what: str, image: Path) -> str:
    """Returns the name of the figure of an image, without suffix."""
    return f"{what}_{os.fsdecode(os.fsencode(image.stem)[:_MAX_STEM_BYTES])}"


def check_images(images: Sequence[Path]) -> None:
    """Checks that image files, folders and globs name something, and that a single file can be read.

    Raises:
        KerasclfError: If something cannot be used; the message lists all problems.
    """
    ImageFiles(tuple(map(str, images))).check()
    if len(images) == 1 and images[0].is_file():
        from kerasclf.data.pixels.decode import read_image

        read_image(images[0], (8, 8), channels=3)


def save_gradcam(heat: Heat, model: "keras.Model", console: Console) -> None:
    """Draws the heat maps, saves the figure, and names the files that cannot be read.

    Raises:
        ImagesFailedError: If some images cannot be read. The figure has all others.
        KerasclfError: If none can be read, or the network has no feature maps.
    """
    from kerasclf.models.visualization import grad_cams

    every = list(heat.files)
    chosen = every if len(every) <= MOST_IMAGES else [every[i * len(every) // MOST_IMAGES] for i in range(MOST_IMAGES)]
    if len(chosen) < len(every):
        say(console, f"{len(chosen)} of {len(every):,} images, evenly spaced")
    files, images, problems = _read(chosen, model, read_fit(heat.path))
    for problem in problems:
        say(console, problem)
    if not files:
        raise KerasclfError(
            f"Expected an image that can be read. Received: {counted(len(chosen), 'file')} that cannot."
        )
    found = grad_cams(model, images, None if heat.label is None else [heat.label] * len(files))
    for one in found:
        if heat.class_names and len(heat.class_names) <= one.label:
            raise KerasclfError(f"Expected the names of all classes. Received: {len(heat.class_names)} names.")
    figure = _drawn(heat, files, images, found)
    path = save_shown(figure, heat.figure_path(every), heat.overwrite or is_figure(heat.out))
    say(console, f"{path}.png and .svg")
    if problems:
        raise ImagesFailedError(
            f"{len(problems)} of {counted(len(chosen), 'image')} could not be read. The figure has all others."
        )


def _read(chosen: Sequence[str], model: "keras.Model", fit: "Fit") -> "tuple[list[str], NDArray[np.uint8], list[str]]":
    """Returns the files that can be read, their images, and why others cannot."""
    import numpy as np

    from kerasclf.errors import DataError

    files, images, problems = [], [], []
    for file in chosen:
        try:
            images.append(read_for(model, Path(file), fit))
            files.append(file)
        except DataError as error:
            problems.append(str(error))
    sizes = {image.shape for image in images}
    if len(sizes) > 1:
        raise KerasclfError("Expected a network for images of one size. Received: one for any size. Give one image.")
    return files, np.stack(images) if images else np.zeros((0, 1, 1, 3), np.uint8), problems


def read_for(model: "keras.Model", path: Path, fit: "Fit") -> "NDArray[np.uint8]":
    """Reads an image in the size and channels of a model.

    Args:
        model: The model.
        path: The image file.
        fit: How the image fills the size.

    Raises:
        KerasclfError: If the image cannot be read, or the model takes no images of a usual kind.
    """
    from kerasclf.data.pixels.decode import MAX_PIXELS, read_image

    height, width, channels = model.inputs[0].shape[1:]
    if channels not in (1, 3):
        raise KerasclfError(
            f"Expected a network for grey or colour images. Received a network for {channels} channels."
        )
    size = None if height is None or width is None else (height, width)
    if size is not None and math.prod(size) > MAX_PIXELS:
        raise KerasclfError(f"Expected a network for images of at most {MAX_PIXELS:,} pixels. Received: {size}.")
    return read_image(path, size, channels, fit)


def _drawn(heat: Heat, files: Sequence[str], images: "NDArray[np.uint8]", found: "Sequence[Attention]") -> "Figure":
    """Returns the figure: a large one of a single image, or a contact sheet."""
    from kerasclf.report.figures.visualization_figures import draw_attention, draw_contact_sheet

    titles = [
        f"{for_figure(heat.class_names[one.label]) if heat.class_names else f'class {one.label}'} "
        f"({one.probability:.1%})"
        for one in found
    ]
    if len(files) == 1:
        return draw_attention(images[0], found[0].heat, f"{titles[0]}, by {found[0].layer}")
    names = [for_figure(Path(file).name) for file in files]
    heats = [one.heat for one in found]
    return draw_contact_sheet(images, heats, list(zip(titles, names, strict=True)))
