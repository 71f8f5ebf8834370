"""From an ImageDataset to batches on tf.data: order, augmentation, prefetch.

Only `Augmentation` loads without TensorFlow; the rest is imported where it is used.
"""

from kerasclf.pipeline.augmentation import Augmentation

__all__ = ["Augmentation"]
