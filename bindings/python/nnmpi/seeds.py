"""Random numbers: a seed, and a stream for everything that wants some. Local."""

from __future__ import annotations

import numpy as np

from .states import members


class _Random:
    """The seed, and how many streams of random numbers have been taken from it."""

    seed, taken = 0, 0


def manual_seed(seed: int) -> None:
    """Begins the random numbers anew: those of parameters, of dropout, of rand and randn. The same on every rank."""
    _Random.seed, _Random.taken = int(seed) % 2**64, 0


def get_rng_state() -> dict[str, int]:
    """Where the random numbers of this process stand: "seed", and how many streams were "taken". Local."""
    return {"seed": _Random.seed, "taken": _Random.taken}


def set_rng_state(state: dict[str, int]) -> None:
    """Goes on from there. Local."""
    _Random.seed, _Random.taken = map(int, members(state, "random numbers", "seed", "taken"))


def next_stream() -> int:
    """The number of a stream that nobody else has."""
    _Random.taken += 1
    return _Random.taken


def seed() -> int:
    """The seed of this process."""
    return _Random.seed


def generator() -> np.random.Generator:
    """Of numpy, from a stream of its own."""
    return np.random.default_rng((_Random.seed, next_stream()))
