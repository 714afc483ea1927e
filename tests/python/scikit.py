"""scikit-learn's own check_estimator, pipelines, a grid search, copies, and what is learned."""

import pickle
import sys
import unittest
import warnings

try:
    from sklearn.base import clone
    from sklearn.datasets import load_diabetes, load_digits
    from sklearn.model_selection import GridSearchCV, cross_val_score
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import MinMaxScaler
    from sklearn.utils.estimator_checks import check_estimator
except ImportError:
    print("skipped: scikit-learn is not installed", file=sys.stderr)
    sys.exit(77)
import numpy as np

from nnmpi.comm import Comm
from nnmpi.layers import Dropout
from nnmpi.sklearn import NNClassifier, NNRegressor

warnings.simplefilter("ignore")
for estimator in NNClassifier(), NNRegressor():
    passed = 0
    for one, check in check_estimator(estimator, generate_only=True):
        try:
            check(one)
            passed += 1
        except unittest.SkipTest:
            pass  # what wants pandas
    print(f"{type(estimator).__name__}: {passed} checks passed")
    assert passed > 35

with Comm.alone() as comm:
    assert clone(NNClassifier(comm=comm)).comm is comm

x, y = load_digits(return_X_y=True)
names = np.array("zero one two three four five six seven eight nine".split())[y]
digits = NNClassifier((64, Dropout(0.2)), epochs=20).fit(x[:1200], names[:1200])
assert digits.score(x[1200:], names[1200:]) > 0.85, digits.score(x[1200:], names[1200:])
p = digits.predict_proba(x[:5])
assert p.shape == (5, 10) and np.allclose(p.sum(1), 1)
assert list(digits.classes_[p.argmax(1)]) == list(digits.predict(x[:5]))
assert np.array_equal(pickle.loads(pickle.dumps(digits)).predict_proba(x), digits.predict_proba(x))
again = clone(digits).fit(x[:1200], names[:1200])
assert np.array_equal(again.predict_proba(x), digits.predict_proba(x)), "the same seed, another result"

parts = NNClassifier((32,), learning_rate=0.02)
for _ in range(8):
    for part in np.array_split(np.arange(1200), 3):
        parts.partial_fit(x[part], y[part], classes=np.arange(10))
assert parts.score(x[1200:], y[1200:]) > 0.85 and parts.n_iter_ == 24

x, y = load_diabetes(return_X_y=True)
pipeline = make_pipeline(MinMaxScaler(), NNRegressor((8,), l2=0.01, epochs=30))
assert cross_val_score(pipeline, x, y, cv=3).mean() > 0.35
search = GridSearchCV(pipeline, {"nnregressor__hidden": [(), (8,)], "nnregressor__optimizer": ["adam"]}, cv=2)
assert search.fit(x, y).best_score_ > 0.35
assert NNRegressor(epochs=2).fit(x, np.column_stack([y, -y])).predict(x).shape == (len(x), 2)
