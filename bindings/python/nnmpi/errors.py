"""Exceptions: one for each error code of the C interface (nnmpi/error.h), with the C message as its text."""

from __future__ import annotations


class Error(Exception):
    """A function of libnnmpi has failed.

    ``code`` is the ``nn_err`` and ``trace`` the C functions that the failure passed through.
    """

    code: int = 0
    trace: str = ""


class UsageError(Error, ValueError):
    """Usage or configuration: an unknown name, a value out of range, shapes that do not go together."""


class FormatError(Error, ValueError):
    """Data or a checkpoint cannot be read."""


class DivergedError(Error, ArithmeticError):
    """The loss, a gradient or a parameter became NaN or infinite."""


class RankError(Error, RuntimeError):
    """A rank failed or stalled; the others may wait for it."""


class InputOutputError(Error, OSError):
    """Reading or writing failed."""


class OutOfMemoryError(Error, MemoryError):
    """There is not enough memory."""


class StoppedError(Error):
    """A training was stopped by a signal, on this rank or on another one."""


class BusyError(Error, OSError):
    """Another process is training in the run folder."""


#: The exception of each constant of ``nn_err``.
BY_NAME: dict[str, type[Error]] = {
    "NN_EUSAGE": UsageError,
    "NN_EFORMAT": FormatError,
    "NN_EDIVERGED": DivergedError,
    "NN_ERANK": RankError,
    "NN_EIO": InputOutputError,
    "NN_EMEMORY": OutOfMemoryError,
    "NN_ESTOPPED": StoppedError,
    "NN_EBUSY": BusyError,
}
