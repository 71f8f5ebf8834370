"""The page of `kerasclf demo`, on which a model answers questions about an image."""
