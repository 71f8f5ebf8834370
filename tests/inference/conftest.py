"""What the tests of inference share: a study of one epoch on small photographs."""

import numpy as np
import pytest

from kerasclf import Augmentation, Experiment, Split, Study, TrainConfig, run_study
from kerasclf.runs.engines import Inline
from tests.photos import add_images


@pytest.fixture(scope="session")
def photos(tmp_path_factory):
    """A folder of 3 × 8 photographs of 8×8 pixels."""
    root = tmp_path_factory.mktemp("photos")
    add_images(root, 8)
    return root


@pytest.fixture(scope="session")
def study(photos, tmp_path_factory):
    """The folder of a study: `short` and `long` train for one and for eight epochs."""
    base = Experiment(
        data=f"folder:{photos}",
        model="mlp",
        split=Split(validation=0.25, test=0.25),
        augmentation=Augmentation(rescale=1 / 255),
        train=TrainConfig(epochs=1, batch_size=4),
    )
    longer = base.but(train=base.train.but(epochs=8))
    out = tmp_path_factory.mktemp("study")
    run_study(Study("photos", "Photos", "How long?", {"short": base, "long": longer}), out, engine=Inline())
    return out


@pytest.fixture
def quick_figures(monkeypatch):
    """Figures are drawn, and not rendered, which takes seconds for a report."""
    for module in ("themes", "page"):
        monkeypatch.setattr(f"kerasclf.report.{module}.figure_bytes", lambda figure, form: form.encode())


@pytest.fixture
def images():
    """Four colour images of 8×8 pixels."""
    return np.random.default_rng(0).integers(0, 256, (4, 8, 8, 3), np.uint8)
