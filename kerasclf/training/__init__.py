"""Training: settings, schedules, compiling, fitting, predicting and checkpoints.

Importing this package does not import TensorFlow: only `TrainConfig`, `EarlyStopping` and `Schedule` are exported.
"""

from kerasclf.training.config import EarlyStopping, TrainConfig
from kerasclf.training.optimizers.schedules import Schedule

__all__ = ["EarlyStopping", "Schedule", "TrainConfig"]
