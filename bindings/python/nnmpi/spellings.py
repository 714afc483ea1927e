"""Losses and metrics as Keras calls them."""

from __future__ import annotations

#: Keras's losses: the library's name, and whether targets are numbers whatever their type (one-hot rows, values),
#: not classes as integers are otherwise.
LOSSES: dict[str, tuple[str, bool]] = {
    "binary_crossentropy": ("binary_cross_entropy", False),
    "categorical_crossentropy": ("cross_entropy", True),
    "mae": ("absolute", True),
    "mean_absolute_error": ("absolute", True),
    "mean_squared_error": ("squared", True),
    "mse": ("squared", True),
    "sparse_categorical_crossentropy": ("cross_entropy", False),
}

METRICS: dict[str, str] = {
    "AUC": "auc",
    "Precision": "precision",
    "Recall": "recall",
    "acc": "accuracy",
    "binary_accuracy": "accuracy",
    "categorical_accuracy": "accuracy",
    "mean_absolute_error": "mae",
    "sparse_categorical_accuracy": "accuracy",
}
