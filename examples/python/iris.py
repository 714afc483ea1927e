"""Fisher's iris flowers on all ranks, the same program as iris.* in the other languages and as `nnmpi` alone: it ends
with the same parameters, to the bit."""

import nnmpi
from nnmpi.training import Config, Training

NET = {
    "data": {"source": "iris"},
    "model": [
        {"dense": {"name": "hidden", "units": 6, "activation": "sigmoid", "init": "xavier_normal"}},
        {"dense": {"name": "output", "units": 3, "init": "xavier_normal"}},
    ],
    "loss": "cross_entropy",
    "train": {"epochs": 200, "batch_size": 30, "optimizer": {"sgd": {"lr": 0.05, "momentum": 0.9}}},
    "validate": {"split": "train", "every_epochs": 50},
}

comm = nnmpi.Comm()
training = Training(comm, Config(NET))
while training.goes_on:
    training.step()
test = training.evaluate("test")
digest = training.finish()["digest"]
if comm.rank == 0:
    print(f"test accuracy {test['accuracy']:.4f}\ndigest {digest}")
