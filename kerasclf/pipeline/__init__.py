"""Turns an ImageDataset into batches on tf.data: order, augmentation, prefetch.

`Augmentation` loads without TensorFlow. Import the other modules where they are used.
"""

from kerasclf.pipeline.augmentation import Augmentation

__all__ = ["Augmentation"]
