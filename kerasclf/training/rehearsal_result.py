"""`Rehearsal`: what a few real training steps cost. Needs no TensorFlow."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Rehearsal:
    """The cost of a training, measured after warm-up.

    Args:
        startup_s: Seconds to trace and compile, validation included.
        step_s: Seconds per training step, input pipeline and computation overlapping.
        input_s: Seconds per batch of the input pipeline alone.
        compute_s: Seconds per training step without the input pipeline.
        validation_s: Seconds of one pass over the validation set.
        steps: Training steps per epoch.
        parameters: Number of weights of the model.
        trainable: Number of trainable weights.
        state_mb: Size of a checkpoint, in 10⁶ bytes.
        cache: Folder of the cached activations that are trained on; empty for images.
        extraction_s: Seconds to compute the activations that are not cached yet, or the features for a regression if
            the training itself is on images.
        cache_mb: Size of these activations, in 10⁶ bytes.
        peak_memory_mb: Maximum memory of the process meanwhile, in 10⁶ bytes; 0 if it was not measured.
        between_s: Seconds between two epochs: to write a checkpoint, and to wait for the first batch.
        loading_s: Seconds to build the network and to read its weights, before the first phase.
        regression_s: Seconds of the regression that the output layer starts from, before the first phase.
        finish_s: Seconds after the last epoch: to predict the validation and test images, and to save the model.
    """

    startup_s: float
    step_s: float
    input_s: float
    compute_s: float
    validation_s: float
    steps: int
    parameters: int
    trainable: int
    state_mb: float
    cache: str = ""
    extraction_s: float = 0.0
    cache_mb: float = 0.0
    peak_memory_mb: float = 0.0
    between_s: float = 0.0
    loading_s: float = 0.0
    regression_s: float = 0.0
    finish_s: float = 0.0

    @property
    def epoch_s(self) -> float:
        """Seconds from the start of an epoch to that of the next one, validation included."""
        return self.steps * self.step_s + self.validation_s + self.between_s
