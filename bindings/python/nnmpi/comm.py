"""Ranks: the processes of one run."""

from __future__ import annotations

import atexit
import os
import sys
import weakref
from contextlib import contextmanager
from typing import Any, Iterator, Optional

from . import errors
from ._library import Handle, Messages, check, close_all, lib, new

# What mpirun of Open MPI, mpiexec of MPICH and srun tell each process that they start.
_LAUNCHED = ("OMPI_COMM_WORLD_SIZE", "PMI_SIZE", "PMI_RANK", "PMIX_RANK")


class Comm(Handle):
    """The ranks that train together.

    ``Comm()`` is the world: all processes that mpirun or srun has started, one process alone where neither has.
    MPI is started for it when that is needed, and ended when Python ends. ``Comm(comm)`` takes a communicator of
    mpi4py, of which nnmpi uses a duplicate; close it (or use ``with``) before MPI is finalised.
    ``Comm.alone()`` is one process without MPI. Making and closing one is collective over its ranks.
    """

    def __init__(self, comm: Any = None):
        global _noted_rank
        if comm is None:
            self._own(_world(), lambda pointer: None)
        elif hasattr(comm, "py2f"):
            _check_one_mpi()
            self._own(new("nn_comm", lib.nn_comm_from_fortran, comm.py2f()), lib.nn_comm_free)
            if self.size > 1:
                _noted_rank = self.rank
                _of_mpi4py.add(self)
                _abort_on_exceptions()
        else:
            raise TypeError(f"Comm() takes nothing or a communicator of mpi4py, not {type(comm).__name__}")

    @classmethod
    def alone(cls) -> Comm:
        """One rank without MPI."""
        self = cls.__new__(cls)
        self._own(new("nn_comm", lib.nn_comm_alone), lib.nn_comm_free)
        return self

    @property
    def rank(self) -> int:
        """The number of this process, from 0."""
        return lib.nn_comm_rank(self.pointer)

    @property
    def size(self) -> int:
        """How many processes there are."""
        return lib.nn_comm_size(self.pointer)

    def agree(self, code: int = 0) -> None:
        """Raises the worst failure of all ranks, each of which gives its own code (0: none). Collective."""
        check(lib.nn_comm_agree(self.pointer, code))

    @contextmanager
    def agreed(self) -> Iterator[None]:
        """What raises within it on some ranks raises on all, so that none waits for one that is gone. Collective."""
        code = 0
        raised: Optional[BaseException] = None
        try:
            yield
        except BaseException as error:
            raised = error
            code = lib.nn_error_set(_code(error) or lib.NN_EIO, str(error).encode())
        code = lib.nn_comm_agree(self.pointer, code)
        if raised is not None:
            raise raised
        check(code)

    def __copy__(self) -> Comm:
        return self

    def __deepcopy__(self, memo: Any) -> Comm:
        return self  # ranks have no copies: the estimators and models that are copied share them

    def __repr__(self) -> str:
        if self._pointer is None:
            return "Comm(closed)"
        return f"Comm(rank {self.rank} of {self.size})"


def _code(error: BaseException) -> int:
    """That of an exception of the library; what others call their code is none."""
    return error.code if isinstance(error, errors.Error) else 0


def _check_one_mpi() -> None:
    """mpi4py and libnnmpi have to use the same MPI: handles of another one would crash."""
    with open("/proc/self/maps", encoding="utf-8") as maps:
        names = {line.split()[-1] for line in maps if "/libmpi.so" in line or "/libmpich.so" in line}
    if len(names) > 1:
        raise RuntimeError(f"mpi4py and nnmpi were built for different MPIs: {' and '.join(sorted(names))}")


_the_world: Any = None
_of_mpi4py: weakref.WeakSet = weakref.WeakSet()  # of several ranks
_noted_rank = 0  # in the last of them
_aborts = False


def is_launched() -> bool:
    """Whether mpirun or srun has started this process."""
    return any(name in os.environ for name in _LAUNCHED)


def _world() -> Any:
    """The one communicator of all processes, made when it is first asked for."""
    global _the_world
    if _the_world is None:
        _the_world = new("nn_comm", lib.nn_comm_init if is_launched() else lib.nn_comm_alone)
        atexit.register(_end_world)
        Messages.rank = lib.nn_comm_rank(_the_world)
        if lib.nn_comm_size(_the_world) > 1:
            _abort_on_exceptions()
    return _the_world


def world_rank() -> int:
    """The number of this process in the world, or in the last communicator of mpi4py where only such have been asked
    for; else 0."""
    return lib.nn_comm_rank(_the_world) if _the_world is not None else _noted_rank


def _end_world() -> None:
    global _the_world
    close_all()
    pointer, _the_world = _the_world, None
    lib.nn_comm_free(pointer)


def _abort_on_exceptions() -> None:
    """An exception that nobody catches ends all ranks: the others may wait for this one."""
    global _aborts
    if _aborts:
        return
    _aborts = True
    show = sys.excepthook

    def show_and_abort(kind: Any, value: Any, trace: Any) -> None:
        show(kind, value, trace)
        sys.stdout.flush()
        sys.stderr.flush()
        code = lib.nn_error_exit_code(_code(value)) or 1
        others = [comm.pointer for comm in _of_mpi4py if comm._pointer is not None]
        if _the_world is not None and lib.nn_comm_size(_the_world) > 1:
            others.insert(0, _the_world)
        if others:
            lib.nn_comm_abort(others[0], 130 if issubclass(kind, KeyboardInterrupt) else code)

    sys.excepthook = show_and_abort
