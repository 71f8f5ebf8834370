"""A linear head on features, fitted without TensorFlow: it judges labels, findings and networks in seconds."""

import warnings
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from sklearn.pipeline import Pipeline


def fit_head(
    features: NDArray[np.floating[Any]], labels: NDArray[np.int64], penalty: float = 1.0, max_steps: int = 200
) -> "Pipeline":
    """Returns a logistic regression on standardised features. Nearly fitted is good enough: it may stop early.

    Args:
        features: The features, shape (n, features).
        labels: Class of each image, shape (n,).
        penalty: scikit-learn's C: smaller values keep the weights smaller.
        max_steps: Maximum number of steps of the solver.
    """
    from sklearn.exceptions import ConvergenceWarning
    from sklearn.linear_model import LogisticRegression  # takes a second to import
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    head = make_pipeline(StandardScaler(), LogisticRegression(C=penalty, max_iter=max_steps))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        return head.fit(features, labels)
