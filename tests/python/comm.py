# ranks: 1 2
"""Ranks: the world, communicators of mpi4py, codes that ranks agree on, and what a closed one does."""

import os

import nnmpi

ranks = int(os.environ["RANKS"])
world = nnmpi.Comm()
assert world.size == ranks and 0 <= world.rank < ranks
world.agree()
try:
    world.agree(-2 if world.rank == ranks - 1 else 0)
except nnmpi.UsageError as error:
    assert isinstance(error, ValueError) and error.code == -2
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

try:
    from mpi4py import MPI
except ImportError:
    print("without mpi4py")
else:
    half = MPI.COMM_WORLD.Split(MPI.COMM_WORLD.rank % 2, 0)
    with nnmpi.Comm(half) as comm:
        assert comm.size == half.size == 1
    with nnmpi.Comm(MPI.COMM_WORLD) as comm:
        assert (comm.rank, comm.size) == (world.rank, ranks)
