# timeout: 240
"""What is opened and closed 200 times leaves nothing: no memory that malloc has given this thread, no pages, descriptor,
thread or tensor."""

import ctypes
import gc
import os

import numpy as np

import nnmpi
from nnmpi import extend, nn, optim
from nnmpi._library import lib
from nnmpi.comm import Comm
from nnmpi.data import Data
from nnmpi.layers import Dense
from nnmpi.training import Config, Training

x, y = np.random.default_rng(0).random((12, 4), np.float32), np.arange(12) % 3
TREE = {"model": [{"dense": {"units": 3}}], "loss": "cross_entropy", "train": {"batch_size": 4, "epochs": 1, "threads": 1}}
comm = nnmpi.Comm()


class Usage(ctypes.Structure):
    """malloc's mallinfo2."""

    _fields_ = [(name, ctypes.c_size_t) for name in "arena ordblks smblks hblks hblkhd usmblks fsmblks uordblks fordblks keepcost".split()]


def memory_in_use():
    """Bytes that malloc has given out of the main arena, this thread's, and by mapping pages; Python's own small objects
    are elsewhere."""
    mallinfo = getattr(ctypes.CDLL(None), "mallinfo2", None)
    if mallinfo is None:
        return 0  # not glibc
    mallinfo.restype = Usage
    usage = mallinfo()
    return usage.uordblks + usage.hblkhd


def resident():
    """Bytes of all the process, in which only what is large shows."""
    with open("/proc/self/status") as status:
        return 1024 * next(int(line.split()[1]) for line in status if line.startswith("VmRSS:"))


def counts():
    gc.collect()
    lib.nn_tensor_trim()
    threads, files = (len(os.listdir(f"/proc/self/{what}")) for what in ("task", "fd"))
    return memory_in_use(), resident(), files, threads, lib.nn_tensor_live()


def trained(**options):
    data = Data()
    data.set_split("train", x, y)
    return Training(comm, Config(TREE, data), **options)


def steps():
    with trained(measures=True) as training:
        while training.goes_on:
            training.step()
        training.measure(), training.evaluate("train"), training.predict(x)
        with training.parameters(write=True) as weights:
            weights["dense1/weight"] *= 0.5
        training.write("written.h5")
        training.load("written.h5")
        training.finish()


def in_parts():
    training = trained(in_parts=True)  # closed as garbage
    training.forward()
    training.take_loss()
    training.backward()
    training.sum_gradients()
    with training.gradients() as gradients:
        gradients["dense1/bias"] = 0
    training.update()


def left_over():
    part = trained().parameters()["dense1/weight"][1:]  # keeps views and training, and goes with them
    part.sum()


def refused():
    for call in (lambda: Training(comm, Config({"model": 1})), lambda: nnmpi.load("none.h5"), lambda: trained().load("none.h5"), lambda: nnmpi.randn(2) @ nnmpi.randn(3)):
        try:
            call()
        except nnmpi.Error:
            continue
        raise AssertionError("it was taken")


def fitted():
    model = nnmpi.Sequential([Dense(3)]).compile("adam", "cross_entropy", ["accuracy"])
    model.fit(x, y, batch_size=4, validation_split=0.25, verbose=0)
    model.evaluate(x, y), model.predict(x)
    model.save("saved.h5")
    nnmpi.load("saved.h5").predict(x)


def imperative():
    net = nn.Sequential(nn.Linear(4, 5), nn.ReLU(), nn.Linear(5, 3))
    optimizer = optim.Adam(net.parameters(), lr=0.01)
    schedule = optim.lr_scheduler.StepLR(optimizer, 2)
    for _ in range(2):
        loss = nn.CrossEntropyLoss()(net(nnmpi.tensor(x)), nnmpi.tensor(y))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        schedule.step()
    net.load_state_dict(net.state_dict())
    made = nnmpi.tensor(x).requires_grad_()
    nnmpi.grad((made**3).sum(), made, create_graph=True)[0].sum().backward()


def checked():
    extend.gradient_check([{"dense": {"units": 2}}], (3,))


def others():
    one = Comm.alone()
    one.agree()
    one.close()
    with Data() as data:
        data.set_split("train", x, y)


MOST_PAGES = 4 << 20  # a thread's stack or arena that stays, 200 times, is more
found = []
for make in (steps, in_parts, left_over, refused, fitted, imperative, checked, others):
    for _ in range(20):  # what is made once and kept: pools, tables, caches
        make()
    for _ in range(3):  # Python's own arenas may grow once more, a leak grows each time
        before = counts()
        for _ in range(200):
            make()
        after = counts()
        grown, pages = after[0] - before[0], after[1] - before[1]
        print(f"{make.__name__}: {grown} bytes more after 200 times, {pages} of them all")
        if grown <= 100 * 200 and pages <= MOST_PAGES and after[2:] == before[2:]:
            break
    else:
        found.append(f"{make.__name__}: bytes, resident ones, descriptors, threads, tensors were {before}, and are {after}")
assert not found, "\n".join(found)
