"""compare_onnx.py [JS]: what a runtime (that of JavaScript has lengths only where ONNX's package has made <case>.given) made of
<case>.onnx is what predict wrote."""
import csv
import json
import os
import sys

import numpy as np

from onnx_cases import CHOSEN

for name, _, _, kind in CHOSEN:
    if kind == "lengths" and sys.argv[1:] and not os.path.exists(name + ".given"):
        continue
    y = json.load(open(name + ".y.json"))
    rows = csv.DictReader(open(name + ".csv"))
    want = np.array([[float(v) for k, v in row.items() if k[0] == "y"] for row in rows])
    got = np.array(y["data"]).reshape(want.shape)
    worst = np.abs(got - want).max()
    print(f"{name}: {worst:.1e}")
    assert worst <= 1e-5 * max(1, np.abs(want).max()), (name, worst)
