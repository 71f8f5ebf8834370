"""Transfer learning: frozen and trainable parts of a network, and cached activations of the frozen part."""

from kerasclf.transfer.settings import Transfer

__all__ = ["Transfer"]
