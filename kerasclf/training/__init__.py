"""TrainConfig → compile, fit and evaluate, in one place.

Only `TrainConfig` and what it holds loads without TensorFlow; the rest is imported where it is used.
"""

from kerasclf.training.config import EarlyStopping, TrainConfig
from kerasclf.training.schedules import Schedule

__all__ = ["EarlyStopping", "Schedule", "TrainConfig"]
