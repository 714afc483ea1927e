# ranks: 1 2
"""Parameters and gradients where they lie in C's memory: what is written there counts, once on all ranks; arrays that
are left over are an error, never a crash."""

import gc

import numpy as np

import nnmpi
from nnmpi._library import _alive, lib
from nnmpi.arrays import floats
from nnmpi.training import Config, Training

NET = {
    "data": {"source": "synthetic", "generator": {"blobs": {"features": 48, "classes": 3}}, "samples": 60},
    "model": [
        {"reshape": {"shape": [3, 4, 4]}},
        {"conv2d": {"name": "c", "filters": 2, "kernel": 3}},
        {"batch_norm": {"name": "n"}},
        "flatten",
        {"dense": {"name": "o", "units": 3}},
    ],
    "loss": "cross_entropy",
    "train": {"epochs": 9, "batch_size": 12, "optimizer": {"sgd": {"lr": 0.25, "momentum": 0}}},
}
comm = nnmpi.Comm()


def opened(**options):
    return Training(comm, Config(NET), **options)


def refused(kind, part, call, *arguments):
    try:
        call(*arguments)
    except kind as error:
        assert part in str(error), error
    else:
        raise AssertionError(f"no {kind.__name__} that says {part!r}")


# Reading and writing; c/weight has another order in memory.
with opened() as training:  # where ranks share the parameters
    before = training.get_weights()
    with training.parameters() as weights:
        assert list(weights) == list(before) and len(weights) == len(before)
        for name, values in before.items():
            assert weights[name].shape == values.shape and np.array_equal(weights[name], values), name
        refused(KeyError, "o/bia", weights.__getitem__, "o/bia")
        refused(ValueError, "read-only", weights.__setitem__, "o/bias", 1)
        refused(nnmpi.UsageError, "nn_training_restore comes first", training.step)
        refused(nnmpi.UsageError, "nn_training_restore comes first", training.get_weights)
    refused(ValueError, "closed", weights.__getitem__, "o/bias")
    with training.parameters(write=True) as weights:
        weights["c/weight"] *= 0.5
        weights["o/bias"] = [1, 2, 3]
    after = training.get_weights()
    assert np.array_equal(after["c/weight"], 0.5 * before["c/weight"])
    assert after["o/bias"].tolist() == [1, 2, 3]
    training.step()

# Gradients: of the mean loss where they are divided by the weight; the step takes what is written.
with opened(in_parts=True) as training:
    refused(nnmpi.UsageError, "nn_training_backward comes first", training.gradients)
    training.forward()
    loss = training.take_loss()
    training.backward()
    training.sum_gradients()
    with training.gradients() as gradients:
        assert "n/running_mean" not in list(gradients)
        refused(nnmpi.UsageError, "has no gradient", gradients.__getitem__, "n/running_mean")
        assert gradients.weight == 12
        gradients["c/weight"] *= 2
        step = 0.25 * gradients["c/weight"] / gradients.weight
        assert np.abs(step).max() > 0
    before = training.get_weights()["c/weight"]
    training.update()
    assert np.allclose(training.get_weights()["c/weight"], before - step, atol=1e-6)
    assert training.steps == 1 and training.step() < loss

# What is left over: a part of an array keeps the training, until it is gone.
training = opened()
weights = training.parameters()
part = weights["c/weight"][0, 1:]
numbers = part.copy()
refused(BufferError, "an array over c/weight is still there", weights.close)
refused(BufferError, "an array over c/weight is still there", training.close)
refused(nnmpi.UsageError, "nn_training_restore comes first", training.step)
assert np.array_equal(part, numbers)
del part
weights.close()
training.step()

# An error within keeps being that one; then training and views go, and the memory with its last array.
try:
    with training.parameters(write=True) as weights:
        part = weights["o/bias"]
        raise LookupError("of the program")
except LookupError:
    pass
del part
weights.close()
training.close()

# So it does where the training, too, ends with it.
try:
    with opened() as training:
        with training.parameters(write=True) as weights:
            part = weights["o/bias"]
            raise LookupError("of the program")
except LookupError:
    pass
del part
training.close()

# Only what is looked at is touched: the averages of other tensors stay.
with Training(comm, Config({**NET, "train": {**NET["train"], "ema": {"decay": 0.9}}})) as training:
    training.set_weights({"o/bias": [1, 2, 3]}, average=True)
    training.set_weights({"o/weight": training.get_weights()["o/weight"] * 2})
    lib.nn_training_set_average(training.pointer, b"o/bias", floats(np.array([7, 8, 9], np.float32)))
    with training.parameters(write=True) as weights:
        assert "o/bias" in weights and "c/bia" not in weights and len(list(weights)) == len(weights)
        assert weights != training.parameters and weights.weight == 1 and len({weights}) == 1
        weights["c/weight"] *= 2
    assert training.get_weights(average=True)["o/bias"].tolist() == [7, 8, 9]

if comm.size == 1:  # garbage is collected at the same time on no two ranks
    import sys

    complaints = []
    sys.unraisablehook = lambda complaint: complaints.append(complaint)
    gc.collect()
    there = len(_alive)
    part = opened().parameters()["c/weight"][1:]
    gc.collect()
    assert np.isfinite(part).all() and len(_alive) == there + 3  # training, configuration and views
    del part  # nothing but it has kept them
    gc.collect()
    assert len(_alive) == there and not complaints, complaints

    # What fails while it is freed keeps nothing else from being freed.
    def fails(pointer):
        raise ValueError("of the freeing")

    training = opened()
    weights = training.parameters()
    weights._owned.free = fails
    refused(ValueError, "of the freeing", training.close)
    assert training._pointer is None and weights._pointer is None
