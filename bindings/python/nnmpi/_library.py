"""The C library: where it is found, and how its functions are called.

``lib.nn_...`` are the functions of the public headers, ``ffi`` makes C objects, and ``check`` turns a negative code
into an exception.
"""

from __future__ import annotations

import atexit
import logging
import os
import traceback
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any, Callable, Iterable, Iterator, Optional

try:
    from ._cffi import ffi
except ModuleNotFoundError as missing:
    raise ImportError(
        "nnmpi/_cffi.py is missing: the package is made by 'cmake --build' (NNMPI_PYTHON) or 'pip install' in "
        "bindings/python, and is not imported from the sources"
        if missing.name == "nnmpi._cffi"
        else "nnmpi wants cffi (Debian and Ubuntu: python3-cffi-backend)"
    ) from missing

from . import errors

NAME = "libnnmpi.so.0"


def _candidates() -> list[str]:
    """Where the library may be, best first: NNMPI_LIBRARY; beside the package or in a folder above it, as installed
    trees and build folders have it; where the loader looks."""
    named = os.environ.get("NNMPI_LIBRARY")
    if named:
        return [named]
    here = Path(__file__).resolve().parent
    beside = [folder / NAME for folder in [here, *here.parents][:5]]
    return [*(str(path) for path in beside if path.exists()), NAME]


def _open() -> Any:
    failures = []
    for path in _candidates():
        try:
            return ffi.dlopen(path, ffi.RTLD_NOW)
        except OSError as error:
            failures.append(str(error))
    raise ImportError(
        f"nnmpi does not find its library ({'; '.join(failures)}): install it, or let NNMPI_LIBRARY name the file"
    )


lib = _open()

_EXCEPTIONS = {getattr(lib, name): kind for name, kind in errors.BY_NAME.items()}


_LEVELS = {lib.NN_LOG_WARNING: logging.WARNING, lib.NN_LOG_INFO: logging.INFO, lib.NN_LOG_DEBUG: logging.DEBUG}


class Messages:
    """What the library says: all of it on rank 0; on others warnings, as that of a stall that this rank was the first to
    see; nothing while ``silent``."""

    rank = 0
    silent = False

    @classmethod
    @contextmanager
    def silenced(cls) -> Iterator[None]:
        """For what has been said before."""
        before, cls.silent = cls.silent, True
        try:
            yield
        finally:
            cls.silent = before


def _interrupt(kind: Any, value: Any, trace: Any) -> None:
    """What a handler of messages raises is shown; Ctrl-C in it is raised by the next ``check``."""
    if isinstance(value, Exception):
        traceback.print_exception(kind, value, trace)
    else:
        keep_raised(value)


@ffi.callback("void(void *, nn_log_level, const char *)", onerror=_interrupt)
def _log(_: Any, level: int, line: Any) -> None:
    """To the logger "nnmpi", of which Python shows warnings unless told otherwise."""
    if Messages.silent or (Messages.rank and level != lib.NN_LOG_WARNING):
        return
    front = f"rank {Messages.rank}: " if Messages.rank else ""
    logging.getLogger("nnmpi").log(_LEVELS[level], "%s%s", front, text(line))


def _take_signals_elsewhere() -> Any:
    """Gives this thread, the one that gets signals, a stack for their handlers.

    While oneDNN computes, the stack pointer may point into the heap (docs/c-api.md). Python's handlers take an
    alternate stack where there is one; the memory has to stay.
    """
    system = ffi.dlopen(None)
    before = ffi.new("stack_t *")
    if system.sigaltstack(ffi.NULL, before) != 0 or before.ss_sp:
        return None  # there is one already
    memory = ffi.new("char[]", 1 << 16)
    system.sigaltstack(ffi.new("stack_t *", {"ss_sp": memory, "ss_size": len(memory)}), ffi.NULL)
    return memory


lib.nn_log_to(_log, ffi.NULL, lib.NN_LOG_INFO)
_signal_stack = _take_signals_elsewhere()


def version() -> str:
    """The version of the library that is loaded."""
    return text(lib.nn_version())


def text(chars: Any) -> str:
    """A C string as a str; NULL is ''."""
    return ffi.string(chars).decode("utf-8", "replace") if chars else ""


_raised: Optional[BaseException] = None


def keep_raised(error: BaseException) -> None:
    """Of a function that C has called, the first: ``check`` raises it once the C function is back."""
    global _raised
    if _raised is None or isinstance(_raised, Exception) > isinstance(error, Exception):
        _raised = error


