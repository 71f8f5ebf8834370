"""Engines that execute many runs: in this process, in worker processes side by side, or on a Ray cluster."""

from kerasclf.runs.engines.local_engines import Engine, Inline, Processes

__all__ = ["Engine", "Inline", "Processes"]
