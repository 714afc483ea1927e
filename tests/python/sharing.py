"""Threads and forked processes that share a model get what one alone gets; within fit it is not fitted again."""

import threading
from multiprocessing import get_context

import numpy as np

import nnmpi
from nnmpi.callbacks import LambdaCallback
from nnmpi.layers import Dense
from support import raises

random = np.random.default_rng(0)
x = random.normal(size=(400, 20)).astype(np.float32)
y = (x[:, 0] > 0).astype(np.int64)
model = nnmpi.Sequential([Dense(128, activation="relu"), Dense(2)]).compile("adam", "cross_entropy", threads=2)
model.fit(x, y, epochs=2, verbose=0)
wanted = model.predict(x)

# ---- threads --------------------------------------------------------------------------------------

wrong = []


def ask(seed):
    """Rows of any number, since the memory for them is what threads would share."""
    order = np.random.default_rng(seed)
    for _ in range(150):
        rows = order.integers(0, len(x), order.integers(1, 300))
        try:
            if not np.allclose(model.predict(x[rows]), wanted[rows], atol=1e-5):
                wrong.append("other numbers")
        except Exception as error:
            wrong.append(repr(error))


threads = [threading.Thread(target=ask, args=(seed,)) for seed in range(4)]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
assert not wrong, wrong[:3]

# Another thread looks at a model while it is trained.
looked = []


def look(epoch):
    if epoch == 0:
        looked.append(threading.Thread(target=lambda: looked.append(model.predict(x[:50]))))
        looked[0].start()


model.fit(x, y, epochs=3, verbose=0, callbacks=[LambdaCallback(on_epoch_begin=look, on_epoch_end=lambda *_: looked[0].join())])
assert looked[1].shape == (50, 2)

# ---- a fit within a fit ---------------------------------------------------------------------------

again = LambdaCallback(on_epoch_end=lambda epoch, logs: model.fit(x, y, verbose=0))
raises(RuntimeError, "fit is under way", model.fit, x, y, verbose=0, callbacks=[again])
wanted = model.predict(x)

# ---- forked processes -----------------------------------------------------------------------------


def work(done):
    """The threads of the parent are not here."""
    done.put(np.allclose(model.predict(x), wanted, atol=1e-5))


fork = get_context("fork")
done = fork.Queue()
child = fork.Process(target=work, args=(done,), daemon=True)
child.start()
assert done.get(timeout=30)
child.join(30)
assert child.exitcode == 0
assert np.allclose(model.predict(x), wanted, atol=1e-5)
