"""`kerasclf show`: figures of a trained network's kernels, feature maps and Grad-CAM, and of an augmentation."""

import math
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, ClassVar

import tyro
from rich.console import Console

from kerasclf.commands.output import folder_within, say
from kerasclf.commands.parsing import parse_size
from kerasclf.commands.show_augmentation import Shown, save_augmentation
from kerasclf.errors import FolderError, KerasclfError, Problems, unknown
from kerasclf.escaping import for_figure
from kerasclf.model_file import MODEL, read_class_names
from kerasclf.quiet import quiet_tensorflow

if TYPE_CHECKING:
    import keras
    import numpy as np
    from numpy.typing import NDArray

WHAT = ("kernels", "features", "gradcam", "augmentation")
# A figure with more layers is unreadable.
_MOST_LAYERS = 12
# No network takes larger images; a file may announce anything.
_MAX_PIXELS = 1 << 26
# File systems allow 255 bytes, and the name of a figure adds to that of its image.
_MAX_STEM_BYTES = 150


@dataclass(frozen=True)
class ShowCommand:
    """Draw the kernels of a trained network, its feature maps or Grad-CAM of an image, or an augmentation.

    Examples:
      kerasclf show kernels runs/train-…/runs/resnet50_head-1a2b3c4d/seed-0
      kerasclf show features model.keras photo.jpg
      kerasclf show gradcam runs/train-…/runs/resnet50_head-1a2b3c4d/seed-0 photo.jpg --label cat
      kerasclf show augmentation ladder/augmented
      kerasclf show augmentation folder:my_photos --set rotation_range=15 horizontal_flip=True
      kerasclf show augmentation photo.jpg other.jpg --set zoom_range=0.2 --versions 6
    """

    FLAGS: ClassVar[dict[str, str]] = {"count": "--versions"}

    what: Annotated[str, tyro.conf.Positional]
    """kernels: the kernels of the first convolution; features: the feature maps of each convolution for an image, with
    the arithmetic of their size; gradcam: the image regions that support a class; augmentation: images and their random
    versions, as a training sees them."""
    source: Annotated[Path, tyro.conf.Positional]
    """A run folder, or a .keras file. For augmentation: STUDY/EXPERIMENT, a data set such as folder:PATH, or an image
    file."""
    images: Annotated[tuple[Path, ...], tyro.conf.Positional] = ()
    """An image file. It is resized to the input of the network. For augmentation: any number of image files."""
    label: str | None = None
    """For gradcam: the name or the number of the class. Default: the predicted class."""
    layers: tuple[str, ...] = ()
    """For features: names of convolutions. Default: all, or 12 evenly spaced ones if there are more."""
    set: tuple[str, ...] = ()
    """For augmentation: fields of Augmentation as NAME=VALUE, such as zoom_range=0.2. They change the augmentation of
    an experiment."""
    versions: int | None = None
    """For augmentation: number of random versions of each image. Default: 4."""
    seed: int | None = None
    """For augmentation: seed of the run whose first epochs are shown. Default: 0."""
    image_size: str | None = None
    """For augmentation: HEIGHTxWIDTH in pixels. Default: the size of the data set or the experiment, or 224x224 for
    image files."""
    out: Path | None = None
    """Folder of the figures, or the name of this figure, ending in .png or .svg (both are written). Default: show/ in
    the run folder, or next to the file; for augmentation, show/ in the current folder."""

    def run(self, console: Console) -> None:
        if self.what == "augmentation":
            save_augmentation(self._shown(), self.out, console)
            return
        path, class_names, label = self._check()
        out = self.out or folder_within(path.parent, "show")
        quiet_tensorflow()
        model = _load(path)
        image = None if self.image is None else _read_for(model, self.image)
        if self.what == "kernels":
            figure = _kernels(model)
        elif self.what == "features":
            figure = _features(model, image, self.layers)
        else:
            figure = _attention(model, image, label, class_names)
        from kerasclf.report.themes import save_figure, save_new_figure

        if out.suffix in (".png", ".svg"):
            name = out.with_suffix("")
            save_figure(figure, name)
        else:
            name = save_new_figure(figure, out / self._figure_name)
        say(console, f"{name}.png and .svg")

    @property
    def _figure_name(self) -> str:
        """The name of the figure in its folder, without suffix."""
        if self.image is None or self.what == "kernels":
            return self.what
        return f"{self.what}_{os.fsdecode(os.fsencode(self.image.stem)[:_MAX_STEM_BYTES])}"

    @property
    def image(self) -> Path | None:
        """The first image."""
        return self.images[0] if self.images else None

    def _shown(self) -> Shown:
        """Returns what `kerasclf show augmentation` shows."""
        for flag, given in (("--label", self.label), ("--layers", self.layers)):
            if given:
                raise KerasclfError(f"{flag} is not for kerasclf show augmentation.")
        size, versions = parse_size(self.image_size), 4 if self.versions is None else self.versions
        return Shown(str(self.source), self.images, self.set, versions, self.seed or 0, size)

    def _check(self) -> tuple[Path, tuple[str, ...], int | None]:
        """Checks everything that needs no TensorFlow, which takes seconds to start.

        Returns:
            The file of the model, its class names, and the number of the class of --label.

        Raises:
            KerasclfError: If something cannot be used; the message lists all problems.
        """
        problems = Problems()
        if self.what not in WHAT:
            problems.add(unknown("figure", self.what, WHAT))
        elif self.what != "kernels" and self.image is None:
            problems.add(f"Expected an image: kerasclf show {self.what} {self.source} IMAGE.")
        for flag, given, of in (
            ("--label", self.label, "gradcam"),
            ("--layers", self.layers, "features"),
            ("--set", self.set or None, "augmentation"),
            ("--versions", self.versions, "augmentation"),
            ("--seed", self.seed, "augmentation"),
            ("--image-size", self.image_size, "augmentation"),
        ):
            if given not in (None, ()) and self.what in WHAT and self.what != of:
                problems.add(f"{flag} is for kerasclf show {of}.")
        if len(self.images) > 1:
            problems.add(f"kerasclf show {self.what} takes one image. Received: {len(self.images)}.")
        path, class_names, label = self.source, tuple[str, ...](), None
        with problems.collect():
            path, class_names = _find_model(self.source)
            label = None if self.label is None else _number_of(self.label, class_names)
        with problems.collect():
            if self.image is not None:
                _check_image(self.image)
        problems.raise_all("kerasclf show cannot run")
        return path, class_names, label


