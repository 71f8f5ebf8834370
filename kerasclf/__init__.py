"""Image-classification studies with Keras: ask a question, run it, trust the answer.

The public names load on first use. `import kerasclf` and `kerasclf --help` are therefore quick and do not import
TensorFlow.
"""

import os
import sys
from importlib import import_module
from typing import TYPE_CHECKING, Any

# pip checks this too, but a checkout also runs without it. Other modules need syntax that older versions refuse.
if not (3, 11) <= sys.version_info < (3, 14):
    raise ImportError(
        "kerasclf needs Python 3.11, 3.12 or 3.13. "
        f"Received: Python {sys.version_info[0]}.{sys.version_info[1]}. Install one of them and start it instead."
    )

from kerasclf.quiet import QuietImport

if TYPE_CHECKING:
    from kerasclf.data import ImageDataset, Split, load_dataset
    from kerasclf.finished_study import FinishedStudy, run_study
    from kerasclf.loading import load
    from kerasclf.pipeline import Augmentation
    from kerasclf.runs import Experiment
    from kerasclf.studies import Study, declare
    from kerasclf.studies.live_runs import LiveRuns
    from kerasclf.training import TrainConfig
    from kerasclf.training.live_curves import LiveCurves

    __version__: str

# TensorFlow reads this when it is imported. By default it switches oneDNN off on processors without AVX-512 VNNI, such
# as those of most laptops. There BaseNet trains about four times as fast with oneDNN
# (docs/explanation/faster-layers.md).
os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "1")
# By default TensorFlow takes all memory of a GPU at once. Other runs, and other programs, would find none. The variable
# holds for this process and its workers, and cannot come too late, as a call could.
os.environ.setdefault("TF_FORCE_GPU_ALLOW_GROWTH", "true")
QuietImport.install()

_MODULES = {
    "Augmentation": "kerasclf.pipeline",
    "Experiment": "kerasclf.runs",
    "FinishedStudy": "kerasclf.finished_study",
    "ImageDataset": "kerasclf.data",
    "LiveCurves": "kerasclf.training.live_curves",
    "LiveRuns": "kerasclf.studies.live_runs",
    "Split": "kerasclf.data",
    "Study": "kerasclf.studies",
    "TrainConfig": "kerasclf.training",
    "declare": "kerasclf.studies",
    "load": "kerasclf.loading",
    "load_dataset": "kerasclf.data",
    "run_study": "kerasclf.finished_study",
}

__all__ = [
    "Augmentation",
    "Experiment",
    "FinishedStudy",
    "ImageDataset",
    "LiveCurves",
    "LiveRuns",
    "Split",
    "Study",
    "TrainConfig",
    "__version__",
    "declare",
    "load",
    "load_dataset",
    "run_study",
]


def __getattr__(name: str) -> Any:
    if name == "__version__":
        return _version()
    if name not in _MODULES:
        raise AttributeError(f"module 'kerasclf' has no attribute {name!r}")
    return getattr(import_module(_MODULES[name]), name)


def __dir__() -> list[str]:
    return __all__


def _version() -> str:
    """Returns the version of the installed package: that of its tag, or of the commit it was installed from."""
    from importlib import metadata  # takes longer to import than all of this file

    try:
        return metadata.version("kerasclf")
    except metadata.PackageNotFoundError:  # a checkout on the search path
        return "0+unknown"
