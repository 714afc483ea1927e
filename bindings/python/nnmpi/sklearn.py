"""scikit-learn's estimators: ``NNClassifier`` and ``NNRegressor``, for pipelines, GridSearchCV and the like.

``fit`` and ``partial_fit`` are Collective over ``comm``; without one they are Local, as is everything else.
"""

from __future__ import annotations

from typing import Any, Optional, Sequence, Union

import numpy as np
from sklearn.base import BaseEstimator, ClassifierMixin, RegressorMixin
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import _check_sample_weight, check_is_fitted, check_random_state

try:
    from sklearn.utils.validation import validate_data  # from 1.6 on
except ImportError:

    def validate_data(estimator: Any, *arrays: Any, **options: Any) -> Any:
        return estimator._validate_data(*arrays, **options)


from .catalog import Choice
from .comm import Comm
from .layers import Dense, Layer
from .models import Sequential

__all__ = ["NNClassifier", "NNRegressor"]


class _Estimator(BaseEstimator):
    """What classifier and regressor have in common.

    ``hidden`` are the units of the hidden layers, or layers ([Conv2D(8, 3), Flatten()]), below the output layer;
    each fit standardises the columns of X where ``standardize``. ``random_state`` seeds everything that is random.
    ``comm``: the ranks; None is this process alone, as scikit-learn expects.
    """

    _loss = ""

    def __init__(
        self,
        hidden: Sequence[Union[int, Layer]] = (32,),
        activation: str = "relu",
        optimizer: Union[str, dict, Choice] = "adam",
        learning_rate: Optional[float] = 0.01,
        batch_size: int = 32,
        epochs: int = 50,
        l2: float = 0.0,
        standardize: bool = True,
        random_state: Any = 0,
        verbose: int = 0,
        comm: Optional[Comm] = None,
    ):
        self.hidden = hidden
        self.activation = activation
        self.optimizer = optimizer
        self.learning_rate = learning_rate
        self.batch_size = batch_size
        self.epochs = epochs
        self.l2 = l2
        self.standardize = standardize
        self.random_state = random_state
        self.verbose = verbose
        self.comm = comm

    def _build(self, outputs: int) -> Sequential:
        layers = [part if isinstance(part, Layer) else Dense(part, activation=self.activation) for part in self.hidden]
        train = {"l2": self.l2, "threads": 1}
        if self.learning_rate is not None:
            train["lr"] = self.learning_rate
        seed = self.random_state
        if not isinstance(seed, (int, np.integer)):
            seed = check_random_state(seed).randint(1 << 31)
        return Sequential([*layers, Dense(outputs)]).compile(self.optimizer, self._loss, seed=int(seed), **train)

    def _scale(self, X: np.ndarray) -> np.ndarray:  # noqa: N803 (scikit-learn's name)
        return ((X - self.mean_) / self.scale_).astype(np.float32)

    def _rows(self, X: np.ndarray, y: np.ndarray, weight: Any) -> tuple:  # noqa: N803
        """The samples that count. Where they are one minibatch their order means nothing, so it is fixed, and
        rounding does not depend on it either."""
        if weight is not None:
            weight = _check_sample_weight(weight, X)
            if not np.any(weight > 0) or np.any(weight < 0):
                raise ValueError("sample_weight is never negative, and positive for some samples")
        rows = np.arange(len(X)) if weight is None else np.flatnonzero(weight)
        if len(rows) <= self.batch_size:
            keys = np.column_stack([X[rows], y[rows]])
            rows = rows[np.lexsort(keys.T[::-1])]
        return X[rows], y[rows], None if weight is None else weight[rows]

    def _start(self, X: np.ndarray, outputs: int) -> None:  # noqa: N803
        flat = X.reshape(len(X), -1)
        self.mean_ = flat.mean(axis=0) if self.standardize else np.zeros(flat.shape[1])
        spread = flat.std(axis=0) if self.standardize else np.ones(flat.shape[1])
        self.scale_ = np.where(spread > 1e-12 * (np.abs(self.mean_) + 1), spread, 1.0)
        self.model_ = self._build(outputs)
        self.n_iter_ = 0

    def _train(self, X: np.ndarray, y: np.ndarray, weight: Any, epochs: int) -> Any:  # noqa: N803
        comm = self.comm or Comm.alone()
        try:
            self.model_._comm = comm
            self.model_.fit(
                self._scale(X), y, min(self.batch_size, len(X)), epochs, self.verbose, sample_weight=weight
            )
        finally:
            self.model_._comm = None
            if comm is not self.comm:
                comm.close()
        self.n_iter_ += epochs
        return self

    def _outputs(self, X: Any) -> np.ndarray:  # noqa: N803
        check_is_fitted(self, "model_")
        X = validate_data(self, X, reset=False, dtype=np.float64)  # noqa: N806
        return self.model_.predict(self._scale(X))


