"""Engines that execute many runs: in this process, in worker processes side by side, or on a Ray cluster."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from kerasclf.runs.engines.engine import Engine
    from kerasclf.runs.engines.local_engines import Inline, Processes

__all__ = ["Engine", "Inline", "Processes"]


def __getattr__(name: str) -> Any:
    """Imports the engines when one is named: a worker process, whose module is beside them, needs none."""
    if name not in __all__:
        raise AttributeError(f"module 'kerasclf.runs.engines' has no attribute {name!r}")
    module = "engine" if name == "Engine" else "local_engines"
    return getattr(import_module(f"kerasclf.runs.engines.{module}"), name)
