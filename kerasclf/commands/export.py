"""`kerasclf export`: a trained model in another form, proved to predict the same."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, ClassVar, Literal

import tyro
from rich.console import Console
from rich.table import Table

from kerasclf.commands.printing.output import log_to, say
from kerasclf.errors import KerasclfError, Problems
from kerasclf.quiet import quiet_tensorflow
from kerasclf.wording import format_bytes

if TYPE_CHECKING:
    from kerasclf.inference.export.export import Exported
    from kerasclf.inference.export.parity import Difference, Limits
    from kerasclf.inference.export.proof_images import ProofImages
    from kerasclf.loading import FoundModel


@dataclass(frozen=True)
class ExportCommand:
    """Export the model of a run to another form, and prove that it predicts the same.

    The exported model takes raw pixels, uint8 from 0 to 255, gives probabilities, and holds the class names. Both
    models predict the run's test images. The command prints the largest difference of a probability, the changed
    classes, the difference in accuracy, time and size, and writes them to export.json. Beyond the limits, nothing is
    written and the exit code is 1.

    int8 and float16 exist for onnx, openvino and tflite. int8 is calibrated on training images.

    Examples:
      kerasclf export runs/train-folder-my-photos-keras_resnet50 --to onnx
      kerasclf export RUN --to tflite --quantize int8 --out phone
      kerasclf export model.keras --to openvino --data folder:my_photos
      kerasclf benchmark RUN RUN/model-onnx
    """

    run_folder: Annotated[Path, tyro.conf.Positional]
    """The folder of a run; of a study or a search, for its final or its best model; or a .keras file."""
    to: Literal["onnx", "openvino", "tflite", "savedmodel"]
    """onnx for ONNX Runtime, openvino for Intel's processors, tflite for phones (LiteRT), savedmodel for TensorFlow."""
    quantize: Literal["float16", "int8"] | None = None
    """float16 halves the size; int8 quarters it. Default: float32."""
    out: Annotated[Path | None, tyro.conf.arg(aliases=["-o"])] = None
    """A new folder for the exported model. Default: a folder beside the model, such as RUN/model-onnx-int8."""
    data: str | None = None
    """Images for the proof, such as folder:my_photos, with the classes of the model. Default: those of the run."""
    tolerance: float | None = None
    """Largest accepted difference of a probability. Default: 0.0001, 0.02 for float16, any for int8."""
    accuracy_loss: float | None = None
    """Largest accepted loss of accuracy, as a share. Default: 0.01 for int8, any for others."""
    overwrite: bool = False
    """Replace an exported model in the same folder. A folder with other files is refused."""

    INTERRUPTED: ClassVar[str] = (
        "The exported model appears only when it is complete and proved. Repeat the command to start again."
    )

    def run(self, console: Console) -> None:
        from kerasclf.inference.export.artifacts import default_out

        found, images = self._check(console)
        if found.chosen:
            say(console, f"model: {found.chosen}")
        quiet_tensorflow()
        from kerasclf.inference.export.export import ExportRequest, export_model
        from kerasclf.inference.export.proof_images import other_images
        from kerasclf.inference.trained_model import TrainedModel

        trained = TrainedModel.read(found.path, found.run)
        if images is None:
            assert self.data is not None
            shape, names, fit = trained.image_shape, trained.class_names, trained.image_fit
            images = other_images(self.data, shape, names, fit, log_to(console))
        out = self.out or default_out(found.path, self.to, self._precision)
        request = ExportRequest(self.to, out, self._precision, self.tolerance, self.accuracy_loss, self.overwrite)
        exported = export_model(trained, request, images, log_to(console))
        _print(console, exported, request.limits, f"{self.to} {self._precision}")
        say(console, f"→ {out}")

    @property
    def _precision(self) -> str:
        return self.quantize or "float32"

    def _check(self, console: Console) -> "tuple[FoundModel, ProofImages | None]":
        """Checks everything that needs no TensorFlow, which takes seconds to start.

        Returns:
            Where the model is, and the images of its run unless other images are given.

        Raises:
            KerasclfError: If something cannot be used; the message lists all problems.
        """
        from kerasclf.data.specs import check_images
        from kerasclf.inference.export.artifacts import check_request, check_source, default_out
        from kerasclf.inference.export.proof_images import images_of_run
        from kerasclf.loading import find_model

        problems, found, images = Problems(), None, None
        with problems.collect():
            found = find_model(self.run_folder)
        out = self.out or (default_out(found.path, self.to, self._precision) if found else None)
        with problems.collect():
            check_request(self.to, self._precision, out, self.overwrite, self.tolerance, self.accuracy_loss)
        if found is not None and out is not None:
            with problems.collect():
                check_source(found.path, out)
        if self.data is not None:
            with problems.collect():
                check_images(self.data)
        if found is not None and self.data is None:
            with problems.collect():
                if found.run is None:
                    raise KerasclfError(
                        f"{found.path} is a model without its run, whose test images prove an export. Give images as "
                        "`data`, such as folder:my_photos."
                    )
                if not problems:
                    images = images_of_run(found.run, log_to(console))
        problems.raise_all("kerasclf export cannot run")
        assert found is not None
        return found, images


def _print(console: Console, exported: "Exported", limits: "Limits", title: str) -> None:
    """Prints the proof."""
    parity, (before, after) = exported.parity, exported.latency
    table = Table()
    table.add_column("")
    table.add_column("keras", justify="right")
    table.add_column(title, justify="right")
    table.add_row("size", format_bytes(exported.source.size), format_bytes(exported.file.size))
    table.add_row("ms per image, median", f"{before.median:.3g}", f"{after.median:.3g}")
    table.add_row("images/s in batches", *(f"{rate:,.0f}" for rate in exported.images_per_second))
    kind = "test" if exported.images.name == "test" else "training"
    table.add_row(f"{kind} accuracy", f"{parity.accuracy:.4f}", f"{parity.exported_accuracy:.4f}")
    console.print(table)
    accepted = f" (tolerance {limits.probability:g})" if limits.probability < 1 else ""
    say(console, f"largest difference of a probability: {parity.largest:.2g}{accepted}")
    say(console, f"images with another class: {parity.changed:,} of {parity.images:,}")
    say(console, f"difference in accuracy: {_in_points(parity.difference)}")
    if slower := [f"{times:.3g} times as long for {how}" for how, times in exported.slower.items()]:
        say(console, f"slower than the model itself: {' and '.join(slower)}")


def _in_points(difference: "Difference") -> str:
    return (
        f"{100 * difference.value:+.2f} points (95 % interval {100 * difference.low:+.2f} to "
        f"{100 * difference.high:+.2f}), McNemar's test p = {difference.p:.2g}"
    )
