"""Handwritten digits on all ranks, from arrays in memory: the same program as mnist.* in the other languages and as
`nnmpi train` with the same network, which ends with the same parameters, to the bit.

    mpirun -n 2 python3 mnist.py FOLDER   with the four files of MNIST, unpacked (gunzip)
"""

import sys

import nnmpi
import numpy as np
from nnmpi.data import Data
from nnmpi.training import Config, Training

NET = {
    "model": ["flatten", {"dense": {"name": "fc1", "units": 128, "activation": "relu"}},
              {"dense": {"name": "fc2", "units": 10}}],
    "loss": "cross_entropy",
    "train": {"epochs": 1, "batch_size": 64, "lr": 0.1},
    "validate": {"metrics": ["accuracy"]},
}

if len(sys.argv) != 2:
    sys.exit("usage: mnist.py FOLDER")
data = Data()
for split, files in ("train", "train"), ("test", "t10k"):
    images = np.fromfile(f"{sys.argv[1]}/{files}-images-idx3-ubyte", np.uint8, offset=16)
    labels = np.fromfile(f"{sys.argv[1]}/{files}-labels-idx1-ubyte", np.uint8, offset=8)
    data.set(split, "x", images.reshape(-1, 28, 28) * np.float32(1 / 255))
    data.set(split, "y", labels)
comm = nnmpi.Comm()
training = Training(comm, Config(NET, data))
while training.goes_on:
    training.step()
test = training.evaluate("test")
digest = training.finish()["digest"]
if comm.rank == 0:
    print(f"test accuracy {test['accuracy']:.4f}\ndigest {digest}")
