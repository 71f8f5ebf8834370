"""Frozen and unfrozen parts of a network, and what the frozen part makes of each image, computed once."""

from kerasclf.transfer.settings import Transfer

__all__ = ["Transfer"]
