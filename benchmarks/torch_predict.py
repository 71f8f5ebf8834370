"""Predictions of photographs by plain PyTorch with a DataLoader: the peer of benchmarks/predict.py (extra `bench`)."""

import time
from collections.abc import Sequence

import numpy as np
import torch
from PIL import Image, ImageOps

from benchmarks.torch_transfer import DEVIATION, HIDDEN, MEAN, NETWORKS
from kerasclf.machine.resources import usable_cores


class Photographs(torch.utils.data.Dataset):  # type: ignore[type-arg]
    """Decodes and resizes photographs with Pillow, as kerasclf does, to uint8 tensors of shape (side, side, 3)."""

    def __init__(self, files: Sequence[str], side: int) -> None:
        self.files, self.side = files, side

    def __len__(self) -> int:
        return len(self.files)

    def __getitem__(self, index: int) -> torch.Tensor:
        with Image.open(self.files[index]) as image:
            image.draft("RGB", (self.side, self.side))  # decodes at 1/2, 1/4 or 1/8 of the size
            upright = ImageOps.exif_transpose(image).convert("RGB")
        return torch.from_numpy(np.array(upright.resize((self.side, self.side), Image.Resampling.BILINEAR)))


def prediction_rate(
    network: str, files: Sequence[str], side: int, batch: int, classes: int, bfloat16: bool
) -> tuple[float, int]:
    """Returns images/s from the first file to the last probability, and the number of images.

    The DataLoader has a process per core. They pass pixels as bytes, a quarter of the size of float32.

    Args:
        network: A key of `NETWORKS`.
        files: The photographs.
        side: Height and width of the network's images, in pixels.
        batch: Images per batch.
        classes: Number of classes.
        bfloat16: Whether autocast computes in bfloat16.
    """
    torch.set_num_threads(usable_cores())
    torch.manual_seed(0)
    model = NETWORKS[network](classes, HIDDEN).eval().to(memory_format=torch.channels_last)
    mean, deviation = (torch.tensor(values).view(1, 3, 1, 1) for values in (MEAN, DEVIATION))
    loader = torch.utils.data.DataLoader(Photographs(files, side), batch_size=batch, num_workers=usable_cores())

    def predict(pixels: torch.Tensor) -> torch.Tensor:
        # The permuted batch has its channels last in memory already.
        x = pixels.permute(0, 3, 1, 2).float().sub_(mean).div_(deviation)
        logits = model.head(model.features(model.lower(x)))
        return torch.softmax(logits.float(), dim=1)

    with torch.inference_mode(), torch.autocast("cpu", torch.bfloat16, enabled=bfloat16):
        predict(torch.zeros(batch, side, side, 3, dtype=torch.uint8))  # chooses the kernels
        began = time.perf_counter()
        done = sum(int(torch.isfinite(predict(pixels)).all(dim=1).sum()) for pixels in loader)
    return done / (time.perf_counter() - began), done
