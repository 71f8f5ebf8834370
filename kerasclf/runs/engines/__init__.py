"""Engines that execute many runs: in this process, in worker processes side by side, or on a Ray cluster."""
