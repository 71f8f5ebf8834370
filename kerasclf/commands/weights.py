"""`kerasclf weights`: convert PyTorch weights to a form that Keras reads."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, ClassVar, Literal

import tyro
from rich.console import Console

from kerasclf.commands.printing.output import say
from kerasclf.errors import Problems, unknown
from kerasclf.files.new_folder import already_exists
from kerasclf.files.writing import replaced
from kerasclf.quiet import quiet_tensorflow

_FORMS = (".keras", ".weights.h5", ".safetensors")


@dataclass(frozen=True)
class WeightsCommand:
    """Convert torchvision or timm weights for the network of the same name.

    Every tensor must match a layer, and every layer must get its tensors. A .keras file holds the whole network, takes
    pixels 0-255 and loads with Keras alone. Reading .pth files needs PyTorch; safetensors files do not.

    Examples:
      kerasclf weights convert resnet18.safetensors resnet18 -o resnet18.keras
      kerasclf weights convert vgg16-397923af.pth vgg16 -o vgg16.safetensors
      kerasclf train --data folder:my_photos --backbone resnet18 --weights resnet18.keras
    """

    task: Annotated[Literal["convert"], tyro.conf.Positional]
    """convert, the only task."""
    source: Annotated[Path, tyro.conf.Positional]
    """A .safetensors or .pth file with tensor names of torchvision or timm."""
    model: Annotated[str, tyro.conf.Positional]
    """The network; kerasclf models lists them."""
    out: Annotated[Path, tyro.conf.arg(aliases=["-o"])]
    """The file to write: .keras, .weights.h5 or .safetensors."""

    INTERRUPTED: ClassVar[str] = "The file appears only when it is complete. Repeat the command to start again."

    def run(self, console: Console) -> None:
        self._check()
        quiet_tensorflow()
        from kerasclf.models import CATALOGUE
        from kerasclf.models.weights.torch_files import read_torch_file
        from kerasclf.models.weights.torch_weights import classes_of, give_torch_weights

        tensors = read_torch_file(self.source)
        network = CATALOGUE[self.model](num_classes=classes_of(tensors))
        give_torch_weights(network, tensors, self.source)
        with replaced(self.out) as partial:
            if self.out.suffix == ".safetensors":
                from safetensors.numpy import save_file

                save_file(tensors, partial)
            elif self.out.suffix == ".keras":
                network.save(partial)
            else:
                network.save_weights(partial)
        say(console, f"{self.model}, {network.count_params():,} parameters, every tensor matched → {self.out}")

    def _check(self) -> None:
        """Checks everything that needs no TensorFlow, which takes seconds to start.

        Raises:
            KerasclfError: If something cannot be used; the message lists all problems.
        """
        from kerasclf.networks.network_checks import TORCH_FAMILIES, TORCH_FORMS, known_networks, reads_torch_files

        problems = Problems()
        if not self.source.is_file():
            problems.add(f"The file {self.source} does not exist.")
        elif self.source.suffix not in TORCH_FORMS:
            problems.add(f"Expected a file {', '.join(TORCH_FORMS)} to convert. Received: {self.source}.")
        if self.model not in known_networks():
            problems.add(unknown("model", self.model, known_networks()))
        elif not reads_torch_files(self.model):
            families = ", ".join(TORCH_FAMILIES)
            problems.add(
                f"MODEL: expected a network that torchvision or timm has too, of the families {families}. "
                f"Received: {self.model}."
            )
        if not self.out.name.endswith(_FORMS):
            problems.add(f"-o: expected a file {', '.join(_FORMS)}. Received: {str(self.out)!r}.")
        if self.out.exists():
            problems.add(already_exists(self.out))
        problems.raise_all("kerasclf weights cannot run")
