"""Files that are whole or absent: reading, writing, locks and temporary folders. Needs no TensorFlow."""