def _check_image(path: Path) -> None:
    from kerasclf.data.decode import read_image

    read_image(path, (8, 8), channels=3)


def _find_model(source: Path) -> tuple[Path, tuple[str, ...]]:
    """Returns the file of a model, and its class names if they are known."""
    if source.is_file() and source.suffix == ".keras":
        return source, read_class_names(source)
    if (source / MODEL).is_file():
        return source / MODEL, read_class_names(source / MODEL)
    runs = sorted(source.glob("**/model.keras"))[:5] if source.is_dir() else []
    nearby = " It contains the runs: " + ", ".join(str(path.parent) for path in runs) if runs else ""
    state = "holds no model.keras" if source.is_dir() else "is no .keras file" if source.exists() else "does not exist"
    raise FolderError(f"Expected a run folder or a .keras file. Received: {source}, which {state}.{nearby}")


def _load(path: Path) -> "keras.Model":
    import keras

    from kerasclf.hdf5_check import check_weights_file

    try:
        check_weights_file(path)
        model = keras.models.load_model(path, compile=False, safe_mode=True)
    except Exception as error:  # a damaged archive can raise nearly any exception
        raise KerasclfError(f"{path} cannot be loaded as a model: {error}.") from error
    if len(model.inputs) != 1 or len(model.inputs[0].shape) != 4:
        raise KerasclfError(f"Expected a model of one image. Received: {path}, which takes {model.input_shape}.")
    return model


def _read_for(model: "keras.Model", path: Path) -> "NDArray[np.uint8]":
    """Reads an image in the size and channels of the model."""
    from kerasclf.data.decode import read_image

    height, width, channels = model.inputs[0].shape[1:]
    if channels not in (1, 3):
        raise KerasclfError(
            f"Expected a network for grey or colour images. Received a network for {channels} channels."
        )
    size = None if height is None or width is None else (height, width)
    if size is not None and math.prod(size) > _MAX_PIXELS:
        raise KerasclfError(f"Expected a network for images of at most {_MAX_PIXELS:,} pixels. Received: {size}.")
    return read_image(path, size, channels)


def _kernels(model: "keras.Model") -> Any:
    from kerasclf.models.explaining.visualization import kernels
    from kerasclf.report.visualization_figures import draw_kernels

    return draw_kernels(*kernels(model))


def _features(model: "keras.Model", image: "NDArray[np.uint8] | None", layers: Sequence[str]) -> Any:
    import numpy as np

    from kerasclf.models.explaining.visualization import feature_maps
    from kerasclf.report.visualization_figures import draw_features

    assert image is not None
    found = feature_maps(model, image, layers)
    if len(found) > _MOST_LAYERS:
        found = [found[i] for i in np.linspace(0, len(found) - 1, _MOST_LAYERS).round().astype(int)]
    return draw_features(image, [(maps.layer, maps.arithmetic, maps.maps) for maps in found])


def _attention(
    model: "keras.Model", image: "NDArray[np.uint8] | None", label: int | None, class_names: Sequence[str]
) -> Any:
    from kerasclf.models.explaining.visualization import grad_cam
    from kerasclf.report.visualization_figures import draw_attention

    assert image is not None
    found = grad_cam(model, image, label)
    if class_names and len(class_names) <= found.label:
        raise KerasclfError(f"Expected the names of all classes. Received: {len(class_names)} names.")
    name = for_figure(class_names[found.label]) if class_names else f"class {found.label}"
    return draw_attention(image, found.heat, f"{name} ({found.probability:.1%}), by {found.layer}")


def _number_of(label: str, class_names: Sequence[str]) -> int:
    if label in class_names:
        return list(class_names).index(label)
    if label.isdecimal():
        if class_names and int(label) >= len(class_names):
            raise KerasclfError(f"--label: expected 0 to {len(class_names) - 1}, or a class name. Received: {label}.")
        return int(label)
    raise KerasclfError(unknown("class", label, class_names or ["0, 1, 2, … (the file names no classes)"]))
