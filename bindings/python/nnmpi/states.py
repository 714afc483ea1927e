"""States of programs that are saved and gone on from."""

from __future__ import annotations

from typing import Any, Mapping


def members(state: Any, what: str, *names: str) -> list[Any]:
    """What a state has under these names; ValueError where it is none of ``what``, which has them all."""
    if not isinstance(state, Mapping) or any(name not in state for name in names):
        raise ValueError(f"this is no state of {what}: that is a dict with {', '.join(names)}")
    return [state[name] for name in names]