def check(code: int) -> int:
    """Returns ``code``; a negative one is raised as the exception it stands for, with the C message.

    It has the exception of a function that C has called as its cause; KeyboardInterrupt and SystemExit stay what they
    are.
    """
    global _raised
    if code >= 0 and _raised is None:
        return code
    raised, _raised = _raised, None
    if raised is not None and not isinstance(raised, Exception):
        raise raised
    if code >= 0:
        return code
    error = _EXCEPTIONS.get(code, errors.Error)(text(lib.nn_error_message()) or text(lib.nn_error_text(code)))
    error.code = code
    error.trace = text(lib.nn_error_trace())
    raise error from raised


def new(kind: str, make: Callable[..., int], *arguments: Any) -> Any:
    """``make(*arguments, &object)``: a C object, e.g. ``new("nn_data", lib.nn_data_new)``; not freed by itself."""
    out = ffi.new(f"{kind} **")
    code = make(*arguments, out)
    if code < 0:
        check(code)
    return out[0]


_alive: dict["_Owned", None] = {}  # in the order they were made


@atexit.register
def close_all() -> None:
    """Frees all C objects while the interpreter is whole, and MPI runs; the newest first, on every rank alike."""
    try:
        _call_all((owned.close for owned in reversed(list(_alive))), goes_on=True)
    finally:
        for owned in _alive:  # arrays look into their memory
            owned.pointer = None


def _call_all(calls: Iterable[Callable[[], Any]], goes_on: bool = False) -> None:
    """Where some fail, the first error is raised when all have been called. After a BufferError none is called, or
    (goes_on) it does not count."""
    failed: Optional[BaseException] = None
    for call in calls:
        try:
            call()
        except BufferError:
            if not goes_on:
                raise
        except BaseException as error:  # KeyboardInterrupt, too
            failed = failed or error
    if failed is not None:
        raise failed


class _Owned:
    """A C object of a handle, freed once, after those that use it.

    It is no handle itself and has no finaliser, so that in a cycle of garbage, too, it still knows its users when the
    first of the handles is finalised. What C points to (``keeps``) stays as long.
    """

    def __init__(self, pointer: Any, free: Callable[[Any], None], uses: tuple["_Owned", ...], keeps: Any):
        self.pointer, self.free, self.uses, self.keeps = pointer, free, uses, keeps
        self.orphaned = False  # the handle is gone, and arrays look into its memory: the last of them closes it
        self.users: dict[_Owned, None] = {}
        for used in uses:
            used.users[self] = None
        _alive[self] = None

    def close(self) -> None:
        pointer, self.pointer = self.pointer, None
        if pointer is None:
            return
        try:
            _call_all([*(user.close for user in reversed(list(self.users))), partial(self.free, pointer)])
        except BufferError:  # arrays look into its memory: it stays
            self.pointer = pointer
            raise
        finally:
            if self.pointer is None:
                self._leave()

    def _leave(self) -> None:
        self.keeps = None
        _alive.pop(self, None)
        for used in self.uses:
            used.users.pop(self, None)
        _call_all(used.close for used in self.uses if used.orphaned)


class Handle:
    """A C object that is freed once: by :meth:`close`, at the end of a ``with``, or with the Python object.

    What uses it is closed before it. A closed one, or one whose making failed, raises ValueError where it is used, and
    never reaches C.
    """

    _owned: Optional[_Owned] = None

    def _own(self, pointer: Any, free: Callable[[Any], None], *uses: "Handle", keeps: Any = None) -> None:
        self._owned = _Owned(pointer, free, tuple(used._owned for used in uses if used._owned is not None), keeps)

    @property
    def _pointer(self) -> Any:
        """The C object, or None."""
        return None if self._owned is None else self._owned.pointer

    @property
    def pointer(self) -> Any:
        """The C object."""
        pointer = self._pointer
        if pointer is None:
            raise ValueError(f"this {type(self).__name__} is closed")
        return pointer

    def close(self) -> None:
        """Frees the C object; twice is fine."""
        if self._owned is not None:
            self._owned.close()

    def __enter__(self) -> Any:
        return self

    def __exit__(self, *exception: object) -> None:
        try:
            self.close()
        except BufferError:
            if exception[0] is None:
                raise  # else the frames that it comes through have the arrays

    def __del__(self) -> None:
        try:
            self.close()
        except BufferError:
            if self._owned is not None:
                self._owned.orphaned = True

    def __reduce__(self) -> Any:
        raise TypeError(f"{type(self).__name__} belongs to this process and cannot be pickled")
