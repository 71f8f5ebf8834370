"""Hyperparameter search: spaces over experiments, oracles of KerasTuner and Optuna, trials that are runs."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from kerasclf.search.search import ORACLES, Search
from kerasclf.search.search_budget import Budget
from kerasclf.search.search_results import SearchResults, read_search
from kerasclf.search.spaces.space import Axis, Boolean, Choice, Float, Int, Space
from kerasclf.search.spaces.space_file import read_space

if TYPE_CHECKING:
    from kerasclf.search.search_runner import run_search
    from kerasclf.search.tuner_model import hypermodel

__all__ = [
    "ORACLES",
    "Axis",
    "Boolean",
    "Budget",
    "Choice",
    "Float",
    "Int",
    "Search",
    "SearchResults",
    "Space",
    "hypermodel",
    "read_search",
    "read_space",
    "run_search",
]

# These names need KerasTuner, which imports TensorFlow.
_LAZY = {"hypermodel": "kerasclf.search.tuner_model", "run_search": "kerasclf.search.search_runner"}


def __getattr__(name: str) -> Any:
    if name not in _LAZY:
        raise AttributeError(f"module 'kerasclf.search' has no attribute {name!r}")
    return getattr(import_module(_LAZY[name]), name)
