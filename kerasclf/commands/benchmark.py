"""`kerasclf benchmark`: exported models and the model itself, side by side."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import tyro
from rich.console import Console
from rich.table import Table

from kerasclf.commands.printing.output import log_to, say
from kerasclf.errors import KerasclfError, Problems
from kerasclf.escaping import for_console
from kerasclf.machine.resources import processor_name, usable_cores
from kerasclf.quiet import quiet_tensorflow
from kerasclf.wording import counted, format_bytes

if TYPE_CHECKING:
    from kerasclf.inference.export.artifacts import ArtifactFile
    from kerasclf.inference.export.model_benchmark import Measured
    from kerasclf.runs.run_folder import RunFolder


@dataclass(frozen=True)
class BenchmarkCommand:
    """Compare models side by side: size, speed, accuracy and agreement.

    The models take turns on the same images: the test images of the run, or those of --data. Each uses all cores of
    the CPU. An exported model that is older than its run is named.

    Examples:
      kerasclf benchmark RUN RUN/model-onnx RUN/model-onnx-int8
      kerasclf benchmark model.keras phone/model.tflite --data folder:my_photos
    """

    models: Annotated[tuple[Path, ...], tyro.conf.Positional]
    """Exported models, runs and .keras files. The others are compared with the first one."""
    data: str | None = None
    """Images, such as folder:my_photos, with the classes of the models. Default: the test images of the run."""
    images: int = 200
    """Number of images."""

    def run(self, console: Console) -> None:
        files, run = self._check()
        self._warn_of_outdated(console, files)
        quiet_tensorflow()
        from kerasclf.inference.export.artifact_runtimes import Artifact
        from kerasclf.inference.export.model_benchmark import check_comparable, measure
        from kerasclf.inference.export.proof_images import images_of_run, other_images

        artifacts = [Artifact.open(file) for file in files]
        check_comparable(artifacts)
        first, log = artifacts[0], log_to(console)
        if self.data is not None:
            proof = other_images(self.data, first.image_shape, first.class_names, first.image_fit, log)
        else:
            assert run is not None
            proof = images_of_run(run, log)
        console.print(_table(self.models, files, measure(artifacts, proof.take(self.images))))
        used = min(self.images, len(proof.proof))
        say(console, f"{counted(used, 'image')} of {proof.data}, one at a time; images/s in batches")
        say(console, f"{processor_name()}, {counted(usable_cores(), 'core')}")

    def _check(self) -> "tuple[list[ArtifactFile], RunFolder | None]":
        """Checks everything that needs no TensorFlow.

        Returns:
            Where the models are, and the run of one of them if there is one.

        Raises:
            KerasclfError: If something cannot be used; the message lists all problems.
        """
        from kerasclf.data.specs import check_images
        from kerasclf.inference.export.artifacts import TARGETS

        problems, files, run = Problems(), [], None
        for path in self.models:
            with problems.collect():
                file, own = _find(path)
                files.append(file)
                run = run or own
                if file.kind != "keras" and (missing := TARGETS[file.kind].missing()):
                    problems.add(missing)
        if self.images < 1:
            problems.add(f"images: expected at least 1. Received: {self.images}.")
        if self.data is not None:
            with problems.collect():
                check_images(self.data)
        if run is None and self.data is None and not problems:
            problems.add("The run of these models is not known. Give images as `data`, such as folder:my_photos.")
        problems.raise_all("kerasclf benchmark cannot run")
        return files, run

    def _warn_of_outdated(self, console: Console, files: "Sequence[ArtifactFile]") -> None:
        from kerasclf.inference.export.artifacts import is_outdated, read_record, source_model

        for path, file in zip(self.models, files, strict=True):
            record = read_record(file.path) if file.kind != "keras" else None
            if record is not None and is_outdated(file.path, record):
                model = source_model(file.path, record)
                say(console, f"{path} is older than its run: {model} has changed since. Export it again.")


def _find(path: Path) -> "tuple[ArtifactFile, RunFolder | None]":
    """Returns where a model is, and its run if it is known.

    Raises:
        KerasclfError: If there is none.
    """
    from kerasclf.inference.export.artifacts import (
        ArtifactFile,
        find_artifact,
        read_record,
        source_model,
        unknown_artifact,
    )
    from kerasclf.loading import find_model

    found = find_artifact(path)
    if found is None and path.is_file():
        raise KerasclfError(unknown_artifact(path))
    if found is None or found.kind == "keras":
        model = find_model(path)
        return ArtifactFile("keras", model.path), model.run
    record = read_record(found.path)
    source = source_model(found.path, record) if record else None
    return found, find_model(source).run if source else None


def _table(paths: Sequence[Path], files: "Sequence[ArtifactFile]", measured: "Sequence[Measured]") -> Table:
    table = Table()
    table.add_column("model")
    for heading in ("size", "ms per image,\nmedian (quartiles)", "images/s", "accuracy", "same class\nas the first",
                    "largest difference\nof a probability"):  # fmt: skip
        table.add_column(heading, justify="right")
    for path, file, one in zip(paths, files, measured, strict=True):
        latency = one.latency
        table.add_row(
            for_console(path),
            format_bytes(file.size),
            f"{latency.median:.3g} ({latency.low:.3g}–{latency.high:.3g})",
            f"{one.images_per_second:,.0f}",
            f"{one.parity.exported_accuracy:.4f}",
            f"{1 - one.parity.changed / one.parity.images:.1%}",
            f"{one.parity.largest:.2g}",
        )
    return table
