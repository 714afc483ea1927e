"""run_onnx.py MODEL.onnx...: as run_onnx.js, by the ONNX Runtime of Python."""
import json
import sys

import numpy as np
import onnxruntime

for model in sys.argv[1:]:
    x = json.load(open(model.replace(".onnx", ".x.json")))
    session = onnxruntime.InferenceSession(model)
    feeds = {"input": np.array(x["data"], np.float32).reshape(x["dims"])}
    if "lengths" in x:
        feeds["lengths"] = np.array(x["lengths"])
    [y] = session.run(None, feeds)
    json.dump({"dims": y.shape, "data": y.ravel().tolist()}, open(model.replace(".onnx", ".y.json"), "w"))
