"""The report of a hyperparameter search."""