class NNClassifier(ClassifierMixin, _Estimator):
    """A classifier: cross-entropy of a softmax over the classes."""

    __doc__ += _Estimator.__doc__.split("\n", 1)[1]
    _loss = "sparse_categorical_crossentropy"

    def fit(self, X: Any, y: Any, sample_weight: Any = None) -> "NNClassifier":  # noqa: N803
        """X [N, d]; y [N] labels of any kind; ``sample_weight`` [N]. Begins anew."""
        X, y = validate_data(self, X, y, dtype=np.float64)  # noqa: N806
        check_classification_targets(y)
        self.classes_ = np.unique(y)
        if len(self.classes_) < 2:
            raise ValueError(f"classifiers want 2 classes or more, and y has one class: {self.classes_}")
        X, y, weight = self._rows(X, np.searchsorted(self.classes_, y), sample_weight)  # noqa: N806
        self._start(X, len(self.classes_))
        return self._train(X, y, weight, self.epochs)

    def partial_fit(self, X: Any, y: Any, classes: Any = None, sample_weight: Any = None) -> "NNClassifier":  # noqa: N803
        """One epoch on these samples; ``classes`` are all there will be, and are wanted the first time."""
        first = not hasattr(self, "model_")
        X, y = validate_data(self, X, y, dtype=np.float64, reset=first)  # noqa: N806
        check_classification_targets(y)
        if first:
            if classes is None:
                raise ValueError("the first call of partial_fit wants classes=, all that there will be")
            self.classes_ = np.unique(classes)
        unknown = np.setdiff1d(y, self.classes_)
        if len(unknown):
            raise ValueError(f"y has classes that partial_fit was not told of: {unknown}")
        X, y, weight = self._rows(X, np.searchsorted(self.classes_, y), sample_weight)  # noqa: N806
        if first:
            self._start(X, len(self.classes_))
        return self._train(X, y, weight, 1)

    def predict_proba(self, X: Any) -> np.ndarray:  # noqa: N803
        """[N, classes], in the order of ``classes_``."""
        p = self._outputs(X).astype(np.float64)
        return p / p.sum(axis=1, keepdims=True)

    def predict(self, X: Any) -> np.ndarray:  # noqa: N803
        """The likeliest class of each sample [N]."""
        outputs = self._outputs(X)
        return self.classes_[outputs.argmax(axis=1)]


class NNRegressor(RegressorMixin, _Estimator):
    """A regressor: squared error of linear outputs; y is standardised, too."""

    __doc__ += _Estimator.__doc__.split("\n", 1)[1]
    _loss = "mse"

    def _more_tags(self) -> dict:
        return {"multioutput": True}

    def __sklearn_tags__(self) -> Any:  # from 1.6 on
        tags = super().__sklearn_tags__()
        tags.target_tags.multi_output = True
        return tags

    def fit(self, X: Any, y: Any, sample_weight: Any = None) -> "NNRegressor":  # noqa: N803
        """X [N, d]; y [N] or [N, k] numbers; ``sample_weight`` [N]. Begins anew."""
        X, y = validate_data(self, X, y, dtype=np.float64, multi_output=True, y_numeric=True)  # noqa: N806
        X, y, weight = self._rows(X, y, sample_weight)  # noqa: N806
        self._start_numbers(X, y)
        return self._train(X, self._target(y), weight, self.epochs)

    def partial_fit(self, X: Any, y: Any, sample_weight: Any = None) -> "NNRegressor":  # noqa: N803
        """One epoch on these samples; the first ones say how X and y are scaled."""
        first = not hasattr(self, "model_")
        X, y = validate_data(  # noqa: N806
            self, X, y, dtype=np.float64, multi_output=True, y_numeric=True, reset=first
        )
        X, y, weight = self._rows(X, y, sample_weight)  # noqa: N806
        if first:
            self._start_numbers(X, y)
        return self._train(X, self._target(y), weight, 1)

    def _start_numbers(self, X: np.ndarray, y: np.ndarray) -> None:  # noqa: N803
        self._start(X, 1 if y.ndim == 1 else y.shape[1])
        self.y_mean_, spread = y.mean(axis=0), y.std(axis=0)
        self.y_scale_ = np.where(spread > 0, spread, 1.0)
        self._one_column = y.ndim == 1

    def _target(self, y: np.ndarray) -> np.ndarray:
        return ((y - self.y_mean_) / self.y_scale_).astype(np.float32)

    def predict(self, X: Any) -> np.ndarray:  # noqa: N803
        """[N], or [N, k] where y had columns."""
        z = self._outputs(X).astype(np.float64)
        return (z[:, 0] if self._one_column else z) * self.y_scale_ + self.y_mean_
