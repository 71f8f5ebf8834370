"""The list of networks that `kerasclf models` shows, read from a file without TensorFlow, which takes seconds to start.

`python -m kerasclf.models.explaining.write_list` writes the file from the catalogue. A test compares the two.
"""

import json
from pathlib import Path
from typing import Any, NamedTuple

from kerasclf.files.reading import read_json
from kerasclf.files.writing import write_text

LIST = Path(__file__).with_name("networks.json")


class Entry(NamedTuple):
    """A network of the catalogue.

    Args:
        name: Name in the catalogue.
        family: Module of its builder, such as `resnet`.
        sentence: Short description; for a variant its difference from the family, or nothing.
        parameters: Number of trainable parameters at the defaults.
        input_shape: Default height, width and channels.
        num_classes: Default width of the output.
        least: Minimum height and width of the input, in pixels.
        imagenet: Whether there are ImageNet weights to download.
        arguments: Names of its builder's arguments, except for the sizes.
        convolutions: Number of convolutional layers below its top.
        batch_norm: Whether it has batch normalisation.
    """

    name: str
    family: str
    sentence: str
    parameters: int
    input_shape: tuple[int, ...]
    num_classes: int
    least: int
    imagenet: bool
    arguments: tuple[str, ...]
    convolutions: int
    batch_norm: bool


class NetworkList(NamedTuple):
    """All networks of the catalogue.

    Args:
        families: One sentence for each family.
        entries: The networks, in the order of the catalogue.
    """

    families: dict[str, str]
    entries: list[Entry]


def read_list() -> NetworkList:
    """Reads the list of networks."""
    raw = read_json(LIST)
    tuples = ("input_shape", "arguments")
    entries = [Entry(**{**fields, **{name: tuple(fields[name]) for name in tuples}}) for fields in raw["networks"]]
    return NetworkList(raw["families"], entries)


def write_list(networks: NetworkList) -> None:
    """Writes the list of networks, one per line."""
    families = ",\n".join(f"  {_json(name)}: {_json(text)}" for name, text in networks.families.items())
    entries = ",\n".join(f"  {_json(entry._asdict())}" for entry in networks.entries)
    write_text(LIST, f'{{"families": {{\n{families}\n}},\n"networks": [\n{entries}\n]}}\n')


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)
