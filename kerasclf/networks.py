"""The networks as `kerasclf models` lists them, read from a file: without TensorFlow, which takes seconds to start.

`python -m kerasclf.models.explaining.write_list` writes the file from the catalogue; a test holds it to the catalogue.
"""

import json
from pathlib import Path
from typing import Any, NamedTuple

from kerasclf.files import read_json, write_text

LIST = Path(__file__).with_name("networks.json")


class Entry(NamedTuple):
    """A network of the catalogue.

    Args:
        name: Its name.
        family: The module of its builder, such as `resnet`.
        sentence: What it is; for a variant what sets it apart from its family, or nothing.
        parameters: How many it trains at its defaults.
        input_shape: Height, width and channels at its defaults.
        num_classes: Width of the output at its defaults.
        least: The smallest height and width that it takes, in pixels.
    """

    name: str
    family: str
    sentence: str
    parameters: int
    input_shape: tuple[int, ...]
    num_classes: int
    least: int


class NetworkList(NamedTuple):
    """All networks.

    Args:
        families: What each family is, in a sentence.
        entries: The networks in the order of the catalogue.
    """

    families: dict[str, str]
    entries: list[Entry]


def read_list() -> NetworkList:
    """Reads the list of networks."""
    raw = read_json(LIST)
    entries = [Entry(**{**fields, "input_shape": tuple(fields["input_shape"])}) for fields in raw["networks"]]
    return NetworkList(raw["families"], entries)


def write_list(networks: NetworkList) -> None:
    """Writes the list of networks, a line for each."""
    families = ",\n".join(f"  {_json(name)}: {_json(text)}" for name, text in networks.families.items())
    entries = ",\n".join(f"  {_json(entry._asdict())}" for entry in networks.entries)
    write_text(LIST, f'{{"families": {{\n{families}\n}},\n"networks": [\n{entries}\n]}}\n')


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)
