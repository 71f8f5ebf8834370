"""Every network of the catalogue goes through every target."""

import numpy as np
import pytest

from kerasclf import Augmentation
from kerasclf.data import ArrayImages, Subset
from kerasclf.inference.export.artifacts import TARGETS
from kerasclf.inference.export.export import ExportRequest, export_model
from kerasclf.inference.export.proof_images import ProofImages
from kerasclf.inference.trained_model import TrainedModel
from kerasclf.models import CATALOGUE, build
from kerasclf.models.backbones import BACKBONES
from kerasclf.networks.model_file import save_model
from kerasclf.training.assembly import Blueprint

NAMES = ("a", "b")
# Further sizes than 32×32, and small heads instead of wide tops.
SIDES = {"alexnet": 64, **{name: backbone.least for name, backbone in BACKBONES.items()}}
OWN_HEADS = ("perceptron", "mlp", "basenet", "basenet_deeper", "default_conv", "simple_cnn", "course_cnn",
             "squeezenet1_1", "nin", "resnet_to_convnext")  # fmt: skip


def trained(name, path):
    side = SIDES.get(name, 32)
    arguments = {} if name in OWN_HEADS else {"head": (8,)}
    network = Blueprint(
        network=lambda shape, classes: build(name, shape, classes, arguments),
        image_shape=(side, side, 3),
        num_classes=len(NAMES),
        augmentation=Augmentation() if name in BACKBONES else Augmentation(rescale=1 / 255),
    ).assemble()
    save_model(network.model, path, NAMES)
    return TrainedModel.read(path)


@pytest.mark.slow
@pytest.mark.parametrize("name", CATALOGUE)
def test_every_network_goes_through_every_target(name, tmp_path):
    model = trained(name, tmp_path / "model.keras")
    images = np.random.default_rng(0).integers(0, 256, (6, *model.image_shape), np.uint8)
    subset = Subset(ArrayImages(images), np.zeros(6, np.int64), tuple("abcdef"))
    proof = ProofImages("noise", "test", subset, subset)
    for target in TARGETS:
        if TARGETS[target].missing() is None:
            export_model(model, ExportRequest(target, tmp_path / target), proof)  # raises if the models differ
    assert (tmp_path / "savedmodel" / "export.json").is_file()
