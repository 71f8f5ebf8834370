"""Reproducible state dicts, and the logits of torchvision's networks with them.

`torchvision_logits.npz` was computed with torchvision 0.28 in evaluation mode, with weights of `fill` under
torchvision's key names and the input `images()`. `torchvision_shapes.json` has the keys and shapes of each network.
"""

import json
import zlib
from pathlib import Path

import numpy as np

HERE = Path(__file__).parent
LOGITS = np.load(HERE / "torchvision_logits.npz")
SHAPES = json.loads((HERE / "torchvision_shapes.json").read_text())


def state_dict(name):
    """Returns a network's tensors under torchvision's names."""
    return {key: fill(key, tuple(shape)) for key, shape in SHAPES[name].items()}


def fill(key, shape):
    rng = np.random.default_rng(zlib.crc32(key.encode()))
    norm = len(shape) == 1 and not key.endswith(("bias", "running_mean"))
    if key.endswith("running_var") or norm:
        values = rng.uniform(0.5, 1.5, shape)
    elif key.endswith(("running_mean", "bias")):
        values = rng.standard_normal(shape) * 0.1
    else:
        values = rng.standard_normal(shape) * np.sqrt(2 / np.prod(shape[1:]))
    return values.astype(np.float32)


def images():
    """Returns the input of the logits, channels last: (2, 224, 224, 3)."""
    return np.random.default_rng(0).standard_normal((2, 3, 224, 224)).astype(np.float32).transpose(0, 2, 3, 1)
