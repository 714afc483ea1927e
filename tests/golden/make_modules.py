#!/usr/bin/env python3
"""Writes modules.json: modules and losses of nnmpi.nn as PyTorch computes them in double precision.

Usage: make_modules.py > modules.json (PyTorch 2.6 was used). Inputs and parameters are waves that the test computes
itself, tests/python/support/waves.py. Of every output y, and of the derivatives of the sum of y wave by the inputs and
parameters, every k-th number is kept."""

import json
import sys
from pathlib import Path

import torch
from torch import nn

sys.path.insert(0, str(Path(__file__).parents[1] / "python" / "support"))
from waves import MODULES, kept, wave  # noqa: E402

torch.set_default_dtype(torch.float64)


def tensor(value):
    return value if value is None or isinstance(value, (bool, str)) else torch.as_tensor(value)


def listed(outputs):
    """The tensors of nested tuples."""
    return sum(map(listed, outputs), []) if isinstance(outputs, tuple) else [outputs]


results = []
for case in MODULES:
    module = case.make(nn)
    module.eval()
    for i, (_, parameter) in enumerate(sorted(module.named_parameters())):
        parameter.data = torch.from_numpy(wave(0.5, i, parameter.shape))
    inputs = [torch.from_numpy(x).requires_grad_(True) for x in case.inputs()]
    outputs = listed(module(*inputs, **{name: tensor(value) for name, value in case.more().items()}))
    loss = sum((y * torch.from_numpy(wave(0.7, 5 + i, y.shape))).sum() for i, y in enumerate(outputs))
    loss.backward()
    results.append(
        {
            "name": case.name,
            "outputs": [kept(y.detach().numpy()) for y in outputs],
            "inputs": [kept(x.grad.numpy()) for x in inputs],
            "parameters": {name: kept(p.grad.numpy()) for name, p in sorted(module.named_parameters())},
        }
    )
print("[\n" + ",\n".join(json.dumps(result) for result in results) + "\n]")
