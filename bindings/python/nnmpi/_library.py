"""The C library: where it is found, and how its functions are called.

``lib.nn_...`` are the functions of the public headers, ``ffi`` makes C objects, and ``check`` turns a negative code
into an exception.
"""

from __future__ import annotations

import atexit
import logging
import os
import weakref
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Callable, Iterator

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
    """What the library says; ``wanted`` where it is passed on, as it is on rank 0."""

    wanted = True

    @classmethod
    @contextmanager
    def silenced(cls) -> Iterator[None]:
        """For what has been said before."""
        before, cls.wanted = cls.wanted, False
        try:
            yield
        finally:
            cls.wanted = before


@ffi.callback("void(void *, nn_log_level, const char *)")
def _log(_: Any, level: int, line: Any) -> None:
    """To the logger "nnmpi", of which Python shows warnings unless told otherwise."""
    if Messages.wanted:
        logging.getLogger("nnmpi").log(_LEVELS[level], "%s", text(line))


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


def check(code: int) -> int:
    """Returns ``code``; a negative one is raised as the exception it stands for, with the C message."""
    if code >= 0:
        return code
    error = _EXCEPTIONS.get(code, errors.Error)(text(lib.nn_error_message()) or text(lib.nn_error_text(code)))
    error.code = code
    error.trace = text(lib.nn_error_trace())
    raise error


def new(kind: str, make: Callable[..., int], *arguments: Any) -> Any:
    """``make(*arguments, &object)``: a C object, e.g. ``new("nn_data", lib.nn_data_new)``; not freed by itself."""
    out = ffi.new(f"{kind} **")
    check(make(*arguments, out))
    return out[0]


_alive: weakref.WeakSet = weakref.WeakSet()


@atexit.register
def close_all() -> None:
    """Frees all C objects while the interpreter is whole, and MPI runs."""
    for handle in list(_alive):
        handle.close()


class Handle:
    """A C object that is freed once: by :meth:`close`, at the end of a ``with``, or with the Python object.

    What uses it is closed before it. A closed one, or one whose making failed, raises ValueError where it is used, and
    never reaches C.
    """

    _pointer: Any = None
    _free: Callable[[Any], None]

    def _own(self, pointer: Any, free: Callable[[Any], None], *uses: "Handle") -> None:
        self._pointer, self._free = pointer, free
        self._users: weakref.WeakSet = weakref.WeakSet()
        for used in uses:
            used._users.add(self)
        _alive.add(self)

    @property
    def pointer(self) -> Any:
        """The C object."""
        if self._pointer is None:
            raise ValueError(f"this {type(self).__name__} is closed")
        return self._pointer

    def close(self) -> None:
        """Frees the C object; twice is fine."""
        pointer, self._pointer = self._pointer, None
        if pointer is not None:
            for user in list(self._users):
                user.close()
            self._free(pointer)

    def __enter__(self) -> Any:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()

    def __del__(self) -> None:
        self.close()

    def __reduce__(self) -> Any:
        raise TypeError(f"{type(self).__name__} belongs to this process and cannot be pickled")
