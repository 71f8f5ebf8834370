"""`kerasclf models`: list the networks, or explain one layer by layer."""

import math
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, ClassVar

import tyro
from rich.console import Console

from kerasclf.commands.options.parsing import whole_numbers
from kerasclf.commands.printing.output import say
from kerasclf.errors import KerasclfError, Problems
from kerasclf.quiet import quiet_tensorflow
from kerasclf.values import whole_number

if TYPE_CHECKING:
    import keras

_DIAGRAMS = (".png", ".svg", ".pdf", ".txt")


@dataclass(frozen=True)
class ModelsCommand:
    """List the networks, or explain one layer by layer: sizes, cost, receptive field.

    Examples:
      kerasclf models
      kerasclf models resnet50
      kerasclf models resnet50 --input 64x64x3 --classes 10
      kerasclf models resnet50 --draw
      kerasclf models resnet50 --diagram resnet50.svg
      kerasclf models my_net:build --input 64x64x3 --classes 5
    """

    FLAGS: ClassVar[dict[str, str]] = {
        "num_classes": "--classes", "input_shape": "--input", "image_size": "--input", "model": "NAME",
    }  # fmt: skip

    name: Annotated[str, tyro.conf.Positional] = ""
    """The network to explain: a name of the list, module:function for your own, or a .keras file. Default: list all."""
    input: str = ""
    """HEIGHTxWIDTHxCHANNELS, or a number of features. Default: the network's own."""
    classes: int | None = None
    """Number of classes. Default: the network's own."""
    draw: bool = False
    """Draw the network and its branches as text instead of the table of layers."""
    diagram: Path | None = None
    """Write a diagram to this file: .png, .svg or .pdf (needs graphviz and pydot), or .txt."""

    def run(self, console: Console) -> None:
        if not self.name and (self.input or self.classes is not None or self.draw or self.diagram):
            raise KerasclfError("Which network? Give its name first; kerasclf models lists them.")
        if not self.name:
            from kerasclf.commands.printing.model_list import print_list

            print_list(console)
            return
        self._check()
        quiet_tensorflow()
        from kerasclf.commands.printing.model_tables import print_description, print_layers, print_totals

        model = self._build()
        print_description(console, self.name)
        if self.diagram:
            _write(model, self.diagram, console)
        elif self.draw:
            _draw(model, console)
        else:
            print_layers(console, model)
        print_totals(console, model)

    def _check(self) -> None:
        """Checks everything that needs no TensorFlow, which takes seconds to start.

        Raises:
            KerasclfError: If something cannot be used; the message lists all problems.
        """
        from kerasclf.data.pixels.decode import MAX_PIXELS
        from kerasclf.networks.network_checks import known_networks, name_problems, size_problems
        from kerasclf.runs.run_folder import MAX_CLASSES

        problems, known = Problems(), known_networks().get(self.name)
        for problem in name_problems(self.name):
            problems.add(problem)
        if self.classes is not None and not 2 <= self.classes <= MAX_CLASSES:
            problems.add(f"--classes: expected 2 to {MAX_CLASSES:,}. Received: {self.classes}.")
        if self.diagram is not None and self.diagram.suffix.lower() not in _DIAGRAMS:
            problems.add(f"--diagram: expected a file {', '.join(_DIAGRAMS)}. Received: {str(self.diagram)!r}.")
        if self.diagram is not None and not self.diagram.parent.is_dir():
            problems.add(f"--diagram: the folder {self.diagram.parent} does not exist.")
        with problems.collect():
            shape = _parse_shape(self.input) if self.input else ()
            if known is not None and len(shape) == 1 and known.family != "mlp":
                problems.add(f"--input: expected HEIGHTxWIDTHxCHANNELS for {self.name}. Received: {self.input!r}.")
            if len(shape) == 3 and math.prod(shape[:2]) > MAX_PIXELS:
                problems.add(f"--input: expected at most {MAX_PIXELS:,} pixels. Received: {self.input}.")
            elif len(shape) == 3:
                for problem in size_problems(self.name, {}, shape[:2]):
                    problems.add(problem)
        problems.raise_all("kerasclf models cannot run")

    def _build(self) -> "keras.Model":
        from kerasclf.models import build, default_sizes

        shape, classes = default_sizes(self.name)
        shape = _parse_shape(self.input) if self.input else shape
        return build(self.name, shape, classes if self.classes is None else self.classes)


def _write(model: "keras.Model", path: Path, console: Console) -> None:
    from kerasclf.models import write_diagram

    missing = write_diagram(model, path)
    if not missing:
        say(console, f"The diagram is in {path}.\n")
        return
    say(console, f"{path} was not written: {missing} is not installed. The diagram as text:\n")
    _draw(model, console)


def _draw(model: "keras.Model", console: Console) -> None:
    from kerasclf.models import draw

    say(console, draw(model, console.width) + "\n")


def _parse_shape(text: str) -> tuple[int] | tuple[int, int, int]:
    if features := whole_number(text):
        return (features,)
    height, width, channels = whole_numbers("--input", text, "HEIGHTxWIDTHxCHANNELS, such as 32x32x3", 3)
    return height, width, channels
