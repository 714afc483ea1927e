# ranks: 1 2
"""Layers, losses and metrics written with numpy: they train, on any number of ranks to the same bits; gradients are
checked; an exception is an error of nnmpi with its text."""

import os
import tempfile

import numpy as np

import nnmpi
from nnmpi._library import check, ffi, lib, text
from nnmpi.extend import Option, Parameter, Plan, gradient_check, register_layer, register_loss, register_metric
from nnmpi.layers import Dense, Layer

mischief = ""


def plan(shapes, options):
    features = shapes[0][-1]
    params = {"weight": Parameter((options["units"], features)), "shift": Parameter((options["units"],), 0.5)}
    return Plan((*shapes[0][:-1], options["units"]), params, save=1)


def forward(call):
    if mischief == "forward":
        raise ValueError("no forward today")
    if mischief == "interrupt":
        raise KeyboardInterrupt
    assert not call.x[0].flags.writeable
    call.y[...] = np.maximum(call.x[0] @ call.w["weight"].T - call.w["shift"], call.options["floor"])
    call.save[:, 0] = 7


def backward(call):
    assert np.all(call.save == 7)
    open_ = (call.y > call.options["floor"]) * call.dy
    if mischief == "factor":
        open_ = open_ * np.float32(1.05)
    call.g["weight"][...] += open_.reshape(-1, open_.shape[-1]).T @ call.x[0].reshape(-1, call.x[0].shape[-1])
    call.g["shift"][...] -= open_.reshape(-1, open_.shape[-1]).sum(0)
    if call.dx[0] is not None:
        call.dx[0][...] = open_ @ call.w["weight"]


def pseudo_huber(z, y, options):
    d = options["delta"]
    root = np.sqrt(1 + ((z - y) / d) ** 2)
    return (d * d * (root - 1)).sum(1), (z - y) / root


def add_hits(sums, call):
    if mischief == "hits":
        raise ValueError("no hits today")
    hit = call.z.argmax(1) == call.label
    sums += (call.weight[call.label >= 0] * hit[call.label >= 0]).sum(), call.weight[call.label >= 0].sum()


register_layer(
    "np_dense", plan, forward, backward, reproducible=True, activation=False,
    options={"units": Option(int, range="[1, inf)"), "floor": Option(float, -1.0, help="least output"),
             "mode": Option(("plain", "fancy"), "plain"), "loud": Option(bool, False), "word": Option(str, "abc")},
)  # fmt: skip
register_loss("np_huber", pseudo_huber, options={"delta": Option(float, 1.0, "(0, inf)")}, reproducible=True)
register_metric("np_hits", 2, add_hits, lambda sums: sums[0] / sums[1], larger_is_better=True)


def fails(words, call, *arguments, **named):
    try:
        call(*arguments, **named)
    except nnmpi.UsageError as error:
        assert words in str(error), error
    else:
        raise AssertionError(f"no error with {words!r}")


fails("there is a layer 'np_dense' already", register_layer, "np_dense", plan, forward, backward)
fails("its name; it is letters", register_loss, "a b", pseudo_huber)
fails("needs 'units'", gradient_check, "[np_dense]", (3,))
fails("did you mean 'units'?", gradient_check, [{"np_dense": {"unit": 3}}], (3,))

result = gradient_check([{"np_dense": {"units": 4}}], (3,))
assert result.error <= 0.005 and result.compared > 20, result
gradient_check("[np_dense: {units: 4, mode: fancy}, tanh, np_dense: {units: 2}]", (3, 2), "np_huber: {delta: 0.5}")
mischief = "factor"
fails("relative error of 0.0", gradient_check, [{"np_dense": {"units": 4}}], (3,))
mischief = "forward"
fails("its forward returned 1: ValueError: no forward today", gradient_check, "[np_dense: {units: 4}]", (3,))
try:
    gradient_check("[np_dense: {units: 4}]", (3,))
except nnmpi.UsageError as error:
    assert isinstance(error.__cause__, ValueError) and error.__cause__.__traceback__
mischief = "interrupt"
try:
    gradient_check("[np_dense: {units: 4}]", (3,))
except KeyboardInterrupt:
    mischief = ""
assert mischief == ""


def train(comm, folder):
    """Digest and the metric of the test split."""
    net = b"""
        data: {source: iris, normalize: true}
        model: [np_dense: {units: 12}, dense: {units: 3}]
        loss: {np_huber: {delta: 0.5}}
        train: {epochs: 25, batch_size: 15, reproducible: true, microbatches: 2, optimizer: {adam: {lr: 0.02}}}
        validate: {split: train, metrics: np_hits}
    """
    config, folder = ffi.new("nn_config **"), ffi.new("char[]", folder.encode())
    check(lib.nn_config_parse(b"net", net, len(net), config))
    options = ffi.new("nn_train_options *", {"size": ffi.sizeof("nn_train_options"), "run_dir": folder})
    found = ffi.new("nn_train_result *", {"size": ffi.sizeof("nn_train_result")})
    check(lib.nn_train(comm.pointer, config[0], options, found))
    return text(found.digest), lib.nn_evaluation_metric(found.test, 0).value


# models take them by name
x = np.random.default_rng(0).normal(size=(200, 4)).astype("f4")
model = nnmpi.Sequential([Layer.of("np_dense", units=12), Dense(2)])
model.compile(optimizer="adam", loss="np_huber", metrics=["np_hits"])
model.fit(x, (x[:, 0] > 0).astype("i4"), epochs=20, batch_size=20, verbose=0)
assert model.evaluate(x, (x[:, 0] > 0).astype("i4"), verbose=0)[1] > 0.8

mischief = "hits"
try:
    model.fit(x, (x[:, 0] > 0).astype("i4"), epochs=1, batch_size=20, verbose=0)
    raise AssertionError("no failure")
except nnmpi.Error as error:
    assert "step 1" in str(error) and isinstance(error.__cause__, ValueError), (str(error), error.__cause__)
mischief = ""

world = nnmpi.Comm()
with tempfile.TemporaryDirectory() as folder:
    os.chdir(folder)
    alone = train(nnmpi.Comm.alone(), "alone")
    assert alone[1] > 0.9, alone
    assert train(world, f"all-{world.rank}") == alone
    mischief = "forward" if world.rank == world.size - 1 else ""
    fails("ValueError: no forward today", train, world, f"failed-{world.rank}")
    os.chdir("/")
