# ranks: 1 2
"""Ranks: the world, communicators of mpi4py, codes that ranks agree on, and what a closed one does."""

import copy
import gc
import os

import numpy as np

import nnmpi
from nnmpi.data import Data
from nnmpi.training import Config, Training

try:
    from mpi4py import MPI
except ImportError:
    MPI = None
    print("without mpi4py")

ranks = int(os.environ["RANKS"])
if MPI:  # before the world is asked for
    with nnmpi.Comm(MPI.COMM_WORLD):
        kept = nnmpi.nn.functional.dropout(nnmpi.ones(64)).numpy().tobytes()
        assert len(set(MPI.COMM_WORLD.allgather(kept))) == ranks  # each drops others
world = nnmpi.Comm()
assert world.size == ranks and 0 <= world.rank < ranks
world.agree()
try:
    world.agree(-2 if world.rank == ranks - 1 else 0)
except nnmpi.UsageError as error:
    assert isinstance(error, ValueError) and error.code == -2
else:
    raise AssertionError("a failure of one rank is one of all")

# Codes are the library's own: those of other exceptions are no reason for ranks to disagree.
for code in (404, "words", 0):
    try:
        with world.agreed():
            if world.rank == ranks - 1:
                raise SystemExit(code)
    except (SystemExit, nnmpi.InputOutputError) as error:
        assert isinstance(error, SystemExit) == (world.rank == ranks - 1)
    else:
        raise AssertionError("a failure of one rank is one of all")

with nnmpi.Comm.alone() as alone:
    assert (alone.rank, alone.size) == (0, 1)
try:
    alone.size
except ValueError as error:
    assert "closed" in str(error)
else:
    raise AssertionError("a closed communicator is used")
try:
    nnmpi.Comm("world")
except TypeError as error:
    assert "mpi4py" in str(error)
else:
    raise AssertionError("a text is no communicator")

assert copy.deepcopy(world) is world and copy.copy(world) is world


# A training is freed before its ranks, in a cycle of garbage, too; and arrays stay as long as they may be read.
def cycle():
    comm, data = nnmpi.Comm.alone(), Data()
    data.set_split("train", np.ones((8, 4), np.float32), np.ones((8, 3), np.float32))
    config = Config({"model": [{"dense": {"units": 3}}], "loss": "squared", "train": {"batch_size": 4}}, data)
    training = Training(comm, config)
    data.set("train", "x", np.zeros((8, 4), np.float32))
    training.step()
    assert training.steps == 1 and len(data._arrays) == 3
    for name, handle in {"comm": comm, "data": data, "config": config, "training": training}.items():
        handle._owned.free = lambda pointer, free=handle._owned.free, name=name: (freed.append(name), free(pointer))
    comm.cycle = data.cycle = config.cycle = training


freed = []
cycle()
gc.collect()
assert freed[0] == "training" and sorted(freed) == ["comm", "config", "data", "training"], freed

if MPI:
    half = MPI.COMM_WORLD.Split(MPI.COMM_WORLD.rank % 2, 0)
    with nnmpi.Comm(half) as comm:
        assert comm.size == half.size == 1
    with nnmpi.Comm(MPI.COMM_WORLD) as comm:
        assert (comm.rank, comm.size) == (world.rank, ranks)
