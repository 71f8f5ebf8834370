"""A linear head on features, fitted without TensorFlow: it judges labels and networks, or starts a training."""

import warnings
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import NDArray

from kerasclf.errors import KerasclfError

if TYPE_CHECKING:
    from sklearn.pipeline import Pipeline

# A weak penalty on standardised features, and few steps. Both suffice to order networks and to start a training.
WEAK_PENALTY, FEW_STEPS = 0.1, 50


def fit_head(
    features: NDArray[np.floating[Any]],
    labels: NDArray[np.int64],
    penalty: float = 1.0,
    max_steps: int = 200,
    class_weight: Literal["balanced"] | None = None,
) -> "Pipeline":
    """Returns a logistic regression on standardised features. Nearly fitted is good enough: it may stop early.

    Args:
        features: The features, shape (n, features).
        labels: Class of each image, shape (n,).
        penalty: scikit-learn's C: smaller values keep the weights smaller.
        max_steps: Maximum number of steps of the solver.
        class_weight: `"balanced"` weighs classes inversely to their number of images; None weighs all images alike.

    Raises:
        KerasclfError: If a feature is not a finite number.
    """
    from sklearn.exceptions import ConvergenceWarning
    from sklearn.linear_model import LogisticRegression  # takes a second to import
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    if not np.isfinite(features).all():
        raise KerasclfError(
            "Expected finite features. Received: nan or infinite ones. The weights of the network are damaged, or its "
            "activations exceed float16."
        )
    regression = LogisticRegression(C=penalty, max_iter=max_steps, class_weight=class_weight)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        return make_pipeline(StandardScaler(), regression).fit(features, labels)


@dataclass(frozen=True)
class OutputWeights:
    """The weights of a dense output layer.

    Args:
        kernel: Shape (features, classes), float32.
        bias: Shape (classes,), float32.
    """

    kernel: NDArray[np.float32]
    bias: NDArray[np.float32]


def fit_output_weights(
    features: NDArray[np.floating[Any]],
    labels: NDArray[np.int64],
    num_classes: int,
    class_weight: Literal["balanced"] | None = None,
) -> OutputWeights:
    """Returns the weights with which a dense layer on the plain features predicts like logistic regression.

    The standardisation is folded into them. They are the same for every number of threads.

    Args:
        features: The features, shape (n, features).
        labels: Class of each image, shape (n,); at least two classes have images.
        num_classes: Width of the output. A class without images is the least likely one for mean features.
        class_weight: As for `fit_head`.
    """
    from threadpoolctl import threadpool_limits

    with threadpool_limits(1):  # sums are rounded differently in parallel
        scaler, regression = fit_head(features, labels, WEAK_PENALTY, FEW_STEPS, class_weight)
    slopes, intercepts = regression.coef_, regression.intercept_
    if len(slopes) == 1:  # the logit of the second of two classes
        slopes, intercepts = np.concatenate([-slopes, slopes]) / 2, np.concatenate([-intercepts, intercepts]) / 2
    slopes = slopes / scaler.scale_
    kernel = np.zeros((features.shape[1], num_classes), np.float32)
    bias = np.full(num_classes, intercepts.min(), np.float32)
    kernel[:, regression.classes_] = slopes.T
    bias[regression.classes_] = intercepts - slopes @ scaler.mean_
    return OutputWeights(kernel, bias)
