"""`kerasclf demo`: a page on this machine that shows what a model says of an image, and why."""

import tempfile
import webbrowser
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import tyro
from rich.console import Console

from kerasclf.commands.printing.output import log_to, say, say_wrapped
from kerasclf.errors import Problems
from kerasclf.quiet import quiet_tensorflow

if TYPE_CHECKING:
    from kerasclf.inference.calibration.model_calibration import ModelCalibration
    from kerasclf.inference.demo.demo_server import OpenPort
    from kerasclf.loading import FoundModel

_OPEN_TO_OTHERS = (
    "Everyone who reaches this machine can use the model and see its training images. Nothing is encrypted, and there "
    "is no password. Browsers allow the webcam only to pages of their own machine."
)


@dataclass(frozen=True)
class DemoCommand:
    """Show a model on a page in your browser, also with a webcam.

    The page shows calibrated probabilities, the positions that support the answer, the nearest training images, and
    what the model does not know. It is reached from this machine alone. Nothing is sent elsewhere, and images are not
    kept. Ctrl-C ends it. It needs gradio: pip install "kerasclf[demo]".

    Example:
      kerasclf demo runs/train-folder-my-photos-keras_resnet50 --open
    """

    run_folder: Annotated[Path, tyro.conf.Positional]
    """The folder of a run; of a study or a search, for its final or its best model; or a .keras file."""
    open: bool = False
    """Open the page in the browser."""
    port: int | None = None
    """The port of the page. Default: the first free one from 7860."""
    host: str = "127.0.0.1"
    """The address of the page. Default: 127.0.0.1, which only this machine reaches. With 0.0.0.0, everyone who reaches
    this machine can use the model and see its training images, without encryption and without a password."""

    def run(self, console: Console) -> None:
        found, calibration, port = self._check()
        with port.socket:
            if found.chosen:
                say(console, f"model: {found.chosen}")
            if not port.is_private:
                say_wrapped(console, f"{self.host} opens the page to others. {_OPEN_TO_OTHERS}")
            self._serve(found, calibration, port, console)
        say(console, "Stopped. The uploaded images are removed.")

    def _serve(
        self, found: "FoundModel", calibration: "ModelCalibration | None", port: "OpenPort", console: Console
    ) -> None:
        from kerasclf.inference.demo.demo_server import serve
        from kerasclf.report.model_limits import UNTESTED_IMAGES, limits_of, title_of

        quiet_tensorflow()
        from kerasclf.inference.demo.demo_answers import prepare_answers
        from kerasclf.inference.demo.demo_page import PageText, make_app
        from kerasclf.inference.trained_model import TrainedModel

        trained = TrainedModel.read(found.path, found.run, calibration)
        answers, problem = prepare_answers(trained, log_to(console))
        if problem:
            say(console, problem)
        known = limits_of(found.run, trained.class_names)
        text = PageText(title_of(found.run, found.path), known, UNTESTED_IMAGES, problem)

        def announce() -> None:
            say(console, f"{port.url}  (Ctrl-C ends it)")
            if self.open:
                webbrowser.open(port.url)

        with tempfile.TemporaryDirectory(prefix="kerasclf-demo-") as folder:
            serve(make_app(answers, text, Path(folder)), port, announce)

    def _check(self) -> "tuple[FoundModel, ModelCalibration | None, OpenPort]":
        """Checks everything that needs no TensorFlow, which takes seconds to start.

        Raises:
            KerasclfError: If something cannot be used; the message lists all problems.
        """
        from kerasclf.inference.demo.demo_server import OpenPort, check_gradio
        from kerasclf.loading import find_model

        problems, found, calibration, port = Problems(), None, None, None
        with problems.collect():
            check_gradio()
        with problems.collect():
            found = find_model(self.run_folder)
            calibration = found.calibration()
        with problems.collect():
            port = OpenPort(self.host, self.port)
        if problems and port:
            port.socket.close()
        problems.raise_all("kerasclf demo cannot run")
        assert found is not None and port is not None
        return found, calibration, port
