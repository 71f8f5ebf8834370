"""`kerasclf models`: list the networks, or explain one layer by layer."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, ClassVar

import tyro
from rich.console import Console

from kerasclf.commands.model_list import print_list
from kerasclf.commands.output import say
from kerasclf.commands.parsing import whole_numbers
from kerasclf.errors import KerasclfError
from kerasclf.quiet import quiet_tensorflow

if TYPE_CHECKING:
    import keras


@dataclass(frozen=True)
class ModelsCommand:
    """List the networks, or explain one layer by layer: sizes, parameters, multiply-adds, memory, receptive field.

    Examples:
      kerasclf models
      kerasclf models resnet50
      kerasclf models resnet50 --input 64x64x3 --classes 10
      kerasclf models resnet50 --draw
      kerasclf models resnet50 --diagram resnet50.svg
    """

    FLAGS: ClassVar[dict[str, str]] = {"num_classes": "--classes", "input_shape": "--input"}

    name: Annotated[str, tyro.conf.Positional] = ""
    """The network to explain. Default: list all networks."""
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
            print_list(console)
            return
        quiet_tensorflow()
        from kerasclf.commands.model_tables import print_description, print_layers, print_totals

        model = self._build()
        print_description(console, self.name)
        if self.diagram:
            _write(model, self.diagram, console)
        elif self.draw:
            _draw(model, console)
        else:
            print_layers(console, model)
        print_totals(console, model)

    def _build(self) -> "keras.Model":
        from kerasclf.models import build, check_diagram, default_sizes

        if self.diagram:
            check_diagram(self.diagram)
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


def _parse_shape(text: str) -> tuple[int, ...]:
    if text.isdecimal() and int(text):
        return (int(text),)
    return tuple(whole_numbers("--input", text, "HEIGHTxWIDTHxCHANNELS, such as 32x32x3", 3))
