"""Iris by the number of hidden units q = sqrt(d + l) + a, for a of 1 to 10: what a rule of thumb is worth."""

import json
import math

import nnmpi
from program import call

D, L = 4, 3
for a in range(1, 11):
    q = round(math.sqrt(D + L) + a)
    result = json.loads(call("train", "datasets/iris/iris.yaml", "--run", f"hidden{q}", "--json", "-o", f"model.0.dense.units={q}"))
    params = sum(tensor.size for tensor in nnmpi.load(f"hidden{q}").get_weights().values())
    print(f"a = {a:2d}: {q:2d} hidden units, {params:3d} parameters = (d + l + 1) q + l: {params == (D + L + 1) * q + L},"
          f" test accuracy {result['test']['accuracy']:.4f}")
