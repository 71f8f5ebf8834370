"""`kerasclf models`: the networks, in a list or layer by layer."""

from dataclasses import dataclass
from typing import Annotated

import tyro
from rich.console import Console
from rich.table import Table

from kerasclf.commands.words import whole_numbers
from kerasclf.quiet import quiet_tensorflow


@dataclass(frozen=True)
class ModelsCommand:
    """List the networks, or explain one layer by layer.

    Examples:
      kerasclf models
      kerasclf models basenet --input 64x64x3 --classes 10
    """

    name: Annotated[str, tyro.conf.Positional] = ""
    """A network of the list."""
    input: str = "32x32x3"
    """HEIGHTxWIDTHxCHANNELS."""
    classes: int = 25
    """Width of the output."""

    def run(self, console: Console) -> None:
        quiet_tensorflow()
        from kerasclf.models import build, explain

        if not self.name:
            _list_models(console)
            return
        model = build(self.name, _parse_shape(self.input), self.classes)
        table = Table(title=f"{self.name}: {model.count_params():,} parameters", title_justify="left")
        for heading, justify in (("layer", "left"), ("kind", "left"), ("output", "left"), ("parameters", "right")):
            table.add_column(heading, justify=justify)  # type: ignore[arg-type]
        table.add_column("(W − F + 2P)/S + 1")
        for row in explain(model):
            shape = " × ".join(map(str, row.output_shape))
            table.add_row(row.name, row.kind, shape, f"{row.parameters:,}" if row.parameters else "", row.arithmetic)
        console.print(table)


def _list_models(console: Console) -> None:
    from kerasclf.models import BACKBONES, CATALOGUE, least_input_size

    caption = "parameters for images of 32x32x3 and 25 classes; those of a pretrained network: kerasclf models NAME"
    table = Table(caption=caption, caption_justify="left")
    for heading, justify in (("model", "left"), ("parameters", "right"), ("least input", "right"), ("what", "left")):
        table.add_column(heading, justify=justify)  # type: ignore[arg-type]
    for name, builder in CATALOGUE.items():
        least = least_input_size(name)
        # Building each of the large ones would take half a minute.
        large = name in BACKBONES
        parameters = "" if large else f"{builder(input_shape=(32, 32, 3), num_classes=25).count_params():,}"
        what = _PRETRAINED if large else (builder.__doc__ or "").splitlines()[0]
        table.add_row(name, parameters, f"{least}x{least}", what)
    console.print(table)


_PRETRAINED = "A pretrained network of keras.applications with a new head."


def _parse_shape(text: str) -> tuple[int, int, int]:
    height, width, channels = whole_numbers("--input", text, "HEIGHTxWIDTHxCHANNELS, such as 32x32x3", 3)
    return height, width, channels
