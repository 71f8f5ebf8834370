"""The times that features and runs take, and whether they fit. Needs no TensorFlow."""

from dataclasses import dataclass

# Seconds to build a network, train its head on cached features, evaluate it and save the model.
HEAD_S = 10.0
# Seconds to build a network and measure the training of more than its head, before the first such measurement.
MEASURING_S = 20.0
# A run of fewer epochs says little about the part that trains.
LEAST_EPOCHS = 2
# Estimates are this much too short at times.
SLACK = 1.2
# A training step on all layers takes about as long as this many predictions of its images.
_STEP_COST = 4


@dataclass(frozen=True)
class FeatureCost:
    """The time that the features of a network take.

    Args:
        image_s: Seconds per image.
        choice_s: Seconds for the training and validation images that are not cached.
        test_s: Seconds for the test images that are not cached.
        images: Number of training images.
    """

    image_s: float
    choice_s: float
    test_s: float
    images: int

    @property
    def head_s(self) -> float:
        """Seconds from now to a finished, evaluated head."""
        return SLACK * self.choice_s + self.after_choice_s

    @property
    def after_choice_s(self) -> float:
        """Seconds from the choice of the network to a finished, evaluated head."""
        return SLACK * self.test_s + HEAD_S

    @property
    def all_s(self) -> float:
        """Seconds of the shortest useful training of all layers, without any measurement of it."""
        return SLACK * LEAST_EPOCHS * _STEP_COST * self.image_s * self.images


@dataclass(frozen=True)
class TimedRunCost:
    """The time that a run takes.

    Args:
        before_s: Seconds before its first epoch.
        epoch_s: Seconds per epoch of its last phase, validation included.
        test_s: Seconds to predict the test images.
    """

    before_s: float
    epoch_s: float
    test_s: float

    def least_s(self, finish_s: float) -> float:
        """Returns the seconds of the shortest useful run.

        Args:
            finish_s: Seconds between the last epoch and the finished run, without the prediction of the test images.
        """
        return SLACK * (self.before_s + LEAST_EPOCHS * self.epoch_s + self.test_s) + finish_s
