# ranks: 1 2
# nodes: 2
"""A model that is fitted from numpy arrays has the digest of the command line's run of the same configuration: every
rank with the same arrays or a part of them, floats of either width, with weights, on the world or mpi4py's ranks."""

import csv
import os
import subprocess
from pathlib import Path
from unittest.mock import patch

import numpy as np

import nnmpi
from nnmpi.layers import Dense
from nnmpi.training import Training

ranks, source = int(os.environ["RANKS"]), Path(os.environ["SOURCE_DIR"])
rank = nnmpi.Comm().rank

rows = list(csv.reader(open(source / "datasets/iris/iris.csv", encoding="utf-8")))[1:]
names = sorted({row[-1] for row in rows}, key=[row[-1] for row in rows].index)
x = np.array([row[:4] for row in rows], np.float64)
y = np.array([names.index(row[-1]) for row in rows])
train = np.concatenate([np.arange(40) + first for first in (0, 50, 100)])  # the first 40 of each species
x, y = x[train], y[train]

OPTIONS = dict(optimizer={"sgd": {"lr": 0.05, "momentum": 0.9}}, loss="cross_entropy")


def fit(data="same", x=x, y=y, comm=None, train=None, **others):
    model = nnmpi.Sequential(
        [
            Dense(6, name="hidden", activation="sigmoid", init="xavier_normal"),
            Dense(3, name="output", init="xavier_normal"),
        ]
    )
    model.compile(**OPTIONS, comm=comm, **(train or {}))
    return model.fit(x, y, batch_size=30, epochs=7, verbose=0, data=data, **others).result["digest"]


# ---- the command line's ---------------------------------------------------------------------------

if rank == 0:
    Path("iris.yaml").write_text((source / "datasets/iris/iris.yaml").read_text())
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("OMPI_", "PMI", "PRTE"))}
    command = [os.environ["NNMPI"], "train", "iris.yaml", "-o", "train.epochs=7", "--run", "run", "-q"]
    if ranks > 1:
        command = [str(source / "tests/ranks.sh"), str(ranks), *command]
    subprocess.run(command, env=environment, check=True, stdout=subprocess.DEVNULL)
    shown = subprocess.run(
        [os.environ["NNMPI"], "inspect", "run/last.h5"], check=True, capture_output=True, text=True, env=environment
    )
    wanted = next(line.split()[1] for line in shown.stdout.splitlines() if line.startswith("digest"))

# ---- ours --------------------------------------------------------------------------------------------

found = {
    "float64": fit(),
    "float32": fit(x=x.astype(np.float32), y=y.astype(np.uint8)),
    "a stride": fit(x=np.repeat(x, 2, axis=1)[:, ::2]),
    "callbacks": fit(callbacks=[nnmpi.callbacks.LambdaCallback(on_batch_end=lambda batch, logs: None)]),
    "validation": fit(validation_data=(x[:9], y[:9])),
    "weights of 1": fit(sample_weight=np.ones(len(x))),
    "a run folder": fit(run_dir="folder"),
    "parts": fit("shard", *(np.array_split(a, ranks)[rank] for a in (x, y))),
}
try:
    from mpi4py import MPI
except ImportError:
    print("without mpi4py")
else:
    with nnmpi.Comm(MPI.COMM_WORLD) as comm:
        found["mpi4py"] = fit(comm=comm)
if rank == 0:
    for what, digest in found.items():
        assert digest == wanted, f"{what}: {digest}, the command line has {wanted}"
    assert Path("folder/last.h5").exists()

with patch.object(Training, "_advance", autospec=True, side_effect=Training._advance) as advance:
    fit()
assert ranks == 1 or advance.call_count == 7, "on several ranks an epoch of 4 steps is one call, in which they go ahead"

different = fit(sample_weight=np.where(y == 0, 2.0, 1.0))
assert different not in found.values(), "weights change nothing"
assert different == fit(x=x, y=y, class_weight={0: 2, 1: 1, 2: 1}), "weights of classes are those of their samples"

try:
    rounded = fit(train={"precision": "bf16"})
except nnmpi.UsageError as error:
    assert "bf16 wants a processor with AVX512_BF16" in str(error), error
else:
    assert rounded not in found.values(), "nothing was rounded"
