"""`kerasclf show`: figures of a trained network's kernels, feature maps and Grad-CAM, and of an augmentation."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal

import tyro
from rich.console import Console

from kerasclf.commands.figure_files import check_named_figure, is_figure, save_shown
from kerasclf.commands.options.parsing import parse_size
from kerasclf.commands.printing.output import folder_within, say
from kerasclf.commands.show_augmentation import Shown, save_augmentation
from kerasclf.commands.show_gradcam import Heat, check_images, figure_name, read_for, save_gradcam
from kerasclf.data.names import find_names
from kerasclf.errors import FolderError, KerasclfError, Problems, unknown
from kerasclf.files.locks import check_permission
from kerasclf.networks.model_file import MODEL, read_class_names, read_fit
from kerasclf.quiet import quiet_tensorflow
from kerasclf.values import whole_number

if TYPE_CHECKING:
    import keras
    import numpy as np
    from numpy.typing import NDArray

WHAT = ("kernels", "features", "gradcam", "augmentation")
# A figure with more layers is unreadable.
_MOST_LAYERS = 12


@dataclass(frozen=True)
class ShowCommand:
    """Draw kernels, feature maps or Grad-CAM of a trained network, or an augmentation.

    Examples:
      kerasclf show kernels runs/train-…/runs/resnet50_head-1a2b3c4d/seed-0
      kerasclf show features model.keras photo.jpg
      kerasclf show gradcam runs/train-folder-my-photos-resnet50 photo.jpg --class cat
      kerasclf show gradcam runs/train-folder-my-photos-resnet50 new_photos --out evidence.png
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
    """A run folder; a study or a search, for its chosen run; or a .keras file. For augmentation: STUDY/EXPERIMENT, a
    data set such as folder:PATH, or an image file."""
    images: Annotated[tuple[Path, ...], tyro.conf.Positional] = ()
    """An image file. It is resized to the input of the network. For gradcam: any number of images, folders (with all
    below them), globs in quotes, or FILE.csv:COLUMN. For augmentation: any number of image files."""
    label: Annotated[str | None, tyro.conf.arg(name="class")] = None
    """For gradcam: the name or the number of the class to explain. Default: the predicted class."""
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
    fit: Literal["squash", "crop", "pad"] | None = None
    """For augmentation: how an image of another shape fills the size. Default: squash, or that of the experiment."""
    out: Path | None = None
    """Folder of the figures, or the name of this figure, ending in .png or .svg (both are written). Default: show/ in
    the run folder, or next to the file; for augmentation, show/ in the current folder."""
    overwrite: bool = False
    """Replace a figure of the same name. Otherwise, a figure in a folder gets the next free name."""

    def run(self, console: Console) -> None:
        if self.what == "augmentation":
            _check_place(self.out or Path("show"))
            check_named_figure(self.out, self.overwrite)
            save_augmentation(self._shown(), self.out, self.overwrite, console)
            return
        path, class_names, label = self._check()
        out = self.out or folder_within(path.parent, "show")
        _check_place(out)
        quiet_tensorflow()
        model = _load(path)
        if self.what == "gradcam":
            save_gradcam(Heat(path, class_names, label, self.images, self.out, self.overwrite), model, console)
            return
        figure = _kernels(model) if self.what == "kernels" else _features(model, self._image(model, path), self.layers)
        name = out.with_suffix("") if is_figure(out) else out / self._figure_name
        name = save_shown(figure, name, self.overwrite or is_figure(out))
        say(console, f"{name}.png and .svg")

    def _image(self, model: "keras.Model", path: Path) -> "NDArray[np.uint8]":
        """Returns the image as the model in the file `path` reads it."""
        return read_for(model, self.images[0], read_fit(path))

    @property
    def _figure_name(self) -> str:
        """The name of the figure in its folder, without suffix."""
        return self.what if self.what == "kernels" else figure_name(self.what, self.images[0])

    def _shown(self) -> Shown:
        """Returns what `kerasclf show augmentation` shows."""
        for flag, given in (("--class", self.label), ("--layers", self.layers)):
            if given:
                raise KerasclfError(f"{flag} is not for kerasclf show augmentation.")
        size, versions = parse_size(self.image_size), 4 if self.versions is None else self.versions
        return Shown(
            str(self.source),
            images=self.images,
            settings=self.set,
            versions=versions,
            seed=self.seed or 0,
            image_size=size,
            fit=self.fit,
        )

    def _check(self) -> tuple[Path, tuple[str, ...], int | None]:
        """Checks everything that needs no TensorFlow, which takes seconds to start.

        Returns:
            The file of the model, its class names, and the number of the class that --class names.

        Raises:
            KerasclfError: If something cannot be used; the message lists all problems.
        """
        problems = Problems()
        if self.what not in WHAT:
            problems.add(unknown("figure", self.what, WHAT))
        elif self.what != "kernels" and not self.images:
            problems.add(f"Expected an image: kerasclf show {self.what} {self.source} IMAGE.")
        for flag, given, of in (
            ("--class", self.label, "gradcam"),
            ("--layers", self.layers, "features"),
            ("--set", self.set or None, "augmentation"),
            ("--versions", self.versions, "augmentation"),
            ("--seed", self.seed, "augmentation"),
            ("--image-size", self.image_size, "augmentation"),
            ("--fit", self.fit, "augmentation"),
        ):
            if given not in (None, ()) and self.what in WHAT and self.what != of:
                problems.add(f"{flag} is for kerasclf show {of}.")
        if len(self.images) > 1 and self.what != "gradcam":
            problems.add(f"kerasclf show {self.what} takes one image. Received: {len(self.images)}.")
        path, class_names, label = self.source, tuple[str, ...](), None
        with problems.collect():
            path, class_names = _find_model(self.source)
            label = None if self.label is None else _number_of(self.label, class_names)
        with problems.collect():
            if self.images:
                check_images(self.images)
        with problems.collect():
            check_named_figure(self.out, self.overwrite)
        problems.raise_all("kerasclf show cannot run")
        return path, class_names, label


