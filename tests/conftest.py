"""What all tests share: quiet TensorFlow with two logical CPU devices, fixed seeds, small data sets."""

import gc
import os
import shutil
import sys
import tempfile
from pathlib import Path
from types import ModuleType, SimpleNamespace

# Keras reads its home once, when it is imported. A folder of our own: nothing on this machine decides a test.
KERAS_HOME = Path(tempfile.mkdtemp(prefix="kerasclf-tests-"))
os.environ["KERAS_HOME"] = str(KERAS_HOME)
# Likewise for prepared images, cached activations and remembered costs.
os.environ["KERASCLF_CACHE"] = str(KERAS_HOME / "kerasclf-cache")
# Only the fixture `real_data` uses the images of this machine.
REAL_DATA = Path(os.environ.pop("KERASCLF_DATA", Path(__file__).parents[2] / "shared" / "data"))
os.environ.setdefault("MPLBACKEND", "agg")
if "PYTEST_XDIST_WORKER" in os.environ:
    # Tests run side by side. Threads of each would only wait for the cores of the others.
    os.environ.setdefault("TF_NUM_INTRAOP_THREADS", "1")
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
# A child that is forked next to a running gRPC server would otherwise log to its standard error.
os.environ.setdefault("GRPC_VERBOSITY", "NONE")

from kerasclf.quiet import quiet_tensorflow

quiet_tensorflow()

import keras
import numpy as np
import pytest
import tensorflow as tf

# Two logical devices let one machine test tf.distribute; they must be set before TensorFlow starts.
tf.config.set_logical_device_configuration(
    tf.config.list_physical_devices("CPU")[0], [tf.config.LogicalDeviceConfiguration()] * 2
)

from kerasclf import Augmentation, Experiment, Split, Study, TrainConfig, run_study
from kerasclf.data import ArrayImages, ImageDataset, Subset
from kerasclf.notebook_figure import NotebookFigure, png_of
from kerasclf.runs.engines.local_engines import Inline
from kerasclf.training.resuming.checkpoints import Checkpoint, write_checkpoint
from tests.photos import add_images

# What has been imported stays: the collector need not walk through TensorFlow again and again.
gc.freeze()


def pytest_collection_finish():
    """Thousands of collected tests stay too, with what their files import."""
    gc.collect()
    gc.freeze()


@pytest.fixture(autouse=True)
def _seeded():
    tf.keras.utils.set_random_seed(0)


@pytest.fixture(autouse=True, scope="module")
def _forgotten_models():
    """A module's models and their graphs hold each other, and would all be walked through again in later modules.

    What is still alive then stays alive.
    """
    yield
    keras.backend.clear_session()
    gc.freeze()


@pytest.fixture(autouse=True)
def _empty_keras_home():
    yield
    shutil.rmtree(KERAS_HOME / "datasets", ignore_errors=True)


def pytest_sessionfinish():
    shutil.rmtree(KERAS_HOME, ignore_errors=True)


def train_to(job, epoch, stopped=False):
    """Writes the checkpoint of a run after an epoch."""
    state = {"callbacks": [], "rows": [], "seconds": 0.0, "stopped": stopped}
    write_checkpoint(job.run.checkpoints / "phase-1", Checkpoint(epoch, {"x": np.zeros(1)}, state))


def make_subset(count: int, num_classes: int = 3, shape=(32, 32, 3), seed: int = 0) -> Subset:
    """Images whose class a small network can learn: each has a grey level of its class, with noise."""
    rng = np.random.default_rng(seed)
    labels = np.arange(count) % num_classes
    level = (labels + 1) * 255 // (num_classes + 1)
    noise = rng.integers(-20, 21, (count, *shape))
    images = (level[:, None, None, None] + noise).clip(0, 255).astype(np.uint8)
    return Subset(ArrayImages(images), labels.astype(np.int64), tuple(str(i) for i in range(count)))


@pytest.fixture
def dataset() -> ImageDataset:
    """Three classes, 96 + 30 + 30 images of 32×32×3."""
    return ImageDataset(
        "memory",
        "grey levels",
        ("dark", "middle", "light"),
        make_subset(96),
        make_subset(30, seed=1),
        make_subset(30, seed=2),
    )


@pytest.fixture
def notebook(monkeypatch):
    """Simulates a notebook. Returns the list of displayed contents, each with the number of its output."""
    png_of(NotebookFigure())  # with its first figure matplotlib looks for the real IPython
    shown = []

    class Handle:
        def __init__(self, number):
            self.number = number

        def update(self, picture):
            shown.append((self.number, picture.data))

    def display(picture, display_id):
        handle = Handle(len({number for number, _ in shown}))
        handle.update(picture)
        return handle

    shell, screen = ModuleType("IPython"), ModuleType("IPython.display")
    shell.get_ipython = lambda: SimpleNamespace(kernel=True)
    screen.display, screen.Image = display, SimpleNamespace
    screen.HTML = lambda html: SimpleNamespace(data=html)
    monkeypatch.setitem(sys.modules, "IPython", shell)
    monkeypatch.setitem(sys.modules, "IPython.display", screen)
    return shown


@pytest.fixture(scope="session")
def real_data() -> Path:
    """The folder with the packed real images; a test that needs it is skipped where it is missing."""
    if not REAL_DATA.is_dir():
        pytest.skip(f"real images are not at {REAL_DATA}; set KERASCLF_DATA")
    return REAL_DATA


@pytest.fixture(scope="session")
def photos(tmp_path_factory):
    """A folder of 3 × 8 photographs of 8×8 pixels."""
    root = tmp_path_factory.mktemp("photos")
    add_images(root, 8)
    return root


@pytest.fixture(scope="session")
def photo_study(photos, tmp_path_factory):
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
