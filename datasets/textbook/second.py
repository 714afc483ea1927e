"""Derivatives by automatic differentiation, beside their formulas: sigma', sigma'' (differentiated twice), and the
gradient of log softmax."""

import numpy as np

import nnmpi

x = nnmpi.tensor(np.linspace(-6, 6, 49).astype(np.float32), requires_grad=True)
(first,) = nnmpi.grad(x.sigmoid().sum(), [x], create_graph=True)
(second,) = nnmpi.grad(first.sum(), [x])
s = 1 / (1 + np.exp(-np.linspace(-6, 6, 49)))
print("sigma'  - s (1 - s):          %.0e" % np.abs(first.numpy() - s * (1 - s)).max())
print("sigma'' - s (1 - s) (1 - 2 s): %.0e" % np.abs(second.numpy() - s * (1 - s) * (1 - 2 * s)).max())
z = nnmpi.tensor(np.array([1, -2, 0.5], np.float32), requires_grad=True)
p = np.exp(z.numpy()) / np.exp(z.numpy()).sum()
for i in range(3):
    (gradient,) = nnmpi.grad(z.log_softmax(0)[i], [z])
    print(f"d log p{i} / dz =", np.round(gradient.numpy(), 4), "is e%d - p:" % i, np.allclose(gradient.numpy(), np.eye(3)[i] - p, atol=1e-6))