def _find_model(source: Path) -> tuple[Path, tuple[str, ...]]:
    """Returns the file of a model, and its class names if they are known."""
    if source.is_file() and source.suffix == ".keras":
        return source, read_class_names(source)
    if (source / MODEL).is_file():
        return source / MODEL, read_class_names(source / MODEL)
    if any((source / name).is_file() for name in ("study.json", "search.json")):
        from kerasclf.loading import find_model

        path = find_model(source).path
        return path, read_class_names(path)
    runs = sorted(source.glob("**/model.keras"))[:5] if source.is_dir() else []
    nearby = " It contains the runs: " + ", ".join(str(path.parent) for path in runs) if runs else ""
    state = "holds no model.keras" if source.is_dir() else "is no .keras file" if source.exists() else "does not exist"
    raise FolderError(f"Expected a run folder or a .keras file. Received: {source}, which {state}.{nearby}")


def _check_place(out: Path) -> None:
    """Checks that a figure may be written: to the folder `out`, or by this name."""
    check_permission(out, out.parent if is_figure(out) else out)


def _load(path: Path) -> "keras.Model":
    import keras

    from kerasclf.files.hdf5_check import check_weights_file

    try:
        check_weights_file(path)
        model = keras.models.load_model(path, compile=False, safe_mode=True)
    except Exception as error:  # a damaged archive can raise nearly any exception
        raise KerasclfError(f"{path} cannot be loaded as a model: {error}.") from error
    if len(model.inputs) != 1 or len(model.inputs[0].shape) != 4:
        raise KerasclfError(f"Expected a model of one image. Received: {path}, which takes {model.input_shape}.")
    return model


def _kernels(model: "keras.Model") -> Any:
    from kerasclf.models.visualization import kernels
    from kerasclf.report.figures.visualization_figures import draw_kernels

    return draw_kernels(*kernels(model))


def _features(model: "keras.Model", image: "NDArray[np.uint8]", layers: Sequence[str]) -> Any:
    import numpy as np

    from kerasclf.models.visualization import feature_maps
    from kerasclf.report.figures.visualization_figures import draw_features

    found = feature_maps(model, image, layers)
    if len(found) > _MOST_LAYERS:
        found = [found[i] for i in np.linspace(0, len(found) - 1, _MOST_LAYERS).round().astype(int)]
    return draw_features(image, [(maps.layer, maps.arithmetic, maps.maps) for maps in found])


def _number_of(label: str, class_names: Sequence[str]) -> int:
    (found,) = find_names([label], class_names)
    if found >= 0:
        return found
    number = whole_number(label)
    if number is None:
        raise KerasclfError(unknown("class", label, class_names or ["0, 1, 2, … (the file names no classes)"]))
    if class_names and number >= len(class_names):
        raise KerasclfError(f"--class: expected 0 to {len(class_names) - 1}, or a class name. Received: {label}.")
    return number
